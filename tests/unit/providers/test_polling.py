"""The next poll of a task comes just after its expected end, and never sooner than the provider recommends."""

from datetime import timedelta

import pytest

from render_service.providers.generation.polling import _until_end


@pytest.mark.parametrize(
    ("remaining", "pause"),
    [
        (None, 6.5),  # the end is unknown
        (0.2, 5.0),  # soon, but the provider recommends no poll before that
        (5.2, 5.5),  # sooner than usual
        (9.0, 9.3),  # a little later than usual
        (12.7, 6.5),  # far away
    ],
)
def test_the_next_poll_comes_just_after_the_expected_end(remaining: float | None, pause: float) -> None:
    expected = None if remaining is None else timedelta(seconds=remaining)
    assert _until_end(timedelta(seconds=6.5), expected, timedelta(seconds=5)) == timedelta(seconds=pause)
