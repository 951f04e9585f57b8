"""What a stream brings besides chunks: JSON without `data:` before it, and events without choices.

In: lines that no event is made of, and data of events that are no chunks. Out: the exception that they deserve, if any.
The rule: none of it is an answer, but it may be why there is none; and a stream of chunks loses nothing by it.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from togetherpy._core.config import Secret
from togetherpy._core.decode import decode_json
from togetherpy._core.errors import lacking, named_error, unusable
from togetherpy._core.named import is_object, reason_in
from togetherpy._core.wire import Headers, Reply
from togetherpy.error import APIError
from togetherpy.types._model import parse_any_json
from togetherpy.types.chat_completions import ChatCompletionResponse

_LOOKS = 64
"""How often unfinished JSON is looked at, for each time reads all of it."""
_KEPT = 8
"""Events that are kept, for the reason that they may give."""


class Aside:
    """Of one stream."""

    __slots__ = ("_headers", "_looks", "_said", "_secrets", "_status", "_whole", "failure")

    def __init__(self, status: int, headers: Headers, secrets: tuple[Secret, ...]) -> None:
        self._status, self._headers, self._secrets = status, headers, secrets
        self.failure: APIError | None = None
        """The error that lines without `data:` name."""
        self._whole = b""
        """JSON without `data:` that names none."""
        self._said: list[bytes] = []
        self._looks = 0

    def look(self, stray: bytearray, *, last: bool = False) -> None:
        """Takes JSON out of `stray` when it is whole: on one line, on several, in a list. `last`: nothing follows."""
        text = bytes(stray)
        if not text or (not last and (self._looks >= _LOOKS or text.rstrip()[-1:] not in (b"}", b"]"))):
            return
        self._looks += 1
        for part in (text, *(text.splitlines() if last else ())):
            if is_reason(part):
                stray.clear()
                self.failure = named_error(part, self._status, self._headers, self._secrets)
                return
            if _json(part) is not None:
                stray.clear()
                self._whole = self._whole or part

    def see(self, data: bytes) -> None:
        """Takes an event without choices."""
        if len(self._said) < _KEPT:
            self._said.append(bytes(data))

    def no_choices(self) -> APIError | None:
        """The exception for a stream that brought nothing but such events, with the reason that one of them gives."""
        if not self._said:
            return None
        told = next((data for data in self._said if reason_in(_json(data)) is not None), self._said[0])
        return lacking(Reply(self._status, self._headers, told), "choices", self._secrets)

    def no_stream(self) -> APIError | None:
        """The exception for a whole answer where events were to come. It was paid for."""
        if not self._whole:
            return None
        error = unusable(
            Reply(self._status, self._headers, self._whole), "a stream of events was asked for", self._secrets
        )
        with contextlib.suppress(ValueError, RecursionError):
            answer: Any = decode_json(msgspec.json.Decoder(ChatCompletionResponse), self._whole)
            error.partial = answer if answer.choices else None
        return error


def _json(data: bytes) -> Any:
    try:
        return parse_any_json(data)
    except (ValueError, RecursionError):
        return None


def is_reason(raw: bytes) -> bool:
    """Whether JSON is no answer but the reason for there being none: an error, a list of them, or any other words."""
    payload = _json(raw)
    if is_object(payload) and (payload.get("error") or payload.get("choices")):
        return bool(payload.get("error"))
    return reason_in(payload) is not None


def is_error_list(raw: bytes) -> bool:
    """Whether JSON is a list of errors, which is what some servers send instead of one."""
    return raw.lstrip()[:1] == b"[" and is_reason(raw)


def lacks_choices(raw: bytes) -> bool:
    """Whether JSON is an object whose `choices` are absent or null."""
    payload = _json(raw)
    return is_object(payload) and payload.get("choices") is None
