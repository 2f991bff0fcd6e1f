"""`python -m tests.robustness`: break the service on purpose and say whether it kept its promises."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.robustness.campaign import Plan, Result, run_campaign
from tests.robustness.report import report


def main() -> int:
    """Run a campaign; 0 where every promise was kept and every target reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--jobs", type=int, default=2_000, help="jobs to start")
    parser.add_argument("--kills", type=int, default=100, help="processes to kill")
    parser.add_argument("--watchers", type=int, default=200, help="concurrent watchers")
    parser.add_argument("--keep", type=Path, help="a folder for data and logs, kept afterwards")
    arguments = parser.parse_args()
    plan = Plan(arguments.seed, arguments.jobs, arguments.kills, arguments.watchers)
    print(f"Seed {plan.seed}: {plan.jobs} jobs, {plan.kills} kills, {plan.watchers} watchers.", file=sys.stderr)
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="render-"))
    result = uvloop.run(run_campaign(plan, folder))
    _demand(result)
    print(report(result))
    if arguments.keep is None and result.kept:
        shutil.rmtree(folder, ignore_errors=True)
    elif not result.kept:
        print(f"Data and logs: {folder}", file=sys.stderr)
    return 0 if result.kept else 1


def _demand(result: Result) -> None:
    """A run that was smaller than planned proves less than it says."""
    plan = result.plan
    for what, reached, wanted in (
        ("jobs acknowledged", result.acknowledged, plan.jobs),
        ("kills", result.kills, plan.kills),
        ("concurrent watchers", result.most_watching, plan.watchers),
    ):
        if reached < wanted:
            result.unmet.append(f"{reached} {what} instead of {wanted}")


if __name__ == "__main__":
    sys.exit(main())
