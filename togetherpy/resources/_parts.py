"""Uploads of files that are too large for one request.

In: a file, and the form that describes it. Out: steps, whose end is the server's FileResponse, or the id of the same
file that it has already.
The rule: one part after the other, so that no part is in memory; what cannot be ended is given up, so that nothing of
it is kept.
Facts: `POST /files/multipart/initiate` gives `upload_id`, `file_id` and `parts`, each with its number and the signed
URL for its bytes, whose ETag goes into `/complete`; `/abort` gives it up (version 3 of the official package).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from togetherpy._core.config import Secret
from togetherpy._core.decode import errors
from togetherpy._core.expected import JSON, Secrets, Whole
from togetherpy._core.forms import File
from togetherpy._core.steps import Steps
from togetherpy._core.wire import Endpoint, Reply, Source
from togetherpy.error import APIResponseError, TogetherError
from togetherpy.types.files import FileResponse

LARGE = 5 * 2**30
"""Bytes above which a file goes in parts."""
_PART = 250 * 2**20
_MOST = 250


class Place(msgspec.Struct):
    """Where a part is to go; servers have two spellings."""

    one: int | None = msgspec.field(default=None, name="PartNumber")
    other: int | None = msgspec.field(default=None, name="part_number")
    here: str | None = msgspec.field(default=None, name="URL")
    there: str | None = msgspec.field(default=None, name="UploadURL")


class Begun(msgspec.Struct):
    """What the server says to an upload in parts; only `file_id`: it has the file already."""

    file_id: str | None = None
    upload_id: str | None = None
    parts: list[Place] | None = None


class _Begun(JSON[Begun]):
    """A Begun, also as a 409, which says that the file is there already."""

    __slots__ = ()

    def welcomes(self, status: int) -> bool:
        """That it is there already."""
        return status == 409

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """What it says; a 409 without an id is an error."""
        found = super().value(reply, secrets)
        named = reply.status != 409 or (isinstance(found, Begun) and found.file_id)
        return found if named else errors().status_error(reply, secrets)


_OBJECT = JSON[dict[str, Any]](dict[str, Any])
_BEGIN = Endpoint("files.upload", "POST", "/files/multipart/initiate", _Begun(Begun), names="")
_PUT = Endpoint("files.upload", "PUT", "/files", Whole(), names="")
_END = Endpoint("files.upload", "POST", "/files/multipart/complete", _OBJECT, names="")
_GIVE_UP = Endpoint("files.upload", "POST", "/files/multipart/abort", _OBJECT, names="")


def in_parts(
    call: Callable[..., Callable[[], Any]], file: File, form: dict[str, Any], told: Callable[[Source, int], Source]
) -> Steps[FileResponse | str]:
    """All of it. `call`: makes a step of an endpoint and its parameters. `told`: a part that says how much of it was
    read, by the bytes that came before it."""
    number = min(_MOST, math.ceil(file.size / _PART))
    size = math.ceil(file.size / number)
    begun: Begun = yield call(_BEGIN, {**form, "file_size": file.size, "num_parts": number})
    if begun.file_id and begun.upload_id is None and begun.parts is None:
        return begun.file_id
    ids = {"upload_id": begun.upload_id, "file_id": begun.file_id}
    try:
        if begun.parts is None or None in ids.values():
            raise APIResponseError("The server was to say where the parts of the file are to go, and did not.")
        done: list[dict[str, Any]] = []
        for place in range(number):
            done.append((yield from _part(call, begun.parts, place, file, size, told)))
        ended: dict[str, Any] = yield call(_END, {**ids, "parts": done})
    except Exception:
        with suppress(TogetherError):
            yield call(_GIVE_UP, ids)
        raise
    return msgspec.convert(ended.get("file") or ended, FileResponse, strict=False)


def _part(
    call: Callable[..., Callable[[], Any]],
    parts: list[Place],
    place: int,
    file: File,
    size: int,
    told: Callable[[Source, int], Source],
) -> Steps[dict[str, Any]]:
    """One of them; what is known of it when it is there."""
    url = next((one.here or one.there for one in parts if place + 1 in (one.one, one.other)), None)
    if url is None:
        raise APIResponseError(f"The server does not say where part {place + 1} of the file is to go.")
    start = place * size
    source = told(file.part(start, min(size, file.size - start)), start)
    answer: Any = yield call(_PUT, body=source, url=Secret(url), size=source.size, raw=True)
    tag = answer.headers.get("etag", "").strip('"')
    if not tag:
        raise APIResponseError(f"The server took part {place + 1} of the file, but names no ETag for it.")
    return {"part_number": place + 1, "etag": tag}
