// Durations, as people write them.

import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";

/** A duration of so many seconds, such as `seconds(2.5)`; kept to the microsecond. */
export function seconds(value: number): Duration {
  const microseconds = Math.round(value * 1e6);
  return create(DurationSchema, {
    seconds: BigInt(Math.trunc(microseconds / 1e6)),
    nanos: (microseconds % 1e6) * 1000,
  });
}
