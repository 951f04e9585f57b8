"""Chat completions.

In: keyword arguments. Out: a ChatCompletionResponse, or a Stream of ChatCompletionChunks.
The rule: what is particular to this part of the API is here; how a call is made is the client's.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

import msgspec

from togetherpy._chat.facts import ChatAnswer, ChatEvents
from togetherpy._chat.request import prepare
from togetherpy._core.absent import is_absent
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, mapped
from togetherpy.resources._signature import takes
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse

if TYPE_CHECKING:
    from togetherpy._chat.parsed_stream import AsyncParsedStream, ParsedStream
    from togetherpy._chat.stream import AsyncStream, Stream
    from togetherpy.batch.results import MapResult
    from togetherpy.resources._raw import AsyncRawCompletions, RawCompletions
    from togetherpy.types.chat_params import ChatCompletionParams, ParseParams, RunToolsParams
    from togetherpy.types.parsed import ParsedChatCompletion
    from togetherpy.types.tool_runs import ToolRun, ToolStep

T = TypeVar("T")

CHAT_COMPLETIONS: Endpoint[Any] = Endpoint(
    "chat.completions", "POST", "/chat/completions", ChatAnswer[ChatCompletionResponse](ChatCompletionResponse)
)


_events = functools.cache(ChatEvents)
"""Made with the first stream, for its decoders take a moment."""


@functools.cache
def streamed() -> Endpoint[Any]:
    """The same with a stream as its answer."""
    return msgspec.structs.replace(CHAT_COMPLETIONS, answer=_events())


class Completions(Resource):
    """`client.chat.completions`"""

    _plain_only = ("map", "run_tools")

    @overload
    def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: None = None,
        **params: Unpack[ChatCompletionParams],
    ) -> ChatCompletionResponse: ...
    @overload
    def create(
        self, *, stream: Literal[True], response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> Stream[ChatCompletionChunk]: ...
    @overload
    def create(
        self, *, stream: bool | None, response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> ChatCompletionResponse | Stream[ChatCompletionChunk]: ...
    @overload
    def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: type[dict[str, Any]],
        **params: Unpack[ChatCompletionParams],
    ) -> dict[str, Any]: ...
    @overload
    def create(
        self, *, stream: Literal[True], response_type: type[dict[str, Any]], **params: Unpack[ChatCompletionParams]
    ) -> Stream[dict[str, Any]]: ...
    @overload
    def create(
        self, *, stream: Literal[False] | None = None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> T: ...
    @overload
    def create(
        self, *, stream: Literal[True], response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> Stream[T]: ...
    @overload
    def create(
        self, *, stream: bool | None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> T | Stream[T]: ...
    @takes("ChatCompletionParams")
    def create(self, *, stream: bool | None = None, response_type: Any = None, **params: Any) -> Any:
        """Asks a model to go on with a conversation.

        Returns a ChatCompletionResponse, whose `text` is what the model wrote; with `stream=True` a Stream (an
        AsyncTogether's: an AsyncStream) that yields ChatCompletionChunks as they arrive. Keyword arguments that are
        not listed go into the request's body as they are.

        response_type: a msgspec Struct, dataclass, attrs class or TypedDict of your own, into which the answer, or each
        chunk of a stream, is decoded instead; only the fields that it names. `dict` gives plain dicts, `bytes` the raw
        JSON of the answer or event. An answer that does not fit raises APIResponseError and is in its `.body`.

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused; its subclasses tell why.
            APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
            StreamInterruptedError: while iterating, the stream ended before its end.
        """
        endpoint, body = endpoint_for(response_type, stream, params.get("n")), prepare(params, stream)
        return self._call(endpoint, body)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawCompletions:
            """`create` and `parse` with status, headers, rate limits and body of their answers."""
            ...

    @overload
    def parse(
        self, *, response_format: type[T], stream: Literal[False] | None = None, **params: Unpack[ParseParams]
    ) -> ParsedChatCompletion[T]: ...
    @overload
    def parse(
        self, *, response_format: type[T], stream: Literal[True], **params: Unpack[ParseParams]
    ) -> ParsedStream[T]: ...
    @overload
    def parse(
        self, *, response_format: type[T], stream: bool | None, **params: Unpack[ParseParams]
    ) -> ParsedChatCompletion[T] | ParsedStream[T]: ...
    @takes("ParseParams")
    def parse(self, *, response_format: Any, stream: bool | None = None, **params: Any) -> Any:
        """Asks a model for an answer that is a value of your own type: `answer.parsed`.

        response_format: a msgspec Struct, dataclass, attrs class, TypedDict or pydantic model. Its JSON schema, made
        strict (every field required, no others), goes to the server, and the answer's text is decoded into it.

        Returns a ParsedChatCompletion; with `stream=True` a ParsedStream (an AsyncTogether's: an AsyncParsedStream),
        whose `get_final_response()` gives one at the end. With `n`, each choice has its `message.parsed`, which is None
        when there is no text: the model called a tool, or refused. A reasoning block before the JSON and a code fence
        around it are passed over.

        Raises:
            TypeError: the type has no JSON schema, the field named; nothing was sent. And what `create` raises so.
            ParseError: the text does not fit the type; `.completion` is the whole answer.
            APIError: what `create` raises.
        """
        from togetherpy._chat import parsing as _parse

        body = prepare(_parse.asking_for(response_format, params), stream, "parse")
        with _parse.refusals_explained(response_format):
            answer = self._call(_parse.endpoint_for(stream, params.get("n")), body)
        finish = _parse.finisher(response_format, stream=bool(stream))
        return mapped(answer, finish, raw=self._raw)

    @takes("RunToolsParams")
    def run_tools(
        self,
        *,
        tools: Iterable[Callable[..., Any]],
        max_turns: int = 10,
        on_step: Callable[[ToolStep], object] | None = None,
        raise_errors: bool = False,
        **params: Unpack[RunToolsParams],
    ) -> ToolRun:
        """Asks a model, runs the tools that it calls, tells it what came of them, and asks again until it answers.

        tools: typed functions (see `togetherpy.tools`). Those that one answer calls run one after the other, an
            async function in an event loop of its own; an AsyncTogether's at the same time, async functions in the
            event loop and the others in threads.
        max_turns: most answers of the model, >= 1.
        on_step: it is called (by an AsyncTogether also awaited, if it can be) with each ToolStep, that is, each answer
            and the results of its calls.
        raise_errors: an exception in a tool ends the run, instead of being told to the model by its type and message.
            So do arguments that do not fit (ParseError) and names that the model invented (ToolCallError).

        Returns a ToolRun: `.text`, `.response`, `.messages`, `.steps`. `timeout` bounds each call, not the run. A
        `tool_choice` that forces a call holds for the first answer only.

        Raises:
            TypeError, ValueError: a function cannot be described, or what `create` raises so; nothing was sent.
            MaxTurnsError: the last turn's answer still calls tools; the conversation is in `.messages`.
            APIError: what `create` raises, with the conversation so far in `.messages`.
        """
        from togetherpy._chat import run_tools as _run_tools

        given = {"tools": tools, "params": params, "max_turns": max_turns, "raise_errors": raise_errors}
        return _run_tools.run(self.create, given, on_step)

    @overload
    def map(  # pyright: ignore[reportOverlappingOverload]  # `shared` may hold anything, a dict under this name, too
        self,
        requests: Iterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        response_format: type[T],
        reask: int = 0,
        **shared: Any,
    ) -> Iterator[MapResult[ParsedChatCompletion[T]]]: ...
    @overload
    def map(
        self,
        requests: Iterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        response_type: type[T],
        **shared: Any,
    ) -> Iterator[MapResult[T]]: ...
    @overload
    def map(
        self,
        requests: Iterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        **shared: Any,
    ) -> Iterator[MapResult[ChatCompletionResponse]]: ...
    def map(
        self,
        requests: Iterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        reask: int = 0,
        **shared: Any,
    ) -> Iterator[MapResult[Any]]:
        """Asks for many at a time, as many as the server takes: an iterator of what became of each.

        requests: any iterable (with AsyncTogether async ones too) of message lists, strings (one user message) or dicts
            of parameters; read as there is room. `shared` are parameters for all; those of a dict go before.
        concurrency: the most in flight, >= 1; default 256. How many are depends on what the server's answers say.
        ordered: the results in the order of the requests, not as they come.
        reask: with a type as `response_format`: how often an answer that does not fit is sent back with the reason.

        Yields a MapResult for each request: its `index`, the `request`, the `response` or the `error`, `attempts` and
        `seconds`. One failure does not stop the others; leaving early cancels what is in flight. `response_format` and
        `response_type` may be types, as in `parse` and `create`. Rate limits and lacking capacity are waited out; other
        transient failures take one of `max_retries` (5). `timeout` bounds each attempt. `rpm`, `tpm` (a minute) and
        `share` (this process's part of them, up to 1) are hard limits; after `stall` (600) seconds without a success it
        is given up.

        Raises:
            TypeError, ValueError: an argument that cannot be meant; while iterating, nothing of one request's.
            APIError: while iterating, after three failures in a row that every request would share: the key, the
                account, the model.
            StalledError: while iterating, nothing succeeded for `stall` seconds.
        """
        from togetherpy.batch import mapping as _mapping

        _mapping.check_requests(requests, asynchronous=False)
        plan = _mapping.Plan(self._loop, concurrency, ordered, reask, shared)
        return _mapping.map_here(requests, plan)


class AsyncCompletions(AsyncResource, like=Completions):
    """`client.chat.completions` of an AsyncTogether."""

    _plain_only = ("map", "run_tools")

    @overload
    async def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: None = None,
        **params: Unpack[ChatCompletionParams],
    ) -> ChatCompletionResponse: ...
    @overload
    async def create(
        self, *, stream: Literal[True], response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> AsyncStream[ChatCompletionChunk]: ...
    @overload
    async def create(
        self, *, stream: bool | None, response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> ChatCompletionResponse | AsyncStream[ChatCompletionChunk]: ...
    @overload
    async def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: type[dict[str, Any]],
        **params: Unpack[ChatCompletionParams],
    ) -> dict[str, Any]: ...
    @overload
    async def create(
        self, *, stream: Literal[True], response_type: type[dict[str, Any]], **params: Unpack[ChatCompletionParams]
    ) -> AsyncStream[dict[str, Any]]: ...
    @overload
    async def create(
        self, *, stream: Literal[False] | None = None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> T: ...
    @overload
    async def create(
        self, *, stream: Literal[True], response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> AsyncStream[T]: ...
    @overload
    async def create(
        self, *, stream: bool | None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> T | AsyncStream[T]: ...
    @takes("ChatCompletionParams")
    async def create(self, *, stream: bool | None = None, response_type: Any = None, **params: Any) -> Any:
        """Asks a model to go on with a conversation. The rest: `Completions.create`."""
        endpoint, body = endpoint_for(response_type, stream, params.get("n")), prepare(params, stream)
        return await self._call(endpoint, body)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawCompletions:
            """`create` and `parse` with status, headers, rate limits and body of their answers."""
            ...

    @overload
    async def parse(
        self, *, response_format: type[T], stream: Literal[False] | None = None, **params: Unpack[ParseParams]
    ) -> ParsedChatCompletion[T]: ...
    @overload
    async def parse(
        self, *, response_format: type[T], stream: Literal[True], **params: Unpack[ParseParams]
    ) -> AsyncParsedStream[T]: ...
    @overload
    async def parse(
        self, *, response_format: type[T], stream: bool | None, **params: Unpack[ParseParams]
    ) -> ParsedChatCompletion[T] | AsyncParsedStream[T]: ...
    @takes("ParseParams")
    async def parse(self, *, response_format: Any, stream: bool | None = None, **params: Any) -> Any:
        """Asks a model for an answer that is a value of your own type: `answer.parsed`.

        The rest: `Completions.parse`.
        """
        from togetherpy._chat import parsing as _parse

        body = prepare(_parse.asking_for(response_format, params), stream, "parse")
        with _parse.refusals_explained(response_format):
            answer = await self._call(_parse.endpoint_for(stream, params.get("n")), body)
        finish = _parse.finisher(response_format, stream=bool(stream), asynchronous=True)
        return mapped(answer, finish, raw=self._raw)

    @takes("RunToolsParams")
    async def run_tools(
        self,
        *,
        tools: Iterable[Callable[..., Any]],
        max_turns: int = 10,
        on_step: Callable[[ToolStep], object] | None = None,
        raise_errors: bool = False,
        **params: Unpack[RunToolsParams],
    ) -> ToolRun:
        """Asks a model, runs the tools that it calls, tells it what came of them, and asks again until it answers.

        The rest: `Completions.run_tools`.
        """
        from togetherpy._chat import run_tools as _run_tools

        given = {"tools": tools, "params": params, "max_turns": max_turns, "raise_errors": raise_errors}
        return await _run_tools.arun(self.create, given, on_step)

    @overload
    def map(  # pyright: ignore[reportOverlappingOverload]  # `shared` may hold anything, a dict under this name, too
        self,
        requests: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        response_format: type[T],
        reask: int = 0,
        **shared: Any,
    ) -> AsyncIterator[MapResult[ParsedChatCompletion[T]]]: ...
    @overload
    def map(
        self,
        requests: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        response_type: type[T],
        **shared: Any,
    ) -> AsyncIterator[MapResult[T]]: ...
    @overload
    def map(
        self,
        requests: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        **shared: Any,
    ) -> AsyncIterator[MapResult[ChatCompletionResponse]]: ...
    def map(
        self,
        requests: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        reask: int = 0,
        **shared: Any,
    ) -> AsyncIterator[MapResult[Any]]:
        """Asks for many at a time, as many as the server takes: an iterator of what became of each.

        The rest: `Completions.map`.
        """
        from togetherpy.batch import mapping as _mapping

        _mapping.check_requests(requests, asynchronous=True)
        plan = _mapping.Plan(self._loop, concurrency, ordered, reask, shared)
        return _mapping.amap(requests, plan)


def endpoint_for(response_type: Any, stream: bool | None, n: int | None = None) -> Endpoint[Any]:
    """The endpoint whose answers, or chunks of `n` answers, are of this type.

    Raises:
        TypeError: a type that answers cannot be decoded into.
    """
    if response_type is None or response_type is (ChatCompletionChunk if stream else ChatCompletionResponse):
        if not stream:
            return CHAT_COMPLETIONS
        return msgspec.structs.replace(streamed(), answer=_events().of(n)) if n and n != 1 else streamed()
    if is_absent(response_type):
        return endpoint_for(None, stream, n)
    from togetherpy._chat.response_type import OwnAnswer, OwnEvents, own_type

    own = own_type(response_type)
    return msgspec.structs.replace(CHAT_COMPLETIONS, answer=OwnEvents(own, n or 1) if stream else OwnAnswer(own))


# The names of the official packages, of version 1 and of version 3: the classes themselves, so that what an instrument
# puts in the place of a method is seen by every client.
ChatCompletions = CompletionsResource = Completions
AsyncChatCompletions = AsyncCompletionsResource = AsyncCompletions
