"""Programs run on a terminal of their own.

In: arguments, environment variables and what is typed. Out: what the terminal shows, and the exit status.
The rule: every wait has an end. Windows has no such terminals; tests that need one are skipped there.
"""

import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from support.processes import LIMIT, environment


class Terminal:
    """A program on a terminal; `status` is there when it has ended."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process, self._master = process, master
        self.shown = b""
        """All that was shown so far, as bytes."""
        self._looked_at = 0

    @property
    def status(self) -> int:
        return self._process.wait(LIMIT)

    def type(self, text: str) -> None:
        """Types this: "\\n" is the return key, "\\x03" Ctrl-C, "\\x04" Ctrl-D."""
        os.write(self._master, text.encode())

    def until(self, end: str) -> str:
        """What is shown after what was looked at before, up to `end`."""
        start, wanted = self._looked_at, end.replace("\n", "\r\n").encode()
        while (place := self.shown.find(wanted, start)) < 0:
            assert self._read(), f"it ended after {self.shown!r}"
        self._looked_at = place + len(wanted)
        return _text(self.shown[start : self._looked_at])

    def rest(self) -> str:
        """All that is shown, up to its end."""
        while self._read():
            pass
        return _text(self.shown)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], LIMIT)
        assert ready, f"nothing more came after {self.shown!r}"
        piece = b""
        with suppress(OSError):  # EIO: nobody has the other end any more
            piece = os.read(self._master, 65536)
        self.shown += piece
        return bool(piece)


@contextmanager
def terminal(*command: str, columns: int = 80, cwd: str | None = None, **variables: str) -> Iterator[Terminal]:
    """A program on a terminal of so many columns; killed at the end if it has not ended."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    master, slave = pty.openpty()
    try:
        termios.tcsetwinsize(slave, (24, columns))
        settings = termios.tcgetattr(slave)
        settings[3] &= ~termios.ECHO  # what is typed is not shown
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        with subprocess.Popen(
            command,
            env={"TERM": "xterm", **environment(**variables)},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_own_terminal,
        ) as process:
            os.close(slave)
            slave = -1
            try:
                yield Terminal(process, master)
            finally:
                process.kill()
    finally:
        os.close(master)
        if slave >= 0:
            os.close(slave)


def _own_terminal() -> None:
    """Makes standard input the controlling terminal, so that Ctrl-C typed there is a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _text(shown: bytes) -> str:
    return shown.decode("utf-8", "replace").replace("\r\n", "\n")
