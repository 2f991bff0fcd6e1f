// Where a watch stands: what was seen, what to ask for after a broken connection, and whether it is over.

import type { MessageInitShape } from "@bufbuild/protobuf";

import { type Job, type JobEvent, JobStatus } from "./gen/render/v1/job_pb.js";
import type {
  WatchProgressRequestSchema,
  WatchProgressResponse,
  WatchWorkspaceRequestSchema,
  WatchWorkspaceResponse,
} from "./gen/render/v1/render_service_pb.js";

/** Tells whether a job is COMPLETED, FAILED or CANCELLED. */
export function hasEnded(state: Pick<Job | JobEvent, "status">): boolean {
  return (
    state.status === JobStatus.COMPLETED || state.status === JobStatus.FAILED || state.status === JobStatus.CANCELLED
  );
}

/** The place of one watch, kept across connections; `ended` once nothing can follow. */
export interface Position<Request, Response, News> {
  readonly ended: boolean;
  /** The call that goes on after what was seen. */
  request(): Request;
  /** Take one message of the stream, and return what is news to the caller in it. */
  accept(response: Response): News | undefined;
}

/** The place of one watch in the events of a job. */
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
   * The event, if it is news; undefined for a heartbeat or an event seen before. The terminal event is news even at a
   * sequence that the caller gave as seen: a watch always tells the end.
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

/** One message of a workspace's watch. */
export interface WorkspaceChange {
  /** A change of one of the jobs; undefined for a sign of life, which is given only where it was asked for. */
  readonly event: JobEvent | undefined;
  /** Where the watch stands behind this message: keep it once the event is dealt with, and go on from it. */
  readonly cursor: string;
}

/** What a workspace's watch tells, and from where on. */
export interface WatchWorkspaceOptions {
  /** Cursor to go on behind, `"oldest"` for all that is kept; left out, what happens from now on. */
  start?: "oldest" | (string & {}) | undefined;
  /** Keep only events of jobs that have all of these. */
  labels?: Record<string, string> | undefined;
  /** Tell the latest progress between state and stage changes too; not repeated after a reconnect. */
  includeProgress?: boolean | undefined;
  /** Give signs of life, whose cursors are as good as any, as changes without an event. */
  heartbeats?: boolean | undefined;
}

/** The place of one watch in the events of a workspace. */
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
