"""How long a connection lay idle: E15. What follows for calls is in test_lifetime.py."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from support.answers import OK
from support.clients import KEY, KINDS
from support.processes import PYTHON, environment
from support.scripted import ScriptedServer, Step, close, do, request, reset, send, until_gone, wait

from togetherpy._transport import idle

CLOCKS = ["monotonic", "time", "clock_gettime"]


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        ((54, 54, 54), False),
        ((56, 56, 56), True),
        ((56, 0, 0), True),
        ((0, 56, 0), True),
        ((0, 0, 56), True),
        ((1, 0.5, 1), False),
        ((1, -0.5, 1), False),  # the wall's clock was put right
        ((1, -2, 1), True),
        ((-2, 1, 1), True),
        ((1, 1, -2), True),
    ],
)
def test_one_clock_is_enough(monkeypatch: pytest.MonkeyPatch, ages: tuple[float, float, float], expected: bool) -> None:
    shown = dict.fromkeys(CLOCKS, 1000.0)
    for name in CLOCKS:
        monkeypatch.setattr(time, name, lambda *_, name=name: shown[name])
    monkeypatch.setattr(idle, "_START", 7)
    before = idle.now()
    shown.update({name: 1000.0 + age for name, age in zip(CLOCKS, ages, strict=True)})
    assert idle.too_long(before) == expected


def test_without_a_clock_that_never_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "_START", None)
    assert not idle.too_long(idle.now())
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    monkeypatch.delattr(time, "CLOCK_MONOTONIC", raising=False)
    assert idle._started() is None


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' name for it")
def test_the_clock_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    assert idle._START == time.CLOCK_BOOTTIME

    def refuse(clock: int) -> float:
        if clock == time.CLOCK_BOOTTIME:
            raise OSError("Invalid argument")
        return 1.0

    monkeypatch.setattr(time, "clock_gettime", refuse)
    assert idle._started() == time.CLOCK_MONOTONIC


PROGRAM = f"""
import asyncio, sys
from togetherpy import AsyncTogether, Together, Hooks

class Told(Hooks):
    def on_retry(self, event): print("retry", event.reason, flush=True)
    def on_error(self, event): print("error", flush=True)

kind, url = sys.argv[1:]
CALL = dict(model="m", messages=[dict(role="user", content="x")])
options = dict(api_key={KEY!r}, base_url=url, max_retries=0, hooks=Told(), timeout=60)

def sync():
    with Together(**options) as client:
        for line in sys.stdin:
            print(client.chat.completions.create(**CALL).id, flush=True)

async def main():
    async with AsyncTogether(**options) as client:
        for line in sys.stdin:
            print((await client.chat.completions.create(**CALL)).id, flush=True)

sync() if kind == "sync" else asyncio.run(main())
"""
"""A call for each line of its input; it says what its hooks are told."""


def second_call_after_a_freeze(kind: str, server: ScriptedServer, meanwhile: Callable[[], None]) -> str:
    """What the program says of a call that is its first act after it was stopped while `meanwhile` ran."""
    with subprocess.Popen(
        (*PYTHON, "-c", PROGRAM, kind, server.base_url),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "r-1\n"
            process.send_signal(signal.SIGSTOP)
            assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
            meanwhile()
            process.stdin.write("\n")
            process.stdin.close()
            process.send_signal(signal.SIGCONT)
            return process.stdout.read()
        finally:
            process.kill()


stops = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP")


@stops
@pytest.mark.fault("E1", "E15")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("last", [close, reset], ids=["close", "reset"])
def test_a_connection_that_the_server_closed_during_a_freeze_is_not_tried(kind: str, last: Step) -> None:
    frozen = threading.Event()
    with ScriptedServer([request, send(OK), wait(frozen), last], [request, send(OK)]) as server:

        def meanwhile() -> None:
            frozen.set()
            server.wait_gone(0)

        assert second_call_after_a_freeze(kind, server, meanwhile) == "r-1\n"
        assert server.connections == 2


@stops
@pytest.mark.slow
@pytest.mark.fault("E15")
def test_a_freeze_of_seventy_seconds() -> None:
    """Longer than a load balancer keeps a connection, of which nobody is told: what is sent on it gets no answer."""
    patient = do(lambda: server.peers[0].sock.settimeout(120))
    with ScriptedServer([request, send(OK), patient, until_gone], [request, send(OK)]) as server:
        assert second_call_after_a_freeze("sync", server, lambda: time.sleep(70)) == "r-1\n"
        assert server.connections == 2
