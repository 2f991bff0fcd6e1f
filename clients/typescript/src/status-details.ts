// Reads the `google.rpc` details of a failed call; field numbers are those of google/rpc/error_details.proto.

import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { DurationSchema } from "@bufbuild/protobuf/wkt";

/** An invalid field of a request. */
export interface FieldFault {
  /** Path as in the proto message, such as `project.storyboard.shots[2].duration`. */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/** The details of a failed call, besides its status code and message. */
export interface StatusDetails {
  /** `google.rpc.ErrorInfo.reason`; empty if absent. */
  reason: string;
  /** `google.rpc.ErrorInfo.domain`. */
  domain: string;
  /** `google.rpc.ErrorInfo.metadata`. */
  metadata: Record<string, string>;
  /** Field violations of `google.rpc.BadRequest`, in the server's order. */
  fieldFaults: FieldFault[];
  /** Milliseconds to wait as `google.rpc.RetryInfo` says, ≥ 0; undefined if absent. */
  retryAfterMs: number | undefined;
}

/**
 * Decodes the details of a failed call.
 *
 * @param details Type names and serialized messages, as they came with the status; those of other types
 *   and malformed ones are skipped, since the code and the message are valid without them.
 */
export function decodeStatusDetails(details: Iterable<{ type: string; value: Uint8Array }>): StatusDetails {
  const found: StatusDetails = { reason: "", domain: "", metadata: {}, fieldFaults: [], retryAfterMs: undefined };
  for (const { type, value } of details) {
    try {
      switch (type) {
        case "google.rpc.ErrorInfo": {
          const info = new Fields(value);
          const entries = info.all(3).map((entry) => new Fields(entry));
          found.reason = info.text(1);
          found.domain = info.text(2);
          found.metadata = Object.fromEntries(entries.map((entry) => [entry.text(1), entry.text(2)]));
          break;
        }
        case "google.rpc.BadRequest":
          for (const violation of new Fields(value).all(1).map((each) => new Fields(each))) {
            found.fieldFaults.push({ field: violation.text(1), description: violation.text(2) });
          }
          break;
        case "google.rpc.RetryInfo": {
          const delay = fromBinary(DurationSchema, new Fields(value).last(1));
          found.retryAfterMs = Math.max(0, Number(delay.seconds) * 1000 + delay.nanos / 1e6);
          break;
        }
      }
    } catch {
      continue;
    }
  }
  return found;
}

/** The length-delimited fields of a message. */
class Fields {
  readonly #values: [number, Uint8Array][] = [];

  constructor(message: Uint8Array) {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === WireType.LengthDelimited) {
        this.#values.push([number, reader.bytes()]);
      } else {
        reader.skip(type, number);
      }
    }
  }

  all(number: number): Uint8Array[] {
    return this.#values.filter(([found]) => found === number).map(([, value]) => value);
  }

  /** The last value of a repeated field counts. */
  last(number: number): Uint8Array {
    return this.all(number).at(-1) ?? new Uint8Array();
  }

  text(number: number): string {
    return new TextDecoder().decode(this.last(number));
  }
}
