// When to try a call again: exponential backoff with jitter, within the caller's time.

import { DeadlineError, QuotaError, type RenderError } from "./errors.js";

/** How patiently calls are tried again after the connection was lost or the service was unavailable. */
export interface RetryPolicy {
  /** Milliseconds before the first retry; default 200. */
  readonly firstDelayMs: number;
  /** Milliseconds that a delay grows to at most; the service may ask for more. Default 10,000. */
  readonly longestDelayMs: number;
  /** By which each delay is longer than the one before; default 2. */
  readonly factor: number;
  /**
   * How often a plain call that is safe to repeat is sent at most, ≥ 1; default 4. The same holds for a watch or a
   * download of a client that has not reached the service before, so that a wrong address is told at once.
   */
  readonly callAttempts: number;
  /** Milliseconds without a sign of life after which a watch or a download ends with the last error; default 600,000. */
  readonly giveUpAfterMs: number;
  /**
   * Milliseconds after which a watch or a download is taken up anew where it stands; default 300,000. So is noticed,
   * too, that a service is dead behind a proxy that keeps the connection alive.
   */
  readonly longestStreamMs: number;
}

/** The policy of a client that was given none. */
export const DEFAULT_RETRY: RetryPolicy = {
  firstDelayMs: 200,
  longestDelayMs: 10_000,
  factor: 2,
  callAttempts: 4,
  giveUpAfterMs: 600_000,
  longestStreamMs: 300_000,
};

/** What bounds the tries of one call or stream, and where they get time and chance from. */
export interface AttemptsInit {
  /** Milliseconds for all tries together; undefined for no such limit. */
  readonly timeoutMs?: number | undefined;
  /** How many tries at most while there is no sign of life; undefined for no such limit. */
  readonly most?: number | undefined;
  /** Milliseconds that a single try may take, after which the next one goes on where it stood; undefined for no limit. */
  readonly longestMs?: number | undefined;
  /** Monotonic time in milliseconds. */
  readonly clock?: () => number;
  /** Gives a number from 0 to below 1 that spreads delays, so that many callers do not come back at once. */
  readonly jitter?: () => number;
}

/** The tries of one call or stream. */
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
   * Milliseconds that the next try may take; undefined for no limit.
   *
   * @throws DeadlineError If nothing is left of the timeout.
   */
  remainingMs(): number | undefined {
    const left = this.#end - this.#clock();
    if (left <= 0) {
      throw new DeadlineError("the time given for the call is over");
    }
    // A timer of Node.js holds no more than 31 bits; longer limits are checked between the tries alone.
    const most = Math.min(left, this.#longest);
    return most < 2 ** 31 - 1 ? Math.ceil(most) : undefined;
  }

  /** Takes note of a sign of life: the next failure starts with the shortest delay, and tries are not counted. */
  progressed(): void {
    this.#lastSign = this.#clock();
    this.#failuresInARow = 0;
    this.#most = undefined;
    this.#alive = true;
    this.#wasAlive = true;
  }

  /**
   * Says how long to wait before the next try.
   *
   * @param error How the last try ended.
   * @returns Milliseconds to wait, ≥ 0: the growing delay, or longer where the service asked for that.
   * @throws The given error, if trying again would not help or there is no time or try left.
   */
  delayAfter(error: RenderError): number {
    const isStream = this.#longest < Infinity;
    // The limit of a single try is over, not the caller's.
    const lastedLongest = isStream && error instanceof DeadlineError && this.#clock() < this.#end;
    if (lastedLongest && this.#alive) {
      this.#alive = false;
      // The service shall have seen the end of the old one, and not all watchers come at the same moment.
      return this.#policy.firstDelayMs * (0.5 + 0.5 * this.#jitter());
    }
    // A stream that was open before finds its place taken for the moment.
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
