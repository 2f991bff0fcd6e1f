// Errors of the client, and their translation from those of the transport.

import { ConnectError } from "@connectrpc/connect";

import type { ErrorReason } from "./gen/render/v1/error_reason_pb.js";
import { type Job, JobStatus } from "./gen/render/v1/job_pb.js";
import { StatusCode } from "./status-code.js";
import { decodeStatusDetails, type FieldFault } from "./status-details.js";

/** Names of `render.v1.ErrorReason`, such as `JOB_NOT_FOUND`; a newer service may send others. */
export type ErrorReasonName = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | (string & {});

/** Details of a failed call besides its message. */
export interface RenderErrorInit {
  code?: StatusCode | undefined;
  reason?: string | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
  fieldFaults?: readonly FieldFault[] | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** A failed call; base class of all call errors of this package. `message` is one sentence for people. */
export class RenderError extends Error {
  /** The gRPC status, such as `StatusCode.NOT_FOUND`. */
  readonly code: StatusCode;
  /** Reason as listed in error_reason.proto; empty if absent, such as when the service cannot be reached. */
  readonly reason: ErrorReasonName;
  /** Details of the reason, as documented at `ErrorReason`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The invalid fields of the request, if the service named any. */
  readonly fieldFaults: readonly FieldFault[];
  /** Milliseconds after which the service asks to retry; undefined if absent. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, init: RenderErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = new.target.name;
    this.code = init.code ?? StatusCode.UNKNOWN;
    this.reason = init.reason ?? "";
    this.metadata = init.metadata ?? {};
    this.fieldFaults = init.fieldFaults ?? [];
    this.retryAfterMs = init.retryAfterMs;
  }

  /**
   * Whether the connection, rather than the service's own judgement, ended the call.
   *
   * A proxy or a dying server ends streams with CANCELLED, INTERNAL or UNKNOWN too; the service itself always gives a
   * reason with those.
   */
  get connectionLost(): boolean {
    return this.code === StatusCode.UNAVAILABLE || (BROKEN.has(this.code) && this.reason === "");
  }
}

/** INVALID_ARGUMENT: the request is invalid; `fieldFaults` names the fields. */
export class InvalidRequestError extends RenderError {}

/** NOT_FOUND: there is no such job, project or webhook in the workspace. */
export class NotFoundError extends RenderError {}

/** ALREADY_EXISTS: the requestId was used before with another request, or the workspace has such a webhook. */
export class AlreadyExistsError extends RenderError {}

/** FAILED_PRECONDITION: the job is not in the required state, or a provider key is missing. */
export class PreconditionError extends RenderError {}

/**
 * A job that has ended without a video: it is FAILED or CANCELLED.
 *
 * `reason` and `metadata` are those of the job, such as `ASSET_INVALID` and the shot.
 */
export class JobFailedError extends PreconditionError {
  /** The ended job. */
  readonly job: Job;

  constructor(job: Job, cause?: RenderError) {
    const status = JobStatus[job.status] ?? `status ${job.status}`;
    const why = [job.errorReason, job.errorMessage].filter(Boolean).join(": ");
    const metadata = job.errorMetadata;
    const details = Object.keys(metadata)
      .sort()
      .map((name) => `${name} = ${metadata[name]}`)
      .join(", ");
    super(`job ${job.jobId} is ${status}${why && `: ${why}`}${details && ` (${details})`}`, {
      code: StatusCode.FAILED_PRECONDITION,
      reason: job.errorReason || status,
      metadata,
      cause,
    });
    this.job = job;
  }
}

/** ABORTED: the project was modified since it was read. */
export class ConflictError extends RenderError {}

/** OUT_OF_RANGE: an offset beyond the end, or events that have been pruned. */
export class OutOfRangeError extends RenderError {}

/** UNAUTHENTICATED: the call has no valid token. */
export class AuthenticationError extends RenderError {}

/** PERMISSION_DENIED: the token is valid but may not do this. */
export class PermissionDeniedError extends RenderError {}

/** RESOURCE_EXHAUSTED: a limit is reached; `retryAfterMs` says when to retry, if known. */
export class QuotaError extends RenderError {}

/** UNAVAILABLE: the service, or a store it depends on, cannot be reached. */
export class UnavailableError extends RenderError {
  constructor(message: string, init: RenderErrorInit = {}) {
    super(message, { code: StatusCode.UNAVAILABLE, ...init });
  }
}

/** DEADLINE_EXCEEDED: no response before the deadline. */
export class DeadlineError extends RenderError {
  constructor(message: string, init: RenderErrorInit = {}) {
    super(message, { code: StatusCode.DEADLINE_EXCEEDED, ...init });
  }
}

/** INTERNAL and the like: an error in the service; find it in the service's log by `metadata.request_id`. */
export class ServiceError extends RenderError {}

/** The downloaded data does not match the file's size or checksum. */
export class DownloadError extends RenderError {
  constructor(message: string) {
    super(message, { code: StatusCode.DATA_LOSS });
  }
}

/** The client was closed before or during the call. */
export class ClientClosedError extends RenderError {
  constructor() {
    super("the client is closed", { code: StatusCode.CANCELLED });
  }
}

const DOMAIN = "render.v1";

const BROKEN: ReadonlySet<StatusCode> = new Set([StatusCode.CANCELLED, StatusCode.INTERNAL, StatusCode.UNKNOWN]);

/** Codes that the transport itself gives to connections that fail. */
const BROKEN_LOCALLY: ReadonlySet<StatusCode> = new Set([...BROKEN, StatusCode.ABORTED, StatusCode.UNAVAILABLE]);

const BY_CODE: ReadonlyMap<StatusCode, new (message: string, init: RenderErrorInit) => RenderError> = new Map([
  [StatusCode.INVALID_ARGUMENT, InvalidRequestError],
  [StatusCode.NOT_FOUND, NotFoundError],
  [StatusCode.ALREADY_EXISTS, AlreadyExistsError],
  [StatusCode.FAILED_PRECONDITION, PreconditionError],
  [StatusCode.ABORTED, ConflictError],
  [StatusCode.OUT_OF_RANGE, OutOfRangeError],
  [StatusCode.UNAUTHENTICATED, AuthenticationError],
  [StatusCode.PERMISSION_DENIED, PermissionDeniedError],
  [StatusCode.RESOURCE_EXHAUSTED, QuotaError],
  [StatusCode.UNAVAILABLE, UnavailableError],
  [StatusCode.DEADLINE_EXCEEDED, DeadlineError],
  [StatusCode.INTERNAL, ServiceError],
  [StatusCode.UNKNOWN, ServiceError],
  [StatusCode.DATA_LOSS, ServiceError],
  [StatusCode.UNIMPLEMENTED, ServiceError],
]);

/** Translates what a call of the transport threw into an error of this package. */
export function translate(thrown: unknown): RenderError {
  if (thrown instanceof RenderError) {
    return thrown;
  }
  const error = ConnectError.from(thrown);
  if (error.cause instanceof RenderError) {
    return error.cause;
  }
  // Both use the numbers of gRPC.
  const status = error.code as number as StatusCode;
  const message = error.rawMessage || systemCode(error.cause) || StatusCode[status];
  // A status from the service is in the metadata; without one, the error is the transport's own.
  if (!error.metadata.has("grpc-status")) {
    const broken = BROKEN_LOCALLY.has(status) || message.startsWith("http/2 ");
    const code = broken ? StatusCode.UNAVAILABLE : status;
    return new (BY_CODE.get(code) ?? RenderError)(withHint(message, error.cause), {
      code,
      cause: error.cause ?? error,
    });
  }
  const details = decodeStatusDetails(error.details.filter((detail) => "type" in detail));
  const ours = details.domain === DOMAIN;
  return new (BY_CODE.get(status) ?? RenderError)(message, {
    code: status,
    reason: ours ? details.reason : "",
    metadata: ours ? details.metadata : {},
    fieldFaults: details.fieldFaults,
    retryAfterMs: details.retryAfterMs,
  });
}

const UNTRUSTED = "the server's certificate is not signed by a trusted authority; pass tls: { rootCertificates }";

/** What Node.js reports of failed handshakes, and what to do about it. */
const TLS_HINTS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: "does the server speak TLS? If not, pass tls: false",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "does the server speak TLS? If not, pass tls: false",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name; pass tls: { serverName }",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
};

function withHint(message: string, cause: unknown): string {
  const hint = TLS_HINTS[systemCode(cause)];
  return hint === undefined ? message : `${hint}. ${message}`;
}

/** Returns the operating system's code of a failure, such as `ECONNREFUSED`: some failures have no message. */
function systemCode(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
