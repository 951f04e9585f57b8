"""`only_text`: the answers' texts and nothing else.

In: an answer's body, or a settled and sorted output. Out: a line of text for each row.
The rule: one row is one line, so a line end within an answer is written as \\n and a backslash as \\\\; a row without
an answer is an empty line.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec

from togetherpy.batch.envelope import decode
from togetherpy.batch.output import read_output

SUFFIX = ".rows.jsonl"
"""What is gone on with stands beside the texts, under this name."""


class _Message(msgspec.Struct):
    content: Any = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: Any = None


class _Body(msgspec.Struct):
    choices: list[_Choice] | None = None


class _Response(msgspec.Struct):
    body: _Body | None = None


class _Row(msgspec.Struct):
    response: _Response | None = None
    error: Any = None


_body = msgspec.json.Decoder(_Body)
_row = msgspec.json.Decoder(_Row)


def text_line(body: bytes) -> bytes:
    """The line for an answer's body, its end included."""
    return _line(decode(_body, body))


def _line(body: _Body | None) -> bytes:
    choice = body.choices[0] if body is not None and body.choices else None
    message = choice.message if choice is not None else None
    said = message.content if message is not None else None
    text = said if isinstance(said, str) else ""
    written = text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
    return written.encode("utf-8", "replace") + b"\n"


def write_texts(rows: str, path: str) -> None:
    """Writes the texts of a settled and sorted output to `path`, whole or not at all."""
    beside = path + ".tmp"
    with open(beside, "wb", buffering=1 << 18) as file:
        for line, _ in read_output(rows):
            found = decode(_row, line)
            file.write(_line(found.response.body if found.response is not None and found.error is None else None))
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
