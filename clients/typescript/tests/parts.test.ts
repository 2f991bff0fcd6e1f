// The parts that need no connection: backoff, details of errors, addresses, webhooks, project files.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import {
  DeadlineError,
  loadProject,
  QuotaError,
  RenderClient,
  RenderError,
  seconds,
  StatusCode,
  toSeconds,
  UnavailableError,
  verifyWebhook,
  WebhookVerificationError,
} from "render-client";

import { isLocal, parseAddress } from "../dist/esm/connection.js";
import { Attempts, DEFAULT_RETRY } from "../dist/esm/retry.js";
import { decodeStatusDetails } from "../dist/esm/status-details.js";
import { field, numberField } from "./fake-service.ts";

test("delays grow to the longest, spread by chance, and start anew after a sign of life", () => {
  const attempts = new Attempts(DEFAULT_RETRY, { clock: () => 0, jitter: () => 1 });
  const lost = new UnavailableError("gone");
  const delays = Array.from({ length: 8 }, () => attempts.delayAfter(lost));
  assert.deepEqual(delays, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  attempts.progressed();
  assert.equal(attempts.delayAfter(lost), 200);
  const lucky = new Attempts(DEFAULT_RETRY, { clock: () => 0, jitter: () => 0 });
  assert.equal(lucky.delayAfter(lost), 100);
  assert.equal(lucky.delayAfter(new UnavailableError("gone", { retryAfterMs: 5000 })), 5000);
});

test("no delay reaches beyond the deadline", () => {
  let now = 0;
  const attempts = new Attempts(DEFAULT_RETRY, { timeoutMs: 1000, clock: () => now, jitter: () => 1 });
  const lost = new UnavailableError("gone");
  assert.equal(attempts.delayAfter(lost), 200);
  now = 900;
  assert.equal(attempts.remainingMs(), 100);
  assert.throws(() => attempts.delayAfter(lost), lost);
  now = 1000;
  assert.throws(() => attempts.remainingMs(), { name: "DeadlineError" });
});

test("a stream that lasted its longest is taken up soon, and gently where it was silent", () => {
  let now = 0;
  const init = { timeoutMs: 1_000_000, longestMs: 300_000, clock: () => now, jitter: () => 1 };
  const attempts = new Attempts(DEFAULT_RETRY, init);
  const over = new DeadlineError("over");
  assert.equal(attempts.remainingMs(), 300_000);
  attempts.progressed();
  assert.deepEqual(
    [1, 2, 3].map(() => attempts.delayAfter(over)),
    [200, 200, 400],
  );
  now = 900_000;
  attempts.progressed();
  assert.equal(attempts.remainingMs(), 100_000);
  now = 1_000_000;
  assert.throws(() => attempts.delayAfter(over), over);
});

test("a stream that was open waits for its place where a quota is used up, and another one does not", () => {
  const full = new QuotaError("too many watchers", { code: StatusCode.RESOURCE_EXHAUSTED, retryAfterMs: 1000 });
  const attempts = new Attempts(DEFAULT_RETRY, { longestMs: 300_000, clock: () => 0, jitter: () => 0 });
  assert.throws(() => attempts.delayAfter(full), full);
  attempts.progressed();
  assert.equal(attempts.delayAfter(full), 1000);
  const call = new Attempts(DEFAULT_RETRY, { clock: () => 0 });
  call.progressed();
  assert.throws(() => call.delayAfter(full), full);
});

test("details of a status are read, whatever else is among them", () => {
  const entry = Buffer.concat([field(1, "shot_id"), field(2, "opening")]);
  const violation = Buffer.concat([field(1, "project.title"), field(2, "too long")]);
  const details = decodeStatusDetails([
    { type: "google.rpc.Help", value: field(1, "elsewhere") },
    { type: "google.rpc.RetryInfo", value: Uint8Array.of(0xff) },
    {
      type: "google.rpc.ErrorInfo",
      value: Buffer.concat([numberField(9, 300), field(1, "ASSET_INVALID"), field(2, "render.v1"), field(3, entry)]),
    },
    { type: "google.rpc.BadRequest", value: field(1, violation) },
    {
      type: "google.rpc.RetryInfo",
      value: field(1, Buffer.concat([numberField(1, 2), numberField(2, 500_000_000)])),
    },
  ]);
  assert.deepEqual(details, {
    reason: "ASSET_INVALID",
    domain: "render.v1",
    metadata: { shot_id: "opening" },
    fieldFaults: [{ field: "project.title", description: "too long" }],
    retryAfterMs: 2500,
  });
});

test("a lost connection is told from the service's own judgement", () => {
  const lost = (code: StatusCode, reason = "") => new RenderError("", { code, reason }).connectionLost;
  assert.ok(lost(StatusCode.UNAVAILABLE, "SHUTTING_DOWN"));
  assert.ok(lost(StatusCode.INTERNAL));
  assert.ok(!lost(StatusCode.INTERNAL, "INTERNAL"));
  assert.ok(!lost(StatusCode.NOT_FOUND));
});

test("addresses are taken as gRPC writes them", () => {
  assert.deepEqual(parseAddress("127.0.0.1:50051"), { host: "127.0.0.1", port: 50051 });
  assert.deepEqual(parseAddress("dns:///render.example.com:443"), { host: "render.example.com", port: 443 });
  assert.deepEqual(parseAddress("render.example.com"), { host: "render.example.com", port: 443 });
  assert.deepEqual(parseAddress("[::1]:50051"), { host: "::1", port: 50051 });
  assert.deepEqual(parseAddress("unix:///run/render.sock"), { path: "/run/render.sock" });
  for (const wrong of ["", "http://127.0.0.1:50051", "a:b", "::1", "host:0", "host:70000", "user@host:1"]) {
    assert.throws(() => parseAddress(wrong), TypeError, wrong);
  }
  const says = (address: string, message: RegExp) => assert.throws(() => parseAddress(address), { message });
  says(" ", /^address: empty; pass host:port or unix:PATH$/);
  says("http://127.0.0.1:50051", /is a URL; pass host:port, such as 127\.0\.0\.1:50051$/);
  says("https://render.example.com/", /is a URL; pass host:port, such as render\.example\.com:443$/);
  says("host:1\n", /must have the form host:port: "host:1\\n"$/);
});

test("only this machine itself is spoken to without TLS unasked", () => {
  const local = ["localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/run/render.sock"];
  const far = ["render.example.com:443", "127.0.0.1.example.com:1", "10.0.0.1:1", "[2001:db8::1]:1"];
  assert.deepEqual(
    [...local, ...far].filter((address) => isLocal(parseAddress(address))),
    local,
  );
});

test("wrong options are refused at once", () => {
  assert.throws(() => new RenderClient({ address: "nowhere at all" }), TypeError);
  assert.throws(() => new RenderClient({ address: "127.0.0.1:1", timeoutMs: 0 }), TypeError);
  assert.throws(() => new RenderClient({ address: "127.0.0.1:1", token: "rk_key\n" }), {
    name: "TypeError",
    message: "token: contains a line end; pass only the token itself",
  });
});

test("durations are kept to the microsecond", () => {
  const parts = (value: number) => [seconds(value).seconds, seconds(value).nanos];
  assert.deepEqual(parts(2.5), [2n, 500_000_000]);
  assert.deepEqual(parts(0.1 + 0.2), [0n, 300_000_000]);
  assert.deepEqual(parts(600), [600n, 0]);
  assert.equal(toSeconds(seconds(2.5)), 2.5);
  assert.equal(toSeconds(undefined), 0);
});

test("a webhook is verified as Standard Webhooks' own example is", () => {
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const at = { now: 1_614_265_330_000 };
  const delivered = verifyWebhook('{"test": 2432232314}', headers, secret, at);
  assert.deepEqual(delivered, {
    id: headers["webhook-id"],
    sentAt: new Date(at.now),
    payload: { test: 2432232314 },
  } as unknown);
  assert.deepEqual(verifyWebhook(Buffer.from('{"test": 2432232314}'), new Headers(headers), secret, at), delivered);
});

test("a webhook with a wrong signature, body, id, time or secret is not believed", () => {
  const key = randomBytes(24);
  const secret = `whsec_${key.toString("base64")}`;
  const timestamp = Math.floor(Date.now() / 1000);
  const sign = (time: number) => `v1,${createHmac("sha256", key).update(`evt_1.${time}.{}`).digest("base64")}`;
  const headers = { "webhook-id": "evt_1", "webhook-timestamp": `${timestamp}`, "webhook-signature": sign(timestamp) };
  const other = `whsec_${randomBytes(24).toString("base64")}`;

  verifyWebhook("{}", headers, [other, secret]);
  verifyWebhook("{}", { ...headers, "webhook-signature": `v1a,x v1,AAAA ${headers["webhook-signature"]}` }, secret);

  const refused = (body: string, changed: Record<string, string>, secrets: string | string[] = secret) =>
    assert.throws(() => verifyWebhook(body, { ...headers, ...changed }, secrets), WebhookVerificationError);
  refused("{ }", {});
  refused("{}", { "webhook-id": "evt_2" });
  refused("{}", { "webhook-signature": "" });
  refused("{}", { "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,") });
  refused("{}", {}, other);
  refused("{}", {}, []);
  for (const time of [timestamp - 301, timestamp + 301]) {
    refused("{}", { "webhook-timestamp": `${time}`, "webhook-signature": sign(time) });
  }
  refused("{}", { "webhook-timestamp": "" });
  assert.throws(() => verifyWebhook("{}", headers, "whsec_"), TypeError);
});

test("a project file may have comments, and names files beside it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "project-"));
  try {
    const path = join(folder, "project.json");
    await writeFile(join(folder, "sea.jpg"), "");
    await writeFile(
      path,
      `// A film.
      { "title": "Sea // land", "music": { "uri": "https://example.com/a.mp3" },
        // One shot.
        "storyboard": { "shots": [{ "imageUri": "sea.jpg", "duration": "2.5s" }] } }`,
    );
    const project = await loadProject(path);
    assert.equal(project.title, "Sea // land");
    assert.equal(project.music?.uri, "https://example.com/a.mp3");
    assert.equal(project.storyboard?.shots[0]?.imageUri, pathToFileURL(join(folder, "sea.jpg")).href);
    assert.deepEqual(project.storyboard?.shots[0]?.duration, seconds(2.5));

    const refused = async (text: string, says: RegExp) => {
      await writeFile(path, text);
      await assert.rejects(loadProject(path), { name: "ProjectFileError", message: says });
    };
    await refused('{ "titel": "Sea" }', /project\.json: .*titel/);
    await refused("{", /project\.json: .*JSON/);
    await refused('{ "storyboard": { "shots": [{ "imageUri": "land.jpg" }] } }', /shots\[0\]\.imageUri: .*land\.jpg/);
    await assert.rejects(loadProject(join(folder, "absent.json")), { name: "ProjectFileError" });
  } finally {
    await rm(folder, { recursive: true });
  }
});
