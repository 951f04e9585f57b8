"""Chunks -> one complete response, as `stream=False` would have brought it.

In: ChatCompletionChunks, in order. Out: a ChatCompletionResponse of what has come so far.
The rule: constant work per chunk (texts are joined when asked for, never added up), and no chunk is kept but
the first, and of each choice the one that ended it.
"""

from __future__ import annotations

from typing import Any, TypeGuard, cast

from togetherpy.types.chat_completions import (
    ChatCompletionChoicesChunk,
    ChatCompletionChoicesData,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionResponse,
)
from togetherpy.types.common import (
    FinishReason,
    FunctionCall,
    LogprobsPart,
    MessageRole,
    ObjectType,
    TokenLogprob,
    ToolCalls,
    UsageData,
)


class Accumulator:
    """Adds up one stream."""

    __slots__ = ("_choices", "_first", "_usage", "_warnings")

    def __init__(self) -> None:
        self._first: ChatCompletionChunk | None = None
        self._choices: dict[int, _Choice] = {}
        self._usage: UsageData | None = None
        self._warnings: list[dict[str, Any]] = []

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Takes the next chunk."""
        if self._first is None:
            self._first = chunk
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.warnings:
            self._warnings += _items(chunk.warnings)
        for choice in chunk.choices or ():
            try:
                own = self._choices[choice.index or 0]
            except (KeyError, TypeError):
                own = self._choices.setdefault(_whole(choice.index) or 0, _Choice())
            own.add(choice)
            if choice.usage is not None and self._usage is None:
                self._usage = choice.usage

    def finished(self, choices: int) -> bool:
        """Whether `choices` answers have begun and each has been given a finish_reason."""
        return len(self._choices) >= choices and all(choice.finish_reason for choice in self._choices.values())

    def response(self) -> ChatCompletionResponse | None:
        """What has come so far; None when nothing has."""
        first = self._first
        if first is None:
            return None
        return ChatCompletionResponse(
            id=first.id,
            object=ObjectType.ChatCompletion,
            created=first.created,
            model=first.model,
            choices=[self._choices[index].data(index) for index in sorted(self._choices)],
            prompt=[],
            usage=self._usage,
            warnings=self._warnings or None,
            system_fingerprint=first.system_fingerprint,
        )


class _Choice:
    """One of the `n` answers while it grows."""

    __slots__ = (
        "content",
        "finish_reason",
        "function",
        "last",
        "logprobs",
        "reasoning",
        "reasoning_content",
        "role",
        "seed",
        "tools",
    )

    def __init__(self) -> None:
        self.role: MessageRole | None = None
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.reasoning_content: list[str] = []
        self.finish_reason: FinishReason | None = None
        self.seed: int | None = None
        self.logprobs: _Logprobs | None = None
        self.tools: _ToolCalls | None = None
        self.function: _ToolCalls | None = None
        self.last: ChatCompletionChoicesChunk | None = None
        """The chunk that gave the finish_reason: why it stopped is told there in other words, too."""

    def add(self, choice: ChatCompletionChoicesChunk) -> None:  # noqa: C901  # flat, for it runs for every chunk
        if choice.finish_reason:  # not "", which some servers send with every chunk
            self.finish_reason = choice.finish_reason
            self.last = choice
        if choice.logprobs is not None:
            self._add_logprobs(choice)
        if choice.tool_calls is not None:
            self._add_tools(choice.tool_calls)
        if choice.seed is not None:
            self.seed = choice.seed
        delta = choice.delta
        if delta is None:
            if choice.text:
                self.content.append(choice.text)
            return
        if delta.content:
            self.content.append(delta.content)
        if delta.reasoning:
            self.reasoning.append(delta.reasoning)
        if delta.reasoning_content:
            self.reasoning_content.append(delta.reasoning_content)
        if delta.tool_calls is not None:
            self._add_tools(delta.tool_calls)
        if delta.function_call is not None:
            self._add_function_call(delta.function_call)
        if self.role is None:
            self.role = delta.role

    def _add_tools(self, fragments: list[ToolCalls]) -> None:
        if self.tools is None:
            self.tools = _ToolCalls()
        for fragment in fragments:
            self.tools.add(fragment)

    def _add_function_call(self, fragment: FunctionCall) -> None:
        """The older form of a tool call, of which there is one at most."""
        if self.function is None:
            self.function = _ToolCalls()
        self.function.add(ToolCalls(index=0, function=fragment))

    def _add_logprobs(self, choice: ChatCompletionChoicesChunk) -> None:
        if self.logprobs is None:
            self.logprobs = _Logprobs()
        self.logprobs.add(choice)

    def data(self, index: int) -> ChatCompletionChoicesData:
        last = self.last or ChatCompletionChoicesChunk()
        calls_only = self.tools is not None or self.function is not None
        return ChatCompletionChoicesData(
            index=index,
            finish_reason=self.finish_reason,
            stop_reason=last.stop_reason,
            matched_stop=last.matched_stop,
            error=last.error,
            seed=self.seed,
            logprobs=self.logprobs.part() if self.logprobs is not None else None,
            message=ChatCompletionMessage(
                role=self.role or MessageRole.ASSISTANT,
                content=_text(self.content) if self.content or not calls_only else None,
                reasoning=_text(self.reasoning) if self.reasoning else None,
                reasoning_content=_text(self.reasoning_content) if self.reasoning_content else None,
                tool_calls=self.tools.calls() if self.tools is not None else None,
                function_call=self.function.calls()[0].function if self.function is not None else None,
            ),
        )


class _ToolCalls:
    """Calls put together from fragments, whatever of index and id the server leaves out."""

    __slots__ = ("_arguments", "_calls", "_keys", "_names")

    def __init__(self) -> None:
        self._calls: list[ToolCalls] = []
        self._names: list[str | None] = []
        self._arguments: list[list[str]] = []
        self._keys: dict[int, int] = {}
        """Index on the wire -> place in `_calls`."""

    def add(self, fragment: ToolCalls) -> None:
        place = self._place(fragment)
        call, function = self._calls[place], fragment.function
        call.id = call.id or fragment.id
        call.type = call.type or fragment.type
        if function is None:
            return
        self._names[place] = self._names[place] or function.name
        arguments: object = function.arguments
        if isinstance(arguments, str):
            self._arguments[place].append(arguments)
        elif arguments is not None:
            # A lenient decode kept what the server sent instead of text: the arguments as an object.
            self._arguments[place].append(_json(arguments))

    def _place(self, fragment: ToolCalls) -> int:
        """Which call a fragment belongs to; a new one where nothing says that it goes on with the last."""
        index = _whole(fragment.index)
        begins = bool(fragment.id) and all(call.id != fragment.id for call in self._calls)
        if index is not None and index in self._keys:
            place = self._keys[index]
            # Some servers number every parallel call alike; a new id then tells them apart.
            if not (begins and self._calls[place].id):
                return place
        elif index is None and self._calls and not begins:
            same = [place for place, call in enumerate(self._calls) if fragment.id and call.id == fragment.id]
            named = fragment.function is not None and bool(fragment.function.name)
            if same or not named:
                return same[0] if same else len(self._calls) - 1
        self._calls.append(ToolCalls(index=len(self._calls)))
        self._names.append(None)
        self._arguments.append([])
        if index is not None:
            self._keys[index] = len(self._calls) - 1
        return len(self._calls) - 1

    def calls(self) -> list[ToolCalls]:
        """The calls as they stand, in the order in which they began."""
        return [
            ToolCalls(
                index=call.index,
                id=call.id,
                type=call.type,
                function=FunctionCall(name=name, arguments="".join(parts)),
            )
            for call, name, parts in zip(self._calls, self._names, self._arguments, strict=True)
        ]


class _Logprobs:
    """Log probabilities of chunks in any of their three forms, as one part."""

    __slots__ = ("_content", "_ids", "_logprobs", "_tokens", "_top")

    def __init__(self) -> None:
        self._tokens: list[str | None] = []
        self._logprobs: list[float | None] = []
        self._ids: list[int | None] = []
        self._top: list[Any] = []
        self._content: list[TokenLogprob] = []

    def add(self, choice: ChatCompletionChoicesChunk) -> None:
        part, delta = choice.logprobs, choice.delta
        if isinstance(part, LogprobsPart):
            self._tokens += _items(part.tokens)
            self._logprobs += _items(part.token_logprobs)
            self._ids += _items(part.token_ids)
            self._content += _items(part.content)
            self._top += _items(part.top_logprobs)
        elif isinstance(part, (int, float)):
            self._tokens.append(delta.content if delta is not None else choice.text)
            self._logprobs.append(part)
            if delta is not None and delta.token_id is not None:
                self._ids.append(delta.token_id)
            if choice.top_logprobs is not None:
                self._top.append(choice.top_logprobs)

    def part(self) -> LogprobsPart:
        return LogprobsPart(
            tokens=list(self._tokens) or None,
            token_logprobs=list(self._logprobs) or None,
            token_ids=list(self._ids) or None,
            top_logprobs=list(self._top) or None,
            content=list(self._content) or None,
        )


def _text(parts: list[Any]) -> str:
    """The parts as one text; parts that are no text (a lenient decode kept them) are left as JSON."""
    try:
        return "".join(parts)
    except TypeError:
        return "".join(part if isinstance(part, str) else _json(part) for part in parts)


def _items(value: Any) -> list[Any]:
    """`value` as a list: a lenient decode may have kept one thing where there should be a list of them."""
    if _is_list(value):
        return value
    return [] if value is None else [value]


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(cast(Any, value), list)


def _whole(index: object) -> int | None:
    """An index as an int; servers have sent 0.0 and "0" too."""
    if isinstance(index, bool) or index is None:
        return None
    try:
        return int(cast(Any, index))
    except (TypeError, ValueError, OverflowError):
        return None


def _json(value: object) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()
