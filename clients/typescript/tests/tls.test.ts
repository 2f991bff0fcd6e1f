// Protected lines: the server is known by its certificate, and the client by its own where the server asks for it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { RenderClient, UnavailableError } from "render-client";

import { collect } from "./service.ts";

const { RENDER_TARGET: address = "", RENDER_TLS_FOLDER: folder = "" } = process.env;
const token = process.env["RENDER_TOKEN"];
const retry = { firstDelayMs: 5, callAttempts: 2 };
const pem = (name: string) => readFileSync(`${folder}/${name}.pem`);
const own = { certificateChain: pem("client"), privateKey: pem("client-key") };

test("a call reaches the server whose authority is trusted", async () => {
  const tls = { rootCertificates: pem("authority"), ...own };
  using byName = new RenderClient({
    address: address.replace("127.0.0.1", "localhost"),
    workspace: "team",
    token,
    tls,
  });
  assert.deepEqual(await collect(byName.list()), []);
  using byAddress = new RenderClient({ address, workspace: "team", token, tls: { ...tls, serverName: "localhost" } });
  assert.deepEqual(await collect(byAddress.list()), []);
});

test("nothing is said to a server that is not trusted, has another name, or wants a certificate", async () => {
  const refused = async (tls: ConstructorParameters<typeof RenderClient>[0]["tls"], says: RegExp) => {
    using client = new RenderClient({ address, workspace: "team", token, tls, retry });
    await assert.rejects(collect(client.list()), (error) => {
      assert.ok(error instanceof UnavailableError);
      assert.match(error.message, says);
      return true;
    });
  };
  await refused({ ...own, serverName: "localhost" }, /^the server's certificate is not signed by a trusted authority/);
  await refused({ ...own, rootCertificates: pem("stranger"), serverName: "localhost" }, /certificate/);
  await refused(
    { ...own, rootCertificates: pem("authority"), serverName: "render.example" },
    /^the server's certificate is for another name; .*altnames/,
  );
  await refused({ rootCertificates: pem("authority"), serverName: "localhost" }, /./);
  await refused(false, /./);
});
