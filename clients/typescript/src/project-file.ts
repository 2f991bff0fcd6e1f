// Reads project files: the JSON form of `render.v1.Project`.

import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { fromJson, type JsonValue } from "@bufbuild/protobuf";

import { type Project, ProjectSchema } from "./gen/render/v1/project_pb.js";

/** A project file is no project; the message names the file and, where known, the field. */
export class ProjectFileError extends Error {
  override readonly name = "ProjectFileError";
}

/**
 * Reads a project file.
 *
 * The file is the JSON form of `render.v1.Project` (https://protobuf.dev/programming-guides/json/), in which lines that
 * begin with `//` are comments. Addresses without a scheme are paths of files, relative to the project file's folder,
 * and become `file://` addresses.
 *
 * @param path The file, UTF-8.
 * @throws ProjectFileError If the file cannot be read, is no JSON, has unknown fields or wrong values, or names a file
 *   that is not there.
 */
export async function loadProject(path: string): Promise<Project> {
  try {
    const text = await readFile(path, "utf8");
    // A JSON text cannot run over a line's end, so this never cuts one.
    const json = JSON.parse(text.replace(/^\uFEFF/, "").replace(/^[ \t]*\/\/.*$/gm, "")) as JsonValue;
    const project = fromJson(ProjectSchema, json);
    await resolveAddresses(project, dirname(resolve(path)), "");
    return project;
  } catch (error) {
    throw new ProjectFileError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function resolveAddresses(value: object, folder: string, place: string): Promise<void> {
  for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
    const here = Array.isArray(value) ? `${place}[${name}]` : place ? `${place}.${name}` : name;
    if (typeof inner === "object" && inner !== null) {
      await resolveAddresses(inner, folder, here);
    } else if (typeof inner === "string" && inner && (name === "uri" || name.endsWith("Uri"))) {
      Object.assign(value, { [name]: await resolveAddress(inner, folder, here) });
    }
  }
}

async function resolveAddress(uri: string, folder: string, place: string): Promise<string> {
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri)) {
    return uri;
  }
  const file = resolve(folder, uri);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    throw new ProjectFileError(`${place}: no such file: ${uri}`);
  }
  return pathToFileURL(file).href;
}
