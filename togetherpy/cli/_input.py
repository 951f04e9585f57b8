"""What a command is given to read: words, files, standard input.

In: words of the command line, or a path. Out: text or bytes.
The rule: words are the text; without any, and for "-", it is standard input. What cannot be meant (nothing, a folder,
bytes that are no text) is said before anything is sent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from togetherpy.cli._screen import note

STDIN = "-"


def text_of(words: Sequence[str], what: str) -> str:
    """The words with blanks between them; standard input where there are none, and for "-".

    Raises:
        ValueError: there is no text, or it is none. `what`: what is wanted, for the message.
    """
    text = read_text(STDIN) if list(words) in ([], [STDIN]) else " ".join(words)
    if not text.strip():
        raise ValueError(f"{what} is empty")
    return text


def read_text(path: str) -> str:
    """The text of a file, or of standard input; without a byte order mark.

    Raises:
        OSError: there is no such file, or it cannot be read. ValueError: it is not UTF-8 text.
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name_of(path)} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}"
        ) from None
    if "\0" in text:
        raise ValueError(f"{name_of(path)} is not text: it holds zero bytes")
    return text


def read_bytes(path: str) -> bytes:
    """The bytes of a file, or of standard input.

    Raises:
        OSError: there is no such file, or it cannot be read. ValueError: standard input is closed.
    """
    if path != STDIN:
        with open(path, "rb") as file:
            return file.read()
    stdin: Any = sys.stdin  # None when it was closed before we began
    if stdin is None or stdin.closed:
        raise ValueError("standard input is closed, and nothing else was given")
    if stdin.isatty():
        note(f"(reading from the terminal; {'Ctrl-Z and Return end' if os.name == 'nt' else 'Ctrl-D ends'} it)")
    found: bytes = stdin.buffer.read() if hasattr(stdin, "buffer") else stdin.read().encode()
    return found


def name_of(path: str) -> str:
    """What messages call it."""
    return "standard input" if path == STDIN else path
