// Watches: ordered, unique, resumed, and over with the end alone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  DeadlineError,
  JobStatus,
  NotFoundError,
  OutOfRangeError,
  RenderClient,
  UnavailableError,
  WatchProgressResponseSchema,
  WatchWorkspaceResponseSchema,
} from "render-client";
import { Code, ConnectError } from "@connectrpc/connect";

import { FakeService, Line, unavailable } from "./fake-service.ts";

const HEARTBEAT = create(WatchProgressResponseSchema, { update: { case: "heartbeat", value: timestampNow() } });

function event(sequence: number, status = JobStatus.PROCESSING) {
  const value = { sequence: BigInt(sequence), status };
  return create(WatchProgressResponseSchema, { update: { case: "event", value } });
}

async function sequences(watch: AsyncIterable<{ sequence: bigint }>): Promise<number[]> {
  const seen = [];
  for await (const { sequence } of watch) {
    seen.push(Number(sequence));
  }
  return seen;
}

test("a broken watch is resumed behind what was seen, and tells nothing twice", async () => {
  const asked: (bigint | undefined)[] = [];
  await using service = await FakeService.start({
    async *watchProgress(request) {
      asked.push(request.afterSequence);
      switch (asked.length) {
        case 1:
          yield event(2);
          yield HEARTBEAT;
          yield event(5);
          throw unavailable();
        case 2:
          // Once more what was told, then an end without the end.
          yield event(5);
          yield event(6);
          return;
        case 3:
          service.breakConnections();
          yield HEARTBEAT;
          return;
        default:
          yield event(9, JobStatus.FAILED);
      }
    },
  });
  using client = service.client();
  assert.deepEqual(await sequences(client.watch("a-job")), [2, 5, 6, 9]);
  assert.deepEqual(asked, [undefined, 5n, 6n, 6n]);
});

test("a watch begins behind the given sequence, and tells an end that was seen before", async () => {
  await using service = await FakeService.start({
    async *watchProgress(request) {
      assert.equal(request.afterSequence, 9n);
      yield event(9, JobStatus.COMPLETED);
    },
  });
  using client = service.client();
  assert.deepEqual(await sequences(client.watch("a-job", { afterSequence: 9 })), [9]);
});

test("a refused watch is not repeated", async () => {
  let calls = 0;
  await using service = await FakeService.start({
    async *watchProgress() {
      calls += 1;
      throw new ConnectError("no such job", Code.NotFound);
    },
  });
  using client = service.client();
  await assert.rejects(sequences(client.watch("a-job")), NotFoundError);
  assert.equal(calls, 1);
});

test("no watch keeps a program alive that is over, left or forgotten", async () => {
  await using service = await FakeService.start({
    async *watchProgress() {
      yield event(1);
      yield event(2, JobStatus.COMPLETED);
    },
  });
  const client = service.client();
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  assert.deepEqual(await sequences(client.watch("a-job", { timeoutMs: 60_000 })), [1, 2]);
  for await (const _ of client.watch("a-job", { timeoutMs: 60_000 })) {
    break;
  }
  await client.watch("a-job", { timeoutMs: 60_000 }).next();
  client.close();
  assert.equal(timers(), before);
});

test("who leaves the loop closes the watch", async () => {
  let closed: (() => void) | undefined;
  const closing = new Promise<void>((resolve) => (closed = resolve));
  await using service = await FakeService.start({
    async *watchProgress(_, context) {
      context.signal.addEventListener("abort", () => closed?.());
      yield event(1);
      await closing;
    },
  });
  using client = service.client();
  for await (const { sequence } of client.watch("a-job")) {
    assert.equal(sequence, 1n);
    break;
  }
  await closing;
});

test("an aborted watch ends with the signal's reason", async () => {
  await using service = await FakeService.start({
    async *watchProgress(_, context) {
      yield event(1);
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    },
  });
  using client = service.client();
  const controller = new AbortController();
  const seen: bigint[] = [];
  const watching = (async () => {
    for await (const { sequence } of client.watch("a-job", { signal: controller.signal })) {
      seen.push(sequence);
      setImmediate(() => controller.abort());
    }
  })();
  await assert.rejects(watching, { name: "AbortError" });
  assert.deepEqual(seen, [1n]);
});

test("a watch without an end has one at its deadline", async () => {
  await using service = await FakeService.start({
    async *watchProgress(_, context) {
      yield event(1);
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    },
  });
  using client = service.client();
  await assert.rejects(client.wait("a-job", { timeoutMs: 100 }), DeadlineError);
});

test("a watch gives up once there was no sign of life for long enough", async () => {
  await using service = await FakeService.start({
    async *watchProgress() {
      yield event(1);
      throw unavailable();
    },
  });
  using client = service.client({ retry: { giveUpAfterMs: 0 } });
  await assert.rejects(sequences(client.watch("a-job")), UnavailableError);
});

test("a caller who takes long over an event does not lose the watch for it", async () => {
  let calls = 0;
  await using service = await FakeService.start({
    async *watchProgress() {
      calls += 1;
      if (calls === 2) {
        yield event(2, JobStatus.COMPLETED);
        return;
      }
      yield event(1);
      throw unavailable();
    },
  });
  using client = service.client({ retry: { giveUpAfterMs: 500 } });
  const seen: bigint[] = [];
  for await (const { sequence } of client.watch("a-job")) {
    seen.push(sequence);
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
  assert.deepEqual(seen, [1n, 2n]);
});

test("a silent watch is taken up anew now and then, where it stands", async () => {
  const asked: (bigint | undefined)[] = [];
  await using service = await FakeService.start({
    async *watchProgress(request, context) {
      asked.push(request.afterSequence);
      if (asked.length < 3) {
        yield event(asked.length);
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }
      yield event(3, JobStatus.COMPLETED);
    },
  });
  using client = service.client({ retry: { longestStreamMs: 300 } });
  assert.deepEqual(await sequences(client.watch("a-job")), [1, 2, 3]);
  assert.deepEqual(asked, [undefined, 1n, 2n]);
});

test("a frozen server is noticed by its missing pongs, and the watch goes on elsewhere", async () => {
  let calls = 0;
  await using service = await FakeService.start({
    async *watchProgress(_, context) {
      calls += 1;
      if (calls === 1) {
        yield event(1);
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }
      yield event(2, JobStatus.COMPLETED);
    },
  });
  using line = await Line.to(service);
  using client = new RenderClient({
    address: line.address,
    keepAlive: { intervalMs: 200, timeoutMs: 1000 },
    retry: { firstDelayMs: 5 },
  });
  const seen: bigint[] = [];
  for await (const { sequence } of client.watch("a-job", { timeoutMs: 60_000 })) {
    seen.push(sequence);
    if (seen.length === 1) {
      line.freeze();
    }
  }
  assert.deepEqual(seen, [1n, 2n]);
});

test("a watch of the workspace resumes behind its last cursor, heartbeats included", async () => {
  const starts: unknown[] = [];
  const message = (cursor: string, sequence?: number) =>
    create(WatchWorkspaceResponseSchema, {
      cursor,
      update: sequence
        ? { case: "event", value: { sequence: BigInt(sequence) } }
        : { case: "heartbeat", value: timestampNow() },
    });
  await using service = await FakeService.start({
    async *watchWorkspace(request) {
      starts.push(request.start.value);
      if (starts.length === 3) {
        throw new ConnectError("too late", Code.OutOfRange);
      }
      yield message(`h${starts.length}`);
      yield message(`e${starts.length}`, starts.length);
      yield message(`i${starts.length}`);
      throw unavailable();
    },
  });
  using client = service.client();
  const told: [string, boolean][] = [];
  const watching = (async () => {
    for await (const { cursor, event } of client.watchWorkspace({ start: "oldest", heartbeats: true })) {
      told.push([cursor, event !== undefined]);
    }
  })();
  await assert.rejects(watching, OutOfRangeError);
  assert.deepEqual(starts, [true, "i1", "i2"]);
  assert.deepEqual(told, [
    ["h1", false],
    ["e1", true],
    ["i1", false],
    ["h2", false],
    ["e2", true],
    ["i2", false],
  ]);
});
