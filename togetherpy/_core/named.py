"""JSON that says what went wrong -> its words, and what a program can act on.

In: the value of an error body, of an event, or of an answer that is none. Out: a Named.
The rule: servers agree neither on the names nor on the nesting, so what is looked for are words: whichever object or
list they stand in, under whichever of the names that have been seen, in whichever spelling (errorMessage, error_msg).
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard, cast

MAX_SHOWN = 200
"""Characters of a foreign text that a message shows."""

_INSIDE = ("error", "err", "errors", "exception", "fault", "baseresp")
"""Where the error itself may stand, in an object that has other things, too."""
_WORDS = (
    *("message", "msg", "detail", "errormessage", "errormsg", "statusmsg", "statusmessage", "errordescription"),
    *("faultstring", "description", "reason", "title", "details", "cause", "messages", "status"),
)
_CODES = ("code", "errorcode", "errcode", "statuscode", "httpstatuscode")
_TYPES = ("type", "errortype")
_STATUSES = ("httpstatuscode", "httpstatus", "statuscode", "status", "code")
_STATUS_BY_WORD = {
    **dict.fromkeys(
        ("invalidrequesterror", "badrequesterror", "badrequest", "invalidargument", "invalidparameter"), 400
    ),
    **dict.fromkeys(("authenticationerror", "unauthenticated", "unauthorized", "invalidapikey"), 401),
    **dict.fromkeys(("creditlimit", "paymentrequired", "billingerror"), 402),
    **dict.fromkeys(("permissionerror", "permissiondenied", "permissiondeniederror", "forbidden"), 403),
    **dict.fromkeys(("notfounderror", "notfound"), 404),
    **dict.fromkeys(("unprocessableentityerror", "unprocessableentity"), 422),
    **dict.fromkeys(("ratelimit", "ratelimited", "ratelimiterror", "ratelimitexceeded", "modelratelimit"), 429),
    **dict.fromkeys(("toomanyrequests", "resourceexhausted", "dynamicrequestlimited", "dynamictokenlimited"), 429),
    **dict.fromkeys(("servererror", "internalservererror", "apierror", "internalerror", "internal"), 500),
    **dict.fromkeys(("serviceunavailable", "serviceunavailableerror", "overloadederror", "overloaded"), 503),
    **dict.fromkeys(("unavailable", "unavailableerror"), 503),
    **dict.fromkeys(("timeouterror", "deadlineexceeded"), 504),
}
_ENDS = tuple(".!?\u2026\u3002")
_TOO_DEEP = "an error in a form that is nested too deeply to show"


class Named(NamedTuple):
    """What an error body says."""

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None
    """The HTTP status, 400 to 599, that it names."""


def read_named(payload: object) -> Named:
    """What a JSON value says, in any of the shapes that servers of this protocol send (fault C15)."""
    try:
        layers = list(itertools.islice(_layers(payload), 16))
        return Named(
            shorten(_words(payload) or dumps(_shown(payload))),
            _text(_first(layers, _TYPES)),
            _text(_first(layers, _CODES)),
            _text(_first(layers, ("param",))) or _place(layers),
            _status(layers),
        )
    except RecursionError:
        return Named(_TOO_DEEP)


def reason_in(payload: object) -> str | None:
    """The words for people in a JSON value, None when there are none."""
    try:
        words = _words(payload)
    except RecursionError:
        return None
    return shorten(words) if words else None


def dumps(value: object) -> str:
    """`value` as text for a message."""
    try:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return _TOO_DEEP


def sentences(*texts: str) -> str:
    """The texts one after the other, each with one full stop at its end."""
    whole = (text if text.rstrip("'\")")[-1:] in _ENDS else f"{text}." for text in map(str.strip, texts) if text)
    return " ".join(whole)


def shorten(text: str) -> str:
    """`text` on one line, at most MAX_SHOWN characters of it."""
    line = " ".join(text[: 8 * MAX_SHOWN].split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 3] + "..."


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is a JSON object."""
    return isinstance(value, dict)


def _fold(entries: Mapping[str, Any]) -> dict[str, Any]:
    folded: dict[str, Any] = {}
    for name, value in entries.items():
        folded.setdefault(_plain(name), value)
    return folded


def _plain(word: str) -> str:
    return re.sub("[^a-z0-9]", "", word.lower())


def _words(value: object) -> str | None:
    """The words for people in `value`."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        found = [_words(item) for item in cast("list[object]", value)[:8]]
        return "; ".join(word for word in found if word) if found and all(found) else None
    if not is_object(value):
        return None
    entries = _fold(value)
    title = entries.get("error")
    words = next((word for name in _INSIDE + _WORDS if (word := _words(entries.get(name))) is not None), None)
    complaints = _by_field(entries.get("errors"))
    if complaints is not None:
        return complaints if words is None else f"{words.rstrip('.')}: {complaints}"
    if isinstance(title, str) and words == title.strip():
        # {"error": "Bad Request", "message": "why"}
        more = next((word for name in _WORDS[:-1] if (word := _words(entries.get(name))) is not None), None)
        return words if more is None or more == words else f"{words}: {more}"
    metadata = entries.get("metadata")
    cause = _words(metadata.get("raw")) if words is not None and is_object(metadata) else None
    if cause is not None:  # OpenRouter: "Provider returned error", and here what it was
        return f"{words}: {cause}"
    place = _place([entries])
    return f"{place}: {words}" if words is not None and place is not None else words


def _by_field(errors: object) -> str | None:
    """What is complained of each field: {"model": ["is unknown"]}, as ASP.NET, Rails and Laravel have it."""
    if not is_object(errors) or _words(errors) is not None:
        return None
    said = [f"{name}: {word}" for name, item in list(errors.items())[:8] if (word := _words(item)) is not None]
    return "; ".join(said) or None


def _layers(value: object) -> Iterator[dict[str, Any]]:
    """The objects in which codes may stand: the error itself first, then what it stands in."""
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _layers(item)
    elif is_object(value):
        entries = _fold(value)
        for name in (*_INSIDE, "detail", "status"):
            yield from _layers(entries.get(name))
        yield entries


def _first(layers: list[dict[str, Any]], names: tuple[str, ...]) -> Any:
    return next((layer[name] for layer in layers for name in names if layer.get(name) not in (None, "", [], {})), None)


def _text(value: object) -> str | None:
    return None if value is None else dumps(value)


def _place(layers: list[dict[str, Any]]) -> str | None:
    """What FastAPI and pydantic complain of: {"loc": ["body", "messages", 0, "content"], "msg": ...}."""
    loc = next((layer["loc"] for layer in layers if isinstance(layer.get("loc"), list)), None)
    if loc is None or not any("msg" in layer for layer in layers):
        return None
    parts = [str(part) for part in cast("list[object]", loc) if isinstance(part, (str, int))]
    return ".".join(parts[1:] if parts[:1] == ["body"] else parts) or None


def _status(layers: list[dict[str, Any]]) -> int | None:
    """The first number that can be one, or else what the words stand for."""
    for layer in layers:
        for name in _STATUSES:
            value = layer.get(name)
            if isinstance(value, (str, int, float)) and (match := re.match(r"[45][0-9]{2}(?![0-9A-Za-z])", str(value))):
                return int(match[0])
    words = (layer.get(name) for layer in layers for name in (*_TYPES, *_CODES, "status"))
    return next((_STATUS_BY_WORD[key] for word in words if (key := _plain(str(word))) in _STATUS_BY_WORD), None)


def _shown(payload: object) -> object:
    """The part that is most of the error, where nothing in it is meant for people."""
    for names in (("error", "errors"), ("message", "detail")):
        if is_object(payload):
            payload = next((payload[name] for name in names if payload.get(name)), payload)
    return payload
