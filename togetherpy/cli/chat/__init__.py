"""`togetherpy chat`: a question, or a conversation.

In: options, the words of a prompt, standard input. Out: the answer on standard output, all else on standard error.
The rule: what the options say is looked at before anything is sent; what cannot be meant is exit status 2.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any, cast

from togetherpy.cli._options import add_connection, add_json, add_model, connect, describe, positive
from togetherpy.cli._screen import Screen, complain

FAILED, USAGE = 1, 2

_ABOUT = """\
Asks a model, and shows its answer as it arrives.

PROMPT: its words are joined by blanks. What is piped into standard input stands before them, with
an empty line between: togetherpy chat Summarise this < report.txt. Without either, on a terminal,
it is a conversation: /help there lists what can be done in it, Ctrl-C stops an answer, Ctrl-D ends.

The answer's text goes to standard output, and nothing else does: reasoning, tool calls, usage and
errors go to standard error. A terminal gets the text wrapped at the ends of words; with the extra
"chat" (pip install rich prompt_toolkit) Markdown is laid out and what is typed can be edited."""


class UsageError(ValueError):
    """An option that cannot be meant."""


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy chat` of a parser."""
    describe(
        parser, _ABOUT, {0: "answered; the conversation was ended", 1: "failed, or the answer does not fit --schema"}
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("prompt", nargs="*", metavar="PROMPT", help="what to ask; - for standard input, also from a terminal")
    add_model(parser, "openai/gpt-oss-20b")
    add("-s", "--system", metavar="TEXT", help="the system prompt")
    add("-t", "--temperature", type=float, metavar="X", help="0 to 2; the higher, the more varied")
    add("--max-tokens", type=positive, metavar="N", help="most tokens of an answer")
    add("--image", action="append", default=[], metavar="FILE|URL", help="an image to send, too; can be repeated")
    add("--schema", metavar="FILE", help="a JSON schema that the answer must fit; it is printed as JSON")
    add("--tool", action="append", default=[], metavar="MODULE:FUNCTION",
        help="a typed function that the model may call, of a module that can be imported, here, too; can be repeated"
        )  # fmt: skip
    shown = parser.add_argument_group("what is shown")
    add = shown.add_argument
    add("--reasoning", choices=("show", "hide"), help="on standard error (default: show if that is a terminal)")
    add("--usage", action="store_true", help="say what it took, on standard error")
    add("--no-stream", action="store_true", help="wait for the whole answer")
    add("--plain", action="store_true", help="Markdown as the model wrote it, though rich is installed")
    whole = shown.add_mutually_exclusive_group()
    add_json(cast(Any, whole))
    whole.add_argument("--raw", action="store_true", help="print the bytes of the response as they come")
    add_connection(parser)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy chat`."""
    try:
        tools, params, images = _tools(options.tool), _params(options), _images(options.image)
        if tools and options.raw:
            raise UsageError("--raw shows one response as it comes; with --tool there are several")
        prompt = _prompt(options)
        talks = not prompt.strip() and _is_terminal(sys.stdin) and screen.terminal
        if talks and (options.json or options.raw):
            raise UsageError(f"--{'json' if options.json else 'raw'} needs a prompt")
        if not (talks or prompt.strip() or images):
            raise UsageError(
                "there is no prompt: neither PROMPT nor anything on standard input; for a conversation both standard "
                "input and output must be a terminal"
            )
    except UsageError as error:
        complain(f"error: {error}")
        return USAGE
    return _ask(options, screen, prompt, tools, params, images, talks=talks)


def _ask(
    options: argparse.Namespace,
    screen: Screen,
    prompt: str,
    tools: list[Callable[..., Any]],
    params: dict[str, Any],
    images: list[dict[str, Any]],
    *,
    talks: bool,
) -> int:
    from togetherpy.cli.chat.ask import AnswerError, Asker, Manner
    from togetherpy.cli.chat.conversation import Conversation
    from togetherpy.cli.chat.show import shown

    conversation = Conversation(options.model, options.system, images)
    stream = not (options.no_stream or options.json)
    if options.usage and stream:
        params["stream_options"] = {"include_usage": True}  # for servers that do not tell it unasked
    manner = Manner(
        params=params,
        tools=tools,
        schema=params.get("response_format", {}).get("json_schema", {}).get("schema"),
        stream=stream,
        reasoning=options.reasoning == "show" if options.reasoning else _is_terminal(sys.stderr),
        usage=options.usage,
        whole=options.json,
    )
    with connect(options) as client:
        if options.raw:
            given = {**params, "model": options.model, "messages": conversation.ask(prompt)}
            return _raw(client, screen, given, stream=manner.stream)
        asker = Asker(client, screen, manner, lambda: shown(screen, plain=options.plain))
        if talks:
            from togetherpy.cli.chat.talk import talk

            return talk(conversation, asker)
        try:
            asker.ask(options.model, conversation.ask(prompt))
        except AnswerError as error:
            complain(f"error: {error}")
            return FAILED
    return 0


def _raw(client: Any, screen: Screen, params: dict[str, Any], *, stream: bool) -> int:
    """The response as it comes; what could drive a terminal is taken out on one, as of everything."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    with client.chat.completions.with_streaming_response.create(stream=stream, **params) as response:
        for piece in response.iter_bytes():
            if screen.terminal:
                screen.write(decode(piece))
            else:
                screen.data(piece)
    if screen.terminal:
        screen.write("\n")
    return 0


def _prompt(options: argparse.Namespace) -> str:
    words = " ".join(word for word in options.prompt if word != "-")
    piped = _read_stdin() if "-" in options.prompt or not _is_terminal(sys.stdin) else ""
    return "\n\n".join(part for part in (piped.rstrip("\n"), words) if part.strip())


def _read_stdin() -> str:
    stdin: Any = sys.stdin
    if stdin is None:  # closed
        return ""
    try:
        data = stdin.buffer.read() if hasattr(stdin, "buffer") else stdin.read().encode()
    except OSError as error:
        raise UsageError(f"standard input cannot be read: {error.strerror or error}") from None
    try:
        return str(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        complain(f"standard input is not UTF-8 (at byte {error.start}); what is not is replaced by U+FFFD")
        return str(data.decode("utf-8", "replace"))


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream and stream.isatty())
    except ValueError:  # closed
        return False


def _params(options: argparse.Namespace) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if options.temperature is not None:
        params["temperature"] = options.temperature
    if options.max_tokens is not None:
        params["max_tokens"] = options.max_tokens
    if options.schema is not None:
        form = {"name": "answer", "schema": _schema(options.schema)}
        params["response_format"] = {"type": "json_schema", "json_schema": form}
    return params


def _schema(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            schema: object = json.loads(file.read())
    except OSError as error:
        raise UsageError(f"--schema: {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--schema: {path} is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise UsageError(f"--schema: {path} is no JSON schema: it is no object")
    return cast("dict[str, Any]", schema)


def _images(given: list[str]) -> list[dict[str, Any]]:
    if not given:
        return []
    from togetherpy.cli.chat.image import image_part

    try:
        return [image_part(where) for where in given]
    except ValueError as error:
        raise UsageError(f"--image: {error}") from None


def _tools(given: list[str]) -> list[Callable[..., Any]]:
    found: list[Callable[..., Any]] = []
    for name in given:
        try:
            found.append(_tool(name))
        except UsageError:
            raise
        except (Exception, SystemExit) as error:  # what a module raises when it is imported can be anything
            raise UsageError(f"--tool {name}: {type(error).__name__}: {error}") from error
    return found


def _tool(name: str) -> Callable[..., Any]:
    """The function MODULE:FUNCTION, described for the model."""
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise UsageError(f"--tool {name}: write it as MODULE:FUNCTION, such as weather:get_weather")
    if module_name.endswith(".py"):
        hint = module_name.removesuffix(".py").replace(os.sep, ".").lstrip(".")
        raise UsageError(f"--tool {name}: MODULE is a name as in an import: {hint}:{path}")
    from togetherpy.tools import as_tool

    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # for good: what the function imports when it is called stands there, too
    with contextlib.redirect_stdout(sys.stderr):  # what it prints is no answer
        found: Any = importlib.import_module(module_name)
    for step in path.split("."):
        if not hasattr(found, step):
            raise UsageError(f"--tool {name}: {module_name} has no {path}")
        found = getattr(found, step)
    if not callable(found):
        raise UsageError(f"--tool {name}: it is no function but {type(found).__name__}")
    return as_tool(found)
