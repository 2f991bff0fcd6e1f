// The connection to a render service: address, TLS, keepalive and flow control.

import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import type { KeepAlive, TlsOptions } from "./options.js";

export const DEFAULT_KEEP_ALIVE: KeepAlive = { intervalMs: 20_000, timeoutMs: 5_000 };

/** How long a connection may take to come about, TLS included. */
const CONNECT_TIMEOUT_MS = 20_000;
/** A page of 100 jobs with what their providers answered may exceed the usual 4 MiB. */
const LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024;
/** HTTP/2's default of 64 KiB in flight would hold a download down to 1.3 MB/s over a line of 50 ms. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** An address taken apart. */
type Place = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * Takes an address apart.
 *
 * @param address `host:port`, `dns:///host:port`, `[::1]:port` or `unix:/path/to/socket`; without a port, 443.
 * @throws TypeError If it is none of these.
 */
export function parseAddress(address: string): Place {
  const socket = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
  if (socket !== undefined) {
    return { path: socket };
  }
  const parts = /^(?:dns:(?:\/\/[^/]*\/)?)?(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]@?#\s]+))(?::(\d{1,5}))?$/.exec(address);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3] ?? 443);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TypeError(`not an address of the form host:port: ${address}`);
  }
  return { host, port };
}

/** Whether an address leads to this machine itself. */
export function isLocal(place: Place): boolean {
  return (
    "path" in place ||
    place.host === "localhost" ||
    (isIP(place.host) === 4 && place.host.startsWith("127.")) ||
    (isIP(place.host) === 6 && place.host === "::1")
  );
}

/** A connection that is made when it is first needed, and again whenever it broke. */
export class Connection {
  readonly transport: Transport;
  readonly #sessions: Sessions;

  /**
   * @param address As `parseAddress` takes it.
   * @param tls True or options for TLS, false for plaintext; undefined means plaintext to this machine itself and TLS
   *   to any other, so that a token never leaves the machine unprotected by accident.
   * @param keepAlive When a silent server is taken for dead.
   */
  constructor(address: string, tls: boolean | TlsOptions | undefined, keepAlive: KeepAlive) {
    const place = parseAddress(address);
    const secure = tls ?? !isLocal(place);
    const options = secure === true ? {} : secure;
    const host =
      "path" in place ? "localhost" : `${isIP(place.host) === 6 ? `[${place.host}]` : place.host}:${place.port}`;
    const baseUrl = `${options ? "https" : "http"}://${host}`;
    this.#sessions = new Sessions(
      baseUrl,
      { pingIntervalMs: keepAlive.intervalMs, pingTimeoutMs: keepAlive.timeoutMs },
      {
        settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
        createConnection: () => open(place, options),
      },
    );
    this.transport = createGrpcTransport({
      baseUrl,
      sessionManager: this.#sessions,
      readMaxBytes: LARGEST_MESSAGE_BYTES,
    });
  }

  close(): void {
    this.#sessions.abort();
  }
}

/** Sessions whose streams together may have a window's bytes in flight, as each of them may. */
class Sessions extends Http2SessionManager {
  readonly #widened = new WeakSet<ClientHttp2Session>();

  override async request(...call: Parameters<Http2SessionManager["request"]>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...call);
    const session = stream.session as ClientHttp2Session | undefined;
    if (session && !session.destroyed && !this.#widened.has(session)) {
      this.#widened.add(session);
      session.setLocalWindowSize(WINDOW_BYTES);
    }
    return stream;
  }
}

function open(place: Place, tls: TlsOptions | false): Socket {
  const target = { ...place, noDelay: true };
  const socket = tls
    ? connectTls({
        ...target,
        ALPNProtocols: ["h2"],
        ca: pem(tls.rootCertificates),
        cert: pem(tls.certificateChain),
        key: pem(tls.privateKey),
        servername: tls.serverName ?? ("host" in place && !isIP(place.host) ? place.host : undefined),
      })
    : connectPlain(target);
  const timer = setTimeout(() => {
    const error = new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`);
    socket.destroy(Object.assign(error, { code: "ETIMEDOUT" }));
  }, CONNECT_TIMEOUT_MS);
  const settled = () => clearTimeout(timer);
  socket.once(tls ? "secureConnect" : "connect", settled).once("close", settled);
  return socket;
}

function pem(text: string | Uint8Array | undefined): string | Buffer | undefined {
  return text === undefined || typeof text === "string" ? text : Buffer.from(text);
}
