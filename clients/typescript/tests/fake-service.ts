// A render service that answers as a test wants it to, over a real connection.

import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, connect, createServer as createLine, type Server, type Socket } from "node:net";

import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  BatchService,
  BrandService,
  ProjectService,
  RenderClient,
  type RenderClientOptions,
  RenderService,
  WebhookService,
} from "render-client";

export type Answers = Partial<
  ServiceImpl<typeof RenderService> &
    ServiceImpl<typeof ProjectService> &
    ServiceImpl<typeof WebhookService> &
    ServiceImpl<typeof BrandService> &
    ServiceImpl<typeof BatchService>
>;

export class FakeService implements AsyncDisposable {
  readonly address: string;
  readonly #server: Http2Server;
  readonly #sessions: Set<ServerHttp2Session>;

  private constructor(server: Http2Server, sessions: Set<ServerHttp2Session>) {
    this.#server = server;
    this.#sessions = sessions;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(answers: Answers): Promise<FakeService> {
    const sessions = new Set<ServerHttp2Session>();
    const server = createServer(
      connectNodeAdapter({
        routes: (router) =>
          router
            .service(RenderService, answers)
            .service(ProjectService, answers)
            .service(WebhookService, answers)
            .service(BrandService, answers)
            .service(BatchService, answers),
      }),
    ).on("session", (session) => {
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FakeService(server, sessions);
  }

  client(options: Omit<RenderClientOptions, "address"> = {}): RenderClient {
    return new RenderClient({ address: this.address, ...options, retry: { firstDelayMs: 5, ...options.retry } });
  }

  /** Break all connections, as a killed server does. */
  breakConnections(): void {
    for (const session of this.#sessions) {
      session.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.breakConnections();
    await closed;
  }
}

/** A line to a service that can be frozen, as a machine that vanished does; connections made later are not. */
export class Line implements Disposable {
  readonly #server: Server;
  readonly #sockets: Socket[];

  private constructor(server: Server, sockets: Socket[]) {
    this.#server = server;
    this.#sockets = sockets;
  }

  static async to(service: FakeService): Promise<Line> {
    const [host, port] = service.address.split(":");
    const sockets: Socket[] = [];
    const server = createLine((near) => {
      const far = connect(Number(port), host);
      near.pipe(far).pipe(near);
      sockets.push(
        near.on("error", () => far.destroy()),
        far.on("error", () => near.destroy()),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Line(server, sockets);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe().pause();
    }
  }

  [Symbol.dispose](): void {
    this.#sockets.forEach((socket) => socket.destroy());
    this.#server.close();
  }
}

/** What the service says while it is not available, with a wait of so many milliseconds if one is given. */
export function unavailable(retryAfterMs?: number): ConnectError {
  const error = new ConnectError("not now", Code.Unavailable);
  if (retryAfterMs !== undefined) {
    // RetryInfo { retry_delay { nanos } }
    error.details.push({ type: "google.rpc.RetryInfo", value: field(1, numberField(2, retryAfterMs * 1e6)) });
  }
  return error;
}

/** A length-delimited field of a protobuf message. */
export function field(number: number, value: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

/** A varint field of a protobuf message. */
export function numberField(number: number, value: number): Uint8Array {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

function varint(value: number): Uint8Array {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 0x80)) {
    bytes.push((value % 0x80) | 0x80);
  }
  return Uint8Array.from([...bytes, value]);
}
