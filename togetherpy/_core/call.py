"""One call under way: all that both clients' loops do but for sending and waiting.

In: outcomes, one after the other. Out: what the caller gets, or how long to wait before the next attempt, or the
exception that ends the call.
The rule: what is told to hooks passes through here. The clock and chance are read here and nowhere else in `_core`,
by the names below the imports, which tests replace; what is decided by them is `retry`'s.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from togetherpy._core import retry
from togetherpy._core.config import Config, Origin, Secret, secrets_of
from togetherpy._core.decode import errors
from togetherpy._core.retry import Quota
from togetherpy._core.wire import Endpoint, Fault, Opened, Outcome, Reply, Request
from togetherpy.error import APIError, APIStatusError
from togetherpy.types._timeout import Timeout

if TYPE_CHECKING:
    from togetherpy._core.elsewhere import Place
    from togetherpy._core.events import Watch
    from togetherpy._core.keys import AskedKey
    from togetherpy.types._response import ResponseInfo, SentRequest

_monotonic = time.monotonic
_now = time.time


class _Chance:
    """Not the module `random`: a user's seed, and what follows from it, stays the user's; and to load that is much of
    what importing a client takes."""

    def random(self) -> float:
        return int.from_bytes(os.urandom(6)) / (1 << 48)


_chance = _Chance()


def chance() -> float:
    """A number in [0, 1)."""
    return _chance.random()


_CLOSE = 0.05
"""Seconds by which a wait may end before its deadline."""
MAX_HOPS = 5
"""Redirects of one attempt."""


class Call:
    """One call under way."""

    __slots__ = (
        "_asynchronous",
        "_billed",
        "_config",
        "_cost",
        "_encode",
        "_endpoint",
        "_first",
        "_hops",
        "_quota",
        "_raw",
        "_renewed",
        "_request",
        "_retries_left",
        "_secrets",
        "_started",
        "_tell",
        "_timeout",
        "_watch",
        "connect",
        "deadline",
        "elapsed",
        "fresh",
        "key",
        "number",
        "origin",
        "queue",
    )

    def __init__(
        self,
        config: Config,
        endpoint: Endpoint[Any],
        encode: Callable[[], Request | None],
        quota: Quota,
        timeout: Timeout,
        max_retries: int,
        started: float,
        asynchronous: bool = False,
        raw: bool = False,
        tell: Callable[[], Watch] | None = None,
        place: Place | None = None,
        key: AskedKey | None = None,
    ) -> None:
        """`encode`: makes the request, or None, to be connected and no more. `started`: on the monotonic clock.
        `asynchronous`: open bodies are read by a coroutine. `raw`: the answer in an APIResponse. `tell`: tells hooks
        that the call begins. `place`: where the request goes, if not to the endpoint's path. `key`: it is to be asked
        for before each attempt."""
        self._request: Request | None = None
        """What to send next, once its turn has come."""
        self.queue = math.inf if timeout.queue is None else timeout.queue
        """Seconds that the call may yet wait for its turn."""
        self.deadline: float = started + timeout.total
        """On the monotonic clock, once the turn has come."""
        self.connect: float = timeout.connect
        """Seconds for connecting."""
        self.origin: Origin | None = None
        """The server of the next attempt; None for the client's own."""
        self._tell = tell
        self._watch: Watch | None = None
        self.number = 1
        """Of the attempt under way, from 1; the transparent retry of fault E1 is not counted."""
        self.fresh = endpoint.once
        """The next attempt must not use a pooled connection."""
        self.elapsed = 0.0
        """Seconds from the start of the call to the last outcome."""
        self._config, self._quota, self._timeout, self._started, self._raw = config, quota, timeout, started, raw
        self._retries_left, self._secrets = max_retries, config.secrets
        self._cost = 0
        self._billed = self._renewed = False
        self._endpoint, self._encode = endpoint, encode
        self._first: Request | None = None
        self._asynchronous, self._hops = asynchronous, 0
        self.key = key
        if place is not None:
            self.origin, self._secrets = place.origin, config.secrets + place.hidden

    def hide(self, secret: Secret) -> None:
        """From now on this is not to be shown either."""
        self._secrets = (*self._secrets, *secrets_of(secret))

    def admit(self, waited: float) -> Request | None:
        """The turn of an attempt has come, after so many seconds: the request, encoded once and no sooner, so that
        calls in the queue hold no more than what they were given (fault E12); None where there is nothing to send.

        Raises:
            TypeError, ValueError: it cannot be sent.
        """
        self.queue -= waited
        self.deadline += waited
        if self._request is None:
            tell, self._tell = self._tell, None  # hooks hear of no call that cannot be sent
            self._request = self._first = self._encode()
            self._watch = tell() if tell is not None else self._watch
        return self._request

    def judge(self, outcome: Outcome) -> tuple[Any, float | None]:
        """(what the caller gets, None) when the call is over, (None, seconds) when there is to be another attempt.

        Raises:
            APIError: the call failed for good.
        """
        monotonic = _monotonic()
        self.elapsed = monotonic - self._started
        value: Any
        if isinstance(outcome, Reply):
            if self._endpoint.redirects and self._moves(outcome):
                return None, 0.0
            answer = self._endpoint.answer
            if 200 <= outcome.status < 300 or answer.welcomes(outcome.status):
                value = answer.value(outcome, self._secrets)
            else:
                value = errors().status_error(outcome, self._secrets, self._endpoint.names)
        else:
            value = errors().fault_error(outcome, self._secrets) if isinstance(outcome, Fault) else outcome
        if isinstance(value, APIError):
            return None, self._again(value, outcome, monotonic)
        self._quota.give_back(self._cost)
        if self._raw or self._watch is not None or type(value) is Opened:
            value = self._finish(value, outcome)
        return value, None

    def _again(self, error: APIError, outcome: Outcome, monotonic: float) -> float:
        """Seconds until the next attempt; raises `error` when there is none."""
        now, attempt, meant = _now(), self.number, retry.meant(outcome, error)
        unsafe = self._endpoint.once and not retry.surely_undone(meant)
        decision = retry.decide(
            meant,
            retries_left=0 if unsafe else self._retries_left,
            attempt=attempt,
            remaining=self.deadline - monotonic,
            now=now,
            jitter=_chance.random(),
            stale_retry_used=self.fresh,
        )
        if decision is not None and not decision.counted:
            self.fresh = True
        else:
            self._billed = self._billed or retry.maybe_ran(meant)
            if decision is None or not self._quota.take(decision.cost):
                why = retry.why_final(meant, decision, retries_left=self._retries_left, now=now)
                raise self._final(error, outcome, now, self._limit(outcome, monotonic) or why)
            self._cost = decision.cost
            self._retries_left -= 1
            self.number += 1
        if self._watch is not None:
            self._watch.retry(meant, attempt, decision.wait)
        return decision.wait

    def _limit(self, outcome: Outcome, monotonic: float) -> str:
        """Which limit ran out, as a sentence."""
        if not isinstance(outcome, Fault) or outcome.kind != "timeout":
            return ""
        if outcome.final and self._timeout.queue is not None:  # it never got a connection
            return f"Timeout(queue={self._timeout.queue:g}) ran out"
        if monotonic >= self.deadline - _CLOSE:
            return f"timeout={self._timeout.total:g} s ran out"
        return f"Timeout(connect={self.connect:g}) ran out" if outcome.phase == "connecting" else ""

    def _final(self, error: APIError, outcome: Outcome, now: float, why: str) -> APIError:
        """The exception with all that is known of the call; `why`: there is no other attempt."""
        error.attempts = self.number
        error.maybe_billed = self._billed
        if isinstance(error, APIStatusError) and isinstance(outcome, Reply) and error.status_code >= 400:
            error.retry_after = retry.retry_after(outcome.headers, now)
        if isinstance(outcome, Fault) and outcome.kind == "closed" and outcome.phase == "connecting":
            error.attempts = self.number - 1
        error.elapsed = self.elapsed
        error.request = self._sent()
        if isinstance(outcome, Reply):
            error.response = errors().answer_of(outcome, error, self._secrets)
        errors().concluded(error, why)
        return error

    def _moves(self, reply: Reply) -> bool:
        """Whether the answer is at another place, to which the next attempt goes.

        A place that refuses what it was given leave for, because that has run out, is asked for once more.
        """
        request = self._request
        if request is None or 200 <= reply.status < 300:
            return False
        if self._hops and self._first is not None and reply.status == 403 and not self._renewed:
            self._renewed, self._hops, self._request, self.origin = True, 0, self._first, self._first.origin
            return True
        if reply.status not in (301, 302, 303, 307, 308) or self._hops >= MAX_HOPS:
            return False
        from togetherpy._core.elsewhere import find, location, sent_to

        base = request.origin or self._config.origin
        place = find(self._config, base, request.target, location(reply.headers))
        if place is None:
            return False
        self._request, self.origin = sent_to(place, request), place.origin
        self._secrets = (*self._secrets, *place.hidden)
        self._hops += 1
        return True

    def failed(self, error: BaseException, outcome: Outcome | None) -> None:
        """The call ends with an exception; `outcome`: the last there was."""
        if isinstance(outcome, Opened):
            outcome.body.abandon()  # what failed came between the accepted stream and the object that would read it
        if self._tell is not None:  # it failed while it waited for its turn
            self._watch, self._tell = self._tell(), None
        if self._watch is not None:
            self._watch.failed(error, self.number)

    def _finish(self, value: Any, outcome: Any) -> Any:
        """What is more than the value of a plain call, whose process should not load what this is made of."""
        if isinstance(value, Opened):
            from togetherpy.types._response import APIStreamResponse, ResponseInfo

            made = self._stream(value, ResponseInfo(**self._facts(value)))
            return APIStreamResponse(value=made, **self._facts(value)) if self._raw else made
        if self._watch is not None:
            self._watch.answered(value, outcome, self.number)
        if not self._raw:
            return value
        from togetherpy.types._response import APIResponse

        return APIResponse(value=value, content=outcome.body, awaited=self._asynchronous, **self._facts(outcome))

    def _stream(self, opened: Opened, head: ResponseInfo) -> Any:
        from togetherpy._core.patience import Patience

        answer, body = self._endpoint.answer, opened.body
        reader = answer.reader(head, self._secrets)
        if self._watch is not None:
            body = self._watch.opened(opened, reader, self.number)
        patience = Patience(self._timeout, self.deadline)
        return answer.stream(reader, body, head, patience, asynchronous=self._asynchronous)

    def _facts(self, outcome: Any) -> dict[str, Any]:
        return {
            "status_code": outcome.status,
            "headers": outcome.headers,
            "request_id": errors().request_id(outcome.headers, None),
            "attempts": self.number,
            "elapsed": self.elapsed,
            "http_request": self._sent(),
        }

    def _sent(self) -> SentRequest | None:
        """What was asked, for those who look at an answer or at an error."""
        request = self._request
        if request is None:
            return None
        from togetherpy.types._response import SentRequest

        origin = request.origin or self._config.origin
        # At another server the target may be as good as a key.
        url = f"{origin.scheme}://{origin.authority}" + ("" if request.origin else request.target)
        return SentRequest(request.endpoint.method, errors().mask_text(url, self._secrets))
