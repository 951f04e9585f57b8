"""How a job is sent: the one place that knows the client from inside.

In: a client of either kind, and jobs. Out: answers with what the engine wants to know of them.
The rule: the inner calls have no retries of their own and share no quota, and the connections are as many as the
ceiling; everything else is the client's configuration as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._chat.request import prepare
from togetherpy._core.loop import AsyncLoop, Shared
from togetherpy.batch.engine import Answer
from togetherpy.batch.envelope import read_body
from togetherpy.batch.reask import asking_again
from togetherpy.client import AsyncTogether
from togetherpy.error import APIResponseError, ParseError
from togetherpy.resources.chat.completions import AsyncCompletions, endpoint_for
from togetherpy.resources.models import AsyncModels

if TYPE_CHECKING:
    from togetherpy._core.config import Config
    from togetherpy._core.wire import AsyncTransport, Endpoint, Headers
    from togetherpy.batch.engine import Job
    from togetherpy.batch.limit import Limit


class _Loop(AsyncLoop):
    """For many calls: their keys are given, and each comes with the answer that it was in."""

    __slots__ = ()

    async def ask(self, endpoint: Endpoint[Any], params: dict[str, Any], key: str) -> tuple[Any, Any]:
        """One call: its value and its Reply. What `call` does, at less expense; repeated is only what was not sent."""
        if self.shared.main is None:
            await self.shared.load()
        transport = self.shared.main or self.shared.transport()
        call, outcome = self._begin(endpoint, params, None, None, False, key), None
        try:
            while True:
                outcome = await transport.send(call)
                value, wait = call.judge(outcome)
                if wait is None:
                    return value, outcome
                await transport.sleep(wait)
        except BaseException as error:
            call.failed(error, outcome)
            raise


class Line:
    """Connections of a run's own: `completions` is as the client's, without retries."""

    def __init__(self, loop: Any, connections: int) -> None:
        """`loop`: of a client of either kind, whose configuration and hooks these have, too."""
        config: Config = msgspec.structs.replace(loop.config, max_connections=connections, max_retries=0)
        self._shared: Shared[AsyncTransport] = Shared(config, AsyncTogether._make)  # pyright: ignore[reportPrivateUsage]
        self.config = config
        self.loop: _Loop = _Loop(config, self._shared, loop.watchers)
        self.completions: AsyncCompletions = AsyncCompletions(self.loop)
        self.models: AsyncModels = AsyncModels(self.loop)

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
        """The controller for a model; what cannot be one is refused when it is sent."""
        model = model if isinstance(model, str) else ""
        limit = self.by_model.get(model)
        if limit is None:
            from togetherpy.batch.limits import limit_for

            origin = self._config.origin
            server = f"{origin.scheme}://{origin.authority}{origin.path}"
            limit = limit_for(server, self._config.authorization, model, ceiling=self._ceiling, **self._bounds)
            self.by_model[model] = limit
        return limit


class AskCreate:
    """By `create`: an answer of our type, or of the `response_type` among the parameters."""

    def __init__(self, line: Line, limits: Limits) -> None:
        self._ask, self._limits = line.loop.ask, limits

    def limit(self, job: Job) -> Limit:
        """The controller that it goes by."""
        return self._limits.of(job.params.get("model"))

    async def __call__(self, job: Job) -> Answer:
        """Sends it once."""
        params = dict(job.params)
        endpoint = endpoint_for(params.pop("response_type", None), None)
        value, reply = await self._ask(endpoint, prepare(params, None), job.key)
        return Answer(value, reply.headers, getattr(getattr(value, "usage", None), "total_tokens", None))

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
        self._ask, self._limits = line.loop.ask, limits
        self._endpoint = endpoint_for(bytes, None)

    def limit(self, job: Job) -> Limit:
        """The controller that it goes by."""
        return self._limits.of(job.params.get("model"))

    async def __call__(self, job: Job) -> Answer:
        """Sends it once."""
        body, reply = await self._ask(self._endpoint, prepare(dict(job.params), None), job.key)
        said = read_body(body)
        reasons = tuple(choice.finish_reason for choice in said.choices or ()) if said else ()
        usage = said.usage if said else None
        headers: Headers = reply.headers
        got = Got(reply.status, headers.peek("x-request-id") or headers.peek("cf-ray"), body, reasons, usage)
        if not reasons:
            raise _no_answer(got, headers)
        return Answer(got, headers, usage.get("total_tokens") if usage else None)

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
        headers: dict[str, Any] = {**(job.params.get("extra_headers") or {}), "Idempotency-Key": job.key}
        value: Any = await self._parse(**{**job.params, "extra_headers": headers})
        return Answer(value, {}, getattr(value.usage, "total_tokens", None))

    def again(self, job: Job, error: Exception) -> bool:
        """Adds the misfit to the conversation, as long as there are asks left."""
        if not isinstance(error, ParseError) or job.asked_again >= self._reask:
            return False
        job.params, job.key = asking_again(job.params, error), f"{job.key}-{job.asked_again + 1}"
        return True
