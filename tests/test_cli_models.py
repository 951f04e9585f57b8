"""`togetherpy models`, and what all commands that ask a server have in common."""

import io
import json
import socket
import sys

import pytest
from support.command import Command

from togetherpy.testing import LocalServer

# Every command that asks a server, in its shortest form.
ASKING = [
    ("models",),
    ("complete", "x"),
    ("embed", "x"),
    ("images", "x"),
    ("transcribe", "http://127.0.0.1/x.wav"),
    ("speak", "x"),
    ("files", "list"),
    ("files", "show", "file-1"),
    ("files", "download", "file-1"),
    ("files", "delete", "file-1"),
]
OF_A_MODEL = [words for words in ASKING if words[0] not in ("files", "models")]


def test_a_table(command: Command) -> None:
    found = command("models")
    assert (found.status, found.err) == (0, "")
    head, *rows = found.out.splitlines()
    assert head.split() == ["ID", "TYPE", "CONTEXT", "PRICE"]
    assert [row.split()[0] for row in rows] == sorted((row.split()[0] for row in rows), key=str.lower)
    assert rows[0].split(maxsplit=3)[1:] == ["chat", "131072", "0.88 / 0.88"]
    assert {row.index(" 131072 ") for row in rows} == {head.index(" CONTEXT")}


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("QWEN",), ["Qwen/Qwen3-235B-A22B-Instruct-2507-tput"]),
        (("chat", "gpt"), ["openai/gpt-oss-20b"]),
        (("deepseek-ai",), ["deepseek-ai/DeepSeek-R1"]),
    ],
)
def test_filters_are_words_of_the_name_or_the_type(command: Command, words: tuple[str, ...], ids: list[str]) -> None:
    found = command("models", "--json", *(word for one in words for word in ("--filter", one)))
    assert [model["id"] for model in found.json] == ids


def test_none_is_like_that(command: Command) -> None:
    found = command("models", "--filter", "chat", "--filter", "zzz")
    assert (found.status, found.out) == (1, "")
    assert found.err == "togetherpy: none of 4 models is like chat and zzz\n"


def test_what_a_server_does_not_say_is_blank(command: Command) -> None:
    models = [
        {"id": "a"},
        {"id": "b", "type": "image", "pricing": {"hourly": 2.5, "input": 0, "output": 0}},
        {"id": "c", "type": "something-new", "pricing": {"input": 0.1}, "context_length": 7},
    ]
    command.server.reply(body={"data": models}, times=2)
    rows = [row.split() for row in command("models").out.splitlines()[1:]]
    assert rows == [["a"], ["b", "image", "2.5", "an", "hour"], ["c", "something-new", "7", "0.1", "/", "0"]]
    assert command("models", "--json").json == models


def test_a_price_that_is_none_is_shown_as_it_came(command: Command) -> None:
    command.server.reply(body=[{"id": "a", "pricing": {"input": "free", "output": 2}}])
    assert command("models").out.splitlines()[1].split() == ["a", "free", "/", "2"]


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_a_missing_key_is_told_how_to_set(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", " ")
    command(*words).failed("TOGETHER_API_KEY is not set", "export TOGETHER_API_KEY=")
    assert command.server.requests == []


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_a_host_that_is_not_there(command: Command, words: tuple[str, ...]) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port meanwhile
        bound.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{bound.getsockname()[1]}"
        found = command(*words, "--base-url", f"http://{where}/v1", "--max-retries", "0")
    assert found.status == 1
    assert where in found.err
    assert len(found.err.splitlines()) == 1


@pytest.mark.parametrize("words", OF_A_MODEL, ids=" ".join)
def test_an_unknown_model(command: Command, words: tuple[str, ...]) -> None:
    command(*words, "-m", "no-such/model").failed("404", "no-such/model")


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_options_of_the_server(command: Command, words: tuple[str, ...]) -> None:
    with LocalServer() as other:
        other.reply(status=500, body={}, times=None)
        found = command(*words, "--base-url", other.base_url, "--timeout", "7.5", "--max-retries", "1")
        assert found.status == 1
        assert len(other.requests) == 2
    assert command.server.requests == []


@pytest.mark.parametrize(
    "option", [("--timeout", "0"), ("--timeout", "inf"), ("--timeout", "x"), ("--max-retries", "-1")]
)
@pytest.mark.parametrize("words", ASKING[:2], ids=" ".join)
def test_numbers_that_cannot_be(command: Command, words: tuple[str, ...], option: tuple[str, ...]) -> None:
    found = command(*words, *option)
    assert (found.status, found.out) == (2, "")
    assert f"argument {option[0]}: must be a " in found.err


@pytest.mark.parametrize("words", [*ASKING, ("serve",), ("demo",), ("batch", "run"), ("completion",)], ids=" ".join)
def test_help_names_the_exit_statuses(command: Command, words: tuple[str, ...]) -> None:
    names = words[: 2 if words[0] in ("files", "batch") else 1]
    found = command(*names, "--help")
    assert (found.status, found.err) == (0, "")
    assert "exit status:\n  0    " in found.out
    assert "\n  141  nobody reads the output any more" in found.out
    assert "--key" not in found.out
    assert "--api-key" not in found.out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_in_any_encoding(command: Command, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    command.server.reply(body=[{"id": "caf\u00e9 \u4e2d \U0001f600"}])
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding))
    assert command("models", "--json").status == 0
    assert json.loads(out.getvalue().decode(encoding)) == [{"id": "caf\u00e9 \u4e2d \U0001f600"}]
