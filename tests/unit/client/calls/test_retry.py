"""The growing, spread and bounded delays between tries."""

import grpc
import pytest
from render_client import (
    DeadlineError,
    NotFoundError,
    QuotaError,
    RenderError,
    RetryPolicy,
    ServiceError,
    UnavailableError,
)
from render_client.retry import Attempts

LOST = UnavailableError("lost", code=grpc.StatusCode.UNAVAILABLE)


class Clock:
    """Time that passes on demand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def attempts(clock: Clock, policy: RetryPolicy | None = None, **limits: float) -> Attempts:
    most = int(limits["most"]) if "most" in limits else None
    policy = policy or RetryPolicy()
    return Attempts(
        policy,
        timeout=limits.get("timeout"),
        most=most,
        longest=limits.get("longest"),
        clock=clock,
        jitter=lambda: 1.0,
    )


def test_delays_double_up_to_the_longest() -> None:
    tries = attempts(Clock(), RetryPolicy(first_delay=1, longest_delay=10))
    assert [tries.delay_after(LOST) for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_a_sign_of_life_makes_the_delay_short_again() -> None:
    tries = attempts(Clock(), RetryPolicy(first_delay=1))
    tries.delay_after(LOST)
    tries.delay_after(LOST)
    tries.progressed()
    assert tries.delay_after(LOST) == 1


def test_jitter_spreads_a_delay_over_its_upper_half() -> None:
    policy = RetryPolicy(first_delay=1)
    spread = [Attempts(policy, jitter=lambda jitter=jitter: jitter).delay_after(LOST) for jitter in (0.0, 0.5, 1.0)]  # type: ignore[misc]
    assert spread == [0.5, 0.75, 1.0]


def test_never_comes_back_earlier_than_asked() -> None:
    asked = UnavailableError("busy", code=grpc.StatusCode.UNAVAILABLE, retry_after=7)
    tries = Attempts(RetryPolicy(), jitter=lambda: 0.0)
    assert tries.delay_after(asked) == 7


def test_only_lost_connections_are_tried_again() -> None:
    refused: list[RenderError] = [
        NotFoundError("no", code=grpc.StatusCode.NOT_FOUND),
        ServiceError("bug", code=grpc.StatusCode.INTERNAL, reason="INTERNAL"),
        DeadlineError("late", code=grpc.StatusCode.DEADLINE_EXCEEDED),
    ]
    for error in refused:
        with pytest.raises(type(error)):
            attempts(Clock()).delay_after(error)


def test_gives_up_after_so_many_tries() -> None:
    tries = attempts(Clock(), most=3)
    tries.delay_after(LOST)
    tries.delay_after(LOST)
    with pytest.raises(UnavailableError):
        tries.delay_after(LOST)


def test_gives_up_after_so_long_without_a_sign_of_life() -> None:
    clock = Clock()
    tries = attempts(clock, RetryPolicy(give_up_after=60))
    clock.now += 59
    tries.progressed()
    clock.now += 59
    tries.delay_after(LOST)
    clock.now += 2
    with pytest.raises(UnavailableError):
        tries.delay_after(LOST)


def test_the_time_left_shrinks_and_runs_out() -> None:
    clock = Clock()
    tries = attempts(clock, timeout=10)
    clock.now += 4
    assert tries.remaining() == pytest.approx(6)
    clock.now += 6
    with pytest.raises(DeadlineError):
        tries.remaining()


SHORT = RetryPolicy().first_delay
LATE = DeadlineError("late", code=grpc.StatusCode.DEADLINE_EXCEEDED)


def test_a_stream_that_lasted_its_longest_is_soon_taken_up_anew() -> None:
    clock = Clock()
    tries = attempts(clock, longest=300)
    for _ in range(10):
        assert tries.remaining() == 300
        tries.progressed()
        clock.now += 300
        assert tries.delay_after(LATE) == SHORT


def test_a_stream_without_a_sign_of_life_in_its_longest_time_counts_as_lost() -> None:
    clock = Clock()
    tries = attempts(clock, RetryPolicy(give_up_after=600), longest=300)
    tries.progressed()
    clock.now += 300
    assert tries.delay_after(LATE) == SHORT
    clock.now += 250
    assert tries.delay_after(LATE) > 0
    clock.now += 100
    with pytest.raises(DeadlineError):
        tries.delay_after(LATE)


def test_the_callers_time_ends_a_stream_however_long_it_may_be() -> None:
    clock = Clock()
    tries = attempts(clock, timeout=400, longest=300)
    tries.progressed()
    clock.now += 300
    assert tries.delay_after(LATE) == SHORT
    assert tries.remaining() == 100
    tries.progressed()
    clock.now += 100
    with pytest.raises(DeadlineError):
        tries.delay_after(LATE)


def test_a_stream_that_was_open_waits_for_its_place_and_a_new_one_is_refused() -> None:
    crowded = QuotaError("too many watchers", code=grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after=1)
    clock = Clock()
    tries = attempts(clock, longest=300)
    with pytest.raises(QuotaError):
        tries.delay_after(crowded)
    tries.progressed()
    assert tries.delay_after(crowded) >= 1
    clock.now += 700
    with pytest.raises(QuotaError):
        tries.delay_after(crowded)
