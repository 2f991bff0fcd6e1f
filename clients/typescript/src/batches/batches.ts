// Batches: one template rendered with many rows of variables.

import { randomUUID } from "node:crypto";

import type { MessageInitShape } from "@bufbuild/protobuf";

import { type Calls, ONCE } from "../calls.js";
import {
  type Batch,
  type BatchRowEnd,
  type BatchRowSchema,
  BatchService,
  BatchState,
  type RetryBatchResponse,
  type StartBatchResponse,
  type WatchBatchRequestSchema,
  type WatchBatchResponse,
} from "../gen/render/v1/batch_service_pb.js";
import { type Job, JobView } from "../gen/render/v1/job_pb.js";
import { RenderService } from "../gen/render/v1/render_service_pb.js";
import type { CallOptions, ListOptions, RenderOptions } from "../options.js";
import { given, PAGE_SIZE, renderRequest } from "../requests.js";
import type { Position } from "../watch.js";

/** The least time that a start is given, in ms: every row is checked before it is answered. */
const START_MS = 300_000;

/** What a batch renders: the options of a render, and its rows. */
export type BatchOptions = RenderOptions & {
  /** The values of the template's variables for each video, at most 10,000. */
  rows?: MessageInitShape<typeof BatchRowSchema>[] | undefined;
  /** URL of a file of rows in JSON Lines, which the service fetches; give either this or rows. */
  rowsUri?: string | undefined;
  /** How many jobs of the batch run or wait for a worker at a time; if omitted, any number. */
  maxRunning?: number | undefined;
  /** Idempotency key, a UUID; generated if omitted. */
  requestId?: string | undefined;
  /** Whether only to check the rows and to estimate the cost. */
  dryRun?: boolean | undefined;
};

/** One message of the watch of a batch: the state of the batch, or the end of the job of a row. */
export interface BatchChange {
  /** The state of the batch, if that has changed; its endTime is set in the last message only. */
  readonly batch: Batch | undefined;
  /** The end of the job of a row, otherwise. */
  readonly ended: BatchRowEnd | undefined;
  /** Position after this message: store it once the change is handled, and resume from it. */
  readonly cursor: string;
}

/** The calls of a client about batches. */
export class Batches {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Starts a batch: all of its rows are checked before any is rendered.
   *
   * @throws InvalidRequestError If a row is invalid; its `fieldFaults` name the rows.
   */
  async start(options: BatchOptions & CallOptions): Promise<StartBatchResponse> {
    const request = {
      render: renderRequest(options),
      rows: options.rows ?? [],
      rowsUri: options.rowsUri ?? "",
      maxRunning: options.maxRunning ?? 0,
      requestId: options.requestId ?? randomUUID(),
      dryRun: options.dryRun ?? false,
    };
    return this.#calls.unary(BatchService.method.startBatch, request, { timeoutMs: START_MS, ...options });
  }

  /** Returns the current state of a batch. */
  async get(batchId: string, options: CallOptions = {}): Promise<Batch> {
    return given((await this.#calls.unary(BatchService.method.getBatch, { batchId }, options)).batch);
  }

  /** Iterates over the batches of the workspace, newest first; pages are fetched on demand. */
  async *list(options: CallOptions = {}): AsyncGenerator<Batch, void, undefined> {
    let pageToken = "";
    do {
      const request = { pageSize: PAGE_SIZE, pageToken };
      const page = await this.#calls.unary(BatchService.method.listBatches, request, options);
      yield* page.batches;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Iterates over the jobs of a batch, the last rows first; those of retried rows are all included. */
  async *jobs(
    batchId: string,
    options: Pick<ListOptions, "statuses"> & CallOptions = {},
  ): AsyncGenerator<Job, void, undefined> {
    const filter = { batchId, statuses: options.statuses ?? [], pageSize: PAGE_SIZE, view: JobView.BASIC };
    let pageToken = "";
    do {
      const page = await this.#calls.unary(RenderService.method.listJobs, { ...filter, pageToken }, options);
      yield* page.jobs;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /**
   * Iterates over the changes of a batch until it has ended, reconnecting and resuming as needed: its state when it
   * changes, and the end of each job exactly once; the final state last.
   *
   * @param options cursor: position to resume after; if omitted, the watch begins with the first end of a job.
   */
  watch(
    batchId: string,
    options: CallOptions & { cursor?: string | undefined } = {},
  ): AsyncGenerator<BatchChange, void, undefined> {
    return this.#calls.follow(
      BatchService.method.watchBatch,
      new BatchPosition(batchId, options.cursor ?? ""),
      options,
    );
  }

  /** Cancels all that has not ended of a batch, and returns its current state. */
  async cancel(batchId: string, options: CallOptions = {}): Promise<Batch> {
    return given((await this.#calls.unary(BatchService.method.cancelBatch, { batchId }, options)).batch);
  }

  /** Renders the rows that failed again, each as a new job, and returns how many they are. */
  async retry(
    batchId: string,
    options: CallOptions & { includeCancelled?: boolean | undefined } = {},
  ): Promise<RetryBatchResponse> {
    const request = { batchId, includeCancelled: options.includeCancelled ?? false };
    return this.#calls.unary(BatchService.method.retryBatch, request, options, ONCE);
  }
}

/** The position of one watch of a batch, kept across connections. */
class BatchPosition implements Position<
  MessageInitShape<typeof WatchBatchRequestSchema>,
  WatchBatchResponse,
  BatchChange
> {
  readonly #batchId: string;
  #cursor: string;
  ended = false;

  constructor(batchId: string, cursor: string) {
    this.#batchId = batchId;
    this.#cursor = cursor;
  }

  request(): MessageInitShape<typeof WatchBatchRequestSchema> {
    return { batchId: this.#batchId, cursor: this.#cursor };
  }

  accept({ update, cursor }: WatchBatchResponse): BatchChange | undefined {
    this.#cursor = cursor || this.#cursor;
    if (update.case === "batch") {
      this.ended = update.value.state !== BatchState.RUNNING;
      return { batch: update.value, ended: undefined, cursor: this.#cursor };
    }
    return update.case === "ended" ? { batch: undefined, ended: update.value, cursor: this.#cursor } : undefined;
  }
}
