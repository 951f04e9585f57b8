"""What chunks say of one of the `n` answers -> that answer, as `stream=False` would have brought it.

In: the choices of chunks, in order. Out: a ChatCompletionChoicesData of what has come so far.
The rule: constant work per chunk; texts are joined when asked for, never added up.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar, cast

from togetherpy._chat.fragments import LogprobSum, ToolCallSum, as_json
from togetherpy._chat.sums import add_up, result
from togetherpy._core.lenient import fit, fit_field
from togetherpy.types._content import items, other_parts, reasoning_of, text_of
from togetherpy.types._model import Model, link, new, with_extra
from togetherpy.types.chat_completions import (
    ChatCompletionChoicesChunk,
    ChatCompletionChoicesData,
    ChatCompletionMessage,
)
from togetherpy.types.common import DeltaContent, FinishReason, FunctionCall, MessageRole, ToolCalls

M = TypeVar("M", bound=Model)


class ChoiceSum:
    """One of the `n` answers while it grows."""

    answer: ClassVar[type[ChatCompletionChoicesData]] = ChatCompletionChoicesData

    __slots__ = (
        "content",
        "delta_extra",
        "extra",
        "finish_reason",
        "function",
        "last",
        "logprobs",
        "parts",
        "reasoning",
        "reasoning_content",
        "role",
        "seed",
        "token_ids",
        "tools",
    )

    def __init__(self) -> None:
        self.role: MessageRole | None = None
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.reasoning_content: list[str] = []
        self.parts: list[Any] = []
        """Parts of the content that are neither text nor reasoning."""
        self.finish_reason: FinishReason | None = None
        self.seed: int | None = None
        self.token_ids: list[int] = []
        self.logprobs: LogprobSum | None = None
        self.tools: ToolCallSum | None = None
        self.function: ToolCallSum | None = None
        self.last: ChatCompletionChoicesChunk | None = None
        """The chunk that gave the finish_reason: why it stopped is told there in other words, too."""
        self.extra: dict[str, Any] = {}
        self.delta_extra: dict[str, Any] = {}

    def add(self, choice: ChatCompletionChoicesChunk, odd: bool) -> None:  # noqa: C901  # flat, for it runs for every chunk
        """Takes what the next chunk says of it. `odd`: fields may be of other types than ours name."""
        if choice.finish_reason:  # not "", which some servers send with every chunk
            self.finish_reason = choice.finish_reason
            self.last = choice
        if choice.logprobs is not None:
            self.add_logprobs(choice, odd)
        if choice.tool_calls is not None:
            self._add_tools(choice.tool_calls, odd)
        if choice.seed is not None:
            self.seed = choice.seed
        if choice.token_ids is not None:
            self.token_ids += items(choice.token_ids)
        delta = choice.delta
        if delta is None:
            if choice.text:
                self.content.append(choice.text)
            return
        if odd and not isinstance(cast(Any, delta), DeltaContent):
            return
        content = delta.content
        if content:
            if not odd or content.__class__ is str:
                self.content.append(content)
            else:
                self._add_parts(content)
        if delta.reasoning:
            self.reasoning.append(delta.reasoning)
        if delta.reasoning_content:
            self.reasoning_content.append(delta.reasoning_content)
        if delta.tool_calls is not None:
            self._add_tools(delta.tool_calls, odd)
        if delta.function_call is not None:
            self._add_function_call(delta.function_call, odd)
        if self.role is None:
            self.role = delta.role

    @property
    def is_one_token(self) -> bool:
        """Whether there may have been but one chunk of it."""
        return len(self.content) <= 1 and len(self.reasoning) <= 1

    def _add_parts(self, content: Any) -> None:
        """What a lenient decode has kept: a list of parts, which a server that thinks sends."""
        text = text_of(content)
        if text:
            self.content.append(text)
        self.reasoning.append(reasoning_of(content))
        self.parts += other_parts(content)

    def _add_tools(self, fragments: list[ToolCalls], odd: bool) -> None:
        if self.tools is None:
            self.tools = ToolCallSum()
        for fragment in items(fragments):
            if not odd or isinstance(fragment, ToolCalls):
                self.tools.add(fragment, odd)

    def _add_function_call(self, fragment: FunctionCall, odd: bool) -> None:
        """The older form of a tool call, of which there is one at most."""
        if odd and not isinstance(cast(Any, fragment), FunctionCall):
            return
        if self.function is None:
            self.function = ToolCallSum()
        self.function.add(new(ToolCalls, index=0, function=fragment), odd)

    def add_logprobs(self, choice: ChatCompletionChoicesChunk, odd: bool) -> None:
        """Takes the log probabilities of a chunk's choice."""
        if self.logprobs is None:
            self.logprobs = LogprobSum()
        self.logprobs.add(choice, odd)

    def add_extra(self, choice: ChatCompletionChoicesChunk) -> bool:
        """Adds the fields of a chunk's choice that its types do not name; whether there are any."""
        extra = choice.model_extra
        add_up(self.extra, extra, whole=True)
        delta: Any = choice.delta
        of_delta = delta.model_extra if isinstance(delta, DeltaContent) else {}
        add_up(self.delta_extra, of_delta, whole=False)
        return bool(extra or of_delta)

    def data(self, index: int) -> ChatCompletionChoicesData:
        """The answer as it stands."""
        last = self.last or ChatCompletionChoicesChunk()
        extra = dict(self.extra)
        whole = extra.pop("message", None)  # some servers send all of it with every chunk, and some nothing else
        fields = {
            "index": index,
            "finish_reason": self.finish_reason,
            "stop_reason": last.stop_reason,
            "matched_stop": last.matched_stop,
            "error": last.error,
            "seed": self.seed,
            "token_ids": list(self.token_ids) or None,
            "logprobs": self.logprobs.part() if self.logprobs is not None else None,
            **self.said(whole),
        }
        return made(self.answer, fields, extra)

    def said(self, whole: object = None) -> dict[str, Any]:
        """The fields that hold what the model said. `whole`: the same as a server sent it."""
        message = self._message()
        if isinstance(whole, dict) and not (message.content or message.tool_calls or message.reasoning):
            plain = result(cast("dict[str, Any]", whole))
            message = cast(ChatCompletionMessage, fit(plain, ChatCompletionMessage))
            link(message, plain)
        return {"message": message}

    def text(self) -> str:
        """The text so far."""
        return _text(self.content)

    def _message(self) -> ChatCompletionMessage:
        calls_only = self.tools is not None or self.function is not None
        fields = {
            "role": self.role or MessageRole.ASSISTANT,
            "content": self.text() if self.content or not calls_only else None,
            "reasoning": _text(self.reasoning) or None,
            "reasoning_content": _text(self.reasoning_content) or None,
            "tool_calls": self.tools.calls() if self.tools is not None else None,
            "function_call": self.function.calls()[0].function if self.function is not None else None,
        }
        parts = {"content_parts": list(self.parts)} if self.parts else {}
        return made(ChatCompletionMessage, fields, self.delta_extra | parts)


def joined(choices: list[ChoiceSum]) -> ChoiceSum:
    """One choice of several, in their order."""
    whole = type(choices[0])()
    for one in choices:
        for name in ("content", "reasoning", "reasoning_content", "parts", "token_ids"):
            setattr(whole, name, [*getattr(whole, name), *getattr(one, name)])
        for name in ("role", "finish_reason", "seed", "last", "tools", "function", "logprobs"):
            setattr(whole, name, getattr(one, name) or getattr(whole, name))
        add_up(whole.extra, result(one.extra), whole=True)
        add_up(whole.delta_extra, result(one.delta_extra), whole=False)
    return whole


def made(to: type[M], fields: dict[str, Any], extra: dict[str, Any]) -> M:
    """A `to` of these fields, and of those that a chunk's type does not name: some of them `to` does."""
    if not extra:
        return new(to, **fields)
    unknown = {name: result(value) for name, value in extra.items()}
    for name in to.__struct_fields__:
        if name in unknown:
            value = unknown.pop(name)
            if not fields.get(name):
                fields[name] = fit_field(to, name, value)
    return with_extra(new(to, **fields), unknown)


def _text(parts: list[Any]) -> str:
    """The parts as one text; parts that are no text (a lenient decode kept them) are left as JSON."""
    try:
        return "".join(parts)
    except TypeError:
        return "".join(part if isinstance(part, str) else as_json(part) for part in parts)
