"""`togetherpy serve`, as a process that clients ask and Ctrl-C ends."""

import contextlib
import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from support.command import Command
from support.processes import COMMAND, LIMIT, started

from togetherpy import APIConnectionError, APIError, RateLimitError, StreamInterruptedError, Together
from togetherpy.testing import LocalServer

HELLO: Any = [{"role": "user", "content": "hello"}]


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Together]:
    """A client of a server that was started like this, and is ended by Ctrl-C."""
    with started(*COMMAND, "serve", "--json", "--pace", "0", *options) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with Together(base_url=told["base_url"], api_key="k", trust_env=False, max_retries=0, timeout=20) as client:
            yield client
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
        assert (process.returncode, out, err) == (0, b"", b"")


def ask(client: Together) -> str:
    return client.chat.completions.create(model="m", messages=HELLO).text


def test_it_says_how_to_use_it_and_ends_by_ctrl_c() -> None:
    with started(*COMMAND, "serve", HTTP_PROXY="http://127.0.0.1:9") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (0, b"", b"")
    url = lines[0].split()[1]
    assert lines == [
        f"Serving {url} until Ctrl-C. To use it:\n",
        f"  export TOGETHER_BASE_URL={url}\n",
        "  export TOGETHER_API_KEY=test\n",
        "  export NO_PROXY=127.0.0.1  # the environment names a proxy\n",
    ]


def test_reply_is_what_it_says_plain_and_streamed_and_to_prompts() -> None:
    with serving("--reply", "It is so. Ünd so.") as client:
        assert ask(client) == "It is so. Ünd so."
        with client.chat.completions.create(model="m", messages=HELLO, stream=True) as stream:
            assert "".join(stream.text_deltas()) == "It is so. Ünd so."
        choices = client.completions.create(model="m", prompt="x").choices
        assert choices is not None
        assert choices[0].text == "It is so. Ünd so."


def test_models_are_those_that_are_named() -> None:
    with serving("--models", "a/b", "c/d") as client:
        assert [model.id for model in client.models.list()] == ["a/b", "c/d"]


def test_limits_are_those_of_the_local_server() -> None:
    with serving("--rpm", "60") as client:
        assert ask(client)
        with pytest.raises(RateLimitError):
            ask(client)


def test_faults_come_in_their_order_and_then_it_answers() -> None:
    faults = ("close", "reset", "garbage", "429:2", "503")
    with serving(*(word for fault in faults for word in ("--fail", fault))) as client:
        for _ in range(3):
            with pytest.raises(APIConnectionError):
                ask(client)
        for status in (429, 429, 503):
            with pytest.raises(APIError) as caught:
                ask(client)
            assert caught.value.status_code == status
        assert ask(client)


def test_a_stream_that_breaks_off() -> None:
    with serving("--fail", "cut:all") as client:
        for _ in range(2):
            with (
                client.chat.completions.create(model="m", messages=HELLO, stream=True) as stream,
                pytest.raises(StreamInterruptedError) as caught,
            ):
                list(stream)
            assert caught.value.partial is not None
            assert caught.value.partial.text == "Half of an ans"


def test_an_answer_that_does_not_come() -> None:
    with serving("--fail", "hang") as client:
        with pytest.raises(TimeoutError):
            client.chat.completions.create(model="m", messages=HELLO, timeout=0.2)
        assert ask(client)


@pytest.mark.parametrize("option", ["--pace", "--delay"])
@pytest.mark.parametrize("value", ["-1", "nan", "inf", "x"])
def test_times_that_are_none(command: Command, option: str, value: str) -> None:
    found = command("serve", option, value)
    assert found.status == 2
    assert f"argument {option}: must be a number of seconds, 0 or more" in found.err


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("localhost", "localhost")])
def test_other_addresses(host: str, reached: str) -> None:
    with serving("--host", host) as client:
        assert client.base_url.host == reached
        assert ask(client)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--port", "TAKEN"), "--port 0 takes a free one"),
        (("--port", "70000"), "a port is a number from 0 to 65535"),
        (("--host", "192.0.2.1"), "cannot serve on 192.0.2.1"),
        (("--host", "no-such-host.invalid"), "cannot serve on no-such-host.invalid"),
        (("--rpm", "0"), "rpm must be above 0"),
        (("--latency", "3", "1"), "latency is seconds"),
    ],
)
def test_what_it_cannot_serve_like_is_one_line(command: Command, options: tuple[str, ...], said: str) -> None:
    with LocalServer() as taken:
        command("serve", *(str(taken.port) if word == "TAKEN" else word for word in options)).failed(said)


@pytest.mark.parametrize("fault", ["200", "429:0", "4290", "cut:-1", "burn", "hang:", ":3"])
def test_faults_that_are_none(command: Command, fault: str) -> None:
    found = command("serve", "--fail", fault)
    assert found.status == 2
    assert "argument --fail: must be a status from 400 to 599, cut, reset, " in found.err
