// Ends calls early: by the caller's signal, or because the client was closed.

/** A signal that follows others until it is released, so that a long-lived one holds no reference to ended calls. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #follow: (event: Event) => void;

  constructor(...sources: (AbortSignal | undefined)[]) {
    this.#sources = sources.filter((source) => source !== undefined);
    this.#follow = (event) => this.#controller.abort((event.target as AbortSignal).reason);
    for (const source of this.#sources) {
      if (source.aborted) {
        this.#controller.abort(source.reason);
      }
      source.addEventListener("abort", this.#follow, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts the signal, and stops following the others. */
  end(reason?: Error): void {
    this.release();
    this.#controller.abort(reason);
  }

  release(): void {
    for (const source of this.#sources) {
      source.removeEventListener("abort", this.#follow);
    }
  }

  /**
   * Waits, unless interrupted.
   *
   * @throws The reason of the signal, once it is aborted.
   */
  async pause(ms: number): Promise<void> {
    this.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(this.signal.reason as Error);
      };
      const timer = setTimeout(() => {
        this.signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      this.signal.addEventListener("abort", stop, { once: true });
    });
  }
}
