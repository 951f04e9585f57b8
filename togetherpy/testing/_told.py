"""What is said of things that the server keeps: values, and the forms that requests about them come in.

The rule: nothing here knows what is kept.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ._answer import JSON_TYPE
from ._check import RequestError
from ._http import Request
from ._json import as_dict, to_json


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: status, body, header fields."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content_type: str = JSON_TYPE


def tell(value: Any, status: int = 200, **headers: str) -> Told:
    """An answer in JSON."""
    return Told(status, to_json(value), headers)


@dataclass(frozen=True, slots=True)
class Way:
    """What answers one method of a path: `tell`, with the path's `parts`; `keyed`: only to who has a key."""

    tell: Callable[..., Told]
    parts: tuple[str, ...] = ()
    keyed: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; `file`: a file's name."""

    value: bytes
    file: str | None = None

    @property
    def text(self) -> str:
        return self.value.decode("utf-8", "replace")


_PART = re.compile(rb'form-data; name="([^"]*)"(?:; filename="([^"]*)")?', re.IGNORECASE)


def form_of(request: Request) -> dict[str, Field]:
    """The fields of a request: of a form, or of a JSON object. Of several of one name, one
    with their values in lines."""
    kind = request.head.headers.get("content-type", "")
    boundary = re.search(r'multipart/form-data;.*boundary="?([^";]+)', kind)
    if boundary is not None:
        return _parts(request.body, boundary[1].encode())
    if kind.startswith("application/x-www-form-urlencoded"):
        return {name: Field(value.encode()) for name, value in parse_qsl(request.body.decode("utf-8", "replace"))}
    fields = as_dict(request_json(request)) or {}
    return {name: Field(str(value).encode()) for name, value in fields.items() if value is not None}


def request_json(request: Request) -> Any:
    """The body of a request; None when there is none."""
    import json

    try:
        return json.loads(request.body) if request.body else None
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"The body is not valid JSON: {error}") from None


def _parts(body: bytes, boundary: bytes) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            return found
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        named = _PART.search(head)
        if named is not None:
            file = None if named[2] is None else named[2].decode("utf-8", "replace")
            name = named[1].decode("utf-8", "replace").removesuffix("[]")
            found[name] = Field(b"\n".join((found[name].value, value)) if name in found else value, file)
    raise RequestError(400, "The form has no end.")
