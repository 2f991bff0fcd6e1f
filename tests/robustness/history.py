"""What was seen while things were broken on purpose: by clients, and in the tables afterwards."""

from dataclasses import dataclass, field

ENDS = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class Start:
    """One StartRender as its caller saw it.

    `outcome` is `acknowledged` (then `job_id` is set), `reused` (the refusal REQUEST_ID_REUSED), or `unknown` (the
    connection was lost, or the service was not available). `body` names which of the possible requests was sent.
    """

    workspace: str
    request_id: str
    body: str
    outcome: str
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """One event of a watch as it arrived."""

    job_id: str
    sequence: int
    status: str
    stage: str
    progress: int
    attempt: int


@dataclass(slots=True)
class Connection:
    """One stream of a watch: from where it was asked for, what it delivered, and how it ended.

    `after` is None for a watch from the present on. `ending` is `OK`, the name of another gRPC status, or `left` where
    the watcher closed it.
    """

    after: int | None
    events: list[SeenEvent] = field(default_factory=list)
    ending: str = "left"


@dataclass(slots=True)
class Watch:
    """All connections of one watcher to one job, each resumed after the last event of the one before.

    `by` is `client` for the published client, which resumes by itself (one connection here), or `stub`.
    `unfinished` says that the watcher went away on purpose, before the end.
    """

    workspace: str
    job_id: str
    by: str
    connections: list[Connection] = field(default_factory=list)
    unfinished: bool = False


@dataclass(slots=True)
class WorkspaceWatch:
    """What one watcher of a whole workspace received from its oldest event on, resuming with cursors, in order."""

    workspace: str
    events: list[SeenEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Observation:
    """A job as GetJob, CancelJob or ListJobs answered; times in seconds on the watcher's monotonic clock."""

    job_id: str
    status: str
    sequence: int
    asked_at: float
    answered_at: float


@dataclass(frozen=True, slots=True)
class Intrusion:
    """A call from a workspace for a job that is not its own: how it was answered, ids in the text taken out.

    `absent` says that no such job exists at all: the answer must not differ.
    """

    call: str
    absent: bool
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One whole ListJobs: the ids that it returned."""

    workspace: str
    job_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class StaleWrite:
    """A write with a lease that had been taken away before, and whether it changed anything."""

    job_id: str
    write: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of `job_events`."""

    sequence: int
    milestone: int
    status: str
    stage: str
    progress: int
    attempt: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of `jobs` with its events, in order of sequence."""

    job_id: str
    workspace: str
    request_id: str
    body: str
    status: str
    sequence: int
    milestone: int
    attempt: int
    events: tuple[EventRow, ...]


@dataclass(slots=True)
class History:
    """Everything that was seen in one run."""

    starts: list[Start] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    workspace_watches: list[WorkspaceWatch] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    intrusions: list[Intrusion] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    stale_writes: list[StaleWrite] = field(default_factory=list)
    jobs: dict[str, JobRow] = field(default_factory=dict)
