// Watches, downloads and starts outlive a server that ends under them.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { Container, hasEnded, type JobEvent, JobStatus, MotionKind, RenderError, seconds } from "render-client";

import { CARDS, collect, endServer, newClient, NOISE, serverIsBack } from "./service.ts";

const client = newClient();
after(() => client.close());

for (const [command, how] of [
  ["kill", "killed"],
  ["stop", "stopped"],
] as const) {
  test(`a watch outlives a server that is ${how}: nothing twice, no milestone missing`, async () => {
    const { jobId } = await client.start({ project: CARDS, provider: "mock" });
    const seen: JobEvent[] = [];
    for await (const event of client.watch(jobId)) {
      seen.push(event);
      if (seen.length === 1) {
        await endServer(command);
      }
    }
    await serverIsBack();
    const sequences = seen.map((event) => event.sequence);
    assert.ok(sequences.every((sequence, index) => index === 0 || sequence > Number(sequences[index - 1])));
    assert.equal(seen.at(-1)?.status, JobStatus.COMPLETED);
    // What is kept of a job are its state and stage changes.
    const milestones = await collect(client.watch(jobId, { afterSequence: sequences[0] }));
    assert.ok(milestones.length > 1);
    assert.deepEqual(
      milestones.map((event) => event.sequence).filter((sequence) => !sequences.includes(sequence)),
      [],
    );
  });
}

test("a watch of the workspace outlives a killed server without loss or repeat", async () => {
  const labels = { watched: randomUUID() };
  const jobs = await Promise.all([1, 2, 3].map(() => client.start({ project: CARDS, provider: "mock", labels })));
  const told: JobEvent[] = [];
  for await (const { event } of client.watchWorkspace({ start: "oldest", labels })) {
    assert.ok(event);
    told.push(event);
    if (told.length === 1) {
      await endServer("kill");
    }
    if (told.filter(hasEnded).length === jobs.length) {
      break;
    }
  }
  await serverIsBack();
  for (const { jobId } of jobs) {
    const sequences = told.filter((event) => event.jobId === jobId).map((event) => event.sequence);
    const kept = await collect(client.watch(jobId, { afterSequence: 0 }));
    assert.deepEqual(
      sequences,
      kept.map((event) => event.sequence),
    );
  }
});

test("a download outlives a killed server, and no byte comes twice", async () => {
  const folder = await mkdtemp(join(tmpdir(), "restarts-"));
  try {
    const shot = {
      imageUri: NOISE(),
      caption: "",
      duration: seconds(4.5),
      motion: { kind: MotionKind.PAN_LEFT },
    };
    const { jobId } = await client.start({
      project: { storyboard: { shots: [shot] } },
      provider: "local",
      // A GIF of noise is large and yet made in a second.
      output: { container: Container.GIF },
    });
    const job = await client.wait(jobId);
    assert.equal(job.status, JobStatus.COMPLETED, job.errorMessage);
    assert.ok(Number(job.video?.sizeBytes) > 8_000_000, "larger than all buffers on the way");
    const received: number[] = [];
    let killing: Promise<void> | undefined;
    await client.download(jobId, join(folder, "video.mp4"), {
      onProgress: (bytes) => {
        received.push(bytes);
        killing ??= endServer("kill");
      },
    });
    await killing;
    await serverIsBack();
    const video = await readFile(join(folder, "video.mp4"));
    assert.equal(createHash("sha256").update(video).digest("hex"), job.video?.sha256);
    assert.ok(received.every((bytes, index) => index === 0 || bytes > Number(received[index - 1])));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("starts while the server restarts make one job", async () => {
  const labels = { once: randomUUID() };
  const requestId = randomUUID();
  const start = () => client.start({ project: CARDS, provider: "mock", labels, requestId });
  await endServer("kill");
  let job;
  while (!job) {
    job = await start().catch((error: unknown) => {
      assert.ok(error instanceof RenderError && error.connectionLost, String(error));
      return undefined;
    });
  }
  await serverIsBack();
  assert.equal((await start()).jobId, job.jobId);
  assert.deepEqual(
    (await collect(client.list({ labels }))).map((each) => each.jobId),
    [job.jobId],
  );
});
