// The position of a watch: what was received, how to resume after a lost connection, and whether it has ended.

import type { MessageInitShape } from "@bufbuild/protobuf";

import { type Job, type JobEvent, JobStatus } from "./gen/render/v1/job_pb.js";
import type {
  WatchProgressRequestSchema,
  WatchProgressResponse,
  WatchWorkspaceRequestSchema,
  WatchWorkspaceResponse,
} from "./gen/render/v1/render_service_pb.js";

/** Returns whether a job is COMPLETED, FAILED or CANCELLED. */
export function hasEnded(state: Pick<Job | JobEvent, "status">): boolean {
  return (
    state.status === JobStatus.COMPLETED || state.status === JobStatus.FAILED || state.status === JobStatus.CANCELLED
  );
}

/** The position of one watch, kept across connections; `ended` once nothing can follow. */
export interface Position<Request, Response, News> {
  readonly ended: boolean;
  /** Builds the request that resumes after the last message. */
  request(): Request;
  /** Processes one message of the stream and returns what is new to the caller. */
  accept(response: Response): News | undefined;
}

/** The position of one watch in the events of a job. */
export class WatchPosition implements Position<
  MessageInitShape<typeof WatchProgressRequestSchema>,
  WatchProgressResponse,
  JobEvent
> {
  readonly #jobId: string;
  #lastSequence: bigint | undefined;
  ended = false;

  constructor(jobId: string, afterSequence: bigint | number | undefined) {
    this.#jobId = jobId;
    this.#lastSequence = afterSequence === undefined ? undefined : BigInt(afterSequence);
  }

  request(): MessageInitShape<typeof WatchProgressRequestSchema> {
    return {
      jobId: this.#jobId,
      ...(this.#lastSequence === undefined ? {} : { afterSequence: this.#lastSequence }),
    };
  }

  /**
   * Returns the event if it is new; undefined for a heartbeat or an event seen before. The terminal event is always
   * returned, even if the caller passed its sequence as seen.
   */
  accept({ update }: WatchProgressResponse): JobEvent | undefined {
    if (update.case !== "event") {
      return undefined;
    }
    const event = update.value;
    if (hasEnded(event)) {
      this.ended = true;
    } else if (this.#lastSequence !== undefined && event.sequence <= this.#lastSequence) {
      return undefined;
    }
    this.#lastSequence = event.sequence;
    return event;
  }
}

/** One message of a workspace watch. */
export interface WorkspaceChange {
  /** A change of one of the jobs; undefined for a heartbeat, which is yielded only if requested. */
  readonly event: JobEvent | undefined;
  /** Position after this message: store it once the event is handled, and resume from it. */
  readonly cursor: string;
}

/** Options of a workspace watch. */
export interface WatchWorkspaceOptions {
  /** Cursor to resume after, `"oldest"` for all retained events; if omitted, new events only. */
  start?: "oldest" | (string & {}) | undefined;
  /** Only events of jobs that have all of these labels. */
  labels?: Record<string, string> | undefined;
  /** Whether to include the latest progress between changes; progress is not replayed after a reconnect. */
  includeProgress?: boolean | undefined;
  /** Whether to yield heartbeats, as changes without an event; their cursors are valid too. */
  heartbeats?: boolean | undefined;
}

/** The position of one watch in the events of a workspace. */
export class WorkspacePosition implements Position<
  MessageInitShape<typeof WatchWorkspaceRequestSchema>,
  WatchWorkspaceResponse,
  WorkspaceChange
> {
  readonly #options: WatchWorkspaceOptions;
  #start: string;
  readonly ended = false;

  constructor(options: WatchWorkspaceOptions) {
    this.#options = options;
    this.#start = options.start ?? "";
  }

  request(): MessageInitShape<typeof WatchWorkspaceRequestSchema> {
    return {
      labels: this.#options.labels ?? {},
      includeProgress: this.#options.includeProgress ?? false,
      start:
        this.#start === "oldest"
          ? { case: "fromOldest", value: true }
          : this.#start
            ? { case: "cursor", value: this.#start }
            : { case: undefined },
    };
  }

  accept({ update, cursor }: WatchWorkspaceResponse): WorkspaceChange | undefined {
    this.#start = cursor || this.#start;
    if (update.case === "event") {
      return { event: update.value, cursor: this.#start };
    }
    return this.#options.heartbeats ? { event: undefined, cursor: this.#start } : undefined;
  }
}
