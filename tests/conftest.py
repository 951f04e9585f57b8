"""Fixtures for the tests over sockets: a client of each kind, and chance that is none."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.clients import KINDS, logs_searched, make
from support.command import Command
from support.processes import decides

from togetherpy.testing import LocalServer


class _NoChance:
    def random(self) -> float:
        return 0.0


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full jitter with the luckiest numbers: retries that no server delays follow at once."""
    monkeypatch.setattr("togetherpy._core.call._chance", _NoChance())


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """For every test: no key, base URL, log, proxy or certificate from the machine that runs the tests."""
    for name in os.environ:
        if decides(name):
            monkeypatch.delenv(name)


def pytest_configure() -> None:
    # A shell starts what it runs in the background with Ctrl-C ignored, and all that these start inherits it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Sync and async."""
    return str(request.param)


@pytest.fixture
def client(kind: str, no_waits: None, clean_environment: None) -> Iterator[Callable[..., Any]]:
    """Makes clients of each kind in turn: `client(base_url=..., ...)`. See `clients.make`."""
    made: list[Any] = []

    def maker(server: Any = None, **options: Any) -> Any:
        if server is not None:
            options.setdefault("base_url", server.base_url)
        made.append(make(kind, **options))
        return made[-1]

    with logs_searched():
        yield maker
        for one in made:
            one.end()


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
    clean_environment: None,
    no_waits: None,
) -> Iterator[Command]:
    """The command, in this process, in an empty folder, against a LocalServer."""
    monkeypatch.chdir(tmp_path)
    with LocalServer() as server:
        yield Command(server, monkeypatch, capsysbinary.readouterr)
