// The client: every call of the render service.

import { randomUUID } from "node:crypto";

import type { MessageInitShape } from "@bufbuild/protobuf";

import { Calls, ONCE } from "./calls.js";
import type { DownloadOptions } from "./download.js";
import { UnavailableError } from "./errors.js";
import { Artifact, type Job, type JobEvent } from "./gen/render/v1/job_pb.js";
import type { Project, ProjectSchema } from "./gen/render/v1/project_pb.js";
import { ProjectService } from "./gen/render/v1/project_service_pb.js";
import { type CreateDownloadUrlResponse, type Estimate, RenderService } from "./gen/render/v1/render_service_pb.js";
import {
  type Webhook,
  type WebhookDelivery,
  type WebhookSchema,
  WebhookService,
} from "./gen/render/v1/webhook_service_pb.js";
import type { CallOptions, ListDeliveriesOptions, ListOptions, RenderClientOptions, RenderOptions } from "./options.js";
import { WatchPosition, type WatchWorkspaceOptions, type WorkspaceChange, WorkspacePosition } from "./watch.js";

const PAGE_SIZE = 100;

/**
 * Talks to a render service. One client serves a whole program: calls share its connection.
 *
 * Every call that is not a stream has a deadline. Calls that are safe to repeat are tried again while the service is
 * unavailable. Every method throws `RenderError`, or the subclass of it that fits, when the service refuses or cannot be
 * reached, and the reason of its `signal` once that is aborted.
 */
export class RenderClient {
  /** Workspace that every call is made in. */
  readonly workspace: string;
  readonly #calls: Calls;

  /** @throws TypeError If an option is wrong. */
  constructor(options: RenderClientOptions) {
    this.#calls = new Calls(options);
    this.workspace = this.#calls.workspace;
  }

  /** Closes the connection; calls under way end with `ClientClosedError`. */
  close(): void {
    this.#calls.close();
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Starts rendering a project given here, or a stored one.
   *
   * @param options requestId: UUID that makes this start unique: the same one returns the same job. Left out, a new one
   *   is used for all tries of this call, so that a retry never starts a second job.
   * @returns The job as stored; it reaches its end whatever breaks from here on.
   */
  async start(options: RenderOptions & CallOptions & { requestId?: string | undefined }): Promise<Job> {
    const request = { ...renderRequest(options), requestId: options.requestId ?? randomUUID() };
    return given((await this.#calls.unary(RenderService.method.startRender, request, options)).job);
  }

  /** Checks what `start` would check, and tells what the job would order and cost, without starting it. */
  async estimate(options: RenderOptions & CallOptions): Promise<Estimate | undefined> {
    const request = { ...renderRequest(options), dryRun: true };
    return (await this.#calls.unary(RenderService.method.startRender, request, options)).estimate;
  }

  /** Returns a job as it is now. */
  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    return given((await this.#calls.unary(RenderService.method.getJob, { jobId }, options)).job);
  }

  /** Iterates over the jobs of the workspace, newest first; pages are fetched as they are needed. */
  async *list(options: ListOptions & CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    const { statuses = [], projectId = "", labels = {} } = options;
    const filter = { statuses, projectId, labels, pageSize: PAGE_SIZE };
    let pageToken = "";
    do {
      const page = await this.#calls.unary(RenderService.method.listJobs, { ...filter, pageToken }, options);
      yield* page.jobs;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Asks for a job to be stopped, and returns it as it is now; a job that has ended stays as it is. */
  async cancel(jobId: string, options: CallOptions = {}): Promise<Job> {
    return given((await this.#calls.unary(RenderService.method.cancelJob, { jobId }, options)).job);
  }

  /** Removes a job that has ended, with its history and all its files; they cannot be had back. */
  async deleteJob(jobId: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.unary(RenderService.method.deleteJob, { jobId }, options, ONCE);
  }

  /**
   * Iterates over the changes of a job until its end, reconnecting and resuming as often as it takes.
   *
   * Sequences rise strictly, no state or stage change is left out, and the last event is the terminal one. Leaving the
   * loop early closes the watch and leaves the job alone.
   *
   * @param options afterSequence: last sequence already seen; left out, the watch begins with the present state.
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
   * Iterates over the state and stage changes of all jobs of the workspace, each once, without an end.
   *
   * Reconnects and resumes by itself like `watch`. To resume after a restart of the caller too, keep the cursor of each
   * change once it is dealt with, and start from the last one.
   *
   * @throws OutOfRangeError If the events behind the cursor are no longer kept (`CURSOR_PRUNED`).
   */
  watchWorkspace(options: WatchWorkspaceOptions & CallOptions = {}): AsyncGenerator<WorkspaceChange, void, undefined> {
    return this.#calls.follow(RenderService.method.watchWorkspace, new WorkspacePosition(options), options);
  }

  /** Waits until a job has ended, however it ends, and returns it: COMPLETED, FAILED or CANCELLED. */
  async wait(jobId: string, options: CallOptions = {}): Promise<Job> {
    const watch = this.watch(jobId, options);
    while (!(await watch.next()).done);
    return this.get(jobId, { signal: options.signal });
  }

  /**
   * Downloads a file of a COMPLETED job, going on where a broken download stopped, and checks its SHA-256.
   *
   * The bytes gather in `{path}.{jobId}.part`; that file stays after a failure, and the next call goes on from it.
   *
   * @param path Where the file goes; the folder must exist. An existing file is replaced once the new one is whole.
   * @returns The path.
   * @throws DownloadError If what arrived is not what the service promised.
   */
  async download(jobId: string, path: string, options: DownloadOptions & CallOptions = {}): Promise<string> {
    return this.#calls.download(jobId, path, options);
  }

  /** Makes an address that a file of a COMPLETED job can be fetched from over HTTP, until its `expireTime`. */
  async createDownloadUrl(
    jobId: string,
    options: CallOptions & { artifact?: Artifact | undefined } = {},
  ): Promise<CreateDownloadUrlResponse> {
    const request = { jobId, artifact: options.artifact ?? Artifact.VIDEO };
    return this.#calls.unary(RenderService.method.createDownloadUrl, request, options);
  }

  /** Stores a new project, and returns it with its `projectId`. */
  async createProject(project: MessageInitShape<typeof ProjectSchema>, options: CallOptions = {}): Promise<Project> {
    return given((await this.#calls.unary(ProjectService.method.createProject, { project }, options, ONCE)).project);
  }

  /** Returns a stored project. */
  async getProject(projectId: string, options: CallOptions = {}): Promise<Project> {
    return given((await this.#calls.unary(ProjectService.method.getProject, { projectId }, options)).project);
  }

  /** Replaces the content of a stored project; with an `etag`, only if nobody else has changed it since. */
  async updateProject(project: MessageInitShape<typeof ProjectSchema>, options: CallOptions = {}): Promise<Project> {
    return given((await this.#calls.unary(ProjectService.method.updateProject, { project }, options, ONCE)).project);
  }

  /** Iterates over the projects of the workspace, newest first; pages are fetched as they are needed. */
  async *listProjects(options: CallOptions = {}): AsyncGenerator<Project, void, undefined> {
    let pageToken = "";
    do {
      const page = await this.#calls.unary(
        ProjectService.method.listProjects,
        { pageToken, pageSize: PAGE_SIZE },
        options,
      );
      yield* page.projects;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /**
   * Removes a stored project.
   *
   * @param options deleteJobs: also remove its jobs with their videos; left out, they stay.
   */
  async deleteProject(
    projectId: string,
    options: CallOptions & { deleteJobs?: boolean | undefined } = {},
  ): Promise<void> {
    const request = { projectId, deleteJobs: options.deleteJobs ?? false };
    await this.#calls.unary(ProjectService.method.deleteProject, request, options, ONCE);
  }

  /** Stores an address that is told of the workspace's jobs from now on, and returns it with its `webhookId`. */
  async createWebhook(webhook: MessageInitShape<typeof WebhookSchema>, options: CallOptions = {}): Promise<Webhook> {
    return given((await this.#calls.unary(WebhookService.method.createWebhook, { webhook }, options, ONCE)).webhook);
  }

  /** Returns all webhooks of the workspace, oldest first. */
  async listWebhooks(options: CallOptions = {}): Promise<Webhook[]> {
    return (await this.#calls.unary(WebhookService.method.listWebhooks, {}, options)).webhooks;
  }

  /** Removes a webhook with its deliveries. */
  async deleteWebhook(webhookId: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.unary(WebhookService.method.deleteWebhook, { webhookId }, options, ONCE);
  }

  /** Returns what `verifyWebhook` checks the workspace's deliveries with: all that are good now, one as a rule. */
  async webhookSecret(options: CallOptions = {}): Promise<string[]> {
    return (await this.#calls.unary(WebhookService.method.getWebhookSecret, {}, options)).secrets;
  }

  /** Iterates over the deliveries of the workspace, newest first; pages are fetched as they are needed. */
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

  /** Sends a delivery again, whatever became of it. */
  async redeliverWebhook(deliveryId: string, options: CallOptions = {}): Promise<WebhookDelivery> {
    return given(
      (await this.#calls.unary(WebhookService.method.redeliverWebhook, { deliveryId }, options, ONCE)).delivery,
    );
  }
}

function renderRequest(options: RenderOptions) {
  const { project, projectId } = options;
  if ((project === undefined) === (projectId === undefined)) {
    throw new TypeError("give either a project or a projectId");
  }
  return {
    source:
      project === undefined
        ? { case: "projectId" as const, value: projectId }
        : { case: "project" as const, value: project },
    provider: options.provider ?? "",
    labels: options.labels ?? {},
    priority: options.priority ?? 0,
    variables: options.variables ?? {},
    ...(options.output && { output: options.output }),
    ...(options.providerOptions && { providerOptions: options.providerOptions }),
    ...(options.webhook && { webhook: options.webhook }),
  };
}

function given<T>(message: T | undefined): T {
  if (message === undefined) {
    throw new UnavailableError("the service answered without a result");
  }
  return message;
}
