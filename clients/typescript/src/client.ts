// The client, with a method for every RPC.

import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import type { MessageInitShape } from "@bufbuild/protobuf";

import { Batches } from "./batches/batches.js";
import { BrandMethods } from "./services/brand.js";
import { Calls, ONCE } from "./calls.js";
import type { DownloadOptions } from "./downloads/download.js";
import { JobFailedError, PreconditionError, RenderError } from "./errors.js";
import { Artifact, type Job, type JobEvent, JobStatus, JobView } from "./gen/render/v1/job_pb.js";
import { type Project, type ProjectSchema, ProjectView } from "./gen/render/v1/project_pb.js";
import { ProjectService } from "./gen/render/v1/project_service_pb.js";
import {
  type CreateDownloadUrlResponse,
  type Estimate,
  type RenderFrameRequestSchema,
  type RenderFrameResponse,
  RenderService,
  type Voice,
} from "./gen/render/v1/render_service_pb.js";
import {
  type Webhook,
  type WebhookDelivery,
  type WebhookSchema,
  WebhookService,
} from "./gen/render/v1/webhook_service_pb.js";
import type {
  CallOptions,
  ListDeliveriesOptions,
  ListOptions,
  RenderClientOptions,
  RenderOptions,
  RenderToFileOptions,
} from "./options.js";
import { countdown, given, PAGE_SIZE, renderRequest } from "./requests.js";
import { type DownloadStreamOptions, StreamFolder } from "./downloads/stream-folder.js";
import {
  hasEnded,
  WatchPosition,
  type WatchWorkspaceOptions,
  type WorkspaceChange,
  WorkspacePosition,
} from "./watch.js";

/**
 * A client of the render service. Create one for the whole program: its calls share a connection.
 *
 * Every unary call has a deadline. Calls that are safe to repeat are retried while the service is unavailable. Every
 * method throws `RenderError` or one of its subclasses when the service rejects the call or cannot be reached, and the
 * reason of its `signal` once that is aborted.
 */
export class RenderClient extends BrandMethods {
  /** Workspace of every call. */
  readonly workspace: string;
  /** Batches: one template rendered with many rows of variables. */
  readonly batches: Batches;
  readonly #calls: Calls;

  /** @throws TypeError If an option is invalid. */
  constructor(options: RenderClientOptions) {
    const calls = new Calls(options);
    super(calls);
    this.#calls = calls;
    this.workspace = this.#calls.workspace;
    this.batches = new Batches(this.#calls);
  }

  /** Closes the connection; calls in progress reject with `ClientClosedError`. */
  close(): void {
    this.#calls.close();
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Starts rendering an inline or a stored project.
   *
   * @param options requestId: UUID that makes this call idempotent: the same UUID returns the same job. If omitted, one
   *   is generated that every attempt of this call uses, so that a retry never starts a second job.
   * @returns The stored job. It runs to its end even if this client disconnects.
   */
  async start(options: RenderOptions & CallOptions & { requestId?: string | undefined }): Promise<Job> {
    const request = { ...renderRequest(options), requestId: options.requestId ?? randomUUID() };
    return given((await this.#calls.unary(RenderService.method.startRender, request, options)).job);
  }

  /**
   * Renders a project into a file: starts a job, watches it to its end, and downloads the video.
   *
   * @param path Path of the video; its folder must exist. An existing file is replaced once the new one is complete.
   * @param options timeoutMs: for everything together; by default there is no limit. The job continues after it, and
   *   `metadata.job_id` of the error identifies it.
   * @returns The COMPLETED job, with its warnings and cost.
   * @throws JobFailedError If the job is FAILED or CANCELLED; the message says why.
   */
  async render(path: string, options: RenderToFileOptions): Promise<Job> {
    const folder = dirname(resolve(path));
    if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
      throw new Error(`${path}: its folder does not exist`);
    }
    const { onProgress, signal } = options;
    const limits = countdown(options);
    let job = await this.start({ ...options, timeoutMs: undefined });
    try {
      if (!hasEnded(job)) {
        for await (const event of this.watch(job.jobId, limits())) {
          onProgress?.(event);
        }
        job = await this.get(job.jobId, { signal });
      }
      if (job.status !== JobStatus.COMPLETED) {
        throw new JobFailedError(job);
      }
      await this.download(job.jobId, path, limits());
      return job;
    } catch (error) {
      if (error instanceof RenderError) {
        Object.assign(error, { metadata: { job_id: job.jobId, ...error.metadata } });
      }
      throw error;
    }
  }

  /** Validates a start and returns what it would submit to its provider, and the estimated cost, without starting it. */
  async estimate(options: RenderOptions & CallOptions): Promise<Estimate | undefined> {
    const request = { ...renderRequest(options), dryRun: true };
    return (await this.#calls.unary(RenderService.method.startRender, request, options)).estimate;
  }

  /** Returns the current state of a job. */
  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    return given((await this.#calls.unary(RenderService.method.getJob, { jobId }, options)).job);
  }

  /** Iterates over the jobs of the workspace, newest first; pages are fetched on demand. */
  async *list(options: ListOptions & CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    const { statuses = [], projectId = "", labels = {}, full = false } = options;
    const view = full ? JobView.FULL : JobView.BASIC;
    const filter = { statuses, projectId, labels, view, pageSize: PAGE_SIZE };
    let pageToken = "";
    do {
      const page = await this.#calls.unary(RenderService.method.listJobs, { ...filter, pageToken }, options);
      yield* page.jobs;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /**
   * Iterates over the voices that can speak narrations; there are none if the service has no speech.
   *
   * @param options language: only voices that speak it, a BCP 47 tag such as `en`. speechProvider: the provider whose
   * voices to list; if omitted, the service's default.
   */
  async *listVoices({
    language = "",
    speechProvider = "",
    ...options
  }: CallOptions & { language?: string; speechProvider?: string } = {}): AsyncGenerator<Voice> {
    const filter = { language, speechProvider, pageSize: PAGE_SIZE };
    let pageToken = "";
    do {
      const page = await this.#calls.unary(RenderService.method.listVoices, { ...filter, pageToken }, options);
      yield* page.voices;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Returns one picture of a video, without making the video; `image` holds the content of its file. */
  frame(
    request: MessageInitShape<typeof RenderFrameRequestSchema>,
    options: CallOptions = {},
  ): Promise<RenderFrameResponse> {
    return this.#calls.unary(RenderService.method.renderFrame, request, options);
  }

  /** Requests cancellation of a job and returns its current state. A job that has ended is unchanged. */
  async cancel(jobId: string, options: CallOptions = {}): Promise<Job> {
    return given((await this.#calls.unary(RenderService.method.cancelJob, { jobId }, options)).job);
  }

  /** Deletes a job that has ended, with its history, video and other files. This cannot be undone. */
  async deleteJob(jobId: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.unary(RenderService.method.deleteJob, { jobId }, options, ONCE);
  }

  /**
   * Iterates over the events of a job until its end, reconnecting and resuming as needed.
   *
   * Sequences increase strictly, no state or stage change is omitted, and the last event is the terminal one. Leaving
   * the loop early closes the watch and does not affect the job.
   *
   * @param options afterSequence: last sequence already seen; if omitted, the watch starts with the current state.
   */
  watch(
    jobId: string,
    options: CallOptions & { afterSequence?: bigint | number | undefined } = {},
  ): AsyncGenerator<JobEvent, void, undefined> {
    return this.#calls.follow(
      RenderService.method.watchProgress,
      new WatchPosition(jobId, options.afterSequence),
      options,
    );
  }

  /**
   * Iterates over the state and stage changes of all jobs of the workspace, each once; never ends.
   *
   * Reconnects and resumes like `watch`. To resume after your program restarts, store the cursor of each change once you
   * have handled it, and start from the last one.
   *
   * @throws OutOfRangeError If the events after the cursor have been pruned (`CURSOR_PRUNED`).
   */
  watchWorkspace(options: WatchWorkspaceOptions & CallOptions = {}): AsyncGenerator<WorkspaceChange, void, undefined> {
    return this.#calls.follow(RenderService.method.watchWorkspace, new WorkspacePosition(options), options);
  }

  /** Waits until a job is COMPLETED, FAILED or CANCELLED, and returns it. */
  async wait(jobId: string, options: CallOptions = {}): Promise<Job> {
    const watch = this.watch(jobId, options);
    while (!(await watch.next()).done);
    return this.get(jobId, { signal: options.signal });
  }

  /**
   * Downloads a file of a COMPLETED job, resuming an interrupted download, and verifies its checksum.
   *
   * Data is written to `{path}.{jobId}.part`. That file is kept after a failure, and the next call resumes from it.
   *
   * @param path Destination; its folder must exist. An existing file is replaced once the new one is complete.
   * @returns The path.
   * @throws JobFailedError If the job is FAILED or CANCELLED; the message says why.
   * @throws DownloadError If the received data does not match the size or checksum that the service announced.
   */
  async download(jobId: string, path: string, options: DownloadOptions & CallOptions = {}): Promise<string> {
    return this.#unlessFailed(jobId, options, this.#calls.download(jobId, path, options));
  }

  /**
   * Downloads all files of the HLS or DASH stream of a COMPLETED job into a folder, from which it plays.
   *
   * Files that are there already in the same size and with the same checksum are kept.
   *
   * @param folder Destination; made if it does not exist, in a folder that does.
   * @param options timeoutMs: for the whole download; by default there is no limit.
   * @returns The paths of the files.
   * @throws JobFailedError If the job is FAILED or CANCELLED; the message says why.
   * @throws PreconditionError If the job has no stream.
   * @throws DownloadError As `download`.
   */
  async downloadStream(
    jobId: string,
    folder: string,
    options: DownloadStreamOptions & CallOptions = {},
  ): Promise<string[]> {
    const limits = countdown(options);
    const stream = new StreamFolder(await this.get(jobId, { signal: options.signal }), folder, options);
    return stream.fill((path, file) => this.download(jobId, path, { ...limits(), ...file }));
  }

  /**
   * Creates a pre-signed URL of a file of a COMPLETED job, valid until its `expireTime`.
   *
   * @throws JobFailedError If the job is FAILED or CANCELLED; the message says why.
   */
  async createDownloadUrl(
    jobId: string,
    options: CallOptions & { artifact?: Artifact | undefined; output?: string | undefined } = {},
  ): Promise<CreateDownloadUrlResponse> {
    const request = { jobId, artifact: options.artifact ?? Artifact.VIDEO, output: options.output ?? "" };
    return this.#unlessFailed(
      jobId,
      options,
      this.#calls.unary(RenderService.method.createDownloadUrl, request, options),
    );
  }

  /** Stores a new project, and returns it with its `projectId`. */
  async createProject(project: MessageInitShape<typeof ProjectSchema>, options: CallOptions = {}): Promise<Project> {
    return given((await this.#calls.unary(ProjectService.method.createProject, { project }, options, ONCE)).project);
  }

  /** Returns a stored project. */
  async getProject(projectId: string, options: CallOptions = {}): Promise<Project> {
    return given((await this.#calls.unary(ProjectService.method.getProject, { projectId }, options)).project);
  }

  /** Replaces a stored project. With an `etag`, fails if the project has changed since. */
  async updateProject(project: MessageInitShape<typeof ProjectSchema>, options: CallOptions = {}): Promise<Project> {
    return given((await this.#calls.unary(ProjectService.method.updateProject, { project }, options, ONCE)).project);
  }

  /**
   * Iterates over the projects of the workspace, newest first; pages are fetched on demand.
   *
   * @param options full: whether projects contain their storyboards, as `getProject` returns them. To update a project,
   *   get it first or list it in full: the service refuses an update with the etag of a project without storyboard.
   */
  async *listProjects(
    options: CallOptions & { full?: boolean | undefined } = {},
  ): AsyncGenerator<Project, void, undefined> {
    const view = options.full ? ProjectView.FULL : ProjectView.BASIC;
    let pageToken = "";
    do {
      const page = await this.#calls.unary(
        ProjectService.method.listProjects,
        { pageToken, pageSize: PAGE_SIZE, view },
        options,
      );
      yield* page.projects;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /**
   * Deletes a stored project.
   *
   * @param options deleteJobs: whether to delete its jobs and their videos too; by default they are kept.
   */
  async deleteProject(
    projectId: string,
    options: CallOptions & { deleteJobs?: boolean | undefined } = {},
  ): Promise<void> {
    const request = { projectId, deleteJobs: options.deleteJobs ?? false };
    await this.#calls.unary(ProjectService.method.deleteProject, request, options, ONCE);
  }

  /** Creates a webhook that is notified of the workspace's jobs from now on. */
  async createWebhook(webhook: MessageInitShape<typeof WebhookSchema>, options: CallOptions = {}): Promise<Webhook> {
    return given((await this.#calls.unary(WebhookService.method.createWebhook, { webhook }, options, ONCE)).webhook);
  }

  /** Returns all webhooks of the workspace, oldest first. */
  async listWebhooks(options: CallOptions = {}): Promise<Webhook[]> {
    return (await this.#calls.unary(WebhookService.method.listWebhooks, {}, options)).webhooks;
  }

  /** Deletes a webhook and its deliveries. */
  async deleteWebhook(webhookId: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.unary(WebhookService.method.deleteWebhook, { webhookId }, options, ONCE);
  }

  /** Returns the signing secrets valid now, usually one, to pass to `verifyWebhook`. */
  async webhookSecret(options: CallOptions = {}): Promise<string[]> {
    return (await this.#calls.unary(WebhookService.method.getWebhookSecret, {}, options)).secrets;
  }

  /** Iterates over deliveries, newest first; pages are fetched on demand. */
  async *listWebhookDeliveries(
    options: ListDeliveriesOptions & CallOptions = {},
  ): AsyncGenerator<WebhookDelivery, void, undefined> {
    const { webhookId = "", jobId = "", states = [] } = options;
    const filter = { webhookId, jobId, states, pageSize: PAGE_SIZE };
    let pageToken = "";
    do {
      const page = await this.#calls.unary(
        WebhookService.method.listWebhookDeliveries,
        { ...filter, pageToken },
        options,
      );
      yield* page.deliveries;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Sends a delivery again under the same id, whatever its state. */
  async redeliverWebhook(deliveryId: string, options: CallOptions = {}): Promise<WebhookDelivery> {
    return given(
      (await this.#calls.unary(WebhookService.method.redeliverWebhook, { deliveryId }, options, ONCE)).delivery,
    );
  }

  /** Awaits a call about a file, and explains its failure by the job's own if the job has failed. */
  async #unlessFailed<T>(jobId: string, { signal }: CallOptions, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof PreconditionError) {
        const job = await this.get(jobId, { signal });
        if (hasEnded(job) && job.status !== JobStatus.COMPLETED) {
          throw new JobFailedError(job, error);
        }
      }
      throw error;
    }
  }
}
