"""Chunks -> one complete response, as `stream=False` would have brought it.

In: ChatCompletionChunks, in order. Out: a ChatCompletionResponse of what has come so far.
The rule: constant work per chunk (texts are joined when asked for, never added up), and no chunk is kept but the first,
of each choice the one that ended it, and the last few whose fields our types do not name all of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, cast, overload

import msgspec

from togetherpy._chat.choice import ChoiceSum, joined, made
from togetherpy._chat.fragments import whole_number
from togetherpy._chat.halves import Halves
from togetherpy._chat.sums import add_up
from togetherpy._core.decode import decode_json
from togetherpy._core.sse import DONE
from togetherpy.types._content import items
from togetherpy.types.chat_completions import ChatCompletionChoicesChunk, ChatCompletionChunk, ChatCompletionResponse
from togetherpy.types.common import ObjectType, UsageData

if TYPE_CHECKING:
    from togetherpy.types.completions import CompletionChunk, CompletionResponse

_decoder = msgspec.json.Decoder(ChatCompletionChunk)
MAX_KEPT = 16
"""Chunks with fields of their own that are kept until somebody asks for the sum."""


class Accumulator:
    """Adds up one stream."""

    of_choice: ClassVar[type[ChoiceSum]] = ChoiceSum
    answer: ClassVar[type[ChatCompletionResponse]] = ChatCompletionResponse
    kind: ClassVar[ObjectType] = ObjectType.ChatCompletion

    __slots__ = (
        "_asked",
        "_extra",
        "_facts",
        "_first",
        "_kept",
        "_usage",
        "_usage_extra",
        "_usage_of_choices",
        "_warnings",
        "choices",
    )

    def __init__(self, choices: int | None = None) -> None:
        """`choices`: how many answers were asked for, if that is known."""
        self._asked = choices
        self._first: ChatCompletionChunk | None = None
        self._facts: dict[str, Any] = {}
        """What the first chunks say of the whole; some servers' very first leaves it empty."""
        self.choices: dict[int, ChoiceSum] = {}
        self._usage: dict[str, Any] | None = None
        self._usage_of_choices: dict[str, Any] | None = None
        self._usage_extra: dict[str, Any] = {}
        self._warnings: list[dict[str, Any]] = []
        self._kept: list[ChatCompletionChunk] = []
        self._extra: dict[str, Any] = {}

    def add(self, chunk: ChatCompletionChunk, odd: bool = False) -> None:
        """Takes the next chunk. `odd`: as `add_odd` has it."""
        if self._first is None:
            self._begin(chunk)
        usage, warnings = chunk.usage, chunk.warnings
        if usage is not None:
            self._usage = self._with_usage(self._usage, usage, odd)
        if warnings:
            self._warnings += items(warnings)
        for choice in items(chunk.choices) if odd else chunk.choices or ():
            if odd and not isinstance(cast(Any, choice), ChatCompletionChoicesChunk):
                continue
            try:
                own = self.choices[choice.index or 0]
            except (KeyError, TypeError):
                own = self.choices.setdefault(whole_number(choice.index) or 0, self.of_choice())
            own.add(choice, odd)
            usage = choice.usage
            if usage is not None:
                self._usage_of_choices = self._with_usage(self._usage_of_choices, usage, odd)

    def add_odd(self, chunk: ChatCompletionChunk) -> None:
        """Takes the next chunk, which may have fields that its types do not name, or some that are of no such type."""
        self.add(chunk, odd=True)
        self._kept.append(chunk)
        if len(self._kept) >= MAX_KEPT:
            self._add_up_kept()

    def _add_up_kept(self) -> None:
        """Adds the unknown fields of the chunks that are kept for it."""
        kept, self._kept = self._kept, []
        for chunk in kept:
            add_up(self._extra, chunk.model_extra, whole=True)
            for choice in items(chunk.choices):
                if isinstance(choice, ChatCompletionChoicesChunk):
                    self.choices[whole_number(choice.index) or 0].add_extra(choice)

    def _begin(self, chunk: ChatCompletionChunk) -> None:
        for name in ("id", "created", "model", "system_fingerprint"):
            self._facts[name] = self._facts.get(name) or getattr(chunk, name)
        if chunk.choices or (self._facts["id"] and self._facts["model"]):
            self._first = chunk

    def _with_usage(self, known: dict[str, Any] | None, usage: Any, odd: bool) -> dict[str, Any] | None:
        """What is known of the usage and what comes to it: null, and what is left out, wipes nothing out."""
        if odd:
            if not isinstance(usage, UsageData):
                return known
            add_up(self._usage_extra, usage.model_extra, whole=True)
        known = {} if known is None else known
        for name in _USAGE:
            value = getattr(usage, name)
            if isinstance(value, dict):
                told = {key: one for key, one in cast("dict[str, Any]", value).items() if one is not None}
                value = cast("dict[str, Any]", {**value, **(known.get(name) or {}), **told})
            if value is not None:
                known[name] = value
        return known

    def _answers(self) -> dict[int, ChoiceSum]:
        """The choices by their index; one, when only one was asked for and the server counts tokens in it."""
        choices = self.choices
        if self._asked == 1 and len(choices) > 1 and all(one.is_one_token for one in choices.values()):
            return {0: joined(list(choices.values()))}
        return choices

    def finished(self, choices: int) -> bool:
        """Whether `choices` answers have begun and each has been given a finish_reason."""
        answers = self._answers()
        return len(answers) >= choices and all(choice.finish_reason for choice in answers.values())

    def response(self) -> ChatCompletionResponse | None:
        """What has come so far; None when nothing has."""
        if not self._facts:
            return None
        self._add_up_kept()
        answers = self._answers()
        fields = self._facts | {
            "object": self.kind,
            "choices": [answers[index].data(index) for index in sorted(answers)],
            "prompt": [],
            "usage": self._usage_so_far(),
            "warnings": list(self._warnings) or None,
        }
        return made(self.answer, fields, self._extra)

    def _usage_so_far(self) -> UsageData | None:
        if self._usage is None and self._usage_of_choices is None:
            return None
        return made(UsageData, {**(self._usage_of_choices or {}), **(self._usage or {})}, self._usage_extra)


_USAGE = UsageData.__struct_fields__


@overload
def accumulate(chunks: Iterable[CompletionChunk]) -> CompletionResponse: ...
@overload
def accumulate(chunks: Iterable[ChatCompletionChunk | Mapping[str, Any] | bytes | str]) -> ChatCompletionResponse: ...
def accumulate(chunks: Iterable[ChatCompletionChunk | Mapping[str, Any] | bytes | str]) -> ChatCompletionResponse:
    """The whole answer that these chunks are, in order, as `stream=False` would have brought it.

    chunks: ChatCompletionChunks, the same as dicts, or JSON text: the lines of a file with one chunk each, or those of
        a recorded event stream (`data: {...}`), whose blank lines, comments and [DONE] are passed over.

    Of the chunks of a prompt's completion it is a CompletionResponse. An answer without choices is returned for no
    chunks. Errors among the chunks are not raised.

    Raises:
        ValueError: a line is not JSON. TypeError: a chunk is none of these.
    """
    if isinstance(chunks, (str, bytes, dict)):
        raise TypeError("accumulate() takes an iterable of chunks, not a single one")
    accumulator, halves = None, Halves()
    for given in chain(chunks, _rest(halves)):
        chunk = _read(given, halves)
        if chunk is not None:
            accumulator = accumulator or _accumulator_of(chunk)
            _add_kept(accumulator, chunk)
    return (accumulator or Accumulator()).response() or ChatCompletionResponse()


def _rest(halves: Halves) -> Iterator[bytes]:
    """What is left of them when all else has been read."""
    rest = halves.rest()
    if rest:
        yield rest


def _read(given: object, halves: Halves) -> ChatCompletionChunk | None:
    """A chunk; None for a line that is none."""
    if isinstance(given, ChatCompletionChunk):
        return given
    if isinstance(given, (str, bytes)):
        line = (given.encode() if isinstance(given, str) else given).strip().removeprefix(b"data:").lstrip()
        return _decoded(halves.mend_if_cut(line)) if line and line != DONE and not line.startswith(b":") else None
    if isinstance(given, Mapping):
        return _decoded(msgspec.json.encode(given))
    raise TypeError(f"accumulate() takes chunks, dicts or JSON, not {type(given).__name__}")


def _decoded(raw: bytes) -> ChatCompletionChunk:
    chunk: ChatCompletionChunk = decode_json(_decoder, raw)
    if chunk.choices and chunk.object != ObjectType.ChatCompletionChunk:
        from togetherpy._chat import prompted

        if prompted.is_of_prompt(chunk):
            return cast(ChatCompletionChunk, decode_json(prompted.chunk_decoder(), raw))
    return chunk


def _accumulator_of(chunk: ChatCompletionChunk) -> Accumulator:
    """One for chunks of this kind."""
    if type(chunk).__module__ == ChatCompletionChunk.__module__:  # also of a type that allows no other fields
        return Accumulator()
    from togetherpy._chat.prompted import PromptAccumulator

    return PromptAccumulator()


def _add_kept(accumulator: Accumulator, chunk: ChatCompletionChunk) -> None:
    try:
        object.__getattribute__(chunk, "_raw")  # not by its name, for which `Open` would look further
    except AttributeError:
        accumulator.add(chunk)
    else:
        accumulator.add_odd(chunk)
