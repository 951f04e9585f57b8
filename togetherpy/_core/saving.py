"""Downloads that become files.

In: what opens a body from a given byte on. Out: a whole file under its name, or none.
The rule: bytes go to a file beside it whose name is nobody's, which gets the right name when all are there; where a
connection breaks in the middle, another one goes on, as long as what is there is still the same.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from togetherpy._core import call, retry
from togetherpy._core.steps import Steps
from togetherpy.error import APIConnectionError, APIError, APIStatusError, StreamInterruptedError

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Unfinished:
    """A file that gets its name when it is whole. A context manager: what was not finished is not there afterwards."""

    def __init__(self, path: str | os.PathLike[str], *, mode: int = 0o666) -> None:
        """`mode`: who may read and write it, of those whom the process's umask leaves.

        Raises:
            OSError: there can be no such file.
        """
        self.path = Path(path)
        if self.path.is_dir():
            raise IsADirectoryError(f"{self.path} is a folder, where a file is to be written")
        if self.path.exists() and not self.path.is_file():  # /dev/null would become a file
            raise OSError(errno.EINVAL, "is a device or a pipe, where a file is to be written", str(self.path))
        self._part = self.path.with_name(f".{self.path.name[:100]}.{os.urandom(6).hex()}.part")
        self._file: IO[bytes] = open(  # noqa: SIM115  # closed by `__exit__`
            self._part, "xb", opener=partial(os.open, mode=mode)
        )
        self.size = 0
        """Bytes that are there."""

    def write(self, piece: bytes) -> None:
        """More bytes.

        Raises:
            OSError: the disk is full.
        """
        self._file.write(piece)
        self.size += len(piece)

    def begin_with(self, piece: bytes) -> None:
        """Writes over the first bytes, whose number is known only now."""
        self._file.seek(0)
        self._file.write(piece)
        self._file.seek(0, os.SEEK_END)

    def restart(self) -> None:
        """From the beginning."""
        self._file.seek(0)
        self._file.truncate()
        self.size = 0

    def finish(self) -> None:
        """All is there."""
        self._file.close()
        self._part.replace(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what is still to be written cannot be
            self._file.close()
        self._part.unlink(missing_ok=True)


class Fetch:
    """One download under way."""

    def __init__(
        self,
        reach: Callable[[dict[str, str]], Any],
        sleep: Callable[[float], Any],
        *,
        retries: int,
        tell: Callable[[int, int], object] | None = None,
    ) -> None:
        """`reach`: a call with these header fields more, which opens a body. `sleep`: waits so many seconds. `retries`:
        how often in a row it may break without a byte more. `tell`: is told bytes there and bytes in all."""
        self._reach, self._sleep, self._retries, self._tell = reach, sleep, retries, tell
        self._total: int | None = None
        self._mark: str | None = None
        self._best = self._tries = 0

    def steps(self, name: Callable[[Mapping[str, str]], Path]) -> Steps[tuple[Path, int]]:
        """The path and the bytes in it. `name`: the path, by the answer's header fields."""
        opened = yield partial(self._reach, {})
        try:
            with Unfinished(name(opened.response.headers)) as file:
                self._learn(opened)
                while True:
                    try:
                        yield from self._pour(opened, file)
                        break
                    except (StreamInterruptedError, APIConnectionError) as error:
                        wait = self._wait(error, file.size)
                    if wait:
                        yield partial(self._sleep, wait)
                    opened = yield from self._again(opened, file)
                file.finish()
                return file.path, file.size
        finally:
            _drop(opened)

    def _pour(self, opened: Any, file: Unfinished) -> Steps[None]:
        while piece := (yield opened.next_piece):
            file.write(piece)
            if self._tell is not None:
                self._tell(file.size, self._total or 0)
        if self._total is not None and file.size != self._total:
            raise StreamInterruptedError(f"The download ended with {file.size} of its {self._total} bytes.")

    def _learn(self, opened: Any) -> None:
        """How much there is, and by what it is known to be the same (RFC 9110, 13.1.5: no weak tag)."""
        headers, tag = opened.response.headers, opened.response.headers.get("etag", "")
        self._total = None if "content-encoding" in headers else opened.content_length
        self._mark = tag if tag.startswith('"') else headers.get("last-modified")

    def _wait(self, error: APIError, size: int) -> float:
        """Seconds until it is tried again; raises when it has been tried enough."""
        self._tries = 0 if size > self._best else self._tries + 1
        self._best = max(self._best, size)
        if self._tries > self._retries or not self._retries:
            raise error
        return retry.backoff(self._tries, call.chance()) if self._tries else 0.0

    def _again(self, opened: Any, file: Unfinished) -> Steps[Any]:
        """The body from where it broke; from its beginning where the server cannot do that, or has something else."""
        _drop(opened)
        if file.size and self._total is not None:
            marked = {} if self._mark is None else {"If-Range": self._mark}
            try:
                opened = yield partial(self._reach, {"Range": f"bytes={file.size}-", **marked})
            except APIStatusError as error:
                if error.status_code != 416:
                    raise
            else:
                if self._goes_on(opened, file.size):
                    return opened
                if opened.response.status_code != 206:
                    file.restart()
                    self._learn(opened)
                    return opened
                _drop(opened)
        opened = yield partial(self._reach, {})
        file.restart()
        self._learn(opened)
        return opened

    def _goes_on(self, opened: Any, size: int) -> bool:
        headers = opened.response.headers
        part = _RANGE.fullmatch(headers.get("content-range", ""))
        tag = headers.get("etag", "")
        same = not tag or self._mark is None or not self._mark.startswith('"') or tag == self._mark
        return (
            opened.response.status_code == 206
            and part is not None
            and int(part[1]) == size
            and part[2] in ("*", str(self._total))
            and same
        )


def _drop(opened: Any) -> None:
    """Whichever kind of stream it is, without waiting."""
    (getattr(opened, "abandon", None) or opened.close)()
