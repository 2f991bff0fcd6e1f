// Every part of the client against the real service.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import {
  AlreadyExistsError,
  Artifact,
  AuthenticationError,
  ConflictError,
  hasEnded,
  InvalidRequestError,
  JobStage,
  JobStatus,
  NotFoundError,
  PermissionDeniedError,
  PreconditionError,
  ProjectStatus,
} from "render-client";

import { CARDS, collect, newClient, SMALL } from "./service.ts";

const client = newClient();
after(() => client.close());

test("a project becomes a checked video on disk", async () => {
  const folder = await mkdtemp(join(tmpdir(), "real-"));
  try {
    const project = await client.createProject(CARDS);
    const labels = { team: randomUUID() };
    const started = await client.start({
      projectId: project.projectId,
      provider: "local",
      outputs: [{ name: "small", output: SMALL }],
      labels,
    });
    const events = await collect(client.watch(started.jobId));
    assert.equal(events.at(-1)?.status, JobStatus.COMPLETED);
    const job = await client.get(started.jobId);
    const progress: [number, number][] = [];
    const onProgress = (received: number, size: number) => progress.push([received, size]);
    const path = await client.download(job.jobId, join(folder, "video.mp4"), { onProgress });
    const video = await readFile(path);
    assert.equal(BigInt(video.length), job.video?.sizeBytes);
    assert.equal(createHash("sha256").update(video).digest("hex"), job.video?.sha256);
    assert.deepEqual(progress.at(-1), [video.length, video.length]);
    const poster = await client.download(job.jobId, join(folder, "poster.jpg"), {
      artifact: Artifact.POSTER,
      output: "small",
    });
    assert.deepEqual(
      job.outputs.map((output) => output.name),
      ["small"],
    );
    assert.deepEqual((await readFile(poster)).subarray(0, 2), Buffer.from([0xff, 0xd8]));
    assert.deepEqual(
      (await collect(client.list({ labels, statuses: [JobStatus.COMPLETED] }))).map((each) => each.jobId),
      [job.jobId],
    );
    assert.equal((await client.getProject(project.projectId)).status, ProjectStatus.COMPLETED);
    await client.deleteProject(project.projectId, { deleteJobs: true });
    await assert.rejects(client.get(job.jobId), NotFoundError);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a watch tells all stages in order, sequences rising, progress never falling, and the end last", async () => {
  const { jobId } = await client.start({ project: CARDS, provider: "mock" });
  const events = await collect(client.watch(jobId, { afterSequence: 0 }));
  for (const [index, event] of events.entries()) {
    const before = events[index - 1];
    assert.ok(!before || (before.sequence < event.sequence && before.progress <= event.progress));
    assert.equal(hasEnded(event), index === events.length - 1);
  }
  assert.equal(events[0]?.status, JobStatus.PENDING);
  assert.ok(events.some((event) => event.stage === JobStage.GENERATING));
  assert.deepEqual([events.at(-1)?.status, events.at(-1)?.progress], [JobStatus.COMPLETED, 100]);
});

test("wait gives the ended job, and a watch that had seen the end is told it again", async () => {
  const job = await client.wait((await client.start({ project: CARDS, provider: "mock" })).jobId);
  assert.equal(job.status, JobStatus.COMPLETED);
  assert.deepEqual(job.videoUrls, [`https://example.com/mock-videos/${job.taskId}.mp4`]);
  const again = await collect(client.watch(job.jobId, { afterSequence: job.sequence }));
  assert.deepEqual(
    again.map((event) => event.sequence),
    [job.sequence],
  );
});

test("pages are walked to the end", async () => {
  const labels = { batch: randomUUID() };
  const started: string[] = [];
  for (let count = 0; count < 105; count += 1) {
    started.unshift((await client.start({ project: CARDS, provider: "mock", labels })).jobId);
  }
  const listed = (await collect(client.list({ labels }))).map((job) => job.jobId);
  await Promise.all(started.map((jobId) => client.cancel(jobId)));
  assert.deepEqual(listed, started);
});

test("a cancelled job ends its watch", async () => {
  const { jobId } = await client.start({ project: CARDS, provider: "mock" });
  await client.cancel(jobId);
  assert.equal((await collect(client.watch(jobId))).at(-1)?.status, JobStatus.CANCELLED);
});

test("an aborted watch leaves the job alone", async () => {
  const { jobId } = await client.start({ project: CARDS, provider: "mock" });
  const controller = new AbortController();
  const watching = client.wait(jobId, { signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  await assert.rejects(watching, { name: "AbortError" });
  assert.equal((await client.wait(jobId)).status, JobStatus.COMPLETED);
});

test("a watch of the workspace tells every job's beginning and end", async () => {
  const labels = { watched: randomUUID() };
  const options = { project: CARDS, provider: "mock", labels };
  const jobs = await Promise.all([1, 2, 3].map(() => client.start(options)));
  const ended = new Map<string, JobStatus[]>(jobs.map((job) => [job.jobId, []]));
  let cursor = "";
  for await (const change of client.watchWorkspace({ start: "oldest", labels })) {
    ended.get(change.event?.jobId ?? "")?.push(change.event?.status ?? JobStatus.UNSPECIFIED);
    cursor = change.cursor;
    if ([...ended.values()].every((statuses) => statuses.at(-1) === JobStatus.COMPLETED)) {
      break;
    }
  }
  assert.ok([...ended.values()].every((statuses) => statuses[0] === JobStatus.PENDING));
  const late = await client.start(options);
  for await (const change of client.watchWorkspace({ start: cursor, labels })) {
    assert.equal(change.event?.jobId, late.jobId);
    break;
  }
});

test("refusals arrive as errors with reasons", async () => {
  const absent = randomUUID();
  await assert.rejects(client.get(absent), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.deepEqual([error.reason, error.metadata], ["JOB_NOT_FOUND", { job_id: absent }]);
    return true;
  });
  await assert.rejects(client.start({ project: {}, provider: "nope" }), (error) => {
    assert.ok(error instanceof InvalidRequestError);
    assert.equal(error.reason, "INVALID_FIELD");
    assert.deepEqual(
      error.fieldFaults.map((fault) => fault.field),
      ["project.storyboard.shots", "provider"],
    );
    assert.ok(error.fieldFaults.every((fault) => fault.description));
    return true;
  });
  const job = await client.start({ project: CARDS, provider: "mock" });
  await assert.rejects(client.createDownloadUrl(job.jobId), (error) => {
    return error instanceof PreconditionError && error.reason === "VIDEO_NOT_READY";
  });
  await assert.rejects(client.deleteJob(job.jobId), { reason: "JOB_NOT_ENDED" });
  const reused = client.start({ project: CARDS, provider: "local", requestId: job.requestId });
  await assert.rejects(
    reused,
    (error) => error instanceof AlreadyExistsError && error.metadata["job_id"] === job.jobId,
  );
  const again = await client.start({ project: CARDS, provider: "mock", requestId: job.requestId });
  assert.equal(again.jobId, job.jobId);

  using unknown = newClient({ token: "wrong" });
  await assert.rejects(unknown.get(absent), AuthenticationError);
  await assert.rejects(unknown.wait(absent), AuthenticationError);
  using stranger = newClient({ workspace: "foreign" });
  await assert.rejects(stranger.get(absent), PermissionDeniedError);
});

test("two people do not overwrite each other's project", async () => {
  const { projectId } = await client.createProject(CARDS);
  const [mine, theirs] = [await client.getProject(projectId), await client.getProject(projectId)];
  await client.updateProject({ ...theirs, title: "Theirs" });
  await assert.rejects(client.updateProject({ ...mine, title: "Mine" }), ConflictError);
  assert.ok((await collect(client.listProjects())).some((project) => project.projectId === projectId));
  await client.deleteProject(projectId);
  await assert.rejects(client.getProject(projectId), { reason: "PROJECT_NOT_FOUND" });
});

test("an estimate starts nothing", async () => {
  const labels = { estimated: randomUUID() };
  await client.estimate({ project: CARDS, provider: "local", labels });
  await assert.rejects(client.estimate({ project: {}, provider: "local" }), InvalidRequestError);
  assert.deepEqual(await collect(client.list({ labels })), []);
});
