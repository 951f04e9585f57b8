"""(what happened, how often we tried, how long there is) -> seconds to wait before the next attempt, or None.

In: the outcome of an attempt and the exception it stands for; time and chance come as arguments.
Out: a Decision, or None when the outcome is final.
The rule: a request that may have been charged for is repeated only where that is the agreed price of resilience,
and an outage fails fast, because all calls of a client share one quota of retries. Being told to slow down is none.
"""

from __future__ import annotations

import math

import msgspec

from togetherpy._core import fork
from togetherpy._core.config import DEFAULT_RETRY_QUOTA
from togetherpy._core.wire import Fault, Headers, Outcome, Reply
from togetherpy.error import APIError, APIStatusError

MAX_SERVER_WAIT = 120.0
"""Seconds; a server that asks for more gets an error at once, with `retry_after` (fault C6)."""
THROTTLE_BASE = 1.0
TRANSIENT_BASE = 0.5
MAX_BACKOFF = 30.0
TRANSIENT_COST = 14

_WAITS = ("retry-after-ms", "retry-after", "x-ratelimit-reset")
_FINAL_5XX = frozenset((501, 505))
_RETRYABLE_4XX = frozenset((408, 409, 429))
_MAYBE_RAN = frozenset((502, 504, 520, 522, 524))
"""A gateway gave up waiting: the model behind it may have answered."""


class Decision(msgspec.Struct, frozen=True):
    """Try again."""

    wait: float
    """Seconds."""
    cost: int
    """Taken from the quota."""
    counted: bool = True
    """False for the one transparent retry on a connection that had gone stale (fault E1)."""


class Quota:
    """The retries that all calls of one client may make together (fault F1). Safe to share between threads."""

    def __init__(self, tokens: int | None = DEFAULT_RETRY_QUOTA) -> None:
        """`tokens`: None for no bound."""
        self._limit = self._tokens = math.inf if tokens is None else tokens
        self._lock = fork.Lock()

    @property
    def tokens(self) -> float:
        """What is left."""
        return self._tokens

    def take(self, cost: int) -> bool:
        """Takes `cost` tokens, or none and answers False when there are fewer."""
        with self._lock:
            if cost > self._tokens:
                return False
            self._tokens -= cost
            return True

    def give_back(self, cost: int) -> None:
        """A call succeeded: its last retry's cost comes back, or one token when it needed no retry."""
        if self._tokens < self._limit:
            with self._lock:
                self._tokens = min(self._limit, self._tokens + max(cost, 1))


def decide(
    outcome: Outcome,
    *,
    retries_left: int,
    attempt: int,
    remaining: float,
    now: float,
    jitter: float,
    stale_retry_used: bool,
) -> Decision | None:
    """Whether and when to try again after a failed attempt.

    `attempt`: 1 after the first. `remaining`: seconds to the deadline. `now`: seconds since 1970, for a Retry-After
    that is a date. `jitter`: a random number in [0, 1).
    """
    if _went_stale(outcome) and not stale_retry_used:
        return Decision(0.0, 0, counted=False) if remaining > 0 else None
    if retries_left <= 0 or remaining <= 0:
        return None
    if isinstance(outcome, Fault):
        decision = _after_fault(outcome, attempt, jitter)
    elif isinstance(outcome, Reply):
        decision = _after_reply(outcome, attempt, now, jitter)
    else:
        decision = None
    return decision if decision is not None and decision.wait < remaining else None


def why_final(outcome: Outcome, decision: Decision | None, *, retries_left: int, now: float) -> str:
    """Why a failure that might be tried again is not, as a sentence; "" where there is nothing to say.

    `decision`: what `decide` said, and the quota refused.
    """
    if decision is not None:
        return "So many calls have failed that none is tried again: the client's retry_quota is used up"
    if not isinstance(outcome, Reply) or outcome.status < 400 or not _retryable(outcome):
        return ""
    asked = retry_after(outcome.headers, now) or 0.0
    if asked > MAX_SERVER_WAIT:
        return f"The server asks to wait {asked:g} s, above the limit of {MAX_SERVER_WAIT:g} s"
    if retries_left <= 0:
        return "A higher max_retries would try more often" if outcome.status == 429 else ""
    return f"The server asks to wait {asked:g} s, longer than timeout=... leaves" if asked else ""


def meant(outcome: Outcome, error: APIError) -> Outcome:
    """What an outcome is to be judged by: an error that came inside of a success, by the status that it names (B16),
    unless a part of an answer came before it."""
    if isinstance(outcome, Reply) and outcome.status < 300 and isinstance(error, APIStatusError):
        return outcome if error.partial is not None else Reply(error.status_code, outcome.headers, outcome.body)
    return outcome


def maybe_ran(outcome: Outcome) -> bool:
    """Whether the server may have done the work although no usable answer came (fault F4)."""
    if isinstance(outcome, Fault):
        return outcome.phase != "connecting"
    if isinstance(outcome, Reply):
        return outcome.status in _MAYBE_RAN or 200 <= outcome.status < 300
    return True


def surely_undone(outcome: Outcome) -> bool:
    """Whether the server certainly has not done the work: it was not asked, or says that it will not."""
    if isinstance(outcome, Reply):
        return 400 <= outcome.status < 500 or outcome.status == 503
    return isinstance(outcome, Fault) and outcome.phase == "connecting"


def retry_after(headers: Headers, now: float) -> float | None:
    """Seconds that the server asks to wait, None when it does not say or says nonsense (faults C1 to C4, C6).

    0 is the last resort among several fields: Together sends `retry-after: 0` with answers of every kind.
    """
    asked = [_asked(name, headers, now) for name in _WAITS if name in headers]
    return next((seconds for seconds in asked if seconds), 0.0 if 0.0 in asked else None)


def _asked(name: str, headers: Headers, now: float) -> float | None:
    from togetherpy.types._seconds import clock_of, plain_number, seconds_from_now  # calls that succeed do without

    if name == "retry-after-ms":
        milliseconds = plain_number(headers[name])
        return None if milliseconds is None else milliseconds * 0.001
    return seconds_from_now(headers[name], clock_of(headers, now))


def _went_stale(outcome: Outcome) -> bool:
    """A pooled connection had been closed by the other side: reused, and no byte of an answer (fault E1)."""
    return isinstance(outcome, Fault) and outcome.kind == "reset" and outcome.reused and not outcome.received


def _after_fault(fault: Fault, attempt: int, jitter: float) -> Decision | None:
    if fault.final or fault.kind in ("closed", "too_large"):
        return None
    cost = 0 if fault.phase == "connecting" else TRANSIENT_COST
    return Decision(_backoff(TRANSIENT_BASE, attempt, jitter), cost)


def _after_reply(reply: Reply, attempt: int, now: float, jitter: float) -> Decision | None:
    if 200 <= reply.status < 300:
        return _after_unusable(reply, attempt, jitter)
    if not _retryable(reply):
        return None
    throttled = reply.status == 429
    cost = 0 if throttled else TRANSIENT_COST  # a server that says so is alive; max_retries and the deadline bound it
    asked = retry_after(reply.headers, now)
    if not asked:
        return Decision(_backoff(THROTTLE_BASE if throttled else TRANSIENT_BASE, attempt, jitter), cost)
    if asked > MAX_SERVER_WAIT:
        return None
    # A little more than asked, so that callers who were turned away together do not come back together.
    return Decision(asked + jitter * min(1.0, 0.1 * asked + 0.05), cost)


def _retryable(reply: Reply) -> bool:
    wish = reply.headers.get("x-should-retry", "").lower()
    retryable = reply.status in _RETRYABLE_4XX or (reply.status >= 500 and reply.status not in _FINAL_5XX)
    return wish != "false" and (retryable or (wish == "true" and reply.status >= 400))


def _after_unusable(reply: Reply, attempt: int, jitter: float) -> Decision | None:
    """A 2xx that is not an answer: empty or of a wrong type (B14, B15) again, a web page once (B17).

    Damaged JSON is final, and so are events: it was an answer, which was charged for.
    """
    from togetherpy._core.sse import begins_as_events  # calls that succeed do without

    if begins_as_events(reply.body):
        return None
    kind = reply.headers.get("content-type", "json").lower()
    if reply.body.strip() and ("json" in kind or ("html" in kind and attempt > 1)):
        return None
    return Decision(_backoff(TRANSIENT_BASE, attempt, jitter), TRANSIENT_COST)


def backoff(attempt: int, jitter: float) -> float:
    """Seconds to wait before something is tried again that broke, for the time of that number."""
    return _backoff(TRANSIENT_BASE, attempt, jitter)


def _backoff(base: float, attempt: int, jitter: float) -> float:
    """Full jitter: uniform in [0, min(base * 2**(attempt - 1), MAX_BACKOFF)) seconds (fault F2)."""
    return jitter * min(base * 2.0 ** min(attempt - 1, 16), MAX_BACKOFF)
