"""`togetherpy demo`: a streamed answer, a plain one, JSON and a tool call.

In: what to ask whom. Out: the answers as they arrive, each with what it took.
The rule: with a key it talks to the API, without one to a server on this machine, and says which.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from togetherpy._version import __version__
from togetherpy.cli._options import add_connection, add_model, connect, describe
from togetherpy.cli._screen import Screen
from togetherpy.client import Together
from togetherpy.error import TogetherError
from togetherpy.types.chat_completions import (
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionResponse,
    UsageData,
    UserMessage,
)

MAX_TOKENS = 1000  # an upper bound of what one answer can cost; models that reason need some hundreds
PACE = 0.03  # seconds between the local server's chunks: slow enough to be seen
REASONING = "reasoning"
CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "country": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["name", "country", "population"],
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy demo` of a parser."""
    describe(
        parser,
        """\
Shows a streamed answer, a plain one, JSON and a tool call. With TOGETHER_API_KEY set it talks to the API, which
charges for four short answers; without, to a stand-in on this machine, which is free.""",
    )
    parser.set_defaults(run=run)
    add_model(parser, "openai/gpt-oss-20b")
    prompt = "Why is the sky blue? Answer in three sentences."
    parser.add_argument("--prompt", default=prompt, help="what to ask (default: %(default)r)")
    add_connection(parser)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy demo`."""
    Demo(screen, options).run()
    return 0


class Demo:
    """The demonstration; `run` shows it."""

    def __init__(self, screen: Screen, options: argparse.Namespace) -> None:
        self._screen = screen
        self._options = options
        self._model: str = options.model
        self._prompt: str = options.prompt

    def run(self) -> None:
        """Shows everything.

        Raises:
            TogetherError, TypeError, ValueError: what stopped it.
        """
        with contextlib.ExitStack() as cleanup:
            self._client = self._connect(cleanup)
            self._screen.line(f"Model: {self._model}")
            self._show_stream()
            self._show_plain()
            self._show_json()
            self._show_tool_call()

    def _connect(self, cleanup: contextlib.ExitStack) -> Together:
        say = self._screen.line
        if os.environ.get("TOGETHER_API_KEY", "").strip():
            client = cleanup.enter_context(connect(self._options))
            say(f"togetherpy {__version__}, talking to {client.base_url}")
            return client
        if self._options.base_url is not None:
            raise TogetherError("--base-url needs TOGETHER_API_KEY; a server that checks no key takes any text.")
        from togetherpy.testing import LocalServer

        server = cleanup.enter_context(LocalServer(pace=PACE, record=False))
        say(f"togetherpy {__version__}, talking to a local stand-in at {server.base_url}:")
        say("TOGETHER_API_KEY is not set. Its answers are made up, no model is behind them.")
        # A proxy of the environment could not reach this machine's own loopback address.
        return cleanup.enter_context(Together(base_url=server.base_url, api_key="local", trust_env=False))

    def _show_stream(self) -> None:
        self._title("A stream, shown as it arrives", self._prompt)
        watch = _Stopwatch()
        usage: UsageData | None = None
        before = ""
        with self._client.chat.completions.create(
            model=self._model, messages=_said(self._prompt), max_tokens=MAX_TOKENS, stream=True
        ) as stream:
            for chunk in stream:
                usage = chunk.usage or usage
                for kind, text in _pieces(chunk):
                    watch.token()
                    if kind != before and REASONING in (kind, before):
                        self._screen.line(f"({kind})")
                    before = kind
                    self._screen.write(text)
        self._facts(watch.first_token(), watch.rate(usage), _request(stream.response.request_id))

    def _show_plain(self) -> None:
        prompt = "Say hello in five languages, on one line."
        self._title("A plain call", prompt)
        answer, seconds = self._ask(prompt)
        self._screen.line(_text(answer) or "(no text)")
        self._facts(seconds, _tokens(answer.usage), _request(answer.id))

    def _show_json(self) -> None:
        prompt = "Name the capital of France, its country and its population, as JSON."
        self._title("A JSON answer", prompt)
        form = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
        answer, seconds = self._ask(prompt, response_format=form)
        text = _text(answer)
        try:
            self._screen.line(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
        except ValueError:
            self._screen.line(f"(this model's answer is not JSON) {text}")
        self._facts(seconds, _tokens(answer.usage), _request(answer.id))

    def _show_tool_call(self) -> None:
        prompt = "What is the weather in Paris now?"
        self._title("A tool call", prompt)
        answer, seconds = self._ask(prompt, tools=[WEATHER])
        message = _message(answer)
        calls = [call.function for call in (message and message.tool_calls) or () if call.function is not None]
        for call in calls:
            self._screen.line(f"{call.name}({call.arguments})")
        if not calls:
            self._screen.line(f"(this model called no tool) {_text(answer)}")
        self._facts(seconds, _tokens(answer.usage), _request(answer.id))

    def _ask(self, prompt: str, **more: Any) -> tuple[ChatCompletionResponse, str]:
        begin = time.perf_counter()
        answer = self._client.chat.completions.create(
            model=self._model, messages=_said(prompt), max_tokens=MAX_TOKENS, stream=False, **more
        )
        return answer, f"{time.perf_counter() - begin:.3f} s"

    def _title(self, title: str, prompt: str) -> None:
        self._screen.line(f"\n--- {title}\n> {prompt}")

    def _facts(self, *facts: str) -> None:
        self._screen.line("  " + ", ".join(fact for fact in facts if fact))


class _Stopwatch:
    """When a stream began, when it brought its first token and when its last."""

    def __init__(self) -> None:
        self._begin = self._last = time.perf_counter()
        self._first: float | None = None

    def token(self) -> None:
        self._last = time.perf_counter()
        if self._first is None:
            self._first = self._last

    def first_token(self) -> str:
        return "no token came" if self._first is None else f"first token after {self._first - self._begin:.3f} s"

    def rate(self, usage: UsageData | None) -> str:
        """Tokens per second after the first one: what came before it was the wait, not the stream."""
        count = usage and usage.completion_tokens
        if not count or self._first is None:
            return _tokens(usage)
        seconds = self._last - self._first
        return f"{count} tokens" + (f" ({(count - 1) / seconds:.0f} per second)" if count > 1 and seconds > 0 else "")


def _said(prompt: str) -> list[UserMessage]:
    return [{"role": "user", "content": prompt}]


def _pieces(chunk: ChatCompletionChunk) -> Iterator[tuple[str, str]]:
    """What a chunk adds to the text, each piece with its kind."""
    for choice in chunk.choices or ():
        if choice.delta is not None:
            for kind, text in (
                (REASONING, choice.delta.reasoning or choice.delta.reasoning_content),
                ("answer", choice.delta.content),
            ):
                if text:
                    yield kind, text


def _message(answer: ChatCompletionResponse) -> ChatCompletionMessage | None:
    return answer.choices[0].message if answer.choices else None


def _text(answer: ChatCompletionResponse) -> str:
    message = _message(answer)
    return (message.content if message else None) or ""


def _tokens(usage: UsageData | None) -> str:
    return f"{usage.completion_tokens} tokens" if usage and usage.completion_tokens else ""


def _request(identity: str | None) -> str:
    return f"request {identity}" if identity else ""
