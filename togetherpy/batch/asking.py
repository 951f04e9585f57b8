"""How a job is sent: the one place that knows the client from inside.

In: a client of either kind, and jobs. Out: answers with what the engine wants to know of them.
The rule: the inner calls have no retries of their own and share no quota, and the connections are as many as the
ceiling; everything else is the client's configuration as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._core.loop import AsyncLoop, Shared
from togetherpy.batch.engine import Answer
from togetherpy.batch.envelope import read_body
from togetherpy.batch.reask import asking_again
from togetherpy.client import AsyncTogether
from togetherpy.error import APIResponseError, ParseError
from togetherpy.resources.chat.completions import AsyncCompletions
from togetherpy.resources.models import AsyncModels

if TYPE_CHECKING:
    from togetherpy._core.config import Config
    from togetherpy._core.wire import AsyncTransport
    from togetherpy.batch.engine import Job
    from togetherpy.batch.limit import Limit
    from togetherpy.types._response import APIResponse


class Line:
    """Connections of a run's own: `completions` is as the client's, without retries."""

    def __init__(self, loop: Any, connections: int) -> None:
        """`loop`: of a client of either kind, whose configuration and hooks these have, too."""
        config: Config = msgspec.structs.replace(loop.config, max_connections=connections, max_retries=0)
        self._shared: Shared[AsyncTransport] = Shared(config, AsyncTogether._make)  # pyright: ignore[reportPrivateUsage]
        self.config = config
        made = AsyncLoop(config, self._shared, loop.watchers)
        self.completions, self.models = AsyncCompletions(made), AsyncModels(made)

    async def aclose(self) -> None:
        """Ends what is in flight."""
        for transport in self._shared.close():
            transport.close()
            await transport.aclose()


class Limits:
    """The controllers of a run, one for each model that it asks."""

    def __init__(self, config: Config, ceiling: int, bounds: Mapping[str, Any]) -> None:
        """`bounds`: rpm, tpm, share."""
        self._config, self._ceiling, self._bounds = config, ceiling, bounds
        self.by_model: dict[str, Limit] = {}

    def of(self, model: Any) -> Limit:
        """The controller for a model."""
        limit = self.by_model.get(model)
        if limit is None:
            from togetherpy.batch.limits import limit_for

            origin = self._config.origin
            server = f"{origin.scheme}://{origin.authority}{origin.path}"
            limit = limit_for(server, self._config.authorization, str(model), ceiling=self._ceiling, **self._bounds)
            self.by_model[model] = limit
        return limit


class AskCreate:
    """By `create`: an answer of our type, or of the `response_type` among the parameters."""

    def __init__(self, line: Line, limits: Limits) -> None:
        self._create: Any = line.completions.with_raw_response.create
        self._limits = limits

    def limit(self, job: Job) -> Limit:
        """The controller that it goes by."""
        return self._limits.of(job.params.get("model"))

    async def __call__(self, job: Job) -> Answer:
        """Sends it once."""
        response: Any = await self._create(**job.params)
        usage = getattr(response.value, "usage", None)
        return Answer(response.value, response.headers, getattr(usage, "total_tokens", None))

    def again(self, job: Job, error: Exception) -> bool:
        """Never."""
        return False


class Got(msgspec.Struct, frozen=True):
    """An answer as it came."""

    status: int
    request_id: str | None
    body: bytes
    finish_reasons: tuple[Any, ...]
    usage: Mapping[str, Any] | None


class NoAnswerError(APIResponseError):
    """A 2xx of JSON without choices."""

    got: Got | None = None


class AskBytes:
    """By `create`, the answer as it came: `value` is a Got."""

    def __init__(self, line: Line, limits: Limits) -> None:
        self._create: Any = line.completions.with_raw_response.create
        self._limits = limits

    def limit(self, job: Job) -> Limit:
        """The controller that it goes by."""
        return self._limits.of(job.params.get("model"))

    async def __call__(self, job: Job) -> Answer:
        """Sends it once."""
        response: APIResponse[bytes] = await self._create(**{**job.params, "response_type": bytes})
        said = read_body(response.content)
        reasons = tuple(choice.finish_reason for choice in said.choices or ()) if said else ()
        usage = said.usage if said else None
        got = Got(response.status_code, response.request_id, response.content, reasons, usage)
        if not reasons:
            raise _no_answer(got, response.headers)
        return Answer(got, response.headers, usage.get("total_tokens") if usage else None)

    def again(self, job: Job, error: Exception) -> bool:
        """Never."""
        return False


def _no_answer(got: Got, headers: Mapping[str, str]) -> NoAnswerError:
    error = NoAnswerError(f"The server answered {got.status}, but with no choices: it is no chat completion.")
    error.got, error.body, error.headers, error.request_id = got, got.body[:65536], headers, got.request_id
    error.http_status, error.maybe_billed = got.status, True
    return error


class AskParse:
    """By `parse`: an answer whose text is a value of the caller's type; `reask`: times that a misfit is sent back."""

    def __init__(self, line: Line, limits: Limits, reask: int) -> None:
        self._parse: Any = line.completions.parse
        self._limits, self._reask = limits, reask

    def limit(self, job: Job) -> Limit:
        """The controller that it goes by."""
        return self._limits.of(job.params.get("model"))

    async def __call__(self, job: Job) -> Answer:
        """Sends it once."""
        value: Any = await self._parse(**job.params)
        return Answer(value, {}, getattr(value.usage, "total_tokens", None))

    def again(self, job: Job, error: Exception) -> bool:
        """Adds the misfit to the conversation, as long as there are asks left."""
        if not isinstance(error, ParseError) or job.asked_again >= self._reask:
            return False
        job.params = asking_again(job.params, error, job.asked_again + 1)
        return True
