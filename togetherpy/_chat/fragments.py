"""What comes in fragments of other forms than text -> whole tool calls, log probabilities, text and reasoning.

In: the parts of chunks, in order. Out: ToolCalls and a LogprobsPart, as a plain answer has them.
The rule: what a server leaves out, or numbers otherwise than others do, is found out from what it does say.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from togetherpy._chat.sums import add_up, result
from togetherpy.types._content import items
from togetherpy.types._model import new, with_extra
from togetherpy.types.chat_completions import ChatCompletionChoicesChunk
from togetherpy.types.common import DeltaContent, FunctionCall, LogprobsPart, TokenLogprob, ToolCalls


class _Call:
    """One tool call while it grows."""

    __slots__ = ("arguments", "extra", "function_extra", "id", "name", "type")

    def __init__(self) -> None:
        self.id: Any = None
        self.type: str | None = None
        self.name: str | None = None
        self.arguments: list[str] = []
        self.extra: dict[str, Any] = {}
        self.function_extra: dict[str, Any] = {}

    def ready(self) -> bool:
        """Whether the arguments are a whole JSON document."""
        try:
            msgspec.json.decode("".join(self.arguments))
        except (ValueError, RecursionError):
            return False
        return True

    def call(self, index: int) -> ToolCalls:
        function = new(FunctionCall, name=self.name, arguments="".join(self.arguments))
        if self.function_extra:
            with_extra(function, result(self.function_extra))
        made = new(ToolCalls, index=index, id=self.id, type=self.type, function=function)
        return with_extra(made, result(self.extra)) if self.extra else made


class ToolCallSum:
    """Calls put together from fragments, whatever of index and id the server leaves out."""

    __slots__ = ("_at", "_calls")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        """The call that is under way at an index of the wire."""

    def add(self, fragment: ToolCalls, odd: bool) -> None:
        """Takes a fragment. `odd`: it may have fields that its type does not name."""
        call, function = self._find(fragment), fragment.function
        call.id = fragment.id if call.id is None or call.id == "" else call.id
        call.type = call.type or fragment.type
        if odd:
            add_up(call.extra, fragment.model_extra, whole=False)
        if not isinstance(cast(Any, function), FunctionCall):
            return
        function = cast(FunctionCall, function)
        call.name = call.name or function.name
        arguments: object = function.arguments
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif arguments is not None:
            # A lenient decode kept what the server sent instead of text: the arguments as an object.
            call.arguments.append(as_json(arguments))
        if odd:
            add_up(call.function_extra, function.model_extra, whole=False)

    def _find(self, fragment: ToolCalls) -> _Call:
        """The call that a fragment belongs to; a new one where it begins one."""
        index = whole_number(fragment.index)
        known = self._at.get(index) if index is not None else None
        if index is None and self._calls:
            same = [call for call in self._calls if fragment.id and call.id == fragment.id]
            known = same[0] if same else self._calls[-1]
        if known is not None and not _begins_another(known, fragment):
            return known
        self._calls.append(_Call())
        if index is not None:
            self._at[index] = self._calls[-1]
        return self._calls[-1]

    def calls(self) -> list[ToolCalls]:
        """The calls as they stand, in the order in which they began."""
        return [call.call(place) for place, call in enumerate(self._calls)]


def _begins_another(call: _Call, fragment: ToolCalls) -> bool:
    """Whether a fragment that could go on with `call` begins another one: ids may drift, names do not."""
    function: Any = fragment.function
    name = getattr(function, "name", None)
    if not name:
        return False
    same = bool(fragment.id) and fragment.id == call.id
    if fragment.id and call.id and not same:
        return True
    if call.name is None:
        return False
    if name != call.name:
        return not same or call.ready()
    # The name again: of the same call, unless that is whole and this brings arguments of its own.
    return not same and bool(getattr(function, "arguments", None)) and call.ready()


class LogprobSum:
    """Log probabilities of chunks in any of their three forms, as one part whose lists are parallel."""

    __slots__ = ("_as_content", "_as_lists", "_extra", "_ids", "_logprobs", "_objects", "_tokens", "_top")

    def __init__(self) -> None:
        self._tokens: list[Any] = []
        self._logprobs: list[Any] = []
        self._ids: list[Any] = []
        self._top: list[Any] = []
        self._objects: list[TokenLogprob | None] = []
        self._as_lists = self._as_content = False
        self._extra: dict[str, Any] = {}

    def add(self, choice: ChatCompletionChoicesChunk, odd: bool) -> None:
        """Takes the log probabilities of a chunk's choice. `odd`: as above."""
        part, delta = choice.logprobs, choice.delta
        if isinstance(part, LogprobsPart):
            columns = [items(one) for one in (part.tokens, part.token_logprobs, part.token_ids, part.top_logprobs)]
            size = max(map(len, columns))
            for row in zip(*([*column, *[None] * (size - len(column))] for column in columns), strict=True):
                self._add(*row)
                self._as_lists = True
            for one in items(part.content):
                self._add_object(one)
            if odd:
                add_up(self._extra, part.model_extra, whole=True)
        elif isinstance(part, (int, float)):
            if isinstance(delta, DeltaContent):
                self._add(delta.content, part, delta.token_id, choice.top_logprobs)
            else:  # missing, or what a lenient decode has kept
                self._add(choice.text, part, None, choice.top_logprobs)
            self._as_lists = True

    def _add(self, token: Any, logprob: Any, token_id: Any, top: Any) -> None:
        self._tokens.append(token)
        self._logprobs.append(logprob)
        self._ids.append(token_id)
        self._top.append(top)
        self._objects.append(None)

    def _add_object(self, one: Any) -> None:
        self._add(getattr(one, "token", None), getattr(one, "logprob", None), None, getattr(one, "top_logprobs", None))
        self._objects[-1] = one
        self._as_content = True

    def part(self) -> LogprobsPart:
        """All of them."""
        made = LogprobsPart()
        if self._as_lists:
            made.tokens, made.token_logprobs = _column(self._tokens), _column(self._logprobs)
            made.token_ids, made.top_logprobs = _column(self._ids), _column(self._top)
        if self._as_content:
            made.content = [
                one or new(TokenLogprob, token=token, logprob=logprob)
                for one, token, logprob in zip(self._objects, self._tokens, self._logprobs, strict=True)
            ]
        return with_extra(made, result(self._extra)) if self._extra else made


def _column(values: list[Any]) -> list[Any] | None:
    return list(values) if any(value is not None for value in values) else None


def whole_number(index: object) -> int | None:
    """An index as an int; servers have sent 0.0 and "0" too."""
    if isinstance(index, bool) or index is None:
        return None
    try:
        return int(cast(Any, index))
    except (TypeError, ValueError, OverflowError):
        return None


def as_json(value: object) -> str:
    """`value` as JSON text."""
    return msgspec.json.encode(value).decode()
