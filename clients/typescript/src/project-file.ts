// Reads project files: the JSON form of `render.v1.Project`.

import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { fromJson, type JsonValue } from "@bufbuild/protobuf";

import { type Project, ProjectSchema } from "./gen/render/v1/project_pb.js";

/** A project file is invalid; the message names the file and, if known, the field. */
export class ProjectFileError extends Error {
  override readonly name = "ProjectFileError";
}

/**
 * Reads a project file.
 *
 * The file is the JSON form of `render.v1.Project` (https://protobuf.dev/programming-guides/json/), in which lines that
 * begin with `//` are comments. A URI without a scheme is a path relative to the project file's folder, and becomes a
 * `file://` URI.
 *
 * @param path The file, UTF-8.
 * @throws ProjectFileError If the file cannot be read, is not JSON, has unknown fields or invalid values, or refers to a
 *   file that does not exist.
 */
export async function loadProject(path: string): Promise<Project> {
  try {
    const text = await readFile(path, "utf8");
    // A JSON string cannot span lines, so this never cuts into one.
    const json = JSON.parse(text.replace(/^\uFEFF/, "").replace(/^[ \t]*\/\/.*$/gm, "")) as JsonValue;
    const project = fromJson(ProjectSchema, json);
    await resolveUris(project, dirname(resolve(path)), "");
    return project;
  } catch (error) {
    throw new ProjectFileError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function resolveUris(value: object, folder: string, place: string): Promise<void> {
  for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
    const here = Array.isArray(value) ? `${place}[${name}]` : place ? `${place}.${name}` : name;
    if (typeof inner === "object" && inner !== null) {
      await resolveUris(inner, folder, here);
    } else if (typeof inner === "string" && inner && (name === "uri" || name.endsWith("Uri"))) {
      Object.assign(value, { [name]: await resolveUri(inner, folder, here) });
    }
  }
}

async function resolveUri(uri: string, folder: string, place: string): Promise<string> {
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
