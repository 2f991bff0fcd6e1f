// Requests from options, and results from responses.

import type { Message, MessageInitShape } from "@bufbuild/protobuf";

import { UnavailableError } from "./errors.js";
import type { StartRenderRequestSchema } from "./gen/render/v1/render_service_pb.js";
import type { CallOptions, RenderOptions } from "./options.js";

/** How many items of a list are fetched at a time. */
export const PAGE_SIZE = 100;

/** Returns the request of a render. */
export function renderRequest(
  options: RenderOptions,
): Exclude<MessageInitShape<typeof StartRenderRequestSchema>, Message> {
  const { project, projectId } = options;
  if ((project === undefined) === (projectId === undefined)) {
    throw new TypeError("give either a project or a projectId");
  }
  return {
    source:
      project === undefined
        ? { case: "projectId" as const, value: projectId }
        : { case: "project" as const, value: project },
    provider: options.provider ?? "",
    labels: options.labels ?? {},
    priority: options.priority ?? 0,
    variables: options.variables ?? {},
    ...(options.output && { output: options.output }),
    outputs: options.outputs ?? [],
    ...(options.providerOptions && { providerOptions: options.providerOptions }),
    speechProvider: options.speechProvider ?? "",
    ...(options.speechProviderOptions && { speechProviderOptions: options.speechProviderOptions }),
    ...(options.speech && { speech: options.speech }),
    ...(options.webhook && { webhook: options.webhook }),
  };
}

/** Returns the result of a response. */
export function given<T>(message: T | undefined): T {
  if (message === undefined) {
    throw new UnavailableError("the response has no result");
  }
  return message;
}

/** Returns a function that returns the options of the next of several calls, which share one timeout. */
export function countdown({ signal, timeoutMs }: CallOptions): () => CallOptions {
  const end = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  return () => ({ signal, timeoutMs: end === undefined ? undefined : end - performance.now() });
}
