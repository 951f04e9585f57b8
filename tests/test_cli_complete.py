"""`togetherpy complete`, and what commands that take a text read it from."""

import os
import re
from pathlib import Path

import pytest
from support.command import KEY, Command
from support.processes import COMMAND, run
from support.terminal import terminal

# Commands that take a text, of words or of standard input, and what they call it.
TEXTS = [("complete", "the prompt"), ("images", "the prompt"), ("speak", "the text")]


def piece(text: str, **more: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "text": text, **more}]}


def test_it_is_streamed_as_the_model_writes_it(command: Command) -> None:
    text = "One \x1b[31m\ttwo\r\n\u202ethree"
    command.server.reply(events=[piece(text[:4]), piece(text[4:]), piece("", finish_reason="stop")])
    found = command("complete", "Count:", "a", "--max-tokens", 9, "-t", 0.5, "--seed", 3, "--stop", "x", "--stop", "y")
    assert (found.status, found.out, found.err) == (0, text, "")
    assert found.data == text.encode()
    (request,) = command.server.requests
    assert request.path == "/v1/completions"
    sent = {"model": "openai/gpt-oss-20b", "prompt": "Count: a", "max_tokens": 9, "temperature": 0.5, "seed": 3}
    assert {**request.json, **sent} == request.json
    assert (request.json["stop"], request.json["stream"]) == (["x", "y"], True)


def test_echo_and_usage(command: Command) -> None:
    found = command("complete", "Once upon", "--echo", "--usage", "--max-tokens", 3)
    assert found.out.startswith("Once upon")
    assert len(found.out) > len("Once upon")
    assert "it ends after --max-tokens 3\n" in found.err
    assert " tokens of prompt, 3 of answer\n" in found.err


def test_json(command: Command) -> None:
    found = command("complete", "x", "--json")
    assert found.json["object"] == "text.completion"
    assert found.json["choices"][0]["text"]


def test_a_stream_that_breaks_off_leaves_what_came(command: Command) -> None:
    command.server.reply(events=[piece("Half of")], cut=True)
    found = command("complete", "x")
    assert (found.status, found.out) == (1, "Half of\n")
    assert found.err.startswith("togetherpy: error: ")


def test_a_terminal_gets_an_end_of_the_line_and_no_control_characters(command: Command) -> None:
    command.server.reply(events=[piece("a\x1b[2Jb\u202ec")])
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": command.server.base_url}
    with terminal(*COMMAND, "complete", "x", **variables) as process:
        assert process.rest() == "a?[2Jb?c\n"
        assert process.status == 0


def test_a_terminal_is_read_to_its_end(command: Command) -> None:
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": command.server.base_url}
    with terminal(*COMMAND, "complete", **variables) as process:
        assert "Ctrl-D ends it" in process.until(")\n")
        process.type("Typed in\n\x04")
        process.rest()
        assert process.status == 0
    assert command.server.requests[0].json["prompt"] == "Typed in\n"


@pytest.mark.parametrize("words", [(), ("-",)])
@pytest.mark.parametrize("name", [name for name, _ in TEXTS])
def test_without_words_it_is_standard_input(command: Command, name: str, words: tuple[str, ...]) -> None:
    found = command(name, *words, stdin="\ufeffHallo Zoé\n".encode())
    assert found.status == 0
    sent = command.server.requests[0].json
    assert sent.get("prompt", sent.get("input")) == "Hallo Zoé\n"


def test_words_are_taken_and_standard_input_is_left_alone(command: Command) -> None:
    assert command("complete", "a", "b", stdin=None).status == 0
    assert command.server.requests[0].json["prompt"] == "a b"


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"abc\xff\xfe", "standard input is not UTF-8 text: byte 3 is 0xff"),
        (b"PNG\0\0", "it holds zero bytes"),
        (None, "standard input is closed"),
    ],
)
@pytest.mark.parametrize(("name", "what"), TEXTS)
def test_standard_input_that_is_no_text(
    command: Command, name: str, what: str, stdin: bytes | None, words: str
) -> None:
    command(name, stdin=stdin).failed(words, what if words == "is empty" else "")
    assert command.server.requests == []
    assert list(Path().iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="a shell as Unix has it")
def test_standard_input_that_is_closed(command: Command) -> None:
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": command.server.base_url}
    found = run("/bin/sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "complete", **variables)
    assert (found.returncode, found.stdout) == (1, "")
    assert re.fullmatch("togetherpy: error: standard input is closed.*\n", found.stderr)


@pytest.mark.parametrize(("name", "what"), TEXTS)
def test_words_that_are_empty(command: Command, name: str, what: str) -> None:
    command(name, "").failed(f"{what} is empty")
    assert command.server.requests == []


def test_words_that_are_no_text(command: Command) -> None:
    command("complete", os.fsdecode(b"\xff")).failed("prompt")
    assert command.server.requests == []
