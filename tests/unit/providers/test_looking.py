"""The next look at a task comes just after its foreseen end, and never sooner than the provider wants."""

from datetime import timedelta

import pytest

from render_service.providers.generation.polling import _aimed


@pytest.mark.parametrize(
    ("left", "pause"),
    [
        (None, 6.5),  # nothing is foreseen
        (0.2, 5.0),  # soon, but providers want no look before that
        (5.2, 5.5),  # sooner than usual
        (9.0, 9.3),  # a little later than usual
        (12.7, 6.5),  # far away
    ],
)
def test_a_look_is_aimed_at_the_end(left: float | None, pause: float) -> None:
    foreseen = None if left is None else timedelta(seconds=left)
    told = _aimed(timedelta(seconds=6.5), foreseen, timedelta(seconds=5))
    assert told == timedelta(seconds=pause)
