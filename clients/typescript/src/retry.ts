// Retry policy: exponential backoff with jitter, within the caller's deadline.

import { DeadlineError, QuotaError, type RenderError } from "./errors.js";

/** How calls are retried after the connection is lost or the service is unavailable. */
export interface RetryPolicy {
  /** Milliseconds before the first retry; default 200. */
  readonly firstDelayMs: number;
  /** Maximum delay in milliseconds; the service may ask for a longer one. Default 10,000. */
  readonly longestDelayMs: number;
  /** Multiplier of the delay after each retry; default 2. */
  readonly factor: number;
  /**
   * Maximum attempts of a unary call that is safe to repeat, ≥ 1; default 4. Also applies to a watch or a download
   * until the client has reached the service once, so that a wrong address fails early.
   */
  readonly callAttempts: number;
  /** Milliseconds without progress after which a watch or a download throws the last error; default 600,000. */
  readonly giveUpAfterMs: number;
  /**
   * Milliseconds after which a watch or a download is reopened and resumed; default 300,000. This detects a dead
   * service behind a proxy that keeps the connection alive.
   */
  readonly longestStreamMs: number;
}

/** The default policy. */
export const DEFAULT_RETRY: RetryPolicy = {
  firstDelayMs: 200,
  longestDelayMs: 10_000,
  factor: 2,
  callAttempts: 4,
  giveUpAfterMs: 600_000,
  longestStreamMs: 300_000,
};

/** Limits of the attempts of one call or stream, and their sources of time and randomness. */
export interface AttemptsInit {
  /** Milliseconds for all attempts together; undefined for no limit. */
  readonly timeoutMs?: number | undefined;
  /** Maximum attempts without progress; undefined for no limit. */
  readonly most?: number | undefined;
  /** Milliseconds that a single attempt may take, after which the next one resumes; undefined for no limit. */
  readonly longestMs?: number | undefined;
  /** Monotonic time in milliseconds. */
  readonly clock?: () => number;
  /** Returns a number in [0, 1) that spreads delays, so that callers do not retry simultaneously. */
  readonly jitter?: () => number;
}

/** The attempts of one call or stream. */
export class Attempts {
  readonly #policy: RetryPolicy;
  readonly #clock: () => number;
  readonly #jitter: () => number;
  readonly #end: number;
  readonly #longest: number;
  #most: number | undefined;
  #lastSign: number;
  #failures = 0;
  #failuresInARow = 0;
  #alive = false;
  #wasAlive = false;

  constructor(policy: RetryPolicy, init: AttemptsInit = {}) {
    this.#policy = policy;
    this.#clock = init.clock ?? (() => performance.now());
    this.#jitter = init.jitter ?? Math.random;
    this.#most = init.most;
    this.#lastSign = this.#clock();
    this.#end = this.#lastSign + (init.timeoutMs ?? Infinity);
    this.#longest = init.longestMs ?? Infinity;
  }

  /**
   * Milliseconds that the next attempt may take; undefined for no limit.
   *
   * @throws DeadlineError If the timeout has passed.
   */
  remainingMs(): number | undefined {
    const left = this.#end - this.#clock();
    if (left <= 0) {
      throw new DeadlineError("the timeout of the call has passed");
    }
    // A timer of Node.js holds 31 bits; longer limits are checked only between attempts.
    const most = Math.min(left, this.#longest);
    return most < 2 ** 31 - 1 ? Math.ceil(most) : undefined;
  }

  /** Records progress: the next failure starts with the shortest delay, and attempts are no longer limited. */
  progressed(): void {
    this.#lastSign = this.#clock();
    this.#failuresInARow = 0;
    this.#most = undefined;
    this.#alive = true;
    this.#wasAlive = true;
  }

  /**
   * Returns how long to wait before the next attempt.
   *
   * @param error Error of the last attempt.
   * @returns Milliseconds to wait, ≥ 0: the backoff, or longer if the service asked for it.
   * @throws The given error, if it is not retryable or no time or attempt is left.
   */
  delayAfter(error: RenderError): number {
    const isStream = this.#longest < Infinity;
    // The limit of a single attempt has passed, not the caller's deadline.
    const lastedLongest = isStream && error instanceof DeadlineError && this.#clock() < this.#end;
    if (lastedLongest && this.#alive) {
      this.#alive = false;
      // Gives the service time to see the old stream end, and spreads the watchers.
      return this.#policy.firstDelayMs * (0.5 + 0.5 * this.#jitter());
    }
    // A stream that was open before is rejected by a quota when it resumes.
    const crowdedOut = isStream && this.#wasAlive && error instanceof QuotaError;
    this.#failures += 1;
    if (!(error.connectionLost || lastedLongest || crowdedOut) || this.#failures === this.#most) {
      throw error;
    }
    const grown = this.#policy.firstDelayMs * this.#policy.factor ** this.#failuresInARow;
    const longest = Math.min(this.#policy.longestDelayMs, grown);
    this.#failuresInARow += 1;
    const delay =
      error.retryAfterMs === undefined
        ? longest * (0.5 + 0.5 * this.#jitter())
        : // Never earlier than asked, and not all at the same moment.
          error.retryAfterMs + 0.5 * longest * this.#jitter();
    const then = this.#clock() + delay;
    if (then >= this.#end || then - this.#lastSign > this.#policy.giveUpAfterMs) {
      throw error;
    }
    return delay;
  }
}
