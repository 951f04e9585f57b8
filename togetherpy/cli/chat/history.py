"""What was typed in conversations, kept in a file.

In: texts. Out: those of earlier conversations, the newest last.
The rule: a line of JSON for each; the file is its owner's alone (0600). It is a convenience: that it cannot be read or
written stops nothing, and is said once.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator
from pathlib import Path

from togetherpy.cli._screen import complain

KEPT = 1_000
"""Texts that are kept; the file is cut down to so many when it has twice as many."""


def history_path() -> Path:
    """$XDG_STATE_HOME/togetherpy/chat_history; without that variable in ~/.local/state."""
    base = os.environ.get("XDG_STATE_HOME", "")
    root = Path(base if os.path.isabs(base) else "~/.local/state")
    return root / "togetherpy" / "chat_history"


class History:
    """Of one conversation and those before it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._off = False
        self.texts: list[str] = []
        """The newest last."""
        with self._excused():
            self._read()

    def add(self, text: str) -> None:
        """Keeps a text; not one that begins with a blank, as shells have it, nor the last one again."""
        if not text.strip() or text[0] == " " or self.texts[-1:] == [text]:
            return
        self.texts.append(text)
        if not self._off:
            with self._excused():
                self._write(os.O_APPEND, [text])

    def _read(self) -> None:
        self._path = self._path.expanduser()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            lines = self._path.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            with contextlib.suppress(ValueError):  # what something else has damaged is passed over
                text: object = json.loads(line)
                if isinstance(text, str):
                    self.texts.append(text)
        self.texts = self.texts[-KEPT:]
        self._write(*((os.O_TRUNC, self.texts) if len(lines) >= 2 * KEPT else (os.O_APPEND, [])))

    def _write(self, how: int, texts: list[str]) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)
            file.write("".join(json.dumps(text) + "\n" for text in texts))

    @contextlib.contextmanager
    def _excused(self) -> Generator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no home directory
            self._off = True
            complain(f"the history is not kept: {self._path}: {getattr(error, 'strerror', None) or error}")
