"""What the server says is left of its limits, so that the next 429 need not come.

In: the headers of answers, and how much had been sent when their requests went out. Out: the seconds to wait.
The rule: a server counts a request when it comes; what it said of it holds until the reset that it named.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from togetherpy.types._seconds import clock_of, plain_number, seconds_from_now

USUAL_RESET = 1.0
"""Seconds, where the server names none: limits are measured per second."""
LONGEST = 120.0
LOOK_EACH = 0.1
LOOK_AGAIN = 5.0
"""Seconds between looks at the headers of a server that says nothing there: reading them is not for nothing."""

_RESET = "x-ratelimit-reset"
_REQUESTS = (
    ("x-ratelimit-remaining", "x-ratelimit-limit", _RESET),
    ("x-ratelimit-remaining-requests", "x-ratelimit-limit-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-dynamic", "x-ratelimit-limit-dynamic", "x-ratelimit-reset-dynamic"),
)
_TOKENS = (
    ("x-tokenlimit-remaining", "x-tokenlimit-limit", "x-tokenlimit-reset"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens"),
    ("x-tokenlimit-remaining-dynamic", "x-tokenlimit-limit-dynamic", "x-tokenlimit-reset-dynamic"),
)
"""Names of what remains, of the limit and of the reset. Together documents some, sends others, and the set varies."""


class _Left(NamedTuple):
    """As many as `most` may have been sent in all before `until`."""

    most: float = math.inf
    until: float = -math.inf


class Allowance:
    """What is left, of requests and of tokens. Amounts sent are counted from the beginning and only grow."""

    def __init__(self) -> None:
        self._requests = self._tokens = _Left()
        self._newest = -math.inf
        self._look_at = -math.inf

    def wait(self, now: float, requests: float, tokens: float) -> float:
        """Seconds until the next one may be sent; `requests`, `tokens`: sent with it included."""
        wait = 0.0
        for left, sent in ((self._requests, requests), (self._tokens, tokens)):
            if now < left.until and sent > left.most:
                wait = max(wait, left.until - now)
        return wait

    def learn(
        self, now: float, headers: Mapping[str, str], *, sent: float, requests: float, tokens: float, share: float
    ) -> None:
        """An answer has come. `sent`: when its request was; `requests`, `tokens`: what had been sent by then."""
        if now < self._look_at or sent < self._newest:
            return
        requests_left = [_left(names, headers, sent, requests, share) for names in _REQUESTS if names[0] in headers]
        tokens_left = [_left(names, headers, sent, tokens, share) for names in _TOKENS if names[0] in headers]
        self._look_at = now + (LOOK_EACH if requests_left or tokens_left else LOOK_AGAIN)
        self._newest = sent
        self._requests = min(requests_left, default=_Left())
        self._tokens = min(tokens_left, default=_Left())


def _left(names: tuple[str, str, str], headers: Mapping[str, str], sent: float, before: float, share: float) -> _Left:
    """Nothing to mind while more than a second's worth is left."""
    remaining, limit = (plain_number(re.split("[,;]", headers.get(name, ""))[0].strip()) for name in names[:2])
    if remaining is None or (limit is not None and remaining >= limit):
        return _Left()
    reset = seconds_from_now(headers.get(names[2], ""), clock_of(headers, math.inf))
    return _Left(before + remaining * share, sent + min(USUAL_RESET if reset is None else reset, LONGEST))
