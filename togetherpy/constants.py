"""Defaults, under the names that the official packages have for them.

In: nothing. Out: numbers and a URL. The rule: they are told, not taken: to change one changes nothing.
"""

from __future__ import annotations

from togetherpy._core.config import DEFAULT_BASE_URL, DEFAULT_MAX_RETRIES
from togetherpy._core.retry import MAX_BACKOFF, TRANSIENT_BASE
from togetherpy.types._timeout import Timeout

__all__ = [
    "BASE_URL",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "INITIAL_RETRY_DELAY",
    "MAX_RETRIES",
    "MAX_RETRY_DELAY",
    "TIMEOUT_SECS",
]

BASE_URL = DEFAULT_BASE_URL
DEFAULT_TIMEOUT = Timeout()
MAX_RETRIES = DEFAULT_MAX_RETRIES
"""After the first attempt."""
TIMEOUT_SECS = DEFAULT_TIMEOUT.total
INITIAL_RETRY_DELAY = TRANSIENT_BASE
"""Seconds; the most that is waited before the first retry when the server does not say how long."""
MAX_RETRY_DELAY = MAX_BACKOFF
"""Seconds; the most that is waited before any."""
