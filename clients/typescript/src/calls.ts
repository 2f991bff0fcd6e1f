// Makes calls: with deadlines, with retries where they are safe, and as streams that resume.

import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";

import { Connection, DEFAULT_KEEP_ALIVE } from "./connection.js";
import { type DownloadOptions, PartialFile } from "./downloads/download.js";
import {
  ClientClosedError,
  DeadlineError,
  InvalidRequestError,
  RenderError,
  translate,
  UnavailableError,
} from "./errors.js";
import { RenderService } from "./gen/render/v1/render_service_pb.js";
import { Interruption } from "./interruption.js";
import type { CallOptions, RenderClientOptions } from "./options.js";
import { Attempts, DEFAULT_RETRY, type RetryPolicy } from "./retry.js";
import { StatusCode } from "./status-code.js";
import type { Position } from "./watch.js";

const DEFAULT_TIMEOUT_MS = 10_000;

/** Attempts of a call that is not safe to repeat. */
export const ONCE = 1;

/** The calls of one client, in its workspace and over its connection. */
export class Calls {
  readonly workspace: string;
  readonly #connection: Connection;
  readonly #headers: () => Headers;
  readonly #timeoutMs: number;
  readonly #retry: RetryPolicy;
  readonly #closed = new AbortController();
  #reached = false;

  /** @throws TypeError If an option is invalid. */
  constructor(options: RenderClientOptions) {
    this.workspace = options.workspace ?? "default";
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    if (!(this.#timeoutMs > 0)) {
      throw new TypeError(`timeoutMs: must be above 0: ${options.timeoutMs}`);
    }
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    const { token, metadata } = options;
    this.#headers = () => {
      const headers = new Headers(metadata?.());
      headers.set("user-agent", "render-client-typescript");
      if (token) {
        headers.set("authorization", `Bearer ${token}`);
      }
      return headers;
    };
    if (token && /[\r\n]/.test(token)) {
      throw new TypeError("token: contains a line end; pass only the token itself");
    }
    if (token && /[^\x21-\x7e]/.test(token)) {
      throw new TypeError("token: contains a space, a control character or a non-ASCII character");
    }
    this.#connection = new Connection(options.address, options.tls, { ...DEFAULT_KEEP_ALIVE, ...options.keepAlive });
  }

  /** Closes the connection; calls in progress reject with `ClientClosedError`. */
  close(): void {
    this.#closed.abort(new ClientClosedError());
    this.#connection.close();
  }

  /**
   * Makes a unary call.
   *
   * @param most Maximum attempts; `ONCE` if the call is not safe to repeat.
   */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    init: MessageInitShape<I>,
    options: CallOptions,
    most = this.#retry.callAttempts,
  ): Promise<MessageShape<O>> {
    const request = this.#request(method.input, init);
    const attempts = new Attempts(this.#retry, { timeoutMs: options.timeoutMs ?? this.#timeoutMs, most });
    const interruption = this.#interruption(options);
    const { transport } = this.#connection;
    try {
      for (;;) {
        let failure;
        const left = attempts.remainingMs();
        const headers = this.#headers();
        try {
          const response = await transport.unary(method, interruption.signal, left, headers, request);
          this.#reached = true;
          return response.message;
        } catch (error) {
          interruption.signal.throwIfAborted();
          failure = translate(error);
        }
        await interruption.pause(attempts.delayAfter(failure));
      }
    } finally {
      interruption.release();
    }
  }

  /** Yields what is new in a stream, reconnecting as needed, until the position has ended. */
  async *follow<I extends DescMessage, O extends DescMessage, News>(
    method: DescMethodServerStreaming<I, O>,
    position: Position<MessageInitShape<I>, MessageShape<O>, News>,
    options: CallOptions,
  ): AsyncGenerator<News, void, undefined> {
    const attempts = this.#streamAttempts(options);
    const interruption = this.#interruption(options);
    try {
      for (;;) {
        let failure;
        try {
          for await (const response of this.#stream(method, position.request(), interruption, attempts)) {
            const news = position.accept(response);
            if (news !== undefined) {
              yield news;
            }
            if (position.ended) {
              return;
            }
            // After the yield, so that the time the caller takes does not count as time without progress.
            attempts.progressed();
          }
          failure = new UnavailableError("the stream ended before the job did");
        } catch (error) {
          failure = ofCall(error);
        }
        await interruption.pause(attempts.delayAfter(failure));
      }
    } finally {
      interruption.release();
    }
  }

  /** Downloads a file; see `RenderClient.download`. */
  async download(jobId: string, path: string, options: DownloadOptions & CallOptions): Promise<string> {
    const attempts = this.#streamAttempts(options);
    const interruption = this.#interruption(options);
    try {
      const file = await PartialFile.open(jobId, path, options);
      try {
        for (;;) {
          let failure;
          try {
            const method = RenderService.method.downloadVideo;
            for await (const piece of this.#stream(method, file.request(), interruption, attempts)) {
              await file.accept(piece);
              attempts.progressed();
            }
            await file.finish();
            return path;
          } catch (error) {
            failure = await file.broken(ofCall(error));
          }
          await interruption.pause(attempts.delayAfter(failure));
        }
      } finally {
        await file.close();
      }
    } finally {
      interruption.release();
    }
  }

  async *#stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    init: MessageInitShape<I>,
    interruption: Interruption,
    attempts: Attempts,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const request = this.#request(method.input, init);
    const left = attempts.remainingMs();
    const headers = this.#headers();
    const connected = new Interruption(interruption.signal);
    // A deadline of the transport would keep the program alive after a stream that is not read to its end.
    const end = () => connected.end(new DeadlineError("the timeout of the call has passed"));
    const timer = left === undefined ? undefined : setTimeout(end, left).unref();
    const { transport } = this.#connection;
    try {
      const response = await transport.stream(method, connected.signal, undefined, headers, once(request));
      for await (const message of response.message) {
        this.#reached = true;
        yield message;
      }
    } catch (error) {
      interruption.signal.throwIfAborted();
      throw translate(error);
    } finally {
      clearTimeout(timer);
      connected.end();
    }
  }

  /** Builds a request in the workspace, and checks at once that it can be serialized, rather than on each attempt. */
  #request<I extends DescMessage>(schema: I, init: MessageInitShape<I>): MessageShape<I> {
    try {
      const request = Object.assign(create(schema, init), { workspaceId: this.workspace });
      toBinary(schema, request);
      return request;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new InvalidRequestError(message, { code: StatusCode.INVALID_ARGUMENT, cause: error });
    }
  }

  #streamAttempts(options: CallOptions): Attempts {
    const most = this.#reached ? undefined : this.#retry.callAttempts;
    return new Attempts(this.#retry, { timeoutMs: options.timeoutMs, most, longestMs: this.#retry.longestStreamMs });
  }

  #interruption(options: CallOptions): Interruption {
    return new Interruption(options.signal, this.#closed.signal);
  }
}

/** Returns the error of a call; rethrows any other, such as that of a full disk. */
function ofCall(error: unknown): RenderError {
  if (error instanceof RenderError) {
    return error;
  }
  throw error;
}

async function* once<T>(value: T): AsyncGenerator<T, void, undefined> {
  yield value;
}
