"""An answer's bytes -> a value of our types, or an exception that says why not.

In: an outcome, or the data of one event. Out: a value, or an exception as a value; the caller raises it.
The rule: a 2xx that can be read in any way is a value; one that cannot keeps its body.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import msgspec

from togetherpy._core.config import Secret
from togetherpy._core.wire import Endpoint, Fault, Headers, Opened, Outcome, Reply
from togetherpy.types._model import keep_raw
from togetherpy.types.chat_completions import ChatCompletionResponse

Secrets = tuple[Secret, ...]


def _errors() -> ModuleType:
    # A process that is started for one call should not load what is only for failures: a tenth of our own modules.
    from togetherpy._core import errors

    return errors


def decode_outcome(endpoint: Endpoint, outcome: Outcome, *, stream: bool, secrets: Secrets) -> Any:
    """What the outcome of an attempt means: a value, the Opened itself, or the APIError it stands for."""
    if isinstance(outcome, Opened):
        return outcome
    if isinstance(outcome, Fault):
        return _errors().fault_error(outcome, secrets)
    if not 200 <= outcome.status < 300:
        return _errors().status_error(outcome, secrets)
    if endpoint.own is not None:
        return endpoint.own.judge(outcome, stream=stream, secrets=secrets)
    return _decode_success(endpoint, outcome, stream, secrets)


def _decode_success(endpoint: Endpoint, reply: Reply, stream: bool, secrets: Secrets) -> Any:
    if not reply.body.strip():
        return _errors().unusable(reply, "its body is empty", secrets)
    try:
        value = decode_json(endpoint.response, reply.body)
    except (ValueError, RecursionError) as error:
        # Both msgspec's and the standard library's complaints are ValueErrors; deep nesting is a RecursionError.
        return _errors().unusable(reply, f"its body is not usable JSON ({_errors().shorten(str(error))})", secrets)
    if _names_error(value):
        return _errors().named_error(reply.body, reply.status, reply.headers, secrets)
    if stream:
        failure = _errors().unusable(reply, "a stream of events was asked for", secrets)
        failure.partial = value if isinstance(value, ChatCompletionResponse) else None  # it was paid for
        return failure
    return value


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
    decoder: msgspec.json.Decoder[Any], data: bytes, status: int, headers: Headers, secrets: Secrets
) -> Any:
    """The value of an event that is not a usual chunk, or the APIError that it names or deserves (D9, D11)."""
    named = getattr(data, "event", None) == "error"
    raw = bytes(data)
    try:
        value = decode_json(decoder, raw)
    except (ValueError, RecursionError) as error:
        if not named:
            reason = f"an event of the stream is not usable JSON ({_errors().shorten(str(error))})"
            return _errors().unusable(Reply(status, headers, raw), reason, secrets)
        return _errors().named_error(raw, status, headers, secrets)
    if named or _names_error(value):
        return _errors().named_error(raw, status, headers, secrets)
    return value


def _names_error(value: Any) -> bool:
    """Whether a 2xx body or an event says that it is an error (faults B16, D9)."""
    if getattr(value, "error", None):
        # Some send "error": "" or {} with a good answer, for "none".
        return True
    return getattr(value, "choices", True) is None and getattr(value, "object", None) == "error"
