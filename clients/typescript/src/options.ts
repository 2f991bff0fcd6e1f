// Options of the client and its methods.

import type { MessageInitShape } from "@bufbuild/protobuf";

import type { JobEvent, JobStatus } from "./gen/render/v1/job_pb.js";
import type { NamedOutputSchema, OutputOptionsSchema } from "./gen/render/v1/output_pb.js";
import type { ProjectSchema, SpeechSchema } from "./gen/render/v1/project_pb.js";
import type {
  JobWebhookSchema,
  ProviderOptionsSchema,
  SpeechProviderOptionsSchema,
} from "./gen/render/v1/render_service_pb.js";
import type { WebhookDeliveryState } from "./gen/render/v1/webhook_service_pb.js";
import type { RetryPolicy } from "./retry.js";

/** How to reach a render service. */
export interface RenderClientOptions {
  /** `host:port`, `dns:///host:port` or `unix:/path/to/socket`. */
  address: string;
  /** API key or JWT, sent as `authorization: Bearer …`; if omitted, none is sent. */
  token?: string | undefined;
  /** Workspace of every call; default `default`. */
  workspace?: string | undefined;
  /**
   * True or options for TLS, false for plaintext. If omitted, plaintext for a loopback address and TLS for any other,
   * so that a token is never sent over a network unencrypted by accident.
   */
  tls?: boolean | TlsOptions | undefined;
  /** Milliseconds for each unary call, including its retries; > 0, default 10,000. */
  timeoutMs?: number | undefined;
  /** Retry policy; omitted fields have their defaults. */
  retry?: Partial<RetryPolicy> | undefined;
  /** When a silent connection counts as lost; omitted fields have their defaults. */
  keepAlive?: Partial<KeepAlive> | undefined;
  /**
   * Called before each attempt; returns additional metadata to send, with lower-case names. Use it to propagate a trace
   * context.
   */
  metadata?: (() => Readonly<Record<string, string>>) | undefined;
}

/** TLS with custom settings; certificates and keys are PEM. */
export interface TlsOptions {
  /** Authorities to trust; if omitted, those that Node.js trusts. */
  rootCertificates?: string | Uint8Array | undefined;
  /** The client's own certificate, for mutual TLS. */
  certificateChain?: string | Uint8Array | undefined;
  /** Private key of certificateChain. */
  privateKey?: string | Uint8Array | undefined;
  /** Name to expect in the server's certificate, if it differs from the address. */
  serverName?: string | undefined;
}

/** When a silent connection counts as lost, while a call or a watch is in progress. */
export interface KeepAlive {
  /** Milliseconds of silence before a ping; the service tolerates no less than 10,000. Default 20,000. */
  readonly intervalMs: number;
  /** Milliseconds to wait for the response; default 5,000, which leaves a unary call time for a new connection. */
  readonly timeoutMs: number;
}

/** Options of every call. */
export interface CallOptions {
  /** Ends the call; it then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds after which the call ends with `DeadlineError`. If omitted, unary calls have the client's
   * timeout; watches and downloads have none.
   */
  timeoutMs?: number | undefined;
}

/** What to render: an inline project or a stored one. */
export type Source =
  | { project: MessageInitShape<typeof ProjectSchema>; projectId?: undefined }
  | { projectId: string; project?: undefined };

/** What to render, and how; see `StartRenderRequest`. */
export type RenderOptions = Source & {
  /** `local`, `runway`, `pika`, `custom` or `mock`; if omitted, the service's default. */
  provider?: string | undefined;
  /** Overrides the project's own output options field by field. */
  output?: MessageInitShape<typeof OutputOptionsSchema> | undefined;
  /** Several videos to make of the project instead of one, each with a name and options of its own. */
  outputs?: MessageInitShape<typeof NamedOutputSchema>[] | undefined;
  /** How the provider generates clips. */
  providerOptions?: MessageInitShape<typeof ProviderOptionsSchema> | undefined;
  /** Who speaks narrations: `local`, `elevenlabs`, `openai_compatible` or `custom`; if omitted, the service's default. */
  speechProvider?: string | undefined;
  /** How narrations are spoken. */
  speechProviderOptions?: MessageInitShape<typeof SpeechProviderOptionsSchema> | undefined;
  /** Overrides the project's own speech field by field: another voice, or a language that its shots have translations for. */
  speech?: MessageInitShape<typeof SpeechSchema> | undefined;
  /** Labels to find the job by. */
  labels?: Record<string, string> | undefined;
  /** Priority among the workspace's jobs, −100 to 100; higher runs first. */
  priority?: number | undefined;
  /** Values for the project's `{{placeholders}}`, by name. */
  variables?: Record<string, string> | undefined;
  /** URL to notify of this job. */
  webhook?: MessageInitShape<typeof JobWebhookSchema> | undefined;
};

/** Options of `render`. */
export type RenderToFileOptions = RenderOptions &
  CallOptions & {
    /** See `start`; with the same UUID, a second call watches the same job. */
    requestId?: string | undefined;
    /** Called with each event of the job, such as `({ progress, message }) => console.log(progress, message)`. */
    onProgress?: ((event: JobEvent) => void) | undefined;
  };

/** Filters of a list of jobs. */
export interface ListOptions {
  /** Only jobs in one of these statuses; empty means all. */
  statuses?: JobStatus[] | undefined;
  /** Only jobs of this project. */
  projectId?: string | undefined;
  /** Only jobs that have all of these labels. */
  labels?: Record<string, string> | undefined;
  /** Whether jobs contain `rawResults` and `video.check`, too, as `get` returns them; default false. */
  full?: boolean | undefined;
}

/** Filters of a list of deliveries. */
export interface ListDeliveriesOptions {
  /** Only deliveries to this webhook. */
  webhookId?: string | undefined;
  /** Only deliveries of this job. */
  jobId?: string | undefined;
  /** Only deliveries in one of these states; empty means all. */
  states?: WebhookDeliveryState[] | undefined;
}
