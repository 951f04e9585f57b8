"""`togetherpy` in this process.

In: words, what standard input holds. Out: exit status and output, decoded.
The rule: as `support.processes`: nothing of this machine's environment gets in, and the key gets nowhere out.
"""

import io
import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from togetherpy.cli import main
from togetherpy.testing import LocalServer

KEY = "sk-k3yK3yk3yK3y"


class Result(NamedTuple):
    """What came of a command."""

    status: int
    out: str
    err: str
    data: bytes
    """Its standard output as it came."""

    @property
    def json(self) -> Any:
        """Its standard output, which is JSON."""
        return json.loads(self.out)

    def failed(self, *words: str) -> None:
        """Exit status 1, one readable line that holds `words`, and nothing on standard output."""
        assert self.status == 1, self
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("togetherpy: error: ")
        for word in words:
            assert word in line


class Command:
    """Runs the command against a server."""

    def __init__(self, server: LocalServer, monkeypatch: pytest.MonkeyPatch, capture: Callable[[], Any]) -> None:
        self.server, self._monkeypatch, self._capture = server, monkeypatch, capture
        monkeypatch.setenv("TOGETHER_API_KEY", KEY)
        monkeypatch.setenv("TOGETHER_BASE_URL", server.base_url)

    def __call__(self, *words: object, stdin: bytes | None = b"") -> Result:
        """`stdin`: what standard input holds; None: it is closed."""
        self._capture()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
            status = main(list(map(str, words)))
        out, err = self._capture()
        found = Result(status, out.decode("utf-8", "replace"), err.decode(), out)
        assert "Traceback" not in found.err
        assert KEY not in found.out + found.err
        return found
