"""Files: training data, the requests of batches, what comes of them.

In: a path or an open file, or a file's id. Out: FileResponses, bodies, files on this machine.
The rule: a file is never in memory as a whole; where it is uploaded to, and where it comes from, may be other servers,
which do not get the key.
Facts: an upload is `POST /files` with a form that describes it, answered by 302 with the place to PUT the bytes to and
`X-Together-File-Id`, or by 409 and the id of the same file that is there already, and in the end
`POST /files/{id}/preprocess` (official packages); beside it the OpenAPI document has `POST /files/upload` with all in
one form.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Unpack

from togetherpy._core.expected import JSON, Download
from togetherpy._core.steps import Steps, arun, run
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, checked, raw
from togetherpy.resources._lists import listing_of
from togetherpy.resources._signature import takes
from togetherpy.types.files import FileDeleteResponse, FileList, FileObject, FileResponse

if TYPE_CHECKING:
    from togetherpy._core.download import AsyncBinaryStream, BinaryStream
    from togetherpy.types._options import CallOptions
    from togetherpy.types.files import OnDownload, OnUpload

_LIST = Endpoint("files.list", "GET", "/files", listing_of(FileResponse), names="")
_RETRIEVE = Endpoint("files.retrieve", "GET", "/files/{id}", JSON[FileResponse](FileResponse))
_DELETE = Endpoint("files.delete", "DELETE", "/files/{id}", JSON[FileDeleteResponse](FileDeleteResponse))
_CONTENT: Endpoint[Any] = Endpoint("files.content", "GET", "/files/{id}/content", Download(), redirects=True)


class Files(Resource):
    """`client.files`"""

    _plain_only = ("upload", "retrieve_content")

    @takes("CallOptions", "_options")
    def upload(
        self,
        file: str | os.PathLike[str] | IO[bytes],
        *,
        purpose: str = "fine-tune",
        check: bool = True,
        raise_if_already_exists: bool = False,
        progress_callback: OnUpload | None = None,
        **options: Unpack[CallOptions],
    ) -> FileResponse:
        """Gives the server a file, or finds that it has it already.

        file: its path, or the file, opened in binary mode, which is sent from where it stands.
        purpose: "fine-tune", "batch-api", "eval", "eval-output" or "calibration".
        check: look first whether the file is what its name says (`togetherpy.utils.check_file`), and whether there is
            such a purpose; False sends whatever it is.
        raise_if_already_exists: raise ConflictError for a file that the server has; else what it has is returned.
        progress_callback: is called with a FileUploadProgress, in bytes, whenever some have been sent.

        The bytes go where the server says, and the limit `timeout` of that is longer by a second for each 256 KiB. When
        the connection breaks they are sent again from the beginning; a place whose leave has run out (403) is asked for
        once more. A file above 5 GiB goes in parts, one after the other.

        Raises:
            OSError: there is no such file, or it is a folder. FileTypeError: it is not what its name says.
            ValueError: there is no such purpose. Nothing was sent so far.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        return run(_upload(self, file, purpose, check, raise_if_already_exists, progress_callback, options))

    @takes("CallOptions", "_options")
    def list(self, **options: Unpack[CallOptions]) -> FileList:
        """All files that were uploaded: a list, whose `data` is itself.

        Raises:
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_LIST, checked("list", options))

    @takes("CallOptions", "_options")
    def retrieve(self, id: str, **options: Unpack[CallOptions]) -> FileResponse:
        """What the server knows of one file.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such file. And what `list` raises.
        """
        return self._call(_RETRIEVE.at(id=id), checked("retrieve", options))

    @takes("CallOptions", "_options")
    def content(self, id: str, **options: Unpack[CallOptions]) -> BinaryStream:
        """The bytes of a file, as they arrive: iterate, or `read()`, `text()`, `iter_lines()`, `save(path)`.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such file. And what `list` raises; while reading, StreamInterruptedError.
        """
        opened: BinaryStream = self._call(_CONTENT.at(id=id), checked("content", options))
        return opened

    @takes("CallOptions", "_options")
    def retrieve_content(
        self,
        id: str,
        *,
        output: str | os.PathLike[str] | None = None,
        progress_callback: OnDownload | None = None,
        **options: Unpack[CallOptions],
    ) -> FileObject:
        """Downloads a file. It gets its name when all of it is there, and replaces what had that name.

        output: the path of the file, or a folder; else "<id>.jsonl" in the working directory.
        progress_callback: is called with a FileDownloadProgress, in bytes, whenever some have come.

        When the connection breaks, the download goes on where it broke, `max_retries` times without a byte more.

        Raises:
            OSError: the file cannot be written: the disk is full, there is no such folder.
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such file. And what `list` raises.
            StreamInterruptedError: not all of it came.
        """
        return run(_retrieve_content(self, id, output, progress_callback, options))

    @takes("CallOptions", "_options")
    def delete(self, id: str, **options: Unpack[CallOptions]) -> FileDeleteResponse:
        """Deletes a file from the server.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such file. And what `list` raises.
        """
        return self._call(_DELETE.at(id=id), checked("delete", options))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawFiles: ...


class AsyncFiles(AsyncResource, like=Files):
    """`client.files` of an AsyncTogether."""

    _plain_only = ("upload", "retrieve_content")

    @takes("CallOptions", "_options")
    async def upload(
        self,
        file: str | os.PathLike[str] | IO[bytes],
        *,
        purpose: str = "fine-tune",
        check: bool = True,
        raise_if_already_exists: bool = False,
        progress_callback: OnUpload | None = None,
        **options: Unpack[CallOptions],
    ) -> FileResponse:
        """Gives the server a file, or finds that it has it already. The rest: `Files.upload`."""
        return await arun(_upload(self, file, purpose, check, raise_if_already_exists, progress_callback, options))

    @takes("CallOptions", "_options")
    async def list(self, **options: Unpack[CallOptions]) -> FileList:
        """All files that were uploaded: a list, whose `data` is itself. The rest: `Files.list`."""
        return await self._call(_LIST, checked("list", options))

    @takes("CallOptions", "_options")
    async def retrieve(self, id: str, **options: Unpack[CallOptions]) -> FileResponse:
        """What the server knows of one file. The rest: `Files.retrieve`."""
        return await self._call(_RETRIEVE.at(id=id), checked("retrieve", options))

    @takes("CallOptions", "_options")
    async def content(self, id: str, **options: Unpack[CallOptions]) -> AsyncBinaryStream:
        """The bytes of a file, as they arrive: iterate, or `read()`, `text()`, `iter_lines()`, `save(path)`.

        The rest: `Files.content`.
        """
        opened: AsyncBinaryStream = await self._call(_CONTENT.at(id=id), checked("content", options))
        return opened

    @takes("CallOptions", "_options")
    async def retrieve_content(
        self,
        id: str,
        *,
        output: str | os.PathLike[str] | None = None,
        progress_callback: OnDownload | None = None,
        **options: Unpack[CallOptions],
    ) -> FileObject:
        """Downloads a file. It gets its name when all of it is there, and replaces what had that name.

        The rest: `Files.retrieve_content`.
        """
        return await arun(_retrieve_content(self, id, output, progress_callback, options))

    @takes("CallOptions", "_options")
    async def delete(self, id: str, **options: Unpack[CallOptions]) -> FileDeleteResponse:
        """Deletes a file from the server. The rest: `Files.delete`."""
        return await self._call(_DELETE.at(id=id), checked("delete", options))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawFiles: ...


def _upload(
    files: Resource,
    file: str | os.PathLike[str] | IO[bytes],
    purpose: str,
    check: bool,
    strict: bool,
    tell: OnUpload | None,
    options: Any,
) -> Steps[FileResponse]:
    from togetherpy.resources._upload import Upload

    upload = Upload(files, file, purpose, options=checked("upload", options), tell=tell)
    if check:
        yield from upload.check()
    return (yield from upload.steps(_RETRIEVE, strict=strict))


def _retrieve_content(
    files: Resource, file_id: str, output: str | os.PathLike[str] | None, tell: OnDownload | None, options: Any
) -> Steps[FileObject]:
    from togetherpy.resources._saving import fetch

    default = f"{file_id}.jsonl".replace("/", "--")
    path, size = yield from fetch(
        files, _CONTENT.at(id=file_id), checked("retrieve_content", options), lambda _: target(output, default), tell
    )
    return FileObject(object="local", id=file_id, filename=str(path.resolve()), size=size)


def target(output: str | os.PathLike[str] | None, default: str) -> Path:
    """Where a download goes."""
    path = Path(default) if output is None else Path(output)
    return path / default if path.is_dir() else path


if TYPE_CHECKING:

    class RawFiles:
        @raw(Files.list)
        def list(self) -> None: ...
        @raw(Files.retrieve)
        def retrieve(self) -> None: ...
        @raw(Files.content)
        def content(self) -> None: ...
        @raw(Files.delete)
        def delete(self) -> None: ...

    class AsyncRawFiles:
        @raw(AsyncFiles.list)
        def list(self) -> None: ...
        @raw(AsyncFiles.retrieve)
        def retrieve(self) -> None: ...
        @raw(AsyncFiles.content)
        def content(self) -> None: ...
        @raw(AsyncFiles.delete)
        def delete(self) -> None: ...


FilesResource = Files
AsyncFilesResource = AsyncFiles
