"""Completions of a prompt.

In: keyword arguments. Out: a CompletionResponse, or a Stream of CompletionChunks.
The rule: what is asked and answered is as both official packages (1.5.35, 3.1.1) and the OpenAPI document have it, and
also as servers of the older protocol answer, whose chunks have no delta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, Unpack, cast, overload

import msgspec

from togetherpy._chat.arguments import check_values
from togetherpy._chat.prompted import PromptAnswer, PromptEvents
from togetherpy._core.caller import warn_caller
from togetherpy._core.names import Names, require
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource
from togetherpy.resources._signature import takes
from togetherpy.types.completions import CompletionChunk, CompletionParams, CompletionResponse

if TYPE_CHECKING:
    from togetherpy._chat.stream import AsyncStream, Stream
    from togetherpy.types._response import APIResponse, APIStreamResponse

_COMPLETIONS: Endpoint[Any] = Endpoint("completions", "POST", "/completions", PromptAnswer())
_EVENTS = PromptEvents()
_NAMES = Names(
    (*CompletionParams.__annotations__, "stream"),
    of_others=("suffix", "best_of", "user", "stream_options", "min_tokens", "repeat_penalty", "top_logprobs"),
    elsewhere={"messages": "client.chat.completions.create() takes them"},
)


class Completions(Resource):
    """`client.completions`"""

    @overload
    def create(
        self, *, stream: Literal[False] | None = None, **params: Unpack[CompletionParams]
    ) -> CompletionResponse: ...
    @overload
    def create(self, *, stream: Literal[True], **params: Unpack[CompletionParams]) -> Stream[CompletionChunk]: ...
    @overload
    def create(
        self, *, stream: bool | None, **params: Unpack[CompletionParams]
    ) -> CompletionResponse | Stream[CompletionChunk]: ...
    @takes("CompletionParams", "completions")
    def create(self, *, stream: bool | None = None, **params: Any) -> Any:
        """Asks a model to go on with a text: `answer.text`.

        Returns a CompletionResponse; with `stream=True` a Stream (an AsyncTogether's: an AsyncStream) that yields
        CompletionChunks as they arrive, with `text_deltas()`, `get_final_response()` and `current`.

        model: name of the model.
        prompt: the text; for servers that take them, several texts, or token numbers.
        max_tokens: most tokens to generate, >= 1.
        stop: a string or strings at which generation ends; they are not part of the answer.
        temperature: randomness, 0 to 1 (some models take up to 2); 0 is the most repeatable.
        top_p: share of probability mass to sample from, 0 to 1.
        top_k: number of likeliest tokens to sample from, >= 1.
        min_p: least probability of a token relative to the likeliest, 0 to 1.
        repetition_penalty: > 0, above 1 repeats less; not together with the next two (warns).
        presence_penalty, frequency_penalty: -2 to 2, positive repeats less.
        logit_bias: token id (as text) to bias, usually -100 to 100.
        seed: integer for repeatable sampling.
        logprobs: number of alternatives to return log probabilities for, 0 to 20.
        echo: return the prompt too, in `answer.prompt`, with `logprobs` its log probabilities.
        n: number of choices, 1 to 128.
        safety_model: name of a moderation model.

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
            StreamInterruptedError: while iterating, the stream ended before its end.
        """
        body = _prepared(stream, params)
        return self._call(_endpoint(stream, body), body)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawCompletions: ...


class AsyncCompletions(AsyncResource, like=Completions):
    """`client.completions` of an AsyncTogether."""

    @overload
    async def create(
        self, *, stream: Literal[False] | None = None, **params: Unpack[CompletionParams]
    ) -> CompletionResponse: ...
    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[CompletionParams]
    ) -> AsyncStream[CompletionChunk]: ...
    @overload
    async def create(
        self, *, stream: bool | None, **params: Unpack[CompletionParams]
    ) -> CompletionResponse | AsyncStream[CompletionChunk]: ...
    @takes("CompletionParams", "completions")
    async def create(self, *, stream: bool | None = None, **params: Any) -> Any:
        """Asks a model to go on with a text: `answer.text`. The rest: `Completions.create`."""
        body = _prepared(stream, params)
        return await self._call(_endpoint(stream, body), body)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawCompletions: ...


class RawCompletions(Protocol):
    """`client.completions.with_raw_response`, for type checkers."""

    @overload
    def create(
        self, *, stream: Literal[False] | None = None, **params: Unpack[CompletionParams]
    ) -> APIResponse[CompletionResponse]: ...
    @overload
    def create(
        self, *, stream: Literal[True], **params: Unpack[CompletionParams]
    ) -> APIStreamResponse[Stream[CompletionChunk]]: ...
    @overload
    def create(
        self, *, stream: bool | None, **params: Unpack[CompletionParams]
    ) -> APIResponse[CompletionResponse] | APIStreamResponse[Stream[CompletionChunk]]: ...


class AsyncRawCompletions(Protocol):
    """The same of an AsyncTogether."""

    @overload
    async def create(
        self, *, stream: Literal[False] | None = None, **params: Unpack[CompletionParams]
    ) -> APIResponse[CompletionResponse]: ...
    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[CompletionParams]
    ) -> APIStreamResponse[AsyncStream[CompletionChunk]]: ...
    @overload
    async def create(
        self, *, stream: bool | None, **params: Unpack[CompletionParams]
    ) -> APIResponse[CompletionResponse] | APIStreamResponse[AsyncStream[CompletionChunk]]: ...


def _prepared(stream: bool | None, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters as they are sent."""
    if stream is not None and type(stream) is not bool:
        raise TypeError(f"stream must be a bool, not {type(stream).__name__}")
    _NAMES.check("create", params)
    check_values(params)
    require("create", params, "model", "prompt")
    if not isinstance(params["prompt"], (str, list, tuple)):
        raise TypeError(f"prompt must be a str, not {type(params['prompt']).__name__}")
    if params.get("repetition_penalty") and (params.get("presence_penalty") or params.get("frequency_penalty")):
        warn_caller("repetition_penalty works against presence_penalty and frequency_penalty; use one kind only")
    if isinstance(params.get("stop"), str):
        params["stop"] = [params["stop"]]  # the API takes a list only
    if stream is not None:
        params["stream"] = stream
    return params


def _endpoint(stream: bool | None, params: dict[str, Any]) -> Endpoint[Any]:
    """Whose answers are so many: `n` to each of the prompts."""
    if not stream:
        return _COMPLETIONS
    prompt: Any = params.get("prompt")
    prompts = cast("list[object]", prompt) if isinstance(prompt, (list, tuple)) else []
    choices = (params.get("n") or 1) * (len(prompts) if prompts and not isinstance(prompts[0], int) else 1)
    return msgspec.structs.replace(_COMPLETIONS, answer=_EVENTS.of(choices))


# The official packages' names: the classes themselves, so that what an instrument puts in the place of a method is seen
# by every client.
CompletionsResource = Completions
AsyncCompletionsResource = AsyncCompletions
