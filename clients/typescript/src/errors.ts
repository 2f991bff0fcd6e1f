// The errors a caller of the render service may meet, and their making from those of the transport.

import { ConnectError } from "@connectrpc/connect";

import type { ErrorReason } from "./gen/render/v1/error_reason_pb.js";
import { StatusCode } from "./status-code.js";
import { decodeStatusDetails, type FieldFault } from "./status-details.js";

/** Names of `render.v1.ErrorReason`, such as `JOB_NOT_FOUND`; a newer service may tell others. */
export type ErrorReasonName = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | (string & {});

/** What is known of a failed call besides its message. */
export interface RenderErrorInit {
  code?: StatusCode | undefined;
  reason?: string | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
  fieldFaults?: readonly FieldFault[] | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** A call that did not succeed; the base of all errors of this package. `message` is one sentence for people. */
export class RenderError extends Error {
  /** The gRPC status, such as `StatusCode.NOT_FOUND`. */
  readonly code: StatusCode;
  /** Reason as listed in error_reason.proto; empty where the service told none, as when it could not be reached. */
  readonly reason: ErrorReasonName;
  /** Details of the reason, as documented at `ErrorReason`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every wrong field of the request, where the service named any. */
  readonly fieldFaults: readonly FieldFault[];
  /** Milliseconds after which the service asks to try again; undefined where it did not. */
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

/** INVALID_ARGUMENT: the request is wrong; `fieldFaults` names the fields. */
export class InvalidRequestError extends RenderError {}

/** NOT_FOUND: there is no such job, project or webhook in the workspace. */
export class NotFoundError extends RenderError {}

/** ALREADY_EXISTS: the requestId was used before with another request, or the workspace has such a webhook. */
export class AlreadyExistsError extends RenderError {}

/** FAILED_PRECONDITION: asked too early, or something is not set up, such as a provider's key. */
export class PreconditionError extends RenderError {}

/** ABORTED: the project was changed by somebody else since it was read. */
export class ConflictError extends RenderError {}

/** OUT_OF_RANGE: an offset beyond the end, or events that are no longer kept. */
export class OutOfRangeError extends RenderError {}

/** UNAUTHENTICATED: no valid token came with the call. */
export class AuthenticationError extends RenderError {}

/** PERMISSION_DENIED: the token is valid but may not do this. */
export class PermissionDeniedError extends RenderError {}

/** RESOURCE_EXHAUSTED: a limit is reached; `retryAfterMs` says when to come back, where that is known. */
export class QuotaError extends RenderError {}

/** UNAVAILABLE: the service cannot be reached, or a store it needs cannot. */
export class UnavailableError extends RenderError {
  constructor(message: string, init: RenderErrorInit = {}) {
    super(message, { code: StatusCode.UNAVAILABLE, ...init });
  }
}

/** DEADLINE_EXCEEDED: no answer within the time the caller gave. */
export class DeadlineError extends RenderError {
  constructor(message: string, init: RenderErrorInit = {}) {
    super(message, { code: StatusCode.DEADLINE_EXCEEDED, ...init });
  }
}

/** INTERNAL and the like: a fault of the service; `metadata.request_id` finds it in the service's log. */
export class ServiceError extends RenderError {}

/** The bytes that arrived are not the file that was promised. */
export class DownloadError extends RenderError {
  constructor(message: string) {
    super(message, { code: StatusCode.DATA_LOSS });
  }
}

/** The client was closed while the call was under way, or before it. */
export class ClientClosedError extends RenderError {
  constructor() {
    super("the client is closed", { code: StatusCode.CANCELLED });
  }
}

const DOMAIN = "render.v1";

const BROKEN: ReadonlySet<StatusCode> = new Set([StatusCode.CANCELLED, StatusCode.INTERNAL, StatusCode.UNKNOWN]);

/** Codes that the transport itself gives to connections that cannot be made, break or speak nonsense. */
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

/** Turns whatever a call of the transport threw into the error to throw in its place. */
export function translate(thrown: unknown): RenderError {
  if (thrown instanceof RenderError) {
    return thrown;
  }
  const error = ConnectError.from(thrown);
  if (error.cause instanceof RenderError) {
    return error.cause;
  }
  // Both use the numbers of gRPC.
  const told = error.code as number as StatusCode;
  const message = error.rawMessage || wordOf(error.cause) || StatusCode[told];
  // A status that the service sent is in the metadata; without one, the transport made the error up.
  if (!error.metadata.has("grpc-status")) {
    const broken = BROKEN_LOCALLY.has(told) || message.startsWith("http/2 ");
    const code = broken ? StatusCode.UNAVAILABLE : told;
    return new (BY_CODE.get(code) ?? RenderError)(message, { code, cause: error.cause ?? error });
  }
  const details = decodeStatusDetails(error.details.filter((detail) => "type" in detail));
  const ours = details.domain === DOMAIN;
  return new (BY_CODE.get(told) ?? RenderError)(message, {
    code: told,
    reason: ours ? details.reason : "",
    metadata: ours ? details.metadata : {},
    fieldFaults: details.fieldFaults,
    retryAfterMs: details.retryAfterMs,
  });
}

/** The word of the operating system for a failure, such as `ECONNREFUSED`, which some failures have alone. */
function wordOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
