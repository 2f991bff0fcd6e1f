// The HTTP port of the service with Connect's own client, as web pages call it: over HTTP/1.1, in JSON and in protobuf.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

import { JobStatus, RenderService } from "render-client/v1";

const workspaceId = process.env["RENDER_WORKSPACE"] ?? "";
const headers = { Authorization: `Bearer ${process.env["RENDER_TOKEN"] ?? ""}` };
const project = { title: "Connect", storyboard: { shots: [{ id: "one", caption: "One" }] } };

for (const useBinaryFormat of [true, false]) {
  const transport = createConnectTransport({
    baseUrl: process.env["RENDER_HTTP_URL"] ?? "",
    httpVersion: "1.1",
    useBinaryFormat,
  });
  const client = createClient(RenderService, transport);
  const format = useBinaryFormat ? "protobuf" : "JSON";

  test(`a job is started and watched to its end in ${format}`, async () => {
    const source = { case: "project" as const, value: project };
    const request = { workspaceId, source, provider: "mock", requestId: randomUUID() };
    const { job } = await client.startRender(request, { headers });
    const jobId = job?.jobId ?? "";
    const again = await client.startRender(request, { headers });
    assert.equal(again.job?.jobId, jobId);
    let last: JobStatus | undefined;
    for await (const { update } of client.watchProgress({ workspaceId, jobId }, { headers })) {
      last = update.case === "event" ? update.value.status : last;
    }
    assert.equal(last, JobStatus.COMPLETED);
  });

  test(`errors have their codes and details in ${format}`, async () => {
    const missing = { workspaceId, jobId: randomUUID() };
    const isNotFound = (error: unknown) =>
      error instanceof ConnectError && error.code === Code.NotFound && error.details.length > 0;
    await assert.rejects(client.getJob(missing, { headers }), isNotFound);
    await assert.rejects(async () => {
      for await (const _ of client.watchProgress(missing, { headers })) {
        assert.fail("there is nothing to watch");
      }
    }, isNotFound);
    await assert.rejects(
      client.getJob(missing),
      (error) => error instanceof ConnectError && error.code === Code.Unauthenticated,
    );
  });
}
