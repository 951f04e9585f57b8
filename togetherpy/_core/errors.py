"""What the server or the network said -> one of our exceptions.

In: a Reply, a Fault, or a JSON value that names an error. Out: an exception, not yet raised.
The rule: every shape of error body gives a readable message; neither message, body nor headers hold the key (G7).
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from togetherpy._core.config import Secret
from togetherpy._core.named import Named, is_object, read_named, reason_in, sentences, shorten
from togetherpy._core.sse import SSEParser, begins_as_events
from togetherpy._core.wire import Fault, Headers, Reply
from togetherpy.error import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    class_for_status,
)
from togetherpy.types._model import map_strings, parse_any_json
from togetherpy.types._response import RawResponse

T = TypeVar("T", bound=APIError)
MAX_KEPT = 64 * 1024
"""Bytes of an unusable body that an exception keeps."""

_HINTS = {
    401: "Check api_key or TOGETHER_API_KEY.",
    402: "The account needs credit before it can go on.",
    413: "The request is too large; send less.",
    429: "Send fewer requests at a time.",
}


def status_error(reply: Reply, secrets: tuple[Secret, ...], names: str = "") -> APIStatusError:
    """The exception for an answer with an error status, or for a redirect, which we do not follow (fault C14).

    `names`: what the request names that may not be there.
    """
    payload = _json_or_text(reply.body, secrets)
    named = read_named(payload)
    message = named.message
    location = reply.headers.get("location")
    if 300 <= reply.status < 400:
        message = f"a redirect to {_origin_of(location)}, not followed; set base_url to the server itself"
    text = f"Error code: {reply.status} - {message or 'the server gave no reason'}"
    hint = _HINTS.get(reply.status, "")
    if reply.status == 404:
        hint = f"Check {names} and base_url." if names else "Check base_url."
    error = class_for_status(reply.status)(mask_text(sentences(text, hint), secrets))
    _add_facts(error, reply, named, payload, secrets)
    return error


def named_error(raw: bytes, reply_status: int, headers: Headers, secrets: tuple[Secret, ...]) -> APIStatusError:
    """The exception for an error that came inside a 2xx, as its body or as an event (faults B16, D9)."""
    payload = _json_or_text(raw, secrets)
    named = read_named(payload)
    status = named.status
    cls = class_for_status(status) if status else APIStatusError
    error = cls(sentences(f"The server answered {reply_status} and then named an error: {named.message}"))
    _add_facts(error, Reply(status or reply_status, headers, b""), named, payload, secrets)
    return error


def _add_facts(error: APIStatusError, reply: Reply, named: Named, payload: object, secrets: tuple[Secret, ...]) -> None:
    error.status_code = error.http_status = reply.status
    error.headers = mask_headers(reply.headers, secrets)
    error.request_id = request_id(error.headers, payload)
    error.body = payload
    error.code, error.type, error.param = named.code, named.type, named.param


def fault_error(fault: Fault, secrets: tuple[Secret, ...] = ()) -> APIError:
    """The exception for an attempt that brought no answer. What was not HTTP is quoted, so it is masked, too."""
    message = mask_text(fault.message, secrets)
    if fault.kind in ("too_large", "encoding"):
        return APIResponseError(message)
    error = APITimeoutError(message) if fault.kind == "timeout" else APIConnectionError(message)
    error.phase = fault.phase
    return error


def unusable(reply: Reply, reason: str, secrets: tuple[Secret, ...]) -> APIResponseError:
    """The exception for a 2xx whose body cannot be used."""
    body = _masked_start(reply.body, secrets)
    shown = words_of(body)
    kind = reply.headers.get("content-type") or "no content-type"
    text = f"The server answered {reply.status} with {kind}, {len(reply.body)} bytes, but {reason}"
    error = APIResponseError(sentences(mask_text(text, secrets) + (f": {shown!r}" if shown else "")))
    error.body = body
    error.http_status = reply.status
    error.headers = mask_headers(reply.headers, secrets)
    error.request_id = request_id(error.headers, None)
    return error


def lacking(reply: Reply, what: str, secrets: tuple[Secret, ...]) -> APIResponseError:
    """The exception for a success without what makes it one, with the reason that it gives in whichever field (B16)."""
    reason = reason_in(_json_or_text(reply.body, secrets))
    error = unusable(reply, f"its answer has no {what}", secrets)
    if reason is not None:
        error.message = sentences(f"The server answered {reply.status}, but with no {what}: {reason}")
        error.args = (error.message,)
    return error


def misfit(
    reply: Reply, name: str, reason: str, secrets: tuple[Secret, ...], argument: str = "response_type"
) -> APIResponseError:
    """The exception for an answer that is not of the type that the caller wants; it has the whole of it."""
    wrong = f"The server answered {reply.status}, but not what {argument}={name} takes: {mask_text(reason, secrets)}"
    error = APIResponseError(sentences(wrong, "The answer is in .body."))
    error.body = mask(reply.body, secrets)
    error.http_status = reply.status
    error.headers = mask_headers(reply.headers, secrets)
    error.request_id = request_id(error.headers, None)
    return error


def concluded(error: T, why: str = "") -> T:
    """The exception with what is to be said at the end: why there is no other attempt, how many attempts there were,
    and what the server calls the request."""
    tried = f"{error.attempts} attempts were made" if error.attempts > 1 else ""
    name = f"Request id: {error.request_id}" if error.request_id else ""
    error.message = sentences(error.message, *(text for text in (why, tried, name) if text not in error.message))
    error.args = (error.message,)
    return error


def answer_of(reply: Reply, error: APIError, secrets: tuple[Secret, ...]) -> RawResponse:
    """What `error.response` is, for the final answer of a failed call."""
    return RawResponse(
        status_code=reply.status,
        headers=error.headers,
        request_id=error.request_id,
        attempts=error.attempts,
        elapsed=error.elapsed,
        http_request=error.request,
        content=_masked_start(reply.body, secrets),
    )


def words_of(masked: bytes) -> str:
    """The beginning of a body, or of a part of it, as a message quotes it; empty if there is none."""
    return shorten(_text_of(masked.decode("utf-8", "replace")))


def request_id(headers: Headers | Any, payload: object) -> str | None:
    """The server's name for a request: x-request-id, else the id in an error body, else cf-ray."""
    found = headers.get("x-request-id")
    if not found and is_object(payload) and isinstance(payload.get("id"), str):
        found = payload["id"]
    return found or headers.get("cf-ray") or None


def mask(raw: bytes, secrets: tuple[Secret, ...]) -> bytes:
    """`raw` without the secrets, in plain or JSON-escaped form."""
    for secret in secrets:
        raw = raw.replace(secret.reveal().encode(), b"***").replace(json.dumps(secret.reveal())[1:-1].encode(), b"***")
    return raw


def _masked_start(body: bytes, secrets: tuple[Secret, ...]) -> bytes:
    """At most MAX_KEPT bytes of a body. A key is not to be cut in two before it is masked."""
    return mask(body[: 2 * MAX_KEPT], secrets)[:MAX_KEPT]


def mask_text(text: str, secrets: tuple[Secret, ...]) -> str:
    """`text` without the secrets."""
    for secret in secrets:
        text = text.replace(secret.reveal(), "***")
    return text


def mask_headers(headers: Headers, secrets: tuple[Secret, ...]) -> Headers:
    """`headers` without the secrets."""
    return Headers({name: mask_text(value, secrets) for name, value in headers.items()})


def _text_of(text: str) -> str:
    """The words of an HTML page; other text as it is (faults B17, C9)."""
    if not re.match(r"\s*<(!doctype|html|head|\?xml)", text, re.IGNORECASE):
        return text
    text = re.sub(r"(?is)<(script|style)\b.*?(</\1>|$)", " ", text[:MAX_KEPT])
    return re.sub(r"<[^>]*>", " ", text)


def _json_or_text(raw: bytes, secrets: tuple[Secret, ...]) -> Any:
    raw = mask(raw, secrets)
    try:
        payload = parse_any_json(raw)
        # JSON has many ways to escape a character, and mask() knows one.
        return map_strings(payload, lambda text: mask_text(text, secrets)) if b"\\" in raw else payload
    except (ValueError, RecursionError):
        events = SSEParser().feed(raw[:MAX_KEPT] + b"\n\n") if begins_as_events(raw) else []
        if events and events[0] != raw:
            return _json_or_text(events[0], secrets)
        return shorten(_text_of(raw[:MAX_KEPT].decode("utf-8", "replace")))


def _origin_of(location: str | None) -> str:
    """Scheme and host of a URL; the rest may hold what is not ours to show."""
    match = re.match(r"((?:[a-z][a-z0-9+.-]*:)?//)(?:[^/?#]*@)?([^/?#@]+)", location or "", re.IGNORECASE)
    return match[1] + match[2] if match else "another place on the same server"
