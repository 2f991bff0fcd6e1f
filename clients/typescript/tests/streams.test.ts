// Streams: all their files in a folder, and nothing outside of it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { DownloadError, JobFailedError, JobStatus, PreconditionError } from "render-client";

import { FakeService } from "./fake-service.ts";

const FILE = Buffer.from("0123456789".repeat(100));
const SHA256 = createHash("sha256").update(FILE).digest("hex");

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "stream-"));
  folder = join(parent, "stream");
});
afterEach(() => rm(parent, { recursive: true }));

/** A service with a COMPLETED job that has a stream of these files; those that are downloaded are noted. */
function serving(names: string[], asked: string[] = [], status = JobStatus.COMPLETED): Promise<FakeService> {
  const streamFiles = names.map((name) => ({ name, sizeBytes: BigInt(FILE.length), sha256: SHA256 }));
  return FakeService.start({
    getJob: () => ({ job: { jobId: "a-job", status, video: { streamFiles } } }),
    async *downloadVideo(request) {
      asked.push(request.streamFile);
      yield { offset: 0n, data: FILE, sizeBytes: BigInt(FILE.length), sha256: SHA256 };
    },
  });
}

test("a stream is downloaded into a folder, and what is there already is kept", async () => {
  const asked: string[] = [];
  await using service = await serving(["master.m3u8", "video.mp4", "audio.mp4"], asked);
  using client = service.client();
  await mkdir(folder);
  await writeFile(join(folder, "video.mp4"), FILE);
  await writeFile(join(folder, "audio.mp4"), Buffer.alloc(FILE.length));
  const progress: [number, number][] = [];
  const paths = await client.downloadStream("a-job", folder, {
    onProgress: (received, size) => progress.push([received, size]),
  });
  assert.deepEqual(
    paths,
    ["master.m3u8", "video.mp4", "audio.mp4"].map((name) => join(folder, name)),
  );
  for (const path of paths) {
    assert.deepEqual(await readFile(path), FILE);
  }
  assert.deepEqual(asked, ["master.m3u8", "audio.mp4"]);
  assert.deepEqual(progress.at(-1), [3 * FILE.length, 3 * FILE.length]);
  assert.deepEqual((await readdir(folder)).sort(), ["audio.mp4", "master.m3u8", "video.mp4"]);
});

test("a job without a stream says so", async () => {
  await using service = await serving([]);
  using client = service.client();
  await assert.rejects(client.downloadStream("a-job", folder), (error: Error) => {
    assert.ok(error instanceof PreconditionError);
    assert.match(error.message, /has no stream; ask for one/);
    return true;
  });
  assert.deepEqual(await readdir(parent), []);
});

test("a failed job explains why it has no stream", async () => {
  await using service = await serving([], [], JobStatus.FAILED);
  using client = service.client();
  await assert.rejects(client.downloadStream("a-job", folder), JobFailedError);
});

for (const name of ["../video.mp4", "..\\video.mp4", "/video.mp4", "..", ""]) {
  test(`no file of a stream leaves its folder: ${JSON.stringify(name)}`, async () => {
    const asked: string[] = [];
    await using service = await serving(["master.m3u8", name], asked);
    using client = service.client();
    await assert.rejects(client.downloadStream("a-job", folder), DownloadError);
    assert.deepEqual(asked, []);
  });
}
