"""One question to a model, and its answer as it arrives.

In: messages. Out: the text on standard output, all else on standard error, and the messages that the answer is.
The rule: whatever ends it, what had come is in `partial`; a question may lead to several answers when tools are called.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from togetherpy._chat.texts import Texts
from togetherpy._typed.decoding import bare_json
from togetherpy.cli._screen import Screen, complain, note
from togetherpy.cli.chat.fits import misfit
from togetherpy.cli.chat.show import Beside, Shown, undisturbed
from togetherpy.types._content import items, reasoning_of, text_of
from togetherpy.types._model import parse_any_json
from togetherpy.types.chat_completions import ChatCompletionMessage, ChatCompletionResponse, DeltaContent, UsageData

if TYPE_CHECKING:
    from togetherpy.client import Together
    from togetherpy.types.tool_runs import ToolStep

_TOLD = 200
"""Characters that are shown of a tool's arguments and of its result."""


class AnswerError(ValueError):
    """The answer does not fit the schema; it has been shown on standard error."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How to ask and what to show."""

    params: dict[str, Any] = {}
    """Parameters of every request, beside the model and the messages."""
    tools: list[Callable[..., Any]] = []
    schema: dict[str, Any] | None = None
    stream: bool = True
    reasoning: bool = True
    usage: bool = False
    whole: bool = False
    """Show the whole response as JSON instead of its text."""


class Asker:
    """Asks; `shown` makes what the text is shown on."""

    def __init__(self, client: Together, screen: Screen, manner: Manner, shown: Callable[[], Shown]) -> None:
        self._client, self._screen, self._manner = client, screen, manner
        self._shown = shown
        self.partial: list[dict[str, Any]] = []
        """What had come when the last question ended early, as messages; empty when nothing had."""
        self._text: list[str] = []
        self._latest: list[Any] = []
        self._response = ChatCompletionResponse()

    def ask(self, model: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Asks, shows the answer, and returns the messages that it is.

        Raises:
            AnswerError: it does not fit the schema. TogetherError: there is none, or not all of it.
            OutputError: it cannot be shown.
        """
        self.partial, self._text, self._latest = [], [], messages
        params = {**self._manner.params, "model": model, "messages": messages}
        watch = _Watch()
        try:
            if self._manner.tools:
                from togetherpy._chat import run_tools

                given = {"tools": self._manner.tools, "params": params, "max_turns": 10, "raise_errors": False}
                create = functools.partial(self._called, watch, sys.stdout)
                with contextlib.redirect_stdout(sys.stderr):  # what a tool prints is no answer
                    run = run_tools.run(create, given, _show_results)
                response, new = run.response, run.messages[len(messages) :]
            else:
                response = self._one(watch, params)
                new = [{"role": "assistant", "content": _said(response)}]
        except BaseException as error:
            text = "".join(self._text)
            self.partial = _as_dicts(self._latest[len(messages) :])
            if text.strip():
                self.partial.append({"role": "assistant", "content": text})
            if isinstance(error, SystemExit):  # which would end the conversation without a word
                raise RuntimeError(f"a tool ended the program (SystemExit: {error.code})") from error
            raise
        if self._manner.usage:
            note(watch.report(response))
        self._conclude(response)
        return _as_dicts(new)

    def _called(self, watch: _Watch, out: TextIO, **params: Any) -> ChatCompletionResponse:
        """As `create` is called; the answer goes to `out`."""
        with contextlib.redirect_stdout(out):
            return self._one(watch, params)

    def _one(self, watch: _Watch, params: dict[str, Any]) -> ChatCompletionResponse:
        """One answer. Its text is shown unless it is to fit a schema, which only the whole of it can."""
        self._text, self._latest = [], params["messages"]
        hidden = self._manner.schema is not None or self._manner.whole
        shown, beside = _Hidden() if hidden else self._shown(), Beside()
        try:
            with self._undisturbed(), contextlib.closing(self._pieces(params)) as pieces:
                for reasoning, text in pieces:
                    watch.piece()
                    if reasoning and self._manner.reasoning:
                        shown.part()
                        beside.text(reasoning)
                    if text:
                        beside.end()
                        self._text.append(text)
                        shown.text(text)
        finally:
            beside.end()
            shown.end()
        response = self._response
        watch.add(response.usage)
        for call in (_message(response).tool_calls or []) if self._manner.tools else []:
            if call.function is not None:
                note(f"tool: {call.function.name}({_brief(call.function.arguments or '')})")
        return response

    def _undisturbed(self) -> contextlib.AbstractContextManager[None]:
        return undisturbed() if self._screen.terminal else contextlib.nullcontext()

    def _pieces(self, params: dict[str, Any]) -> Generator[tuple[str, str]]:
        """The reasoning and the text as they arrive; at the end `_response` is the whole."""
        create = self._client.chat.completions.create
        if not self._manner.stream:
            whole = self._response = create(stream=False, **params)
            yield _thought(_message(whole)), _said(whole)
            return
        texts = Texts(1)
        with create(stream=True, **params) as stream:
            for chunk in stream:
                yield _reasoning(chunk), "".join(texts.of(chunk))
            yield "", "".join(texts.rest())
            self._response = stream.current or ChatCompletionResponse()

    def _conclude(self, response: ChatCompletionResponse) -> None:
        """Says what is particular about an answer; shows one that is to fit a schema."""
        reason = response.choices[0].finish_reason if response.choices else None
        if reason == "length":
            complain("the answer was cut off (finish_reason is length): --max-tokens allows more")
        elif reason not in (None, "stop", "eos", "tool_calls", "function_call"):
            complain(f"the answer ended early: finish_reason is {reason}")
        text = _said(response)
        if self._manner.whole:
            self._screen.json(response)
        if self._manner.schema is not None:
            self._show_value(text)
        elif not text.strip():
            complain("the answer has no text")

    def _show_value(self, text: str) -> None:
        bare = bare_json(text)
        try:
            wrong = misfit(self._manner.schema, parse_any_json(bare.encode()))
        except (ValueError, RecursionError) as error:
            wrong = f"it is not JSON ({error})"
        if wrong is not None:
            if not self._manner.whole:
                note(text)
            raise AnswerError(f"the answer does not fit the schema: {wrong}")
        if not self._manner.whole:
            self._screen.line(msgspec.json.format(bare, indent=2) if self._screen.terminal else bare)


class _Hidden:
    """Shows nothing."""

    def text(self, piece: str) -> None: ...

    def part(self) -> None: ...

    def end(self) -> None: ...


class _Watch:
    """What a question took."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._first: float | None = None
        self._prompt = self._completion = 0

    def piece(self) -> None:
        """Something has come."""
        if self._first is None:
            self._first = time.perf_counter()

    def add(self, usage: UsageData | None) -> None:
        """An answer's usage."""
        if usage is not None:
            self._prompt += usage.prompt_tokens or 0
            self._completion += usage.completion_tokens or 0

    def report(self, response: ChatCompletionResponse) -> str:
        """All of it in a line."""
        now = time.perf_counter()
        total = self._prompt + self._completion
        parts = [f"{self._prompt} + {self._completion} = {total} tokens" if total else "no usage was told"]
        if self._first is not None:
            parts.append(f"first after {self._first - self._begin:.2f} s")
        parts.append(f"{now - self._begin:.2f} s in all")
        if self._first is not None and self._completion > 1 and now > self._first:
            parts.append(f"{(self._completion - 1) / (now - self._first):.0f} tokens/s")
        return "; ".join([*parts, *(str(part) for part in (response.model, response.id) if part)])


def _reasoning(chunk: Any) -> str:
    deltas = [getattr(choice, "delta", None) for choice in items(chunk.choices)]
    return "".join(_thought(delta) for delta in deltas if isinstance(delta, DeltaContent))


def _thought(said: Any) -> str:
    """The reasoning of a message, or of a delta."""
    return said.reasoning or said.reasoning_content or reasoning_of(said.content or "")


def _message(response: ChatCompletionResponse) -> ChatCompletionMessage:
    return (response.choices[0].message if response.choices else None) or ChatCompletionMessage()


def _said(response: ChatCompletionResponse) -> str:
    return text_of(_message(response).content or "")


def _show_results(step: ToolStep) -> None:
    for result in step.results:
        name = result.call.function.name if result.call.function is not None else None
        note(f"tool: {name} -> {_brief(result.content)}")


def _brief(text: str) -> str:
    return text if len(text) <= _TOLD else f"{text[:_TOLD]}... ({len(text)} characters)"


def _as_dicts(messages: list[Any]) -> list[dict[str, Any]]:
    return [message.to_dict() if hasattr(message, "to_dict") else message for message in messages]
