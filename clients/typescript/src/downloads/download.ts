// Downloads a file in chunks next to its destination, resumes it, and moves it into place once it is verified.

import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";

import type { MessageInitShape } from "@bufbuild/protobuf";

import { DownloadError, OutOfRangeError, type RenderError, UnavailableError } from "../errors.js";
import { Artifact } from "../gen/render/v1/job_pb.js";
import type { DownloadVideoRequestSchema, DownloadVideoResponse } from "../gen/render/v1/render_service_pb.js";

/** Options of a download. */
export interface DownloadOptions {
  /** Which file of the job; default `Artifact.VIDEO`. */
  artifact?: Artifact | undefined;
  /** Which output of a job with several; default its first. */
  output?: string | undefined;
  /** Name of a file of the job's stream (`Video.streamFiles`) to download instead of an artifact. */
  streamFile?: string | undefined;
  /** Called after every chunk with the bytes received and the size of the file in bytes. */
  onProgress?: ((received: number, size: number) => void) | undefined;
}

/**
 * A download in progress: `{path}.{jobId}.part` until it is complete.
 *
 * The name contains the job's id, so that a partial download of another job is never resumed.
 */
export class PartialFile {
  readonly #jobId: string;
  readonly #path: string;
  readonly #part: string;
  readonly #options: DownloadOptions;
  readonly #file: FileHandle;
  #hash = createHash("sha256");
  #received = 0;
  #leftByAnother = false;
  #announced: { size: number; sha256: string } | undefined;

  private constructor(jobId: string, path: string, part: string, options: DownloadOptions, file: FileHandle) {
    this.#jobId = jobId;
    this.#path = path;
    this.#part = part;
    this.#options = options;
    this.#file = file;
  }

  /**
   * Opens the partial file, or creates it.
   *
   * @throws The error of the system, if the file cannot be written.
   */
  static async open(jobId: string, path: string, options: DownloadOptions): Promise<PartialFile> {
    const part = `${path}.${jobId}${options.output ? `-${options.output}` : ""}.part`;
    const file = new PartialFile(jobId, path, part, options, await open(part, "a+"));
    await file.#readPart();
    return file;
  }

  async #readPart(): Promise<void> {
    const block = new Uint8Array(1 << 20);
    for (;;) {
      const { bytesRead } = await this.#file.read(block, 0, block.length, this.#received);
      if (bytesRead === 0) {
        break;
      }
      this.#hash.update(block.subarray(0, bytesRead));
      this.#received += bytesRead;
    }
    this.#leftByAnother = this.#received > 0;
  }

  /** Closes the file; the received data is kept for the next attempt. */
  async close(): Promise<void> {
    await this.#file.close();
    if (this.#received === 0) {
      await rm(this.#part, { force: true });
    }
  }

  /** Builds the request that resumes after the received bytes. */
  request(): MessageInitShape<typeof DownloadVideoRequestSchema> {
    return {
      jobId: this.#jobId,
      artifact: this.#options.artifact ?? Artifact.VIDEO,
      offset: BigInt(this.#received),
      output: this.#options.output ?? "",
      streamFile: this.#options.streamFile ?? "",
    };
  }

  /**
   * Writes one chunk.
   *
   * @throws UnavailableError If the chunk belongs to another file than those before; retry from the start.
   * @throws DownloadError If the chunk does not follow the received bytes.
   */
  async accept(piece: DownloadVideoResponse): Promise<void> {
    if (piece.sizeBytes > 0n || piece.sha256) {
      const announced = { size: Number(piece.sizeBytes), sha256: piece.sha256 };
      if (this.#announced && (this.#announced.size !== announced.size || this.#announced.sha256 !== announced.sha256)) {
        await this.#restart();
        throw new UnavailableError("the file changed while it was downloaded");
      }
      this.#announced = announced;
    }
    if (piece.offset !== BigInt(this.#received)) {
      throw new DownloadError(`received a chunk at offset ${piece.offset} instead of ${this.#received}`);
    }
    if (!this.#announced) {
      throw new DownloadError("the first chunk has no file size");
    }
    await this.#file.appendFile(piece.data);
    this.#hash.update(piece.data);
    this.#received += piece.data.length;
    this.#options.onProgress?.(this.#received, this.#announced.size);
  }

  /**
   * Moves the file into place after the stream closed with OK.
   *
   * @throws UnavailableError If the stream ended early, or the partial file was corrupt; retry.
   * @throws DownloadError If the size or checksum does not match.
   */
  async finish(): Promise<void> {
    if (!this.#announced || this.#received < this.#announced.size) {
      throw new UnavailableError("the download ended early");
    }
    const { size, sha256 } = this.#announced;
    if (this.#received !== size || !["", this.#hash.copy().digest("hex")].includes(sha256)) {
      const inherited = this.#leftByAnother;
      await this.#restart();
      throw inherited
        ? new UnavailableError("the partial file of an earlier download is corrupt")
        : new DownloadError("the downloaded file does not match its checksum");
    }
    await rename(this.#part, this.#path);
  }

  /**
   * Returns the error to handle after a stream failed.
   *
   * @returns The given error; or, if the partial file is longer than the file, a retryable one, after discarding the
   *   partial file.
   */
  async broken(error: RenderError): Promise<RenderError> {
    if (error instanceof OutOfRangeError && this.#leftByAnother) {
      await this.#restart();
      return new UnavailableError("the partial file of an earlier download is corrupt");
    }
    return error;
  }

  async #restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash("sha256");
    this.#received = 0;
    this.#announced = undefined;
    this.#leftByAnother = false;
  }
}
