"""The header Retry-After."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)


def read_retry_after(text: str, now: datetime, *, most: timedelta) -> timedelta | None:
    """Parse a Retry-After header (RFC 9110, section 10.2.3). Fractions of a second, which some APIs send, are accepted.

    Args:
        text: The header's value: seconds or an HTTP date.
        now: The current time, aware.
        most: The result is capped at this.

    Returns:
        How long to wait, from 0 to `most`; None if the header is invalid.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        wait = timedelta(seconds=min(float(text), most.total_seconds()))
    else:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return max(timedelta(0), min(wait, most))
