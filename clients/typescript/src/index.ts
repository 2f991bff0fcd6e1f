// Typed client of the render service for Node.js.

export type { BatchChange, Batches, BatchOptions } from "./batches/batches.js";
export { RenderClient } from "./client.js";
export type { DownloadOptions } from "./downloads/download.js";
export {
  AlreadyExistsError,
  AuthenticationError,
  ClientClosedError,
  ConflictError,
  DeadlineError,
  DownloadError,
  type ErrorReasonName,
  InvalidRequestError,
  JobFailedError,
  NotFoundError,
  OutOfRangeError,
  PermissionDeniedError,
  PreconditionError,
  QuotaError,
  RenderError,
  type RenderErrorInit,
  ServiceError,
  UnavailableError,
} from "./errors.js";
export * from "./gen/render/v1/batch_service_pb.js";
export * from "./gen/render/v1/brand_service_pb.js";
export * from "./gen/render/v1/error_reason_pb.js";
export * from "./gen/render/v1/job_pb.js";
export * from "./gen/render/v1/output_pb.js";
export * from "./gen/render/v1/project_pb.js";
export * from "./gen/render/v1/project_service_pb.js";
export * from "./gen/render/v1/render_service_pb.js";
export * from "./gen/render/v1/webhook_service_pb.js";
export { loadProject, ProjectFileError } from "./project-file.js";
export type * from "./options.js";
export type { RetryPolicy } from "./retry.js";
export { StatusCode } from "./status-code.js";
export type { FieldFault } from "./status-details.js";
export { seconds, toSeconds } from "./seconds.js";
export type { DownloadStreamOptions } from "./downloads/stream-folder.js";
export { hasEnded, type WatchWorkspaceOptions, type WorkspaceChange } from "./watch.js";
export {
  type VerifiedWebhook,
  verifyWebhook,
  type WebhookHeaders,
  type WebhookPayload,
  WebhookVerificationError,
} from "./webhook.js";
