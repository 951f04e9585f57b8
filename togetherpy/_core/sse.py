"""Bytes of an event stream in; the data of its events out.

In: UTF-8 bytes, cut anywhere. Out: one bytes object per event, in order, not yet decoded.
The rule: the parsing of the WHATWG HTML standard, 9.2.6 ("Interpreting an event stream"), in time linear in the
input and in bounded memory. Last-event-id and retry are for browsers that reconnect; here they only are no data.
"""

from __future__ import annotations

import re

MAX_EVENT = 64 * 1024 * 1024
MAX_STRAY = 64 * 1024
MAX_WORDS = 4096
DONE = b"[DONE]"
_NO_WORDS = (b"", b"id", b"retry")
_BOM = b"\xef\xbb\xbf"
_CR = 13
"""As a number: bytes that are looked for with `in` are first tried, at some cost, as one."""
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?:")


def begins_as_events(body: bytes) -> bool:
    """Whether a body begins like an event stream, whatever its Content-Type calls it: with a field or a comment."""
    return _BEGINNING.match(body) is not None


class EventTooLargeError(ValueError):
    """One event, or one line, is longer than the bound (fault D12)."""


class NamedEvent(bytes):
    """The data of an event whose type is not "message"."""

    event: str


class SSEParser:
    """Feed it what was read, in any cut; it answers with the data of the events that are whole."""

    __slots__ = ("_after_cr", "_beginning", "_between", "_data", "_event", "_line", "_max", "stray", "words")

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        """`max_event`: the most bytes that an unfinished event may take."""
        self._max = max_event
        self._beginning: bytes | None = b""
        """Bytes that may become a BOM; None once the stream has begun."""
        self._after_cr = False
        """The last byte was CR, which ended a line: an LF that follows belongs to it, however long it takes."""
        self._line = bytearray()
        """An unfinished line. Adding to a bytes object would be quadratic for a long one, and a list of its pieces
        would be many times its size when they are small."""
        self._data: bytes | bytearray | None = None
        """The data lines of the unfinished event; None when there was none. Usually one, which is not copied."""
        self._event = b""
        self._between = False
        """Nothing is unfinished: what comes next begins an event."""
        self.stray = bytearray()
        """Lines of JSON that came without `data:`, at most MAX_STRAY bytes. The standard has them ignored, but servers
        that fail in the middle of a stream have been seen to say so in this way."""
        self.words = b""
        """What else came that is no part of an event, at most MAX_WORDS bytes: what a proxy says when it gives up, and
        an event that was cut off before its end."""

    def feed(self, data: bytes) -> list[bytes]:
        """The data of every event that `data` completes.

        Raises:
            EventTooLargeError: an unfinished event is longer than the bound.
        """
        # Nearly all that is ever read is whole events of one `data: ` line each. Splitting them at C speed takes a
        # quarter of the time of going through their lines; the count proves that nothing else is in between.
        if self._between and data[:6] == b"data: " and data[-2:] == b"\n\n" and _CR not in data:
            found = data[6:-2].split(b"\n\ndata: ")
            if _count_lines(data) == 2 * len(found):
                return found
        events: list[bytes] = []
        data = self._take_line_ends(data)
        if self._line or self._data is not None or self._event:
            data = self._take_lines(data, events, stop_after_event=True)
        if data:
            data = self._take_simple(data, events)
            if data:
                self._take_lines(data, events)
        self._between = not (
            self._line or self._data is not None or self._event or self._after_cr or self._beginning is not None
        )
        return events

    def _take_line_ends(self, data: bytes) -> bytes:
        """`data` without a BOM at the beginning of the stream, and with LF for each of the three line ends."""
        if self._beginning is not None:
            data = self._beginning + data
            if len(data) < 3 and _BOM.startswith(data):
                self._beginning = data
                return b""
            self._beginning = None
            data = data.removeprefix(_BOM)
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    @property
    def holding(self) -> bool:
        """Whether there is an unfinished event."""
        return bool(self._line or self._data)

    def finish(self) -> list[bytes]:
        """The stream is over: an unfinished event is dropped, but for a bare `data: [DONE]` (fault D8)."""
        if self._line:
            self._take_lines(b"\n", [])
        data = b"" if self._data is None else bytes(self._data).strip()
        if data == DONE:
            return [DONE]
        if not data.startswith((b"{", b"[{")):  # what the model says is no reason
            self._take_words(data)
        return []

    @staticmethod
    def _take_simple(data: bytes, events: list[bytes]) -> bytes:
        """Takes whole events of one `data: ` line each off the front; returns the rest. See `feed`."""
        if data.startswith(b"data: ") and (end := data.rfind(b"\n\n") + 2) > 1:
            rest = data[end:]
            found = data[6 : end - 2].split(b"\n\ndata: ")
            if _count_lines(data) - _count_lines(rest) == 2 * len(found):
                events += found
                return rest
        return data

    def _take_lines(self, data: bytes, events: list[bytes], *, stop_after_event: bool = False) -> bytes:
        """Goes through `data` line by line, to its end or to the first blank line; returns what it left."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line = data[start:end]
            start = end + 1
            if self._line:
                line = bytes(self._line + line)
                self._line.clear()
            if line:
                self._take_field(line)
                continue
            self._dispatch(events)
            if stop_after_event:
                return data[start:]
        if start < len(data):
            self._line += data[start:]
            self._check_size()
        return b""

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            if self._data is None:
                self._data = value
                return
            if isinstance(self._data, bytes):
                self._data = bytearray(self._data)
            self._data += b"\n"
            self._data += value
            self._check_size()
        elif name == b"event":
            self._event = value.removeprefix(b" ")
        elif name == b"error":  # `error: {...}`, seen of llama-box
            self._take_stray(value)
        elif self.stray or line.lstrip()[:1] in (b"{", b"["):
            self._take_stray(line)
        elif name not in _NO_WORDS:
            self._take_words(line)

    def _take_words(self, words: bytes) -> None:
        self.words = b"\n".join(filter(None, (self.words, words)))[:MAX_WORDS]

    def _take_stray(self, line: bytes) -> None:
        if len(self.stray) + len(line) < MAX_STRAY:
            self.stray += line
            self.stray += b"\n"

    def _check_size(self) -> None:
        if len(self._line) + len(self._data or b"") > self._max:
            raise EventTooLargeError(f"one event of the stream is longer than {self._max} bytes")

    def _dispatch(self, events: list[bytes]) -> None:
        """A blank line: an event, if there was any data (fault D5)."""
        if self._data is not None:
            data = bytes(self._data)
            if self._event and self._event != b"message":
                named = NamedEvent(data)
                named.event = self._event.decode("utf-8", "replace")
                data = named
            events.append(data)
            self._data = None
        self._event = b""


def _count_lines(data: bytes) -> int:
    """How many LFs there are. `bytes.count` takes four times as long as looking for what to leave out."""
    return len(data) - len(data.replace(b"\n", b""))
