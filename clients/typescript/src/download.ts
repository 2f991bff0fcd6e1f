// Receives a file piece by piece beside its destination, resumes it, and moves it there once it is whole and right.

import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";

import type { MessageInitShape } from "@bufbuild/protobuf";

import { DownloadError, OutOfRangeError, type RenderError, UnavailableError } from "./errors.js";
import { Artifact } from "./gen/render/v1/job_pb.js";
import type { DownloadVideoRequestSchema, DownloadVideoResponse } from "./gen/render/v1/render_service_pb.js";

/** What to download, and who wants to know how far it is. */
export interface DownloadOptions {
  /** Which file of the job; default `Artifact.VIDEO`. */
  artifact?: Artifact | undefined;
  /** Called after every piece with the bytes that are there and the bytes of the whole file. */
  onProgress?: ((received: number, size: number) => void) | undefined;
}

/**
 * A download on its way: `{path}.{jobId}.part` until it is whole.
 *
 * The job's id in the name keeps what is left of another job's download from being taken for the start of this one.
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
  #promised: { size: number; sha256: string } | undefined;

  private constructor(jobId: string, path: string, part: string, options: DownloadOptions, file: FileHandle) {
    this.#jobId = jobId;
    this.#path = path;
    this.#part = part;
    this.#options = options;
    this.#file = file;
  }

  /**
   * Opens what an earlier download left, or begins.
   *
   * @throws The system's error, if the file cannot be written.
   */
  static async open(jobId: string, path: string, options: DownloadOptions): Promise<PartialFile> {
    const part = `${path}.${jobId}.part`;
    const file = new PartialFile(jobId, path, part, options, await open(part, "a+"));
    await file.#readWhatIsThere();
    return file;
  }

  async #readWhatIsThere(): Promise<void> {
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

  /** Closes the file; what has arrived stays for the next try. */
  async close(): Promise<void> {
    await this.#file.close();
    if (this.#received === 0) {
      await rm(this.#part, { force: true });
    }
  }

  /** The call that goes on after the bytes that are there. */
  request(): MessageInitShape<typeof DownloadVideoRequestSchema> {
    return {
      jobId: this.#jobId,
      artifact: this.#options.artifact ?? Artifact.VIDEO,
      offset: BigInt(this.#received),
    };
  }

  /**
   * Stores one piece.
   *
   * @throws UnavailableError If it is of another file than the pieces before; to be tried again from the start.
   * @throws DownloadError If it does not follow what is there.
   */
  async accept(piece: DownloadVideoResponse): Promise<void> {
    if (piece.sizeBytes > 0n || piece.sha256) {
      const promised = { size: Number(piece.sizeBytes), sha256: piece.sha256 };
      if (this.#promised && (this.#promised.size !== promised.size || this.#promised.sha256 !== promised.sha256)) {
        await this.#restart();
        throw new UnavailableError("the file changed while it was downloaded");
      }
      this.#promised = promised;
    }
    if (piece.offset !== BigInt(this.#received)) {
      throw new DownloadError(`a piece at ${piece.offset} came where ${this.#received} was due`);
    }
    if (!this.#promised) {
      throw new DownloadError("the first piece does not tell the size of the file");
    }
    await this.#file.appendFile(piece.data);
    this.#hash.update(piece.data);
    this.#received += piece.data.length;
    this.#options.onProgress?.(this.#received, this.#promised.size);
  }

  /**
   * Puts the file in place after the stream ended with OK.
   *
   * @throws UnavailableError If the stream ended early, or what an earlier download had left was wrong; to be tried
   *   again.
   * @throws DownloadError If the bytes are not the ones promised.
   */
  async finish(): Promise<void> {
    if (!this.#promised || this.#received < this.#promised.size) {
      throw new UnavailableError("the download ended early");
    }
    const { size, sha256 } = this.#promised;
    if (this.#received !== size || !["", this.#hash.copy().digest("hex")].includes(sha256)) {
      const inherited = this.#leftByAnother;
      await this.#restart();
      throw inherited
        ? new UnavailableError("what was left of a download is wrong")
        : new DownloadError("the file that arrived does not match its checksum");
    }
    await rename(this.#part, this.#path);
  }

  /**
   * Judges how a stream ended.
   *
   * @returns The error to go by: where what an earlier download left is longer than the file, it is thrown away and the
   *   error asks for another try.
   */
  async broken(error: RenderError): Promise<RenderError> {
    if (error instanceof OutOfRangeError && this.#leftByAnother) {
      await this.#restart();
      return new UnavailableError("what was left of a download is wrong");
    }
    return error;
  }

  async #restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash("sha256");
    this.#received = 0;
    this.#promised = undefined;
    this.#leftByAnother = false;
  }
}
