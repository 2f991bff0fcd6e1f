"""What a run has shown, for people."""

from collections import Counter

from tests.robustness.campaign import Result


def report(result: Result) -> str:
    """Return what a run has shown, for people; the last line is the verdict."""
    history, plan = result.history, result.plan
    statuses = Counter(row.status for row in history.jobs.values())
    attempts = Counter(min(row.attempt, 6) for row in history.jobs.values())
    connections = [connection for watch in history.watches for connection in watch.connections]
    resumed = sum(1 for connection in connections if connection.after is not None)
    events = sum(len(connection.events) for connection in connections)
    lines = [
        "",
        f"Jobs         {len(history.jobs)} made, {result.acknowledged} acknowledged: {_counts(statuses)}",
        f"Calls        {len(history.starts)} of StartRender",
        f"Attempts     {_counts(attempts)}",
        f"Failpoints   {_counts(result.failpoints)}",
        f"Killed at    {_counts(result.at_steps)}",
        f"Watches      {len(history.watches)}, at most {result.most_watching} at once",
        f"Streams      {len(connections)}, {resumed} of them resumed; {events} events received",
        f"Answers      {_counts(result.codes)}",
        f"Intrusions   {len(history.intrusions)};  stale writes {len(history.stale_writes)}",
        f"All ended    {result.recovery_seconds:.1f} s after the last fault and start; run of {result.seconds:.0f} s",
        "",
    ]
    for name, found in result.contradictions.items():
        lines.append(f"{name:14} {'kept' if not found else f'BROKEN {len(found)} times'}")
        lines += [f"    {text}" for text in found[:5]]
    lines += [f"Fault        {text}" for text in (result.faults + result.broken_parts)[:20]]
    lines += [f"Not reached  {text}" for text in result.unmet]
    broken = [name for name, found in result.contradictions.items() if found]
    lost = len(result.contradictions["Durable"])
    skipped = len(result.contradictions["Resumable"])
    missing = len(result.contradictions["EndAlwaysDelivered"])
    accepted = sum(write.accepted for write in history.stale_writes)
    kept = "KEPT" if result.kept else "NOT KEPT"
    verdict = [
        f"{lost} of {result.acknowledged} acknowledged jobs lost",
        f"{len(result.contradictions['OneEnd'])} with two ends",
        f"{accepted} of {len(history.stale_writes)} stale writes accepted",
        f"{missing} watches without their end",
        f"{skipped} with a skipped change",
        f"over {result.kills} kills and {sum(result.failpoints.values())} failpoints",
        f"with {result.most_watching} watchers",
        *([f"broken: {', '.join(broken)}"] if broken else []),
    ]
    lines += ["", f"{kept} (seed {plan.seed}): {', '.join(verdict)}"]
    return "\n".join(lines)


def _counts(counter: "Counter[str] | Counter[int]") -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items(), key=lambda item: str(item[0])))
