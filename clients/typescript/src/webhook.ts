// Checks that a webhook's delivery comes from the render service, as Standard Webhooks lays down.

import { createHmac, timingSafeEqual } from "node:crypto";

import type { JobStage, JobStatus } from "./gen/render/v1/job_pb.js";

/** Headers of a request: those of `fetch`, or those of Node.js with lower-case names. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** A delivery that is not to be believed; the message says why. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
}

/** What a delivery tells, with the names it has on the wire. */
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

/** A delivery that was checked. */
export interface VerifiedWebhook {
  /** `webhook-id`: the same for every try of this delivery; keep it to deal with each but once. */
  readonly id: string;
  /** When this try was sent. */
  readonly sentAt: Date;
  /** What it tells. */
  readonly payload: WebhookPayload;
}

const DEFAULT_TOLERANCE_MS = 5 * 60_000;

/**
 * Checks the signature and the age of a delivery (https://www.standardwebhooks.com), and reads it.
 *
 * @param body The body exactly as it came over the wire, before any JSON parser touched it.
 * @param headers With `webhook-id`, `webhook-timestamp` and `webhook-signature`.
 * @param secrets Of the workspace, `whsec_…`, as `webhookSecret` gives them; one that fits is enough.
 * @param options toleranceMs: how far the sender's clock and ours may be apart; default 5 minutes. now: in place of
 *   the clock, in milliseconds since 1970.
 * @throws WebhookVerificationError If the delivery is not to be believed: answer 4xx and do nothing.
 * @throws TypeError If a secret is none.
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
