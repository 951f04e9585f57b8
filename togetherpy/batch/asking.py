"""How a job is sent: the one place that knows the client from inside.

In: a client of either kind, and jobs. Out: answers with what the engine wants to know of them.
The rule: the inner calls have no retries of their own and share no quota, and the connections are as many as the
ceiling; everything else is the client's configuration as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy import client as _client
from togetherpy.batch.reask import asking_again
from togetherpy.error import ParseError

if TYPE_CHECKING:
    from togetherpy.batch.engine import Job
    from togetherpy.batch.limit import Limit

# pyright: reportPrivateUsage=false


def engine_client(client: _client.Together | _client.AsyncTogether, connections: int) -> _client.AsyncTogether:
    """An AsyncTogether with the configuration of `client` and so many connections of its own."""
    config = msgspec.structs.replace(client._config, max_connections=connections, max_retries=0)
    own = object.__new__(_client.AsyncTogether)
    own._given = {**client._given, "max_connections": connections, "max_retries": 0}
    own._config, own._watchers = config, client._watchers
    own._shared = _client._Shared(partial(_client._make_threads, config))
    return own


class Limits:
    """The controllers of a run, one for each model that it asks."""

    def __init__(self, client: _client.AsyncTogether, ceiling: int, bounds: Mapping[str, Any]) -> None:
        """`bounds`: rpm, tpm, share."""
        self._client, self._ceiling, self._bounds = client, ceiling, bounds
        self.by_model: dict[str, Limit] = {}

    def of(self, model: Any) -> Limit:
        """The controller for a model."""
        limit = self.by_model.get(model)
        if limit is None:
            from togetherpy.batch.limits import limit_for

            config = self._client._config
            limit = limit_for(
                self._client.base_url, config.authorization, str(model), ceiling=self._ceiling, **self._bounds
            )
            self.by_model[model] = limit
        return limit


class Answer(msgspec.Struct, frozen=True):
    """What came back for a job."""

    value: Any
    headers: Mapping[str, str]
    tokens: int | None = None
    """That it took, prompt and answer."""


class AskCreate:
    """By `create`: an answer of our type, or of the `response_type` among the parameters."""

    def __init__(self, client: _client.AsyncTogether, limits: Limits) -> None:
        self._create = client.chat.completions.with_raw_response.create
        self._limits = limits

    def limit(self, job: Job) -> Limit:
        """The controller that it goes by."""
        return self._limits.of(job.params.get("model"))

    async def __call__(self, job: Job) -> Answer:
        """Sends it once."""
        response: Any = await self._create(**job.params)
        usage = getattr(response.value, "usage", None)
        return Answer(response.value, response.headers, getattr(usage, "total_tokens", None))

    def again(self, _job: Job, _error: Exception) -> bool:
        """Never."""
        return False


class AskParse:
    """By `parse`: an answer whose text is a value of the caller's type; `reask`: times that a misfit is sent back."""

    def __init__(self, client: _client.AsyncTogether, limits: Limits, reask: int) -> None:
        self._parse = client.chat.completions.parse
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
