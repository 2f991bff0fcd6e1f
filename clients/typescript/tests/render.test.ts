// Rendering into a file in one call, and what callers learn of jobs that have no video.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { Code, ConnectError } from "@connectrpc/connect";
import {
  DeadlineError,
  JobFailedError,
  JobStatus,
  PreconditionError,
  toSeconds,
  UnavailableError,
} from "render-client";

import { type Answers, FakeService } from "./fake-service.ts";

const FILE = Buffer.from("a video");
const PROJECT = { title: "Sea" };
const { COMPLETED, FAILED, PROCESSING } = JobStatus;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "render-"));
  path = join(folder, "video.mp4");
});
afterEach(() => rm(folder, { recursive: true }));

/** A service whose job ends with a status, and has a video only if it is COMPLETED. */
function ending(status: JobStatus): Answers {
  const failure = {
    errorReason: "ASSET_INVALID",
    errorMessage: "shot-1.image_uri: is no picture",
    errorMetadata: { shot_id: "shot-1", field: "image_uri" },
  };
  return {
    startRender: ({ requestId }) => ({ job: { jobId: "a-job", requestId, status: JobStatus.PENDING } }),
    async *watchProgress() {
      for (const [sequence, each] of [PROCESSING, status].entries()) {
        yield { update: { case: "event", value: { jobId: "a-job", sequence: BigInt(sequence + 1), status: each } } };
      }
    },
    getJob: () => ({
      job: {
        jobId: "a-job",
        status,
        ...(status === COMPLETED ? { video: { duration: { seconds: 2n, nanos: 500_000_000 } } } : failure),
      },
    }),
    async *downloadVideo() {
      if (status !== COMPLETED) {
        throw new ConnectError("the job has no video", Code.FailedPrecondition);
      }
      const sha256 = createHash("sha256").update(FILE).digest("hex");
      yield { offset: 0n, data: FILE, sizeBytes: BigInt(FILE.length), sha256 };
    },
    createDownloadUrl() {
      throw new ConnectError("the job has no video", Code.FailedPrecondition);
    },
  };
}

const MESSAGE =
  "job a-job is FAILED: ASSET_INVALID: shot-1.image_uri: is no picture (field = image_uri, shot_id = shot-1)";

test("one call leads from a project to a file", async () => {
  await using service = await FakeService.start(ending(COMPLETED));
  using client = service.client();
  const seen: JobStatus[] = [];
  const job = await client.render(path, { project: PROJECT, onProgress: (event) => seen.push(event.status) });
  assert.deepEqual(await readFile(path), FILE);
  assert.deepEqual(seen, [PROCESSING, COMPLETED]);
  assert.equal(toSeconds(job.video?.duration), 2.5);
});

test("a job that fails is told with its reason, and leaves no file", async () => {
  await using service = await FakeService.start(ending(FAILED));
  using client = service.client();
  const calls = [
    () => client.render(path, { project: PROJECT }),
    () => client.download("a-job", path),
    () => client.createDownloadUrl("a-job"),
  ];
  for (const call of calls) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof JobFailedError && error instanceof PreconditionError);
      assert.deepEqual([error.message, error.reason], [MESSAGE, "ASSET_INVALID"]);
      assert.equal(error.metadata["shot_id"], "shot-1");
      assert.equal(error.job.status, FAILED);
      return true;
    });
  }
  assert.deepEqual(await readdir(folder), []);
});

test("a job that has a video keeps the error of its download", async () => {
  await using service = await FakeService.start(ending(COMPLETED));
  using client = service.client();
  await assert.rejects(client.createDownloadUrl("a-job"), { name: "PreconditionError" });
});

test("nothing is started for a file that cannot be written", async () => {
  await using service = await FakeService.start({
    startRender: () => assert.fail("started"),
  });
  using client = service.client();
  await assert.rejects(client.render(join(folder, "absent", "video.mp4"), { project: PROJECT }), {
    message: `${join(folder, "absent", "video.mp4")}: its folder does not exist`,
  });
});

test("a timeout is one for everything, and names the job that goes on", async () => {
  await using service = await FakeService.start({
    ...ending(COMPLETED),
    async *watchProgress(_, { signal }) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield* [];
    },
  });
  using client = service.client();
  await assert.rejects(client.render(path, { project: PROJECT, timeoutMs: 200 }), (error) => {
    assert.ok(error instanceof DeadlineError);
    assert.equal(error.metadata["job_id"], "a-job");
    return true;
  });
});

test("a server without TLS is suspected where a handshake fails", async () => {
  await using service = await FakeService.start({});
  using client = service.client({ tls: true, retry: { callAttempts: 1 } });
  await assert.rejects(client.get("a-job"), (error) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /^does the server speak TLS\? If not, pass tls: false\. /);
    return true;
  });
});
