"""An output taken for a run: locked, mended, and known for what it holds.

In: the options and the source. Out: where lines go, and which rows are finished.
The rule: nothing is touched that is not an output of ours, or that another run has; what is refused says why and what
to do.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

import msgspec

from togetherpy.batch import manifest as _manifest
from togetherpy.batch import texts
from togetherpy.batch.errors import BatchError
from togetherpy.batch.identity import Digests
from togetherpy.batch.lock import Lock
from togetherpy.batch.manifest import Manifest
from togetherpy.batch.options import Options
from togetherpy.batch.output import STDOUT, Output, OutputError, read_output
from togetherpy.batch.settle import settle
from togetherpy.batch.source import FileSource, Readable


class Place:
    """The output of one run."""

    def __init__(self, source: Readable, options: Options, *, any_params: bool = False, bringing: str = "") -> None:
        """`any_params`: with which parameters the rows were asked is not known. `bringing`: for whom (`Manifest`).

        Raises:
            BatchError: it is no place for this, and why.
        """
        self._source, self._options, self._any_params, self._bringing = source, options, any_params, bringing
        self.path: str = options.output if options.output == STDOUT else os.path.realpath(options.output)
        self._texts: str | None = None
        if options.only_text and self.path != STDOUT:
            self.path, self._texts = self.path + texts.SUFFIX, self.path
        self.errors_path: str | None = None if options.errors is None else os.path.realpath(options.errors)
        self.finished: Digests = Digests()
        self.failed: Digests = Digests()
        """Rows of which the last line says that they have failed."""
        self.run: str = os.urandom(8).hex()
        self.total: int | None = None
        """Rows of the input, where that is known."""
        self._locks: list[Lock] = []
        self._opened: list[Output] = []
        self._lines = 0
        self._check_paths()
        is_file = self.path != STDOUT and _is_file(self.path)
        try:
            for path in (self.path, self.errors_path):
                if path is not None and path != STDOUT and _is_file(path):
                    self._locks.append(Lock(path))
            if options.restart and is_file:
                self._clear()
            self._manifest = self._check_manifest(is_file)
            self.output: Output = self._open(self.path)
            self.errors: Output = self.output if self.errors_path is None else self._open(self.errors_path)
            if is_file:
                self._take_up()
        except OSError as error:
            self.close()
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from None
        except BaseException:
            self.close()
            raise

    def _open(self, path: str) -> Output:
        self._opened.append(Output(path, fsync=self._options.fsync))
        return self._opened[-1]

    def _check_paths(self) -> None:
        name = self._source.name
        for path in (self.path, self.errors_path, self._texts):
            if name is not None and path not in (None, STDOUT) and same_file(name, path):
                raise BatchError(f"the output {path} is the input; give another one (-o)")
        if self.errors_path is not None and same_file(self.path, self.errors_path):
            raise BatchError("the errors' file is the output; leave errors out to have both in one file")
        self._check_reports()

    def _check_reports(self) -> None:
        """What is written at the end takes no other file's place, and can be written."""
        ours = [self._source.name, self.path, self.errors_path, self._texts, self.path + _manifest.SUFFIX]
        taken = [path for path in ours if path not in (None, STDOUT)]
        for name in ("summary", "plot"):
            path = getattr(self._options, name)
            if path is None:
                continue
            if any(same_file(path, other) for other in taken):
                raise BatchError(
                    f"the {name} {path} would take the place of another file of this run; give another one"
                )
            if not os.path.isdir(os.path.dirname(path) or "."):
                raise OutputError(f"cannot write the {name} {path}: there is no such folder")
            taken.append(path)

    def _clear(self) -> None:
        for path in (self.path, self.errors_path, self.path + _manifest.SUFFIX):
            if path is not None and os.path.exists(path):
                os.unlink(path)

    def _check_manifest(self, is_file: bool) -> Manifest:
        name, form = self._source.name, self._options.form
        reading: dict[str, Any] = {"text": form.text, "system": form.system}
        reading["template"] = None if form.template is None else form.template.text
        folder = os.path.dirname(self.path) if self.path != STDOUT else "."
        now = Manifest(
            run=self.run,
            input=None if name is None else os.path.relpath(os.path.realpath(name), folder),
            reading=reading,
            params=None if self._any_params else _manifest.plain(self._options.params),
            bringing=self._bringing,
        )
        before = _manifest.load(self.path) if is_file and os.path.exists(self.path) else None
        if before is None:
            if is_file and not _is_ours(self.path):
                raise BatchError(
                    f"{self.path} is there and no output of a batch, so it is not touched; give another one (-o)"
                )
            return now
        different = before.differences(now)
        if different and not self._options.force and not (before.input == now.input and self._has_no_answer()):
            raise BatchError(
                f"{self.path} was made otherwise: {'; '.join(different)}. Give another output (-o), go on with it "
                "nevertheless (--force), or begin anew (--restart)"
            )
        if before.bringing and not self._bringing and not self._options.force:
            raise BatchError(
                f"a {before.bringing} into {self.path} was ended too early, and what it has not brought yet would be "
                f"asked again; call the same {before.bringing} again first, or go on nevertheless (--force)"
            )
        self.run = before.run
        if self._any_params:
            now.params, now.reading = before.params, before.reading
        return msgspec.structs.replace(now, run=before.run, checked=before.checked)

    def _has_no_answer(self) -> bool:
        """There is nothing yet that other parameters would be mixed with."""
        return not any(line is not None and line.good for _, line in read_output(self.path))

    def _take_up(self) -> None:
        if self._bringing:
            _manifest.save(self.path, self._manifest)  # before all that takes time
        self.output.mend()
        if self.errors is not self.output:
            self.errors.mend()
        if self._check_input():
            # What a killed run left may hold a row twice, of before and after its change; the last one counts.
            settle(self.path)
            self.output.reopen()
        _manifest.save(self.path, self._manifest)
        self.finished.extend(self._good(self.failed))
        for number in self.failed:
            self.finished.discard(number)

    def _good(self, failed: Digests) -> Iterator[int]:
        """The rows that lines say are answered; `failed` has those of which a later line says otherwise."""
        for _, line in read_output(self.path):
            self._lines += 1
            if line is None:
                continue
            if line.good:
                if failed:
                    failed.discard(line.number)
                yield line.number
            else:
                failed.add(line.number)

    def _check_input(self) -> bool:
        """No custom_id twice; whether the input has changed. What has not was looked through before."""
        if not isinstance(self._source, FileSource) or self._source.name is None:
            return False
        found = os.stat(self._source.name)
        stamp, before = [found.st_size, found.st_mtime_ns], self._manifest.checked[:2]
        if before != stamp:
            self._manifest.checked = [*stamp, self._source.check()]
        self.total = self._manifest.checked[2]
        return before not in ([], stamp)

    def settle(self, skipped: int) -> None:
        """Each row stands there once. `skipped`: lines that were there and are still right. Raises OutputError."""
        if not self.output.is_file:
            return
        self.finished = self.failed = Digests()  # no longer needed
        try:
            sort = self._options.sort or self._texts is not None
            if sort or self._lines != skipped:
                settle(self.path, sort=sort)
            if self.errors_path is not None and self.errors.is_file:
                there = Digests()
                for _, line in read_output(self.path):
                    if line is not None:
                        there.add(line.key)
                settle(self.errors_path, sort=self._options.sort, beaten=there)
            if self._texts is not None:
                texts.write_texts(self.path, self._texts)
            if self._bringing:
                self._manifest.bringing = ""
                _manifest.save(self.path, self._manifest)
        except OSError as error:
            raise OutputError(f"cannot rewrite {self.path}: {error.strerror or error}; it is whole as it was") from None

    def close(self) -> None:
        """Idempotent."""
        for output in self._opened:
            output.close()
        for lock in self._locks:
            lock.release()


def same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file, or would."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


def _is_ours(path: str) -> bool:
    """Whether an output without a manifest can be gone on with: it is empty, or begins as ours do."""
    return all(line is not None for _, line in _first(path))


def _first(path: str) -> list[Any]:
    for found in read_output(path):
        return [found]
    return []
