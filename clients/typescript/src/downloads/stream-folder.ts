// The files of a job's stream in a folder.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import type { DownloadOptions } from "./download.js";
import { DownloadError, JobFailedError, PreconditionError } from "../errors.js";
import { type Job, JobStatus, type StreamFile } from "../gen/render/v1/job_pb.js";
import { hasEnded } from "../watch.js";

/** Options of the download of a stream. */
export interface DownloadStreamOptions {
  /** Called after every chunk with the bytes received, and the size of all files of the stream in bytes. */
  onProgress?: ((received: number, size: number) => void) | undefined;
}

/** Where the files of a job's stream go. */
export class StreamFolder {
  readonly #files: readonly StreamFile[];
  readonly #folder: string;
  readonly #size: number;
  readonly #onProgress: DownloadStreamOptions["onProgress"];

  /**
   * @throws JobFailedError If the job is FAILED or CANCELLED.
   * @throws PreconditionError If it has no stream.
   * @throws DownloadError If the name of a file would leave the folder.
   */
  constructor(job: Job, folder: string, { onProgress }: DownloadStreamOptions) {
    if (hasEnded(job) && job.status !== JobStatus.COMPLETED) {
      throw new JobFailedError(job);
    }
    const videos = [job.video, ...job.outputs.map((output) => output.video)];
    const files = videos.flatMap((video) => video?.streamFiles ?? []);
    this.#files = [...new Map(files.map((file) => [file.name, file])).values()];
    if (!this.#files.length) {
      throw new PreconditionError(`the job ${job.jobId} has no stream; ask for one with output.streaming`);
    }
    for (const { name } of this.#files) {
      if (name !== basename(name) || name.includes("\\") || ["", ".", ".."].includes(name)) {
        throw new DownloadError(`${JSON.stringify(name)} is no name of a file`);
      }
    }
    this.#folder = folder;
    this.#size = this.#files.reduce((sum, file) => sum + Number(file.sizeBytes), 0);
    this.#onProgress = onProgress;
  }

  /**
   * Downloads the files that are not there yet, one after the other.
   *
   * @param download Downloads one file to a path.
   * @returns The paths of all files.
   */
  async fill(download: (path: string, options: DownloadOptions) => Promise<unknown>): Promise<string[]> {
    await this.#make();
    const paths = [];
    let before = 0;
    for (const file of this.#files) {
      const path = join(this.#folder, file.name);
      if (!(await isThere(path, file))) {
        const onProgress = (received: number) => this.#onProgress?.(before + received, this.#size);
        await download(path, { streamFile: file.name, onProgress });
      }
      before += Number(file.sizeBytes);
      this.#onProgress?.(before, this.#size);
      paths.push(path);
    }
    return paths;
  }

  async #make(): Promise<void> {
    try {
      await mkdir(this.#folder);
    } catch (error) {
      if (!(await stat(this.#folder).catch(() => undefined))?.isDirectory()) {
        throw error;
      }
    }
  }
}

/** Returns whether a file is there already, in the same size and with the same checksum. */
async function isThere(path: string, file: StreamFile): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== Number(file.sizeBytes)) {
    return false;
  }
  const hash = createHash("sha256");
  for await (const block of createReadStream(path)) {
    hash.update(block as Buffer);
  }
  return hash.digest("hex") === file.sha256;
}
