// A caller's main job in JavaScript, run with old and new versions of Node.js, as an ES module and as CommonJS would.
//
//     node program.mjs import|require TARGET FOLDER

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const [how, address, folder] = process.argv.slice(2);
const library =
  how === "require" ? createRequire(import.meta.url)("render-client") : await import("render-client");
const { InvalidRequestError, JobFailedError, JobStatus, NotFoundError, RenderClient, seconds, toSeconds } = library;

const client = new RenderClient({ address, token: "a-token" });
const shots = [{ caption: "sea", duration: seconds(1.5) }];
assert.equal(toSeconds(shots[0].duration), 1.5);
const path = join(folder, `${how}.mp4`);
const seen = [];
const onProgress = (event) => seen.push(event.sequence);
const job = await client.render(path, { project: { title: "Sea", storyboard: { shots } }, onProgress });
assert.ok(seen.length > 0);
assert.deepEqual(seen, [...new Set(seen)].sort((one, other) => Number(one - other)));
assert.equal((await client.get(job.jobId)).status, JobStatus.COMPLETED);
assert.ok((await readFile(path)).length > 0);
for await (const listed of client.list({ statuses: [JobStatus.COMPLETED] })) {
  assert.equal(listed.status, JobStatus.COMPLETED);
}
for (const [title, kind, reason] of [
  ["refused", InvalidRequestError, "INVALID_FIELD"],
  ["fails", JobFailedError, "ASSET_INVALID"],
]) {
  await assert.rejects(client.render(join(folder, "no"), { project: { title } }), (error) => {
    assert.ok(error instanceof kind, String(error));
    assert.equal(error.reason, reason);
    return true;
  });
}
await assert.rejects(client.get("nothing"), NotFoundError);
client.close();
console.log(`node ${process.versions.node}, ${how}: right`);
