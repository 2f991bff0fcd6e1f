// Downloads: resumed, checked, and in place only when they are whole.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { DownloadError, type DownloadVideoRequest } from "render-client";

import { FakeService, unavailable } from "./fake-service.ts";

const FILE = Buffer.from("0123456789".repeat(1000));
const PIECE = 1000;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "download-"));
  path = join(folder, "video.mp4");
});
afterEach(() => rm(folder, { recursive: true }));

/** The pieces of a file from an offset on, at most so many. */
function* pieces(request: DownloadVideoRequest, file: Buffer = FILE, most = Infinity) {
  const start = Number(request.offset);
  for (let offset = start, count = 0; offset < file.length && count < most; offset += PIECE, count += 1) {
    const first = offset === start;
    yield {
      offset: BigInt(offset),
      data: file.subarray(offset, offset + PIECE),
      sizeBytes: first ? BigInt(file.length) : 0n,
      sha256: first ? createHash("sha256").update(FILE).digest("hex") : "",
    };
  }
}

test("a download that breaks goes on where it broke", async () => {
  const offsets: bigint[] = [];
  await using service = await FakeService.start({
    async *downloadVideo(request) {
      offsets.push(request.offset);
      if (offsets.length <= 3) {
        yield* pieces(request, FILE, 2);
        throw unavailable();
      }
      yield* pieces(request);
    },
  });
  using client = service.client();
  const progress: number[] = [];
  await client.download("a-job", path, { onProgress: (received) => progress.push(received) });
  assert.deepEqual(await readFile(path), FILE);
  assert.deepEqual(offsets, [0n, 2000n, 4000n, 6000n]);
  assert.deepEqual(
    progress,
    Array.from({ length: 10 }, (_, index) => (index + 1) * PIECE),
  );
  assert.deepEqual(await readdir(folder), ["video.mp4"]);
});

test("what an earlier process left is gone on from", async () => {
  const offsets: bigint[] = [];
  await using service = await FakeService.start({
    async *downloadVideo(request) {
      offsets.push(request.offset);
      yield* pieces(request);
    },
  });
  await writeFile(`${path}.a-job.part`, FILE.subarray(0, 3500));
  using client = service.client();
  await client.download("a-job", path);
  assert.deepEqual(await readFile(path), FILE);
  assert.deepEqual(offsets, [3500n]);
});

test("what an earlier process left wrong is thrown away", async () => {
  const offsets: bigint[] = [];
  await using service = await FakeService.start({
    async *downloadVideo(request) {
      offsets.push(request.offset);
      yield* pieces(request);
    },
  });
  await writeFile(`${path}.a-job.part`, "wrong");
  using client = service.client();
  await client.download("a-job", path);
  assert.deepEqual(await readFile(path), FILE);
  assert.deepEqual(offsets, [5n, 0n]);
});

test("a file that does not match its checksum never appears", async () => {
  await using service = await FakeService.start({
    async *downloadVideo(request) {
      yield* pieces(request, Buffer.alloc(FILE.length));
    },
  });
  await writeFile(path, "the one before");
  using client = service.client();
  await assert.rejects(client.download("a-job", path), DownloadError);
  assert.equal(await readFile(path, "utf8"), "the one before");
  assert.deepEqual(await readdir(folder), ["video.mp4"]);
});

test("a piece that does not follow what is there is refused", async () => {
  await using service = await FakeService.start({
    async *downloadVideo() {
      yield { offset: 7n, data: FILE, sizeBytes: 10_000n, sha256: "" };
    },
  });
  using client = service.client();
  await assert.rejects(client.download("a-job", path), DownloadError);
});

test("an aborted download keeps what is there for the next", async () => {
  const controller = new AbortController();
  await using service = await FakeService.start({
    async *downloadVideo(request, context) {
      yield* pieces(request, FILE, 3);
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    },
  });
  using client = service.client();
  const download = client.download("a-job", path, {
    signal: controller.signal,
    onProgress: (received) => received === 3000 && controller.abort(),
  });
  await assert.rejects(download, { name: "AbortError" });
  assert.deepEqual(await readFile(`${path}.a-job.part`), FILE.subarray(0, 3000));
});

test("an error of the caller's own ends the download, and is not taken for one of the service", async () => {
  let calls = 0;
  await using service = await FakeService.start({
    async *downloadVideo(request) {
      calls += 1;
      yield* pieces(request);
    },
  });
  using client = service.client();
  const own = new Error("a bug of mine");
  const onProgress = () => {
    throw own;
  };
  await assert.rejects(client.download("a-job", path, { onProgress }), own);
  assert.equal(calls, 1);
});

test("a folder that is not there is the system's error", async () => {
  await using service = await FakeService.start({});
  using client = service.client();
  await assert.rejects(client.download("a-job", join(folder, "absent", "video.mp4")), { code: "ENOENT" });
});
