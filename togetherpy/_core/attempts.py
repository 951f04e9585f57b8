"""What one call remembers between its attempts, the same for sync and async.

In: outcomes, one after the other. Out: a value, or a wait, or the exception that ends the call.
The rule: this is the whole loop but for sending and waiting, which the clients do; time and chance are arguments.
"""

from __future__ import annotations

from typing import Any

from togetherpy._core import retry
from togetherpy._core.config import Config
from togetherpy._core.decode import decode_outcome
from togetherpy._core.retry import Quota
from togetherpy._core.wire import Fault, Outcome, Reply, Request
from togetherpy.error import APIError, APIStatusError


class Attempts:
    """The attempts of one call."""

    __slots__ = (
        "_billed",
        "_cost",
        "_deadline",
        "_quota",
        "_request",
        "_retries_left",
        "_secrets",
        "_started",
        "elapsed",
        "fresh",
        "number",
    )

    def __init__(
        self,
        config: Config,
        request: Request,
        quota: Quota,
        max_retries: int,
        deadline: float,
        started: float = 0.0,
    ) -> None:
        """`deadline`, `started`: on the monotonic clock."""
        self._request, self._quota, self._secrets = request, quota, config.secrets
        self._retries_left = max_retries
        self._deadline = deadline
        self._started = started
        self._cost = 0
        self._billed = False
        self.number = 1
        """Of the attempt under way, from 1; the transparent retry of fault E1 is not counted."""
        self.fresh = False
        """The next attempt must not use a pooled connection."""
        self.elapsed = 0.0
        """Seconds from the start of the call to the last outcome."""

    def judge(self, outcome: Outcome, *, monotonic: float, now: float, jitter: float) -> tuple[Any, float | None]:
        """(value, None) when the call is over, (None, seconds) when it is to be tried again after so long.

        Raises:
            APIError: the call failed for good.
        """
        self.elapsed = monotonic - self._started
        value = decode_outcome(self._request.endpoint, outcome, stream=self._request.stream, secrets=self._secrets)
        if not isinstance(value, APIError):
            self._quota.give_back(self._cost)
            return value, None
        decision = retry.decide(
            outcome,
            retries_left=self._retries_left,
            attempt=self.number,
            remaining=self._deadline - monotonic,
            now=now,
            jitter=jitter,
            stale_retry_used=self.fresh,
        )
        if decision is not None and not decision.counted:
            self.fresh = True
            return None, decision.wait
        self._billed = self._billed or retry.maybe_ran(outcome)
        if decision is None or not self._quota.take(decision.cost):
            raise self._final(value, outcome, now)
        self._cost = decision.cost
        self._retries_left -= 1
        self.number += 1
        return None, decision.wait

    def _final(self, error: APIError, outcome: Outcome, now: float) -> APIError:
        error.attempts = self.number
        error.maybe_billed = self._billed
        if isinstance(error, APIStatusError) and isinstance(outcome, Reply) and outcome.status >= 400:
            error.retry_after = retry.retry_after(outcome.headers, now)
        if isinstance(outcome, Fault) and outcome.kind == "closed" and outcome.phase == "connecting":
            error.attempts = self.number - 1
        error.elapsed = self.elapsed
        if isinstance(outcome, Reply):
            from togetherpy._core.errors import answer_of  # loaded by now, but not by calls that succeed

            error.response = answer_of(outcome, error, self._secrets)
        return error
