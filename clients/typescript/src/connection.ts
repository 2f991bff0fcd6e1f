// The connection to a render service: address, TLS, keepalive and flow control.

import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import type { KeepAlive, TlsOptions } from "./options.js";

export const DEFAULT_KEEP_ALIVE: KeepAlive = { intervalMs: 20_000, timeoutMs: 5_000 };

/** Timeout of a new connection, including the TLS handshake. */
const CONNECT_TIMEOUT_MS = 20_000;
/** A page of 100 jobs with their providers' responses may exceed the default of 4 MiB. */
const LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024;
/** HTTP/2's default of 64 KiB in flight would limit a download to 1.3 MB/s at a round trip of 50 ms. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** A parsed address. */
type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * Parses an address.
 *
 * @param address `host:port`, `dns:///host:port`, `[::1]:port` or `unix:/path/to/socket`; without a port, 443.
 * @throws TypeError If it has another form.
 */
export function parseAddress(address: string): Endpoint {
  if (!address.trim()) {
    throw new TypeError("address: empty; pass host:port or unix:PATH");
  }
  const url = /^(https?):\/\/([^/]*)/i.exec(address);
  if (url) {
    const [, scheme = "", host = ""] = url;
    // Without a port, a URL means that of its scheme.
    const port = /:\d+$/.test(host) ? "" : scheme.toLowerCase() === "https" ? ":443" : ":80";
    throw new TypeError(`address: ${JSON.stringify(address)} is a URL; pass host:port, such as ${host}${port}`);
  }
  const socket = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
  if (socket !== undefined) {
    return { path: socket };
  }
  const parts = /^(?:dns:(?:\/\/[^/]*\/)?)?(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]@?#\s]+))(?::(\d{1,5}))?$/.exec(address);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3] ?? 443);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TypeError(`address: must have the form host:port: ${JSON.stringify(address)}`);
  }
  return { host, port };
}

/** Returns whether an address is a loopback address or a socket. */
export function isLocal(endpoint: Endpoint): boolean {
  return (
    "path" in endpoint ||
    endpoint.host === "localhost" ||
    (isIP(endpoint.host) === 4 && endpoint.host.startsWith("127.")) ||
    (isIP(endpoint.host) === 6 && endpoint.host === "::1")
  );
}

/** A connection that is opened on first use, and again after it is lost. */
export class Connection {
  readonly transport: Transport;
  readonly #sessions: Sessions;

  /**
   * @param address See `parseAddress`.
   * @param tls True or options for TLS, false for plaintext; undefined means plaintext for a loopback address and
   *   TLS for any other, so that a token is never sent over a network unencrypted by accident.
   * @param keepAlive When a silent connection counts as lost.
   */
  constructor(address: string, tls: boolean | TlsOptions | undefined, keepAlive: KeepAlive) {
    const endpoint = parseAddress(address);
    const secure = tls ?? !isLocal(endpoint);
    const options = secure === true ? {} : secure;
    const host =
      "path" in endpoint
        ? "localhost"
        : `${isIP(endpoint.host) === 6 ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
    const baseUrl = `${options ? "https" : "http"}://${host}`;
    this.#sessions = new Sessions(
      baseUrl,
      { pingIntervalMs: keepAlive.intervalMs, pingTimeoutMs: keepAlive.timeoutMs },
      {
        settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
        createConnection: () => open(endpoint, options),
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

/** Sessions with the same flow-control window for all streams together as for each of them. */
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

function open(endpoint: Endpoint, tls: TlsOptions | false): Socket {
  const target = { ...endpoint, noDelay: true };
  const socket = tls
    ? connectTls({
        ...target,
        ALPNProtocols: ["h2"],
        ca: pem(tls.rootCertificates),
        cert: pem(tls.certificateChain),
        key: pem(tls.privateKey),
        servername: tls.serverName ?? ("host" in endpoint && !isIP(endpoint.host) ? endpoint.host : undefined),
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
