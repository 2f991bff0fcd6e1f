// Durations from and to numbers of seconds.

import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";

/** Returns a duration of `value` seconds, such as `seconds(2.5)`, rounded to microseconds. */
export function seconds(value: number): Duration {
  const microseconds = Math.round(value * 1e6);
  return create(DurationSchema, {
    seconds: BigInt(Math.trunc(microseconds / 1e6)),
    nanos: (microseconds % 1e6) * 1000,
  });
}

/** Returns a duration in seconds, such as `toSeconds(job.video.duration)`; 0 if it is absent. */
export function toSeconds(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) + duration.nanos / 1e9;
}
