// Webhooks of the real service: stored, delivered, verified, sent again.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";

import {
  AlreadyExistsError,
  NotFoundError,
  verifyWebhook,
  WebhookDeliveryState,
  WebhookVerificationError,
} from "render-client";

import { CARDS, collect, newClient } from "./service.ts";

interface Arrival {
  body: Buffer;
  headers: IncomingHttpHeaders;
}

test("a delivery is verified with the workspace's secrets, and comes again under the same id when asked for", async () => {
  const arrivals: Arrival[] = [];
  const receiver = createServer(async (request, response) => {
    arrivals.push({ body: await buffer(request), headers: request.headers });
    response.writeHead(204).end();
    receiver.emit("arrival");
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  using client = newClient();
  try {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/render`;
    const labels = { team: "webhooks" };
    const webhook = await client.createWebhook({ url, labels });
    await assert.rejects(client.createWebhook({ url }), AlreadyExistsError);
    assert.deepEqual(
      (await client.listWebhooks()).map((each) => each.url),
      [url],
    );

    let arrived = once(receiver, "arrival");
    const job = await client.wait((await client.start({ project: CARDS, provider: "mock", labels })).jobId);
    await arrived;
    const secrets = await client.webhookSecret();
    const [first] = arrivals;
    assert.ok(first);
    const { id, payload } = verifyWebhook(first.body, first.headers, secrets);
    assert.equal(payload.type, "job.completed");
    assert.deepEqual(payload.data, {
      job_id: job.jobId,
      task_id: job.taskId,
      workspace_id: job.workspaceId,
      sequence: Number(job.sequence),
      status: "COMPLETED",
      stage: null,
      progress: 100,
      message: job.message,
      attempt: job.attempt,
      error_reason: null,
      error_message: null,
      labels,
      warnings: [],
    });
    const forged = Buffer.concat([first.body, Buffer.from(" ")]);
    assert.throws(() => verifyWebhook(forged, first.headers, secrets), WebhookVerificationError);

    const [delivery] = await collect(client.listWebhookDeliveries({ jobId: job.jobId }));
    assert.ok(delivery);
    assert.deepEqual([delivery.eventId, delivery.webhookId], [id, webhook.webhookId]);
    arrived = once(receiver, "arrival");
    const again = await client.redeliverWebhook(delivery.deliveryId);
    assert.equal(again.state, WebhookDeliveryState.PENDING);
    await arrived;
    assert.equal(arrivals[1]?.headers["webhook-id"], id);

    await client.deleteWebhook(webhook.webhookId);
    await assert.rejects(client.deleteWebhook(webhook.webhookId), NotFoundError);
  } finally {
    receiver.close();
    receiver.closeAllConnections();
  }
});
