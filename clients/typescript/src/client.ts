// The client: every call of the render service, with deadlines, safe retries, and streams that resume.

import { randomUUID } from "node:crypto";

import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";

import { Connection } from "./connection.js";
import { DEFAULT_KEEP_ALIVE, type KeepAlive, type TlsOptions } from "./connection-options.js";
import { type DownloadOptions, PartialFile } from "./download.js";
import { ClientClosedError, DeadlineError, InvalidRequestError, translate, UnavailableError } from "./errors.js";
import { Artifact, type Job, type JobEvent, type JobStatus } from "./gen/render/v1/job_pb.js";
import type { OutputOptionsSchema } from "./gen/render/v1/output_pb.js";
import type { Project, ProjectSchema } from "./gen/render/v1/project_pb.js";
import { ProjectService } from "./gen/render/v1/project_service_pb.js";
import {
  type CreateDownloadUrlResponse,
  type Estimate,
  type JobWebhookSchema,
  type ProviderOptionsSchema,
  RenderService,
} from "./gen/render/v1/render_service_pb.js";
import {
  type Webhook,
  type WebhookDelivery,
  type WebhookDeliveryState,
  type WebhookSchema,
  WebhookService,
} from "./gen/render/v1/webhook_service_pb.js";
import { Interruption } from "./interruption.js";
import { Attempts, DEFAULT_RETRY, type RetryPolicy } from "./retry.js";
import { StatusCode } from "./status-code.js";
import {
  type Position,
  WatchPosition,
  type WatchWorkspaceOptions,
  type WorkspaceChange,
  WorkspacePosition,
} from "./watch.js";

/** How to reach a render service. */
export interface RenderClientOptions {
  /** `host:port`, `dns:///host:port` or `unix:/path/to/socket`. */
  address: string;
  /** API key or JWT, sent as `authorization: Bearer …`; left out, none is sent. */
  token?: string | undefined;
  /** Workspace that every call is made in; default `default`. */
  workspace?: string | undefined;
  /**
   * True or options for TLS, false for plaintext; left out, plaintext to this machine itself and TLS to any other, so
   * that a token never leaves the machine unprotected by accident.
   */
  tls?: boolean | TlsOptions | undefined;
  /** Milliseconds for each call that is not a stream, its retries included; > 0, default 10,000. */
  timeoutMs?: number | undefined;
  /** How patiently calls are tried again; what is left out is as by default. */
  retry?: Partial<RetryPolicy> | undefined;
  /** When a silent server is taken for dead; what is left out is as by default. */
  keepAlive?: Partial<KeepAlive> | undefined;
  /**
   * Asked before each call, on each try, for metadata to send along, names in lower case: a way to pass on the trace
   * context, which the client knows nothing of.
   */
  metadata?: (() => Readonly<Record<string, string>>) | undefined;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call; it then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds after which the call ends with `DeadlineError`. Left out, plain calls have the client's limit; watches
   * and downloads have none.
   */
  timeoutMs?: number | undefined;
}

/** What to render: a project given here, or a stored one. */
export type Source =
  | { project: MessageInitShape<typeof ProjectSchema>; projectId?: undefined }
  | { projectId: string; project?: undefined };

/** What to render, and how; all is described at `StartRenderRequest`. */
export type RenderOptions = Source & {
  /** `local`, `runway`, `pika`, `custom` or `mock`; left out, the service's default. */
  provider?: string | undefined;
  /** Overrides the project's own output options field by field. */
  output?: MessageInitShape<typeof OutputOptionsSchema> | undefined;
  /** How the provider generates clips. */
  providerOptions?: MessageInitShape<typeof ProviderOptionsSchema> | undefined;
  /** The caller's own, to find the job by. */
  labels?: Record<string, string> | undefined;
  /** Among the workspace's own jobs, −100 to 100; greater goes first. */
  priority?: number | undefined;
  /** Values for the `{{names}}` in the project. */
  variables?: Record<string, string> | undefined;
  /** An address that is told of this job. */
  webhook?: MessageInitShape<typeof JobWebhookSchema> | undefined;
};

/** What of a workspace's jobs to list. */
export interface ListOptions {
  /** Keep only jobs in one of these; empty keeps all. */
  statuses?: JobStatus[] | undefined;
  /** Keep only jobs of this project. */
  projectId?: string | undefined;
  /** Keep only jobs that have all of these. */
  labels?: Record<string, string> | undefined;
}

/** What of a workspace's deliveries to list. */
export interface ListDeliveriesOptions {
  /** Keep only deliveries of this webhook. */
  webhookId?: string | undefined;
  /** Keep only deliveries of this job. */
  jobId?: string | undefined;
  /** Keep only deliveries in one of these; empty keeps all. */
  states?: WebhookDeliveryState[] | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;
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
  readonly #connection: Connection;
  readonly #headers: () => Headers;
  readonly #timeoutMs: number;
  readonly #retry: RetryPolicy;
  readonly #closed = new AbortController();
  #reached = false;

  /** @throws TypeError If an option is wrong. */
  constructor(options: RenderClientOptions) {
    this.workspace = options.workspace ?? "default";
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    if (!(this.#timeoutMs > 0)) {
      throw new TypeError(`timeoutMs must be above 0: ${options.timeoutMs}`);
    }
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    const { token, metadata } = options;
    this.#headers = () => {
      const headers = new Headers(metadata?.());
      headers.set("user-agent", "render-client-typescript");
      if (token) {
        headers.set("authorization", `Bearer ${token}`);
      }
      return headers;
    };
    if (token && /[^\x21-\x7e]/.test(token)) {
      throw new TypeError("a token has no blanks, line ends or letters beyond ASCII");
    }
    this.#connection = new Connection(options.address, options.tls, { ...DEFAULT_KEEP_ALIVE, ...options.keepAlive });
  }

  /** Closes the connection; calls under way end with `ClientClosedError`. */
  close(): void {
    this.#closed.abort(new ClientClosedError());
    this.#connection.close();
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
    const request = { ...this.#renderRequest(options), requestId: options.requestId ?? randomUUID() };
    return given((await this.#call(RenderService.method.startRender, request, options)).job);
  }

  /** Checks what `start` would check, and tells what the job would order and cost, without starting it. */
  async estimate(options: RenderOptions & CallOptions): Promise<Estimate | undefined> {
    const request = { ...this.#renderRequest(options), dryRun: true };
    return (await this.#call(RenderService.method.startRender, request, options)).estimate;
  }

  /** Returns a job as it is now. */
  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    return given((await this.#call(RenderService.method.getJob, { jobId }, options)).job);
  }

  /** Iterates over the jobs of the workspace, newest first; pages are fetched as they are needed. */
  async *list(options: ListOptions & CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    const { statuses = [], projectId = "", labels = {} } = options;
    const filter = { statuses, projectId, labels, pageSize: PAGE_SIZE };
    let pageToken = "";
    do {
      const page = await this.#call(RenderService.method.listJobs, { ...filter, pageToken }, options);
      yield* page.jobs;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Asks for a job to be stopped, and returns it as it is now; a job that has ended stays as it is. */
  async cancel(jobId: string, options: CallOptions = {}): Promise<Job> {
    return given((await this.#call(RenderService.method.cancelJob, { jobId }, options)).job);
  }

  /** Removes a job that has ended, with its history and all its files; they cannot be had back. */
  async deleteJob(jobId: string, options: CallOptions = {}): Promise<void> {
    await this.#call(RenderService.method.deleteJob, { jobId }, options, ONCE);
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
    return this.#follow(RenderService.method.watchProgress, new WatchPosition(jobId, options.afterSequence), options);
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
    return this.#follow(RenderService.method.watchWorkspace, new WorkspacePosition(options), options);
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
    const attempts = this.#streamAttempts(options);
    const interruption = this.#interruption(options);
    try {
      const file = await PartialFile.open(jobId, path, options);
      try {
        for (;;) {
          let failure;
          try {
            const method = RenderService.method.downloadVideo;
            for await (const piece of this.#stream(method, file.request(), interruption, attempts)) {
              await file.accept(piece);
              attempts.progressed();
            }
            await file.finish();
            return path;
          } catch (error) {
            failure = await file.broken(this.#failure(error, interruption));
          }
          await interruption.pause(attempts.delayAfter(failure));
        }
      } finally {
        await file.close();
      }
    } finally {
      interruption.release();
    }
  }

  /** Makes an address that a file of a COMPLETED job can be fetched from over HTTP, until its `expireTime`. */
  async createDownloadUrl(
    jobId: string,
    options: CallOptions & { artifact?: Artifact | undefined } = {},
  ): Promise<CreateDownloadUrlResponse> {
    const request = { jobId, artifact: options.artifact ?? Artifact.VIDEO };
    return this.#call(RenderService.method.createDownloadUrl, request, options);
  }

  /** Stores a new project, and returns it with its `projectId`. */
  async createProject(project: MessageInitShape<typeof ProjectSchema>, options: CallOptions = {}): Promise<Project> {
    return given((await this.#call(ProjectService.method.createProject, { project }, options, ONCE)).project);
  }

  /** Returns a stored project. */
  async getProject(projectId: string, options: CallOptions = {}): Promise<Project> {
    return given((await this.#call(ProjectService.method.getProject, { projectId }, options)).project);
  }

  /** Replaces the content of a stored project; with an `etag`, only if nobody else has changed it since. */
  async updateProject(project: MessageInitShape<typeof ProjectSchema>, options: CallOptions = {}): Promise<Project> {
    return given((await this.#call(ProjectService.method.updateProject, { project }, options, ONCE)).project);
  }

  /** Iterates over the projects of the workspace, newest first; pages are fetched as they are needed. */
  async *listProjects(options: CallOptions = {}): AsyncGenerator<Project, void, undefined> {
    let pageToken = "";
    do {
      const page = await this.#call(ProjectService.method.listProjects, { pageToken, pageSize: PAGE_SIZE }, options);
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
    await this.#call(ProjectService.method.deleteProject, request, options, ONCE);
  }

  /** Stores an address that is told of the workspace's jobs from now on, and returns it with its `webhookId`. */
  async createWebhook(webhook: MessageInitShape<typeof WebhookSchema>, options: CallOptions = {}): Promise<Webhook> {
    return given((await this.#call(WebhookService.method.createWebhook, { webhook }, options, ONCE)).webhook);
  }

  /** Returns all webhooks of the workspace, oldest first. */
  async listWebhooks(options: CallOptions = {}): Promise<Webhook[]> {
    return (await this.#call(WebhookService.method.listWebhooks, {}, options)).webhooks;
  }

  /** Removes a webhook with its deliveries. */
  async deleteWebhook(webhookId: string, options: CallOptions = {}): Promise<void> {
    await this.#call(WebhookService.method.deleteWebhook, { webhookId }, options, ONCE);
  }

  /** Returns what `verifyWebhook` checks the workspace's deliveries with: all that are good now, one as a rule. */
  async webhookSecret(options: CallOptions = {}): Promise<string[]> {
    return (await this.#call(WebhookService.method.getWebhookSecret, {}, options)).secrets;
  }

  /** Iterates over the deliveries of the workspace, newest first; pages are fetched as they are needed. */
  async *listWebhookDeliveries(
    options: ListDeliveriesOptions & CallOptions = {},
  ): AsyncGenerator<WebhookDelivery, void, undefined> {
    const { webhookId = "", jobId = "", states = [] } = options;
    const filter = { webhookId, jobId, states, pageSize: PAGE_SIZE };
    let pageToken = "";
    do {
      const page = await this.#call(WebhookService.method.listWebhookDeliveries, { ...filter, pageToken }, options);
      yield* page.deliveries;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Sends a delivery again, whatever became of it. */
  async redeliverWebhook(deliveryId: string, options: CallOptions = {}): Promise<WebhookDelivery> {
    return given((await this.#call(WebhookService.method.redeliverWebhook, { deliveryId }, options, ONCE)).delivery);
  }

  #renderRequest(options: RenderOptions) {
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

  async #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    init: MessageInitShape<I>,
    options: CallOptions,
    most = this.#retry.callAttempts,
  ): Promise<MessageShape<O>> {
    const request = this.#request(method.input, init);
    const attempts = new Attempts(this.#retry, { timeoutMs: options.timeoutMs ?? this.#timeoutMs, most });
    const interruption = this.#interruption(options);
    const { transport } = this.#connection;
    try {
      for (;;) {
        let failure;
        try {
          const left = attempts.remainingMs();
          const response = await transport.unary(method, interruption.signal, left, this.#headers(), request);
          this.#reached = true;
          return response.message;
        } catch (error) {
          failure = this.#failure(error, interruption);
        }
        await interruption.pause(attempts.delayAfter(failure));
      }
    } finally {
      interruption.release();
    }
  }

  async *#follow<I extends DescMessage, O extends DescMessage, News>(
    method: DescMethodServerStreaming<I, O>,
    position: Position<MessageInitShape<I>, MessageShape<O>, News>,
    options: CallOptions,
  ): AsyncGenerator<News, void, undefined> {
    const attempts = this.#streamAttempts(options);
    const interruption = this.#interruption(options);
    try {
      for (;;) {
        let failure;
        try {
          for await (const response of this.#stream(method, position.request(), interruption, attempts)) {
            const news = position.accept(response);
            if (news !== undefined) {
              yield news;
            }
            if (position.ended) {
              return;
            }
            // What the caller took for the event is no silence of the service.
            attempts.progressed();
          }
          failure = new UnavailableError("the watch was ended too early");
        } catch (error) {
          failure = this.#failure(error, interruption);
        }
        await interruption.pause(attempts.delayAfter(failure));
      }
    } finally {
      interruption.release();
    }
  }

  async *#stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    init: MessageInitShape<I>,
    interruption: Interruption,
    attempts: Attempts,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const request = this.#request(method.input, init);
    const left = attempts.remainingMs();
    const connected = new Interruption(interruption.signal);
    // A deadline of the transport's own would keep the program alive after a stream that nobody reads to its end.
    const end = () => connected.end(new DeadlineError("the time given for the call is over"));
    const timer = left === undefined ? undefined : setTimeout(end, left).unref();
    const { transport } = this.#connection;
    try {
      const response = await transport.stream(method, connected.signal, undefined, this.#headers(), once(request));
      for await (const message of response.message) {
        this.#reached = true;
        yield message;
      }
    } finally {
      clearTimeout(timer);
      connected.end();
    }
  }

  /** Makes a request in the workspace, and finds out now, rather than after four tries, whether it can be sent. */
  #request<I extends DescMessage>(schema: I, init: MessageInitShape<I>): MessageShape<I> {
    try {
      const request = Object.assign(create(schema, init), { workspaceId: this.workspace });
      toBinary(schema, request);
      return request;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new InvalidRequestError(message, { code: StatusCode.INVALID_ARGUMENT, cause: error });
    }
  }

  #streamAttempts(options: CallOptions): Attempts {
    const most = this.#reached ? undefined : this.#retry.callAttempts;
    return new Attempts(this.#retry, { timeoutMs: options.timeoutMs, most, longestMs: this.#retry.longestStreamMs });
  }

  #interruption(options: CallOptions): Interruption {
    return new Interruption(options.signal, this.#closed.signal);
  }

  #failure(error: unknown, interruption: Interruption) {
    interruption.signal.throwIfAborted();
    return translate(error);
  }
}

/** How often a call is sent that might do its work twice. */
const ONCE = 1;

function given<T>(message: T | undefined): T {
  if (message === undefined) {
    throw new UnavailableError("the service answered without a result");
  }
  return message;
}

async function* once<T>(value: T): AsyncGenerator<T, void, undefined> {
  yield value;
}
