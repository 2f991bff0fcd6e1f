"""A short run of what `make robustness` does at length."""

from pathlib import Path

import pytest

from tests.robustness.campaign import Plan, run_campaign
from tests.robustness.failpoints import schedule
from tests.robustness.report import report
from tests.robustness.wishes import wishes


@pytest.mark.long
async def test_whatever_is_killed_every_promise_is_kept(tmp_path: Path) -> None:
    # Of all seeds the one whose few failpoints are of the most kinds.
    plan = Plan(seed=8250, jobs=90, kills=6, watchers=40, servers=2, workers=2, mock_delay=0.2)
    result = await run_campaign(plan, tmp_path, quiet=True)
    assert result.kept, report(result)
    assert (result.acknowledged, result.kills) == (plan.jobs, plan.kills)


def test_a_seed_gives_the_same_faults_and_the_same_jobs_again() -> None:
    first, again, other = (
        (list(schedule(seed, 20, servers=2, workers=3, lease_seconds=4)), wishes(seed, 50)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]
