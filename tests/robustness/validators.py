"""The promises, each as a check of a recorded history; a check returns what contradicts its promise."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.robustness.history import ENDS, Connection, EventRow, History, JobRow, SeenEvent, Watch


def durable(history: History) -> Iterator[str]:
    """Acknowledged is durable: whatever StartRender answered with exists and has ended."""
    for job_id in sorted({start.job_id for start in history.starts if start.outcome == "acknowledged"}):
        row = history.jobs.get(job_id)
        if row is None:
            yield f"job {job_id} was acknowledged and does not exist"
        elif row.status not in ENDS:
            yield f"job {job_id} was acknowledged and is still {row.status}"


def idempotent(history: History) -> Iterator[str]:
    """One request_id, one job; with another body it is refused, and only then."""
    rows = defaultdict(list)
    for row in history.jobs.values():
        rows[row.workspace, row.request_id].append(row)
    for (workspace, request_id), same in rows.items():
        if len(same) > 1:
            yield f"request {request_id} of {workspace} has made {len(same)} jobs"
    sent = {(start.workspace, start.request_id) for start in history.starts}
    for key in rows.keys() - sent:
        yield f"request {key[1]} of {key[0]} was never sent and has made a job"
    for start in history.starts:
        made = rows.get((start.workspace, start.request_id), [])
        if start.outcome == "acknowledged":
            if start.job_id not in {row.job_id for row in made}:
                yield f"request {start.request_id} was answered with job {start.job_id}, which it did not make"
            if any(row.body != start.body for row in made):
                yield f"request {start.request_id} was acknowledged although its body is another one's"
        elif start.outcome == "reused" and all(row.body == start.body for row in made):
            yield f"request {start.request_id} was refused as reused although nothing else was sent under it"


def one_end(history: History) -> Iterator[str]:
    """A job reaches exactly one end and never leaves it: in history, and in the eyes of every client."""
    for row in history.jobs.values():
        ends = [event for event in row.events if event.status in ENDS]
        if len(ends) != (row.status in ENDS):
            yield f"job {row.job_id} is {row.status} and has {len(ends)} ends"
        elif ends and (ends[0] is not row.events[-1] or ends[0].status != row.status):
            yield f"job {row.job_id} is {row.status}; its end in history is {ends[0].status} at {ends[0].sequence}"
    ended_at: dict[str, float] = {}
    for observation in sorted(history.observations, key=lambda seen: seen.answered_at):
        if observation.status in ENDS:
            if (end := _end_of(history, observation.job_id)) is not None and end.status != observation.status:
                yield f"job {observation.job_id} was seen {observation.status} and has ended {end.status}"
            ended_at.setdefault(observation.job_id, observation.answered_at)
        elif observation.asked_at > ended_at.get(observation.job_id, float("inf")):
            yield f"job {observation.job_id} was seen {observation.status} after it had ended"
    for seen in _all_events(history):
        if seen.status in ENDS and (end := _end_of(history, seen.job_id)) is not None and end.status != seen.status:
            yield f"a watch of job {seen.job_id} saw {seen.status}; it has ended {end.status}"


def fenced(history: History) -> Iterator[str]:
    """A lease that was taken away changes nothing: attempts follow one another, and stale writes are refused."""
    for write in history.stale_writes:
        if write.accepted:
            yield f"job {write.job_id} was changed by {write.write} with a lease that had been taken away"
    for row in history.jobs.values():
        if [event.milestone for event in row.events] != list(range(1, len(row.events) + 1)):
            yield f"job {row.job_id} has milestones {[event.milestone for event in row.events]}"
        if row.events and (row.events[0].status, row.events[0].attempt) != ("PENDING", 0):
            yield f"job {row.job_id} began as {row.events[0].status}"
        if row.events and (row.milestone != row.events[-1].milestone or row.sequence < row.events[-1].sequence):
            yield f"job {row.job_id} is at milestone {row.milestone}, its history at {row.events[-1].milestone}"
        for before, after in pairwise(row.events):
            if not _may_follow(before, after):
                yield f"job {row.job_id} went from {_brief(before)} to {_brief(after)}"


def ordered(history: History) -> Iterator[str]:
    """Sequences rise strictly, progress never falls within an attempt, and nothing follows the end."""
    for watch, connection in _connections(history):
        for before, after in pairwise(connection.events):
            if after.sequence <= before.sequence:
                yield f"a watch of job {watch.job_id} saw {after.sequence} after {before.sequence}"
            if after.attempt == before.attempt and after.progress < before.progress:
                yield f"a watch of job {watch.job_id} fell from {before.progress} to {after.progress} %"
            if after.attempt < before.attempt:
                yield f"a watch of job {watch.job_id} went back to attempt {after.attempt}"
            if before.status in ENDS:
                yield f"a watch of job {watch.job_id} saw {after.status} after its end"
    for workspace_watch in history.workspace_watches:
        known: dict[str, int] = {}
        for event in workspace_watch.events:
            if event.sequence < known.get(event.job_id, 0):
                yield f"a watch of {workspace_watch.workspace} saw job {event.job_id} out of order at {event.sequence}"
            known[event.job_id] = event.sequence


def unique(history: History) -> Iterator[str]:
    """Nothing is delivered twice unless asked for again, and one sequence means the same change to everybody."""
    meaning: dict[tuple[str, int], tuple[str, str, int, int]] = {}
    for row in history.jobs.values():
        for event in row.events:
            meaning[row.job_id, event.sequence] = (event.status, event.stage, event.progress, event.attempt)
    for watch, connection in _connections(history):
        numbers = [seen.sequence for seen in connection.events]
        if len(set(numbers)) != len(numbers):
            yield f"a watch of job {watch.job_id} saw a sequence twice"
        for seen in connection.events:
            # The end alone is delivered also to those who say that they know it: a watch never ends without.
            if connection.after is not None and seen.sequence <= connection.after and seen.status not in ENDS:
                yield f"a watch of job {watch.job_id} after {connection.after} saw {seen.sequence}"
            content = (seen.status, seen.stage, seen.progress, seen.attempt)
            if meaning.setdefault((watch.job_id, seen.sequence), content) != content:
                known = meaning[watch.job_id, seen.sequence]
                yield f"job {watch.job_id} at {seen.sequence} was delivered as {content} and as {known}"
    for workspace_watch in history.workspace_watches:
        for (job_id, sequence), count in Counter((t.job_id, t.sequence) for t in workspace_watch.events).items():
            if count > 1:
                yield f"a watch of {workspace_watch.workspace} saw job {job_id} at {sequence} {count} times"
        for seen in workspace_watch.events:
            content = (seen.status, seen.stage, seen.progress, seen.attempt)
            if meaning.setdefault((seen.job_id, seen.sequence), content) != content:
                yield f"a watch of {workspace_watch.workspace} saw job {seen.job_id} at {seen.sequence} as {content}"


def resumable(history: History) -> Iterator[str]:
    """No change of state or stage is skipped between where a watch was taken up and its last event."""
    for watch, connection in _connections(history):
        row = history.jobs.get(watch.job_id)
        if row is None or not connection.events:
            continue
        known = {event.sequence for event in connection.events}
        first = connection.after if connection.after is not None else connection.events[0].sequence
        last = connection.events[-1].sequence
        missing = [event for event in row.events if first < event.sequence <= last and event.sequence not in known]
        if missing:
            yield f"a watch of job {watch.job_id} after {first} skipped {', '.join(map(_brief, missing))}"
    for workspace_watch in history.workspace_watches:
        seen = {(event.job_id, event.sequence) for event in workspace_watch.events}
        for row in history.jobs.values():
            if row.workspace == workspace_watch.workspace:
                skipped = [event for event in row.events if (row.job_id, event.sequence) not in seen]
                if skipped:
                    yield f"a watch of {row.workspace} skipped {', '.join(map(_brief, skipped))} of job {row.job_id}"


def end_always_delivered(history: History) -> Iterator[str]:
    """A watch that ended with OK has delivered the end, and every watcher who stayed has learned it."""
    for watch in history.watches:
        for connection in watch.connections:
            if connection.ending == "OK" and not _has_end(connection):
                yield f"a watch of job {watch.job_id} ended with OK after {_last(connection)}"
        row = history.jobs.get(watch.job_id)
        if watch.unfinished or row is None or row.status not in ENDS:
            continue
        if not watch.connections or not _has_end(watch.connections[-1]):
            yield f"a watch of job {watch.job_id} never learned that it is {row.status}"


def isolated(history: History) -> Iterator[str]:
    """Workspaces are isolated from each other: other workspaces' ids answer exactly as ids that do not exist."""
    absent = {intrusion.call: (intrusion.code, intrusion.text) for intrusion in history.intrusions if intrusion.absent}
    for intrusion in history.intrusions:
        if intrusion.code != "NOT_FOUND":
            yield f"{intrusion.call} for another workspace's job answered {intrusion.code}"
        elif (intrusion.code, intrusion.text) != absent.get(intrusion.call, (intrusion.code, intrusion.text)):
            yield f"{intrusion.call} exposes another workspace's job: {intrusion.text}"
    for watch, connection in _connections(history):
        for event in connection.events:
            if event.job_id != watch.job_id:
                yield f"a watch of job {watch.job_id} saw job {event.job_id}"
        if (
            connection.events
            and (row := history.jobs.get(watch.job_id)) is not None
            and row.workspace != watch.workspace
        ):
            yield f"a watch in {watch.workspace} saw job {watch.job_id} of {row.workspace}"
    for workspace_watch in history.workspace_watches:
        for event in workspace_watch.events:
            if (row := history.jobs.get(event.job_id)) is None or row.workspace != workspace_watch.workspace:
                yield f"a watch of {workspace_watch.workspace} saw job {event.job_id}, which is not its own"
    for listing in history.listings:
        for job_id in listing.job_ids:
            if (row := history.jobs.get(job_id)) is None or row.workspace != listing.workspace:
                yield f"the list of {listing.workspace} has job {job_id}, which is not its own"


VALIDATORS: dict[str, Callable[[History], Iterator[str]]] = {
    "Durable": durable,
    "Idempotent": idempotent,
    "OneEnd": one_end,
    "Fenced": fenced,
    "Ordered": ordered,
    "Unique": unique,
    "Resumable": resumable,
    "EndAlwaysDelivered": end_always_delivered,
    "Isolated": isolated,
}


def contradictions(history: History) -> dict[str, list[str]]:
    """Return what contradicts each promise, by the promise's name; empty lists for those kept."""
    return {name: list(validate(history)) for name, validate in VALIDATORS.items()}


def _connections(history: History) -> Iterator[tuple[Watch, Connection]]:
    for watch in history.watches:
        for connection in watch.connections:
            yield watch, connection


def _all_events(history: History) -> Iterator[SeenEvent]:
    for _, connection in _connections(history):
        yield from connection.events


def _end_of(history: History, job_id: str) -> JobRow | None:
    row = history.jobs.get(job_id)
    return row if row is not None and row.status in ENDS else None


def _may_follow(before: EventRow, after: EventRow) -> bool:
    same_attempt = after.attempt == before.attempt
    if after.sequence <= before.sequence:
        return False
    match before.status, after.status:
        case "PENDING", "PROCESSING":
            return after.attempt == before.attempt + 1 and after.stage == "PREPARING"
        case "PENDING", "CANCELLED":
            return same_attempt
        case "PROCESSING", "PROCESSING" | "PENDING" | "COMPLETED" | "FAILED" | "CANCELLED":
            return same_attempt
        case _:
            return False


def _has_end(connection: Connection) -> bool:
    return bool(connection.events) and connection.events[-1].status in ENDS


def _last(connection: Connection) -> str:
    return connection.events[-1].status if connection.events else "nothing"


def _brief(event: EventRow) -> str:
    return f"{event.status} {event.stage} (attempt {event.attempt}, sequence {event.sequence})".replace("  ", " ")
