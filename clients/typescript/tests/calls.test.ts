// Plain calls: deadlines, retries where they are safe, interruption, errors.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Code, ConnectError } from "@connectrpc/connect";
import {
  ClientClosedError,
  DeadlineError,
  InvalidRequestError,
  JobStatus,
  BatchService,
  BatchState,
  BrandService,
  ProjectService,
  RenderClient,
  RenderError,
  RenderService,
  ServiceError,
  UnavailableError,
  WebhookService,
} from "render-client";

import { FakeService, Line, unavailable } from "./fake-service.ts";

const CARDS = { storyboard: { shots: [{ visualDescription: "One" }] } };

test("a start that is repeated keeps its request id, so that it starts one job", async () => {
  const ids: string[] = [];
  await using service = await FakeService.start({
    startRender(request) {
      ids.push(request.requestId);
      if (ids.length < 3) {
        throw unavailable();
      }
      return { job: { jobId: "a-job", requestId: request.requestId } };
    },
  });
  using client = service.client();
  const job = await client.start({ project: CARDS });
  assert.equal(job.jobId, "a-job");
  assert.match(job.requestId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(ids, [job.requestId, job.requestId, job.requestId]);
});

test("a call that might do its work twice is sent once", async () => {
  let calls = 0;
  await using service = await FakeService.start({
    createProject() {
      calls += 1;
      throw unavailable();
    },
  });
  using client = service.client();
  await assert.rejects(client.createProject({}), UnavailableError);
  assert.equal(calls, 1);
});

test("a refusal is not repeated", async () => {
  let calls = 0;
  await using service = await FakeService.start({
    getJob() {
      calls += 1;
      throw new ConnectError("a bug", Code.Unimplemented);
    },
  });
  using client = service.client();
  await assert.rejects(client.get("a-job"), ServiceError);
  assert.equal(calls, 1);
});

test("a retry waits as long as the service asks", async () => {
  const times: number[] = [];
  await using service = await FakeService.start({
    getJob() {
      times.push(performance.now());
      if (times.length === 1) {
        throw unavailable(300);
      }
      return { job: { jobId: "a-job" } };
    },
  });
  using client = service.client();
  await client.get("a-job");
  assert.equal(times.length, 2);
  assert.ok(Number(times[1]) - Number(times[0]) >= 299);
});

test("a call without an answer ends at its deadline, which the service is told", async () => {
  let told: number | undefined;
  await using service = await FakeService.start({
    async getJob(_, context) {
      told = context.timeoutMs();
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      throw unavailable();
    },
  });
  using client = service.client({ timeoutMs: 500 });
  await assert.rejects(client.get("a-job"), DeadlineError);
  assert.ok(told !== undefined && told > 0 && told <= 500);
  await assert.rejects(client.get("a-job", { timeoutMs: 20 }), DeadlineError);
});

test("a deadline further away than timers reach is no deadline at once", async () => {
  await using service = await FakeService.start({ getJob: () => ({ job: { jobId: "a-job" } }) });
  using client = service.client({ timeoutMs: 2 ** 40 });
  assert.equal((await client.get("a-job")).jobId, "a-job");
});

test("an aborted call ends at once with the signal's reason, also between two tries", async () => {
  const controller = new AbortController();
  const reason = new Error("the user went away");
  await using service = await FakeService.start({
    getJob() {
      setImmediate(() => controller.abort(reason));
      throw unavailable(60_000);
    },
  });
  using client = service.client({ timeoutMs: 300_000 });
  await assert.rejects(client.get("a-job", { signal: controller.signal }), reason);
  await assert.rejects(client.get("a-job", { signal: controller.signal }), reason);
});

test("calls of a closed client end, those under way too", async () => {
  await using service = await FakeService.start({
    async getJob(_, context) {
      setImmediate(() => client.close());
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      return {};
    },
  });
  const client = service.client();
  await assert.rejects(client.get("a-job"), ClientClosedError);
  await assert.rejects(client.get("a-job"), ClientClosedError);
});

test("a wrong address is told, not waited for", async () => {
  await using service = await FakeService.start({});
  const { address } = service;
  await service[Symbol.asyncDispose]();
  const patience = { retry: { firstDelayMs: 5 } };
  using client = new RenderClient({ address, ...patience });
  await assert.rejects(client.get("a-job"), { name: "UnavailableError", message: /ECONNREFUSED/ });
  await assert.rejects(client.watch("a-job").next(), UnavailableError);
  // A name of two addresses fails with two errors at once, and no message of its own.
  using byName = new RenderClient({ address: address.replace("127.0.0.1", "localhost"), ...patience });
  await assert.rejects(byName.get("a-job"), { name: "UnavailableError", message: /ECONNREFUSED/ });
});

test("a value that no message can hold is refused before anything is sent", async () => {
  using client = new RenderClient({ address: "127.0.0.1:9" });
  const refused = client.start({ project: CARDS, priority: 1.5 });
  await assert.rejects(refused, (error) => error instanceof InvalidRequestError && error.message.includes("priority"));
  const neither = client.start({} as Parameters<RenderClient["start"]>[0]);
  await assert.rejects(neither, TypeError);
});

test("a broken connection ends no call that can be repeated", async () => {
  let calls = 0;
  await using service = await FakeService.start({
    async getJob() {
      calls += 1;
      if (calls === 1) {
        service.breakConnections();
      }
      return { job: { jobId: "a-job" } };
    },
  });
  using client = service.client();
  assert.equal((await client.get("a-job")).jobId, "a-job");
  assert.equal(calls, 2);
});

test("a connection that died while nothing was said is replaced within the call", async () => {
  await using service = await FakeService.start({ getJob: () => ({ job: { jobId: "a-job" } }) });
  using line = await Line.to(service);
  using client = new RenderClient({ address: line.address, keepAlive: { intervalMs: 50, timeoutMs: 500 } });
  await client.get("a-job");
  line.freeze();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await client.get("a-job")).jobId, "a-job");
});

test("calls carry token, workspace, and what is asked for anew each time", async () => {
  const told: unknown[] = [];
  await using service = await FakeService.start({
    getJob(request, { requestHeader }) {
      told.push([request.workspaceId, requestHeader.get("authorization"), requestHeader.get("traceparent")]);
      if (told.length === 1) {
        throw unavailable();
      }
      return { job: {} };
    },
  });
  let calls = 0;
  const metadata = () => ({ traceparent: `trace-${(calls += 1)}` });
  using client = service.client({ token: "rk_example", workspace: "films", metadata });
  await client.get("a-job");
  assert.deepEqual(told, [
    ["films", "Bearer rk_example", "trace-1"],
    ["films", "Bearer rk_example", "trace-2"],
  ]);
});

test("every RPC of the contract is called by a method", async () => {
  const called = new Set<string>();
  const services = [RenderService, ProjectService, WebhookService, BrandService, BatchService];
  const methods = services.flatMap((service) => service.methods);
  const answers = Object.fromEntries(
    methods.map((method) => [
      method.localName,
      method.methodKind === "unary"
        ? () => {
            called.add(method.name);
            return { job: {}, project: {}, webhook: {}, delivery: {}, brandKit: {}, batch: {}, font: {} };
          }
        : async function* () {
            called.add(method.name);
            yield {
              update: { case: "event", value: { status: JobStatus.COMPLETED } },
              sizeBytes: 1n,
              data: Buffer.alloc(1),
            };
          },
    ]),
  );
  await using service = await FakeService.start({
    ...answers,
    async *watchBatch() {
      called.add("WatchBatch");
      yield { update: { case: "batch", value: { state: BatchState.COMPLETED } } };
    },
  });
  using client = service.client();
  const folder = await mkdtemp(join(tmpdir(), "calls-"));
  try {
    await client.start({ project: CARDS });
    await client.wait("a-job");
    await client.cancel("a-job");
    await client.list().next();
    await client.listVoices().next();
    await client.frame({ source: { case: "project", value: CARDS } });
    await client.watchWorkspace().next();
    await client.download("a-job", join(folder, "video.mp4"));
    await client.createDownloadUrl("a-job");
    await client.deleteJob("a-job");
    await client.createProject({});
    await client.getProject("a-project");
    await client.updateProject({});
    await client.listProjects().next();
    await client.deleteProject("a-project");
    await client.createBrandKit({ name: "acme" });
    await client.getBrandKit("acme");
    await client.updateBrandKit({ name: "acme" });
    await client.listBrandKits();
    await client.deleteBrandKit("acme");
    await client.batches.start({ projectId: "a-project", rows: [{ variables: { name: "Ada" } }] });
    await client.batches.get("a-batch");
    await client.batches.list().next();
    await client.batches.watch("a-batch").next();
    await client.batches.cancel("a-batch");
    await client.batches.retry("a-batch");
    await client.uploadFont(new Uint8Array(1), { family: "Acme Sans" });
    await client.getFont("a-font");
    await client.listFonts();
    await client.deleteFont("a-font");
    await client.createWebhook({ url: "https://example.com/" });
    await client.listWebhooks();
    await client.webhookSecret();
    await client.listWebhookDeliveries().next();
    await client.redeliverWebhook("a-delivery");
    await client.deleteWebhook("a-webhook");
  } finally {
    await rm(folder, { recursive: true });
  }
  assert.deepEqual([...called].sort(), methods.map((method) => method.name).sort());
});

test("a client without calls does not keep a program alive", async () => {
  await using service = await FakeService.start({ getJob: () => ({ job: {} }) });
  const client = service.client();
  await client.get("a-job");
  const handles = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
  assert.deepEqual(handles, []);
  client.close();
});

test("every error is a RenderError", () => {
  assert.ok(new ClientClosedError() instanceof RenderError);
  assert.equal(new ClientClosedError().name, "ClientClosedError");
});
