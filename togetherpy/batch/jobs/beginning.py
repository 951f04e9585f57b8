"""The beginning of a directory: which rows its jobs are of.

In: what the caller named, and how rows are read. Out: a journal whose plan has an input, which is a file, and is cut.
The rule: the same command goes on, and another input is refused; what can be read but once (standard input, an
iterable) is first copied into the directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO, TypedDict, cast

import msgspec

from togetherpy._core.config import check_count
from togetherpy._core.encode import encode_json
from togetherpy.batch.errors import BatchError
from togetherpy.batch.jobs.cutting import MOST_ROWS, USUAL_ROWS, Cutter
from togetherpy.batch.jobs.journal import Journal
from togetherpy.batch.manifest import plain
from togetherpy.batch.options import Options, RunOptions, make_options
from togetherpy.batch.output import OutputError
from togetherpy.batch.rows import NO_MODEL, Form, lacks_model
from togetherpy.batch.source import STDIN, FileSource, beside

KEPT = "input.jsonl"
_BLOCK = 1 << 20
WINDOW = "24h"


class JobOptions(TypedDict, total=False):
    """The keyword arguments of `submit` and `asubmit`. What is not listed goes to the model."""

    rows_per_job: int | None
    """Rows of a job, 1 to 50,000; default 10,000."""
    completion_window: str | None
    """Within which time, as the service takes it; default "24h"."""
    text: bool
    """Each line of the input is a prompt."""
    system: str | None
    """A system prompt for rows that have none."""
    template: str | None
    """The prompt, made from the row's columns: "Translate {text} into {language}"."""
    limit: int | None
    """Only the first so many rows."""
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    seed: int | None
    extra_body: Mapping[str, Any] | None


class Wanted(msgspec.Struct, frozen=True):
    """The arguments of `submit`, checked."""

    given: Any
    """The input: a path, "-", or an iterable."""
    directory: str
    options: Options
    rows_per_job: int | None
    """None where nothing was said."""
    window: str


def wanted(given: Any, directory: Any, model: str | None, arguments: dict[str, Any]) -> Wanted:
    """Raises TypeError, ValueError: an argument that cannot be meant, named; BatchError: the input is not there."""
    for name in arguments:
        if name not in JobOptions.__annotations__ and (
            name in RunOptions.__annotations__ or name in ("extra_query", "max_retries")
        ):
            raise TypeError(f"{name}=... has no meaning for jobs of the service; `run` takes it")
    rows_per_job = arguments.pop("rows_per_job", None)
    if check_count(rows_per_job, "rows_per_job", 1, USUAL_ROWS) > MOST_ROWS:
        raise ValueError(f"rows_per_job must be at most {MOST_ROWS}, not {rows_per_job}")
    window = arguments.pop("completion_window", None) or WINDOW
    if not isinstance(window, str):
        raise TypeError(f'completion_window must be a str such as "24h", not {type(window).__name__}')
    options = make_options(os.devnull, model, arguments)
    path = _path(given)
    if directory is None:
        if path is None:
            raise ValueError("this input has no name: say in which directory its jobs are to be kept (-o)")
        directory = beside(path, ".jobs")
    if path is not None and not os.path.exists(directory):
        _stamp(path)  # no directory is made for an input that is not there
    return Wanted(given, cast(str, os.fspath(directory)), options, rows_per_job, window)


def begin(journal: Journal, wanted: Wanted) -> None:
    """Makes the chunks, or finds that they are there.

    Raises:
        ValueError: no row names a model, and none is given.
        BatchError: the input cannot be read, is another one than before, or holds a custom_id twice.
    """
    form = wanted.options.form
    given = wanted.given
    named = _path(given)
    if named is not None:
        path, digest = os.path.realpath(named), ""
        if os.path.dirname(path) == os.path.realpath(journal.directory) and not journal.plan.kept:
            raise BatchError(f"the input {path} lies in {journal.directory}; give another directory (-o)")
    else:
        form = msgspec.structs.replace(form, text=form.text and given == STDIN)
        path, digest = os.path.realpath(journal.path(KEPT)), _keep(journal, given, form, wanted.options.form)
    reading = {"text": form.text, "system": form.system, "template": form.template.text if form.template else None}
    params = plain(wanted.options.params)
    if journal.plan.input:
        _check_same(journal, path, digest, reading, params, wanted)
    else:
        source = FileSource(path, form)
        if "model" not in params and lacks_model(islice(source.read(), wanted.options.limit), form):
            raise ValueError(f"no row of {path} can be sent: {NO_MODEL}")
        source.check()
        journal.add(
            version=journal.plan.version,
            input=path,
            kept=named is None,
            stamp=_stamp(path),
            digest=digest or _digest(path),
            reading=reading,
            params=params,
            limit=wanted.options.limit,
            rows_per_job=wanted.rows_per_job or USUAL_ROWS,
            window=wanted.window,
        )
    if not journal.plan.is_cut:
        before = _stamp(path)
        plan = journal.plan
        Cutter(journal, form, wanted.options.params, plan.rows_per_job).cut(FileSource(path, form).read(), plan.limit)
        if _stamp(path) != before:
            raise BatchError(f"{path} changed while it was read; remove {journal.directory} and submit it again")


def _path(given: Any) -> str | None:
    """The path of what has a name; None for what has none."""
    return os.fspath(cast("str | os.PathLike[str]", given)) if _is_named(given) else None


def _is_named(given: Any) -> bool:
    return isinstance(given, (str, os.PathLike)) and given != STDIN


def _check_same(
    journal: Journal, path: str, digest: str, reading: dict[str, Any], params: dict[str, Any], wanted: Wanted
) -> None:
    plan = journal.plan
    found = [f"the input was {plan.input!r} and is {path!r}"] if plan.input != path else []
    if not found and digest not in ("", plan.digest):
        found.append("the rows given are others")
    if not found and _is_named(wanted.given) and not plan.kept:
        if not os.path.exists(path):
            raise BatchError(f"cannot read {path}: it is gone; `togetherpy batch wait` goes on without it")
        if _stamp(path) != plan.stamp and _digest(path) != plan.digest:
            found.append(f"{path} was changed")
    now = {**reading, **params, "limit": wanted.options.limit}
    before = {**plan.reading, **plan.params, "limit": plan.limit}
    if wanted.rows_per_job is not None:
        now["rows_per_job"], before["rows_per_job"] = wanted.rows_per_job, plan.rows_per_job
    for name in sorted(now.keys() | before.keys()):
        if now.get(name) != before.get(name):
            found.append(f"{name} was {before.get(name)!r} and is {now.get(name)!r}")
    if found:
        raise BatchError(
            f"{journal.directory} was made otherwise: {'; '.join(found)}. Give another directory (-o), or remove this "
            "one to begin anew"
        )


def _stamp(path: str) -> list[int]:
    try:
        found = os.stat(path)
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror or error}") from None
    return [found.st_size, found.st_mtime_ns]


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return _digest_of(iter(lambda: file.read(_BLOCK), b""))
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror or error}") from None


def _digest_of(pieces: Iterable[bytes], copy: BinaryIO | None = None) -> str:
    found = sha256()
    for piece in pieces:
        found.update(piece)
        if copy is not None:
            copy.write(piece)
    return found.hexdigest()


def _keep(journal: Journal, given: Any, form: Form, asked: Form) -> str:
    """Copies the rows into the directory, if that is not done; the digest of what was given, "" for nothing."""
    pieces = _stdin() if given == STDIN else _lines(cast("Iterable[Any]", given), asked)
    pieces = _while_open(journal, pieces)
    if journal.plan.input:
        digest = _digest_of(pieces)
        return "" if digest == sha256().hexdigest() else digest
    path = journal.path(KEPT)
    try:
        with open(path + ".tmp", "wb", buffering=_BLOCK) as copy:
            digest = _digest_of(pieces, copy)
            copy.flush()
            os.fsync(copy.fileno())
        os.replace(path + ".tmp", path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    return digest


def _while_open(journal: Journal, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        journal.check_open()
        yield piece


def _stdin() -> Iterator[bytes]:
    with open(os.dup(0), "rb") as file:
        yield from iter(lambda: file.read(_BLOCK), b"")


def _lines(given: Iterable[Any], form: Form) -> Iterator[bytes]:
    """The rows of an iterable as JSON lines; one that cannot be written is a line that cannot be read."""
    for row in given:
        if isinstance(row, str) and form.text:
            row = {"text" if form.template else "prompt": row}
        try:
            if not isinstance(row, Mapping):
                raise TypeError(f"a row must be a dict, not {type(row).__name__}")
            yield encode_json(cast("Mapping[str, Any]", row)) + b"\n"
        except (ValueError, TypeError) as error:
            yield msgspec.json.encode(f"a row that could not be kept: {error}") + b"\n"
