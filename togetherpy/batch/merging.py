"""Results that others made, as the output of a run.

In: the rows of an input, files of results, and why a row may be in none. Out: the output's lines and a MergeSummary.
The rule: the input says which rows there are, and each ends with one line, the reason in it if it has no answer; what
is answered in the output already stays. Lines are added as a run adds them, so the same call goes on after any end; a
run does so only when that is through, for it would ask what is still in the files alone.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, cast

from togetherpy.batch.envelope import RowFailure, failure_of, line_of
from togetherpy.batch.errors import BatchError
from togetherpy.batch.identity import Digests, digest
from togetherpy.batch.options import Options, make_options
from togetherpy.batch.place import Place, same_file
from togetherpy.batch.result_files import MAX_SHOWN, Result, ResultFiles
from togetherpy.batch.rows import Form, Row, RowError, body_of
from togetherpy.batch.source import FileSource, Readable, source_of
from togetherpy.batch.tally import MergeSummary, add_usage

_CODES_SHOWN = 50
"""Codes of failures that are counted apart; servers may make up one for each row."""


def missing(row: Row, form: Form) -> RowFailure:
    """Why a row failed that is in no file of results: it could not be asked, or nobody knows."""
    try:
        body_of(row, form)
    except RowError as error:
        return failure_of(error, row)
    return RowFailure("missing", "there is no result of this row in the files that were merged", None, None, None)


def merge_results(
    source: Readable | None,
    options: Options,
    files: Iterable[str],
    *,
    name_in_files: Callable[[Row], bytes] | None = None,
    why_absent: Callable[[Row], RowFailure] | None = None,
    any_params: bool = False,
) -> MergeSummary:
    """Writes a line into `options.output` for each row of the input that has no answer there; then each stands once.

    source: the rows; None takes whatever the files have, in their order.
    options: as for a run on the same input and output; what is of sending is not looked at.
    files: paths of output and error files; .gz and .zst by name. Several may have the same row.
    name_in_files: the JSON of the custom_id by which the files know the row; default: its own, `row.custom_id`.
    why_absent: the failure of a row that is in no file and could be read; default: `missing`. What the output says of
        a row's failure already stays.
    any_params: with which parameters the rows were asked is not known; a run with any may go on with the output.

    Raises:
        BatchError: it could not begin, or the output cannot be written; the same call goes on with it.
    """
    files = list(files)
    output = os.path.realpath(options.output)
    for path in files:
        if same_file(path, output):
            raise BatchError(
                f"the output {output} is one of the files to merge; what it holds is kept, so leave it out of them"
            )
    with ResultFiles(files, os.path.dirname(output)) as results:
        rows = source or _Found(results)
        place = Place(rows, options, any_params=any_params, bringing="merge" if name_in_files is None else "download")
        try:
            why = why_absent or partial(missing, form=options.form)
            return _Merge(rows, place, options, results, name_in_files, why).run()
        finally:
            place.close()


class _Merge:
    def __init__(
        self,
        rows: Readable,
        place: Place,
        options: Options,
        results: ResultFiles,
        name_in_files: Callable[[Row], bytes] | None,
        why_absent: Callable[[Row], RowFailure],
    ) -> None:
        self._rows, self._place, self._results = rows, place, results
        self._names: Digests | None = None
        self._name, self._why_absent = name_in_files, why_absent
        self._summary = MergeSummary(output=options.output)
        self._codes: Counter[str] = Counter()
        self._right = 0  # lines that stood in the output and stay

    def run(self) -> MergeSummary:
        """All rows, and then what is left in the files."""
        seen = Digests() if self._rows.name is None else None
        for row in self._rows.read():
            self._summary.rows += 1
            if seen is not None and not seen.add(row.key):
                row.error = f"the custom_id {row.custom_id.decode()} came before"
                row.custom_id = b'"row-%d"' % row.index
            self._settle(row)
        self._place.settle(self._right)
        return self._said()

    def _settle(self, row: Row) -> None:
        summary, result = self._summary, self._result(row)
        if row.number in self._place.finished:
            summary.kept += 1
            summary.succeeded += 1
            self._right += 1
            return
        failure = result.failure() if result is not None else self._reason(row)
        if failure is not None:
            summary.failed += 1
            code = failure.code or "error"
            self._codes[code if code in self._codes or len(self._codes) < _CODES_SHOWN else "others"] += 1
            if result is None and row.number in self._place.failed:
                self._right += 1  # why is said there already, and better
                return
        else:
            summary.succeeded += 1
        if result is not None and result.said is not None:
            add_usage(summary, result.said.usage)
        (self._place.output if failure is None else self._place.errors).write(_line(row, result, failure))

    def _result(self, row: Row) -> Result | None:
        """Services know rows by texts: the result of a row 7 may be that of "7", unless that is another row."""
        name = row.custom_id if self._name is None else self._name(row)
        result = self._results.take(name)
        if result is None and name[:1] != b'"' and self._is_free(text := b'"%b"' % name):
            result = self._results.take(text)
        return result

    def _is_free(self, name: bytes) -> bool:
        if self._rows.name is None:
            return False  # it can be read but once
        if self._names is None:
            self._names = Digests()
            self._names.extend(row.key for row in self._rows.read())
        return digest(name) not in self._names

    def _reason(self, row: Row) -> RowFailure:
        return self._why_absent(row) if row.error is None else failure_of(RowError(row.error), row)

    def _said(self) -> MergeSummary:
        summary, results = self._summary, self._results
        summary.failures = dict(self._codes.most_common())
        summary.unasked, summary.duplicates = results.count_left(), results.duplicates
        summary.invalid, summary.complaints = results.invalid, list(results.complaints)
        for name in islice(results.left(), MAX_SHOWN):
            summary.complaints.append(f"custom_id {name.decode()} is in the files and not in the input")
        return summary


def _line(row: Row, result: Result | None, failure: RowFailure | None) -> bytes:
    return line_of(
        row,
        status=result.status if result else 0,
        request_id=result.request_id if result else None,
        body=result.body if result else None,
        failure=failure,
        attempts=1 if result else 0,
        seconds=0.0,
        finished_at=time.time(),
    )


class _Found:
    """The rows that results are of, where no input says which there are."""

    name: str | None = None

    def __init__(self, results: ResultFiles) -> None:
        self._results = results

    def read(self) -> Iterator[Row]:
        """As Readable."""
        for index, name in enumerate(self._results.left()):
            yield Row(index, 0, name, digest(name), {})


def _are_results(first: Row | None) -> bool:
    fields = first.fields.keys() if first is not None else frozenset[str]()
    return bool(fields & {"response", "error"}) and not fields & {"body", "messages", "prompt"}


def merge_here(given: Any, files: Any, output: Any, arguments: dict[str, Any]) -> MergeSummary:
    """`togetherpy.batch.merge`; `arguments`: of Options."""
    if isinstance(files, (str, os.PathLike)):
        files = [files]
    paths = [os.fspath(cast("str | os.PathLike[str]", file)) for file in files]
    if not paths:
        raise ValueError("files is empty: there is nothing to merge")
    options = make_options(output, None, arguments)
    source = None if given is None else source_of(given, options.form)
    if isinstance(source, FileSource) and options.form.template is None and _are_results(next(source.read(), None)):
        raise ValueError(
            f"{source.name} has results, not what was asked: the input comes first; if there is none, say None or "
            "--no-input"
        )
    return merge_results(source, options, paths, any_params=True)
