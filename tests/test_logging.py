"""Log lines about calls: what is in them, what is not, and how TOGETHER_LOG turns them on."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import COMPLETION, SSE, STREAM_OK, answer, chunk, chunked, completion, error_body, event
from support.clients import KEY, failure, make_raw
from support.processes import PYTHON, run
from support.scripted import ScriptedServer, repeat, request, send, until_gone

import togetherpy
from togetherpy.contrib.log import LoggingHooks
from togetherpy.testing import LocalServer

Maker = Callable[..., Any]
OPEN = [request, send(SSE + chunked(event(chunk("Hello")), end=False)), until_gone]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """Level and text of what the logger "togetherpy" said, without the numbers that differ."""
    caplog.set_level(logging.DEBUG, "togetherpy")

    def read() -> list[tuple[str, str]]:
        said = [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "togetherpy"]
        return [(level, re.sub(r"\d+\.\d{3}", "N", re.sub(r" \[[0-9a-f]{8}\]", "", text))) for level, text in said]

    return read


def test_a_plain_call(client: Maker, lines: Any) -> None:
    busy, good = answer(error_body(), 429, retry_after_ms=1, x_request_id="id-1"), answer(x_request_id="id-2")
    with ScriptedServer([request, send(busy), request, send(good)]) as server:
        client(server, hooks=LoggingHooks(), max_retries=1).create()
        place = server.base_url.removeprefix("http://").removesuffix("/v1")
    assert lines() == [
        ("DEBUG", f"chat.completions m begins, to {place}"),
        ("WARNING", "chat.completions m: attempt 1 failed (429), request id-1; the next in N s"),
        ("INFO", "chat.completions m: 200 after N s, attempt 2, finish stop, tokens 1+2, request id-2"),
    ]


def test_a_refused_call(client: Maker, lines: Any) -> None:
    with ScriptedServer([request, send(answer(error_body(), 400, x_request_id="id-1"))]) as server:
        client(server, hooks=LoggingHooks()).fails(togetherpy.BadRequestError)
    assert lines()[1:] == [
        ("WARNING", "chat.completions m: BadRequestError after N s, status 400, attempt 1, request id-1")
    ]


def test_streams(client: Maker, lines: Any) -> None:
    broken = SSE + chunked(event(chunk("a")), end=False)
    with ScriptedServer([request, send(STREAM_OK), request, send(broken)], OPEN) as server:
        caller = client(server, hooks=LoggingHooks())
        caller.chunks()
        failure(togetherpy.StreamInterruptedError, caller.chunks)
        caller.stream().close()
    said = [one for one in lines() if "begins" not in one[1]]
    opened = ("DEBUG", "chat.completions m: stream opened, 200 after N s, request None")
    tail = "attempt 1, finish {}, tokens unknown, request None"
    assert said == [
        opened,
        ("INFO", "chat.completions m: stream read to its end after N s, " + tail.format("stop")),
        opened,
        (
            "WARNING",
            "chat.completions m: stream broke off with StreamInterruptedError after N s, " + tail.format("none"),
        ),
        opened,
        ("INFO", "chat.completions m: stream left early after N s, " + tail.format("none")),
    ]


def test_metadata_only(client: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """What the fixture `client` looks for is in none of the lines, whatever the server repeats of it."""
    caplog.set_level(logging.DEBUG, "togetherpy")
    echo = error_body(f"{COMPLETION} {KEY}")
    script = [
        answer(echo, 500, x_echo=KEY),
        answer(completion()),
        SSE + chunked(event(chunk(COMPLETION)) + event(echo)),
    ]
    with ScriptedServer([repeat(*(step for one in script for step in (request, send(one))))]) as server:
        caller = client(server, hooks=LoggingHooks(), max_retries=1)
        caller.create()
        caller.fails(togetherpy.APIStatusError, stream=True)
    assert len(caplog.records) > 5


PROGRAM = """
import sys
import togetherpy
assert "logging" not in sys.modules
{setup}
for _ in range(2):
    with togetherpy.Together() as client:
        client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "secret-words"}}])
"""


def said(word: str, setup: str = "") -> list[str]:
    """What a program with this TOGETHER_LOG writes to stderr."""
    with LocalServer() as server:
        variables = {"TOGETHER_API_KEY": "sk-key", "TOGETHER_BASE_URL": server.base_url, "TOGETHER_LOG": word}
        done = run(*PYTHON, "-c", PROGRAM.format(setup=setup), **variables)
    assert done.returncode == 0, done.stderr
    for secret in ("secret-words", "sk-key"):
        assert secret not in done.stderr
    return done.stderr.splitlines()


def test_the_environment_turns_it_on() -> None:
    first, second = said("info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \S+ INFO togetherpy: chat\.completions m \[\w{8}\]: 200 after .*", first)
    assert "INFO" in second
    assert [line.split()[2] for line in said("DEBUG")] == ["DEBUG", "INFO"] * 2
    assert said("") == []


def test_a_program_that_has_set_up_logging_keeps_its_own_form() -> None:
    setup = "import logging; logging.basicConfig(format='mine %(levelname)s')"
    assert said("info", setup) == ["mine INFO"] * 2


def test_the_level_is_set_once() -> None:
    setup = "togetherpy.Together(); import logging; logging.getLogger('togetherpy').setLevel('ERROR')"
    assert said("info", setup) == []


def test_an_unknown_word_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_LOG", "loud")
    with pytest.warns(UserWarning, match="TOGETHER_LOG takes debug or info, not 'loud'") as caught:
        assert make_raw("sync", api_key="k")._loop.watchers is None
    assert caught[0].filename.endswith("clients.py")


def test_without_the_variable_nothing_is_said(client: Maker, lines: Any) -> None:
    with ScriptedServer([request, send(answer(error_body(), 400))]) as server:
        client(server).fails(togetherpy.BadRequestError)
    assert lines() == []
