// What callers may choose.

import type { MessageInitShape } from "@bufbuild/protobuf";

import type { JobStatus } from "./gen/render/v1/job_pb.js";
import type { OutputOptionsSchema } from "./gen/render/v1/output_pb.js";
import type { ProjectSchema } from "./gen/render/v1/project_pb.js";
import type { JobWebhookSchema, ProviderOptionsSchema } from "./gen/render/v1/render_service_pb.js";
import type { WebhookDeliveryState } from "./gen/render/v1/webhook_service_pb.js";
import type { RetryPolicy } from "./retry.js";

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

/** TLS with other than the usual settings; certificates and keys are PEM. */
export interface TlsOptions {
  /** Authorities to trust; left out, those that Node.js trusts. */
  rootCertificates?: string | Uint8Array | undefined;
  /** The client's own certificate, for mutual TLS. */
  certificateChain?: string | Uint8Array | undefined;
  /** The key to certificateChain. */
  privateKey?: string | Uint8Array | undefined;
  /** Name to expect in the server's certificate, where it differs from the address. */
  serverName?: string | undefined;
}

/** When a silent server is taken for dead, while a call or a watch is under way. */
export interface KeepAlive {
  /** Milliseconds of silence before a ping; the service tolerates no less than 10,000. Default 20,000. */
  readonly intervalMs: number;
  /** Milliseconds to wait for its answer; default 5,000, which leaves a plain call time for a new connection. */
  readonly timeoutMs: number;
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
