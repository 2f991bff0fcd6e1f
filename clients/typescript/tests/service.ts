// The real service that a test calls, as its starter tells in the environment, and what the starter can do with it.

import { RenderClient } from "render-client";

function setting(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is missing: these tests are started by tests/e2e/test_typescript.py`);
  }
  return value;
}

/** A client of the service. */
export function newClient(options: { token?: string; workspace?: string } = {}): RenderClient {
  return new RenderClient({
    address: setting("RENDER_TARGET"),
    token: setting("RENDER_TOKEN"),
    workspace: setting("RENDER_WORKSPACE"),
    ...options,
  });
}

/** Address of a picture that no encoder can make small, so that its video is large. */
export const NOISE = () => setting("RENDER_NOISE");

/** Kill the server, or ask it to stop; it is started again at once. */
export async function endServer(how: "kill" | "stop"): Promise<void> {
  await control(how);
}

/** Wait until the server that was started again serves. */
export async function serverIsBack(): Promise<void> {
  await control("wait");
}

async function control(command: string): Promise<void> {
  const response = await fetch(`${setting("RENDER_CONTROL")}/${command}`, { method: "POST" });
  if (!response.ok) {
    throw new Error(`${command}: ${response.status}`);
  }
}

/** A project of one card, and an output that is soon made. */
export const CARDS = {
  title: "Cards",
  storyboard: { shots: [{ visualDescription: "One", duration: { seconds: 1n } }] },
};
export const SMALL = { frame: { case: "size" as const, value: { width: 320, height: 180 } } };

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}
