"""`togetherpy demo`: a streamed answer, a plain one, one as a value of a type, and a tool call.

In: what to ask whom. Out: the lines of code, what they bring, as it arrives, and what it took.
The rule: with a key it talks to the API, without one to a server on this machine, and says which. The lines that it
shows are a program that does the same.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from togetherpy._version import __version__
from togetherpy.cli._options import CHAT_MODEL, add_connection, add_model, connect, describe
from togetherpy.cli._screen import Screen
from togetherpy.cli._wrap import Wrap
from togetherpy.client import Together
from togetherpy.error import ParseError, TogetherError
from togetherpy.types.chat_completions import ChatCompletionChunk, UsageData, UserMessage

MAX_TOKENS = 1000  # an upper bound of what one answer can cost; models that reason need some hundreds
PACE = 0.03  # seconds between the local server's chunks: slow enough to be seen
REASONING = "reasoning"
SKY = "Why is the sky blue? Answer in three sentences."
HELLO = "Say hello in five languages, on one line."
CAPITAL = "Name the capital of France, its country and its population."
WEATHER = "What is the weather in Paris now?"

_BEGIN = """\
>>> from dataclasses import dataclass
>>> from togetherpy import Together
>>> chat = Together().chat.completions
>>> usual = {{"model": {model}, "max_tokens": {most}}}
>>> def user(text): return [{{"role": "user", "content": text}}]"""
_PROMPT = ">>> prompt = {prompt}\n"
_STREAM = """\
>>> stream = chat.create(**usual, messages=user(prompt), stream=True)
>>> for text in stream.text_deltas(): print(text, end="", flush=True)"""
_PLAIN = """\
>>> answer = chat.create(**usual, messages=user(prompt))
>>> print(answer.text)"""
_TYPED = """\
>>> @dataclass
... class City: name: str; country: str; population: int
>>> answer = chat.parse(**usual, messages=user(prompt), response_format=City)
>>> print(answer.parsed)"""
_TOOLS = """\
>>> def get_weather(city: str) -> str:
...     "The weather in a city now."
...     return "21 degrees and sunny"
>>> run = chat.run_tools(**usual, messages=user(prompt), tools=[get_weather])
>>> print(run.text)"""
_MADE_UP = {
    SKY: "Sunlight holds all colours, and the air scatters the blue ones far more than the red ones. So blue light "
    "comes to your eyes from the whole sky, not from the sun alone. In the evening the way through the air is longer, "
    "most of the blue is gone, and what is left is red.",
    HELLO: "Hello! Bonjour ! ¡Hola! Hallo! こんにちは!",
    CAPITAL: '{"name": "Paris", "country": "France", "population": 2100000}',
}
_NO_MODEL = "I am a stand-in on this machine and know no answer to that. Set TOGETHER_API_KEY, and a model will answer."


@dataclass
class City:  # as the lines that are shown have it: without a docstring, which the model would be told
    name: str
    country: str
    population: int


def get_weather(city: str) -> str:
    "The weather in a city now."
    return "21 degrees and sunny"


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy demo` of a parser."""
    describe(
        parser,
        """\
Shows a streamed answer, a plain one, one as a value of a type, and a tool call, each with its lines of code. With
TOGETHER_API_KEY set it talks to the API, which charges for five short answers; without, to a stand-in on this machine,
which is free.""",
    )
    parser.set_defaults(run=run)
    add_model(parser, CHAT_MODEL)
    parser.add_argument("--prompt", default=SKY, help="what to ask first (default: %(default)r)")
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

    def run(self) -> None:
        """Shows everything.

        Raises:
            TogetherError, TypeError, ValueError: what stopped it.
        """
        with contextlib.ExitStack() as cleanup:
            self._chat = self._connect(cleanup).chat.completions
            self._screen.line(_BEGIN.format(model=_quoted(self._options.model), most=MAX_TOKENS))
            self._show_stream()
            self._show_plain()
            self._show_typed()
            self._show_tools()

    def _connect(self, cleanup: contextlib.ExitStack) -> Together:
        if os.environ.get("TOGETHER_API_KEY", "").strip():
            client = cleanup.enter_context(connect(self._options))
            self._say(f"togetherpy {__version__}, talking to {client.base_url}\n")
            return client
        if self._options.base_url is not None:
            raise TogetherError("--base-url needs TOGETHER_API_KEY; a server that checks no key takes any text.")
        from togetherpy.testing import LocalServer

        server = cleanup.enter_context(LocalServer(pace=PACE, record=False, answers=_made_up))
        self._say(
            f"togetherpy {__version__}, talking to a local stand-in at {server.base_url}: TOGETHER_API_KEY is not set. "
            "Its answers are made up, no model is behind them.\n"
        )
        # A proxy of the environment could not reach this machine's own loopback address.
        return cleanup.enter_context(Together(base_url=server.base_url, api_key="local", trust_env=False))

    def _show_stream(self) -> None:
        prompt: str = self._options.prompt
        self._title("A stream, shown as it arrives", prompt, _STREAM)
        watch, flow = _Stopwatch(), self._flow()
        usage: UsageData | None = None
        before = ""
        with self._chat.create(model=self._model, max_tokens=MAX_TOKENS, messages=_user(prompt), stream=True) as stream:
            for chunk in stream:
                usage = chunk.usage or usage
                for kind, text in _pieces(chunk):
                    watch.token()
                    if kind != before and REASONING in (kind, before):
                        flow.write(f"{'' if not before else chr(10)}({kind})\n")
                    before = kind
                    flow.write(text)
        flow.end()
        self._facts(watch.first_token(), watch.rate(usage), _request(stream.response.request_id))

    def _show_plain(self) -> None:
        self._title("A plain call", HELLO, _PLAIN)
        begin = time.perf_counter()
        answer = self._chat.create(model=self._model, max_tokens=MAX_TOKENS, messages=_user(HELLO))
        seconds = time.perf_counter() - begin
        message = answer.choices[0].message if answer.choices else None
        self._say((message.content if message else None) or "(no text)")
        self._facts(f"{seconds:.3f} s", _tokens(answer.usage), _request(answer.id))

    def _show_typed(self) -> None:
        self._title("An answer as a value of your own type", CAPITAL, _TYPED)
        begin = time.perf_counter()
        try:
            answer = self._chat.parse(
                model=self._model, max_tokens=MAX_TOKENS, messages=_user(CAPITAL), response_format=City
            )
        except ParseError as error:
            self._say(f"(this model's answer does not fit) {error.text}")
            return
        seconds = time.perf_counter() - begin
        self._say(repr(answer.parsed))
        self._facts(f"{seconds:.3f} s", _tokens(answer.usage), _request(answer.id))

    def _show_tools(self) -> None:
        self._title("A function that the model calls", WEATHER, _TOOLS)
        begin = time.perf_counter()
        found = self._chat.run_tools(
            model=self._model, max_tokens=MAX_TOKENS, messages=_user(WEATHER), tools=[get_weather]
        )
        seconds = time.perf_counter() - begin
        self._say(found.content or "(no text)")
        functions = [result.call.function for step in found.steps for result in step.results]
        calls = [f"it called {one.name}({one.arguments})" for one in functions if one is not None]
        self._facts(f"{seconds:.3f} s", *(calls or ["this model called no tool"]))

    def _title(self, title: str, prompt: str, code: str) -> None:
        self._screen.line(f"\n--- {title}\n")
        self._screen.line(_PROMPT.format(prompt=_quoted(prompt)) + code + "\n")

    def _facts(self, *facts: str) -> None:
        self._say("  " + ", ".join(fact for fact in facts if fact))

    def _say(self, text: str) -> None:
        flow = self._flow()
        flow.write(text)
        flow.end()

    def _flow(self) -> _Flow:
        return _Flow(self._screen)


class _Flow:
    """A text that arrives in pieces; a terminal gets it broken at the ends of words."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._wrap = Wrap(lambda: screen.width) if screen.terminal else None

    def write(self, text: str) -> None:
        self._screen.write(text if self._wrap is None else self._wrap.feed(text))

    def end(self) -> None:
        self._screen.write("" if self._wrap is None else self._wrap.rest())
        self._screen.end_line()


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


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _user(text: str) -> list[UserMessage]:
    return [{"role": "user", "content": text}]


def _made_up(messages: list[dict[str, Any]]) -> str | None:
    """What the stand-in says; None: it calls the function."""
    last = messages[-1]
    if last["role"] == "tool":
        return f"In Paris it is {last['content']} now.".replace('"', "")
    return None if last["content"] == WEATHER else _MADE_UP.get(last["content"], _NO_MODEL)


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


def _tokens(usage: UsageData | None) -> str:
    return f"{usage.completion_tokens} tokens" if usage and usage.completion_tokens else ""


def _request(identity: str | None) -> str:
    return f"request {identity}" if identity else ""
