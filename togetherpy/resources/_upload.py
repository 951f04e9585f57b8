"""One upload: from a path or an open file to the id that the server gave it.

In: the file and what it is for. Out: steps, whose end is the server's FileResponse, or the id of the same file that it
has already.
The rule: what the server does not know of the two ways to upload is done by the other one; the key goes to nobody else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, ClassVar, cast

import msgspec

from togetherpy._core.config import Secret, as_timeout
from togetherpy._core.decode import errors
from togetherpy._core.elsewhere import location
from togetherpy._core.expected import JSON, Expected, Secrets, Whole
from togetherpy._core.forms import File, Form
from togetherpy._core.steps import Steps, Work
from togetherpy._core.wire import Endpoint, Part, Reply, Source
from togetherpy.error import APIStatusError, ConflictError, FileTypeError, NotFoundError
from togetherpy.resources import _parts
from togetherpy.resources._base import Resource
from togetherpy.types.files import FilePurpose, FileResponse, FileUploadProgress, OnUpload

_SLOWEST = 256 * 1024
"""Bytes a second, by which an upload may take longer than other calls."""
_UNKNOWN = frozenset((404, 405, 415, 501))
"""What a server answers that does not know the way by two steps."""
_TYPES = {".jsonl": "jsonl", ".parquet": "parquet", ".csv": "csv"}


class Leave(msgspec.Struct, frozen=True):
    """What the server says to an upload that is to be."""

    file_id: str
    url: Secret | None
    """Where the bytes are to go; None: they are there already."""


class _Leave(Expected[Leave]):
    """302 with a place and an id, or 409 with an id."""

    _field: ClassVar[str] = "x-together-file-id"

    __slots__ = ()

    def welcomes(self, status: int) -> bool:
        """Redirects, and that it is there already, which another attempt would not change."""
        return status in (301, 302, 303, 307, 308, 409)

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """A Leave."""
        if reply.status == 409:
            return _there_already(reply, secrets)
        file_id, url = reply.headers.get(self._field, ""), location(reply.headers)
        if not self.welcomes(reply.status) or not file_id or not url.reveal():
            return errors().unusable(reply, "it was to say where the file is to go", secrets)
        return Leave(file_id, url)


def _there_already(reply: Reply, secrets: Secrets) -> Any:
    try:
        file_id: Any = msgspec.json.decode(reply.body, type=dict[str, Any]).get("file_id")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        file_id = None
    if isinstance(file_id, str) and file_id:
        return Leave(file_id, None)
    return errors().status_error(reply, secrets)


_ASK = Endpoint("files.upload", "POST", "/files", _Leave(), names="")
_PUT = Endpoint("files.upload", "PUT", "/files", Whole(), names="")
_TAKE = Endpoint("files.upload", "POST", "/files/{id}/preprocess", JSON[FileResponse](FileResponse))
_AT_ONCE = Endpoint("files.upload", "POST", "/files/upload", JSON[FileResponse](FileResponse), names="")


def _conflict(file_id: str) -> ConflictError:
    error = ConflictError(f"The server has this file already: {file_id}.")
    error.status_code = error.http_status = 409
    error.body = {"file_id": file_id}
    return error


class Told:
    """A body that says how much of it was read."""

    __slots__ = ("_before", "_most", "_source", "_tell", "_total", "content_type", "size")

    def __init__(self, source: Source, tell: OnUpload, before: int = 0, total: int | None = None) -> None:
        """`before`, `total`: of a part, the bytes that came before it, and those of the whole."""
        self._source, self._tell, self.size, self.content_type = source, tell, source.size, None
        self._before, self._total, self._most = before, source.size if total is None else total, 0

    def pieces(self) -> Iterator[bytes]:
        """From the beginning; what was said is not taken back when it is sent again."""
        read = 0
        for piece in self._source.pieces():
            yield piece
            read += len(piece)
            if read > self._most:
                self._most = read
                self._tell(FileUploadProgress(self._before + read, self._total))


class Upload:
    """One upload."""

    def __init__(
        self,
        files: Resource,
        file: str | os.PathLike[str] | IO[bytes],
        purpose: str,
        *,
        options: dict[str, Any],
        tell: OnUpload | None,
    ) -> None:
        """
        Raises:
            OSError, TypeError, ValueError: what is no file.
        """
        if not isinstance(cast(object, purpose), str):
            raise TypeError(f"purpose must be a str, not {type(purpose).__name__}")
        self._files, self._file, self._purpose, self._options = files, file, str(purpose), options
        self._source = File(file, None)
        self._tell = tell
        self._body: Source = self._told(self._source, 0)
        named: Any = file if isinstance(file, (str, os.PathLike)) else getattr(file, "name", None)
        # A file that was opened by its number is named by that.
        self._name = "file.jsonl" if named is None or isinstance(named, int) else Path(named).name
        loop: Any = files._loop  # pyright: ignore[reportPrivateUsage]
        self._timeout = as_timeout(options.pop("timeout", None), loop.config.timeout)

    def check(self) -> Steps[None]:
        """Looks at it.

        Raises:
            ValueError: there is no such purpose. FileTypeError: it is not what its name says.
        """
        known = [one.value for one in FilePurpose]
        if self._purpose not in known:
            said = ", ".join(known)
            raise ValueError(f"purpose must be one of {said}, not {self._purpose!r}; check=False sends any other")
        report: dict[str, Any] = yield Work(self._look)
        if not report["is_check_passed"]:
            error = FileTypeError(f"{self._name} was not uploaded: {report['message']}")
            error.report = report
            raise error

    def _look(self) -> dict[str, Any]:
        from togetherpy.utils.files import check_open

        suffix = Path(self._name).suffix
        if isinstance(self._file, (str, os.PathLike)):
            with open(self._file, "rb") as opened:
                return check_open(opened, suffix, self._purpose)
        return check_open(self._file, suffix, self._purpose)

    def steps(self, retrieve: Endpoint[FileResponse], *, strict: bool) -> Steps[FileResponse]:
        """All of it. `retrieve`: says what the server knows of a file. `strict`: raises when it is there already."""
        form = {
            "purpose": self._purpose,
            "file_name": self._name,
            "file_type": _TYPES.get(Path(self._name).suffix),
            "checksum": (yield Work(self._checksum)),
        }
        fields = {name: value for name, value in form.items() if value is not None}
        if self._source.size > _parts.LARGE:
            return (yield from self._in_parts(retrieve, fields, strict))
        try:
            leave: Leave = yield self._call(_ASK, body=Form(fields))
        except APIStatusError as error:
            if error.status_code not in _UNKNOWN:
                raise
            return (yield from self._at_once(fields))
        for again in (True, False):
            if leave.url is None and strict:
                raise _conflict(leave.file_id)
            if leave.url is None:
                there: FileResponse = yield self._call(retrieve.at(id=leave.file_id))
                return there
            try:
                yield self._call(_PUT, body=self._body, url=leave.url, size=self._source.size)
                break
            except APIStatusError as error:
                if error.status_code != 403 or not again:
                    raise
            leave = yield self._call(_ASK, body=Form(fields))
        try:
            made: FileResponse = yield self._call(_TAKE.at(id=leave.file_id))
        except NotFoundError:  # a server that looks at no files
            made = yield self._call(retrieve.at(id=leave.file_id))
        return made

    def _in_parts(self, retrieve: Endpoint[FileResponse], fields: dict[str, Any], strict: bool) -> Steps[FileResponse]:
        made = yield from _parts.in_parts(self._call, self._source, fields, self._told)
        if not isinstance(made, str):
            return made
        if strict:
            raise _conflict(made)
        there: FileResponse = yield self._call(retrieve.at(id=made))
        return there

    def _told(self, source: Source, before: int) -> Source:
        return source if self._tell is None else Told(source, self._tell, before, self._source.size)

    def _at_once(self, fields: dict[str, Any]) -> Steps[FileResponse]:
        """The other way: one form that holds the file."""
        fields.pop("checksum")
        part = Part(self._name, self._body)
        made: FileResponse = yield self._call(_AT_ONCE, {**fields, "file": part}, size=self._source.size)
        return made

    def _call(self, endpoint: Endpoint[Any], params: dict[str, Any] | None = None, **how: Any) -> Callable[[], Any]:
        """One of the calls. `size`: the bytes in its body, for which it has more time."""
        size = how.pop("size", 0)
        timeout = msgspec.structs.replace(self._timeout, total=self._timeout.total + size / _SLOWEST)
        loop: Any = self._files._loop  # pyright: ignore[reportPrivateUsage]
        return partial(loop.call, endpoint, {**self._options, "timeout": timeout, **(params or {})}, **how)

    def _checksum(self) -> str:
        from hashlib import sha256

        found = sha256()
        for piece in self._source.pieces():
            found.update(piece)
        return found.hexdigest()
