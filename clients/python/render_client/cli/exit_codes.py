"""The exit codes of `render`, for scripts."""

from __future__ import annotations

JOB_FAILED = 1
USAGE = 2
UNREACHABLE = 3
REFUSED = 4
JOB_CANCELLED = 5
INTERRUPTED = 130
# As the shell reports a program that SIGPIPE ended.
READER_GONE = 141

EXIT_CODES = (
    "Exit codes: 0 success (a watched job COMPLETED) · 1 the watched job FAILED, or `fmt --check` found a file to "
    "format · 2 invalid usage, project file or request · 3 the service did not answer in time · 4 the service refused "
    "the call, or a file could not be written · 5 the watched job was CANCELLED · 130 interrupted (the job continues) "
    "· 141 the reader of the output is gone."
)
