// Verifies webhook deliveries according to Standard Webhooks 1.0.

import { createHmac, timingSafeEqual } from "node:crypto";

import type { JobStage, JobStatus } from "./gen/render/v1/job_pb.js";

/** Headers of a request: those of `fetch`, or those of Node.js with lower-case names. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** The delivery is not authentic or too old; the message says which. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
}

/** The body of a delivery, with its names on the wire. */
export interface WebhookPayload {
  /** Such as `job.completed`. */
  readonly type: string;
  /** When it happened: RFC 3339, UTC. */
  readonly timestamp: string;
  readonly data: {
    readonly job_id: string;
    readonly task_id: string;
    readonly workspace_id: string;
    readonly sequence: number;
    /** A name of `JobStatus`. */
    readonly status: keyof typeof JobStatus;
    /** A name of `JobStage`; null outside PROCESSING. */
    readonly stage: keyof typeof JobStage | null;
    readonly progress: number;
    readonly message: string;
    readonly attempt: number;
    /** A name of `ErrorReason`; null unless FAILED. */
    readonly error_reason: string | null;
    /** Null unless FAILED. */
    readonly error_message: string | null;
    readonly labels: Readonly<Record<string, string>>;
  };
}

/** A verified delivery. */
export interface VerifiedWebhook {
  /** `webhook-id`: the same for every attempt of this delivery; store handled ids to process each event once. */
  readonly id: string;
  /** When this attempt was sent. */
  readonly sentAt: Date;
  /** The body. */
  readonly payload: WebhookPayload;
}

const DEFAULT_TOLERANCE_MS = 5 * 60_000;

/**
 * Verifies the signature and the age of a delivery (https://www.standardwebhooks.com), and parses it.
 *
 * @param body The raw request body, unmodified.
 * @param headers With `webhook-id`, `webhook-timestamp` and `webhook-signature`.
 * @param secrets The workspace's secrets, `whsec_…`, as `webhookSecret` returns them; one that matches is enough.
 * @param options toleranceMs: maximum difference between the timestamp and this machine's clock; default 5 minutes.
 *   now: milliseconds since 1970, instead of the clock.
 * @throws WebhookVerificationError If the delivery is not authentic or too old: respond with 4xx and discard it.
 * @throws TypeError If a secret is malformed.
 */
export function verifyWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  options: { toleranceMs?: number | undefined; now?: number | undefined } = {},
): VerifiedWebhook {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  const sentAt = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) * 1000 : NaN;
  const apart = Math.abs((options.now ?? Date.now()) - sentAt);
  if (!(apart <= (options.toleranceMs ?? DEFAULT_TOLERANCE_MS))) {
    throw new WebhookVerificationError("the delivery's timestamp is missing, too old or in the future");
  }
  const given = signatures
    .split(" ")
    .filter((signature) => signature.startsWith("v1,"))
    .map((signature) => Buffer.from(signature.slice(3), "base64"));
  const keys = (typeof secrets === "string" ? [secrets] : secrets).map(keyOf);
  const expected = keys.map((key) => createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest());
  const signed = expected.some((right) =>
    given.some((signature) => signature.length === right.length && timingSafeEqual(signature, right)),
  );
  if (!signed) {
    throw new WebhookVerificationError("the delivery's signature is missing or wrong");
  }
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  return { id, sentAt: new Date(sentAt), payload: JSON.parse(text) as WebhookPayload };
}

function header(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  return (typeof value === "string" ? value : value?.[0]) ?? "";
}

function keyOf(secret: string): Buffer {
  const encoded = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : secret;
  const key = Buffer.from(encoded, "base64");
  if (key.length < 16) {
    throw new TypeError("not a webhook secret: it must be whsec_ and at least 16 bytes in base64");
  }
  return key;
}
