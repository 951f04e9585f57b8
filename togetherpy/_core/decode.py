"""JSON -> a value of our types, or an exception that says why not.

In: the bytes of an answer, or the data of one event. Out: a value; of an odd event, also an exception as a value.
The rule: JSON that can be read in any way is a value, and the usual one pays nothing for the odd one.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec

from togetherpy._core.config import Secret
from togetherpy._core.wire import Headers, Reply
from togetherpy.types._model import keep_raw

Secrets = tuple[Secret, ...]


def errors() -> ModuleType:
    """`_core.errors`. A process that is started for one call should not load what is only for failures."""
    from togetherpy._core import errors

    return errors


def decode_json(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    """`raw` as the decoder's type, leniently where strict decoding fails.

    Raises:
        ValueError: not JSON, not UTF-8, or not even an object. RecursionError: nested too deeply.
    """
    try:
        return keep_raw(decoder.decode(raw), raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # The import waits for the first odd answer.
        from togetherpy._core.lenient import decode_leniently

        return keep_raw(decode_leniently(raw, decoder.type), raw)


def decode_odd_event(
    decoder: msgspec.json.Decoder[Any],
    data: bytes,
    status: int,
    headers: Headers,
    secrets: Secrets,
    names_error: Callable[[Any], bool],
) -> Any:
    """The value of an event that is not a usual one, or the APIError that it names or deserves (D9, D11).

    `names_error`: whether a value says that it is an error.
    """
    named = getattr(data, "event", None) == "error"
    raw = bytes(data)
    try:
        value = decode_json(decoder, raw)
    except (ValueError, RecursionError) as error:
        if not named:
            reason = f"an event of the stream is not usable JSON ({errors().shorten(str(error))})"
            return errors().unusable(Reply(status, headers, raw), reason, secrets)
        return errors().named_error(raw, status, headers, secrets)
    if named or names_error(value):
        return errors().named_error(raw, status, headers, secrets)
    return value
