"""One call under way: all that both clients' loops do but for sending and waiting.

In: outcomes, one after the other. Out: what the caller gets, or how long to wait before the next attempt.
The rule: the clock and chance are read here, and what is told to hooks passes through here; `_core` decides.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from togetherpy._core.attempts import Attempts
from togetherpy._core.config import Config
from togetherpy._core.wire import Opened, Outcome, Request
from togetherpy.types._timeout import Timeout

if TYPE_CHECKING:
    from togetherpy._chat.chunks import ChunkReader
    from togetherpy._core.events import Watch
    from togetherpy.types._response import ResponseInfo

# Not the module's own functions: a user's seed, and what follows from it, stays the user's.
_chance = random.Random()


class Call:
    """One call under way: all that both loops do but for sending and waiting."""

    __slots__ = ("_attempts", "_choices", "_config", "_raw", "_timeout", "deadline", "request", "watch")

    def __init__(
        self,
        config: Config,
        request: Request,
        attempts: Attempts,
        timeout: Timeout,
        deadline: float,
        choices: int,
        raw: bool,
    ) -> None:
        """`deadline`: on the monotonic clock. `choices`: how many answers. `raw`: the answer in an APIResponse."""
        self.request, self.deadline = request, deadline
        self.watch: Watch | None = None
        """What the hooks are told by."""
        self._config, self._attempts, self._timeout, self._choices, self._raw = config, attempts, timeout, choices, raw

    @property
    def connect(self) -> float:
        """Seconds for connecting."""
        return self._timeout.connect

    @property
    def fresh(self) -> bool:
        """The next attempt must not use a pooled connection."""
        return self._attempts.fresh

    def judge(self, outcome: Outcome) -> tuple[Any, float | None]:
        """(value, None) when the call is over, (None, seconds) when it is to be tried again after so long."""
        now, attempt = time.monotonic(), self._attempts.number
        value, wait = self._attempts.judge(outcome, monotonic=now, now=time.time(), jitter=_chance.random())
        if wait is not None and self.watch is not None:
            self.watch.retry(outcome, attempt, wait)
        return value, wait

    def failed(self, error: BaseException) -> None:
        """The call ends with an exception."""
        if self.watch is not None:
            self.watch.failed(error, self._attempts.number)

    def finish(self, value: Any, outcome: Any, stream: str) -> Any:
        """What the caller gets for the final outcome and its value; `stream`: the name of Stream or AsyncStream."""
        opened = isinstance(value, Opened)
        if self.watch is not None and not opened:
            self.watch.answered(value, outcome, self._attempts.number)
        if not (self._raw or opened):
            return value
        # A process that is started for one plain call should not load what streams and raw answers are made of.
        from togetherpy.types._response import APIResponse, APIStreamResponse, ResponseInfo

        if opened:
            made = self._stream(value, ResponseInfo(**self._facts(value)), stream)
            return APIStreamResponse(value=made, **self._facts(value)) if self._raw else made
        return APIResponse(value=value, content=outcome.body, **self._facts(outcome))

    def _stream(self, opened: Opened, head: ResponseInfo, name: str) -> Any:
        from togetherpy._chat import stream as _stream

        reader, body = self._reader(head), opened.body
        if self.watch is not None:
            body = self.watch.opened(opened, reader, self._attempts.number)
        return getattr(_stream, name)(reader, body, head, min(self._timeout.total, self._timeout.stream_idle))

    def _facts(self, outcome: Any) -> dict[str, Any]:
        from togetherpy._core.errors import request_id

        return {
            "status_code": outcome.status,
            "headers": outcome.headers,
            "request_id": request_id(outcome.headers, None),
            "attempts": self._attempts.number,
            "elapsed": self._attempts.elapsed,
        }

    def _reader(self, head: ResponseInfo) -> ChunkReader[Any]:
        from togetherpy._chat.chunks import ChunkReader

        endpoint, secrets = self.request.endpoint, self._config.secrets
        if endpoint.own is not None:
            from togetherpy._chat.response_type import OwnReader

            return OwnReader(endpoint.own, head, secrets, self._choices)
        if endpoint.chunk is None:
            raise TypeError(f"{endpoint.name} does not stream")
        return ChunkReader(endpoint.chunk, head, secrets, self._choices)
