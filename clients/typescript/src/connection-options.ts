// What callers may choose of a connection.

/** TLS with other than the usual settings; certificates and keys are PEM. */
export interface TlsOptions {
  /** Authorities to trust; left out, those that Node.js trusts. */
  rootCertificates?: string | Uint8Array | undefined;
  /** The client's own certificate, for mutual TLS. */
  certificateChain?: string | Uint8Array | undefined;
  /** The key to certificateChain. */
  privateKey?: string | Uint8Array | undefined;
  /** Name to expect in the server's certificate, where it differs from the address. */
  serverName?: string | undefined;
}

/** When a silent server is taken for dead, while a call or a watch is under way. */
export interface KeepAlive {
  /** Milliseconds of silence before a ping; the service tolerates no less than 10,000. Default 20,000. */
  readonly intervalMs: number;
  /** Milliseconds to wait for its answer; default 10,000. */
  readonly timeoutMs: number;
}

export const DEFAULT_KEEP_ALIVE: KeepAlive = { intervalMs: 20_000, timeoutMs: 10_000 };
