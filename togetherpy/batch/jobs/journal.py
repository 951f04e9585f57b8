"""JOBDIR/journal.jsonl: what was meant to be done, and what was done.

In: entries. Out: a Plan, made from the entries alone. The rule: an entry is one line, added by one write, and on disk
when `add` returns; what is to be done stands there before it is done. Half a last line is none: what it would have
said is found out again.
"""

from __future__ import annotations

import os
import time
from typing import Any, Self

import msgspec

from togetherpy.batch.errors import BatchError
from togetherpy.batch.lock import Lock
from togetherpy.batch.output import Output
from togetherpy.batch.rows import Form
from togetherpy.batch.template import Template

NAME = "journal.jsonl"
VERSION = 1

FINAL = frozenset(("COMPLETED", "FAILED", "EXPIRED", "CANCELLED", "CANCELED", "GONE"))
"""Statuses after which a job does not change. Any other one, also one that is not known here, may."""


class Chunk(msgspec.Struct, kw_only=True):
    """The rows of one job."""

    chunk: int
    """Its number, from 1."""
    file: str
    """The name of the file of requests, in the directory and at the service."""
    rows: int
    bytes: int
    model: str
    step: str = "cut"
    """The last that was meant or done: cut, uploading, uploaded, creating, created, queued, cancelling, ended, refused,
    dropped."""
    file_id: str | None = None
    job_id: str | None = None
    former: list[str] = []
    """Jobs of this file that the limit on enqueued tokens ended before they began."""
    status: str | None = None
    progress: float = 0.0
    """From 0 to 100."""
    error: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    fetched: list[str] = []
    """Which files of results are here: output, error."""
    cancelled: bool = False
    """It was to be cancelled."""

    @property
    def over(self) -> bool:
        """Nothing more will become of it."""
        return self.step in ("ended", "refused", "dropped")

    @property
    def waiting(self) -> bool:
        """Its job is not made yet, as far as is known."""
        return not self.over and self.job_id is None

    @property
    def active(self) -> bool:
        """Its job is at work."""
        return not self.over and self.job_id is not None


class Plan(msgspec.Struct, kw_only=True):
    """What a directory holds."""

    version: int = VERSION
    input: str = ""
    """The path of the rows."""
    kept: bool = False
    """The rows are a copy within the directory, of standard input or an iterable."""
    stamp: list[int] = []
    """The input's size and time of change (ns)."""
    digest: str = ""
    """Of the input's bytes."""
    reading: dict[str, Any] = {}
    """How rows are read: text, template, system."""
    params: dict[str, Any] = {}
    """The shared parameters."""
    limit: int | None = None
    rows_per_job: int = 0
    window: str = "24h"
    rows: int = 0
    """Of the input."""
    refused: int = 0
    """Rows that cannot be sent."""
    is_cut: bool = False
    chunks: list[Chunk] = []

    @property
    def form(self) -> Form:
        """How rows are read."""
        template = self.reading.get("template")
        return Form(
            text=bool(self.reading.get("text")),
            template=None if template is None else Template(template),
            system=self.reading.get("system"),
        )


class Notes:
    """What is known of a directory, written nowhere."""

    def __init__(self, directory: str, plan: Plan) -> None:
        self.directory: str = directory
        self.plan: Plan = plan

    def path(self, name: str) -> str:
        """Of a file in the directory."""
        return os.path.join(self.directory, name)

    def add(self, chunk: Chunk | None = None, **facts: Any) -> None:
        """Takes these facts, of a chunk or of the whole, into the plan."""
        _apply(self.plan, {**({} if chunk is None else {"chunk": chunk.chunk}), **facts})


class Journal(Notes):
    """The journal of one directory, which nobody else writes meanwhile, from `__init__` to `close`."""

    def __init__(self, directory: str, *, make: bool = False) -> None:
        """`make`: the directory, where there is none.

        Raises:
            BatchError: another command is at work there, there is no journal, or it cannot be read or written.
        """
        self._path = os.path.join(directory, NAME)
        self._closed = False
        try:
            if make:
                os.makedirs(directory, exist_ok=True)
            elif not os.path.exists(self._path):
                raise _none(directory)
            self._lock = _locked(self._path, directory)
        except OSError as error:
            raise BatchError(f"cannot write in {directory}: {error.strerror or error}") from None
        try:
            _mend(self._path)
            super().__init__(directory, read_plan(directory))
            self._out = Output(self._path, fsync=True)
        except BaseException:
            self._lock.release()
            raise

    def add(self, chunk: Chunk | None = None, **facts: Any) -> None:
        """Writes them down as well, before. Raises OutputError."""
        who = {} if chunk is None else {"chunk": chunk.chunk}
        entry = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **who, **facts}
        self._out.write(msgspec.json.encode(entry) + b"\n")
        super().add(chunk, **facts)

    def check_open(self) -> None:
        """For work in a thread that goes on though nobody waits for it any more. Raises BatchError after `close`."""
        if self._closed:
            raise BatchError(f"{self.directory} was left")

    def close(self) -> None:
        """Idempotent."""
        self._closed = True
        self._out.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_cut(directory: str, plan: Plan) -> None:
    """Raises BatchError while it is not known which jobs there are to be."""
    if not plan.is_cut:
        raise BatchError(f"{directory} was left before its rows were all read; the same `submit` goes on")


def read_plan(directory: str) -> Plan:
    """What the journal of a directory says; an empty Plan when there is none yet. Raises BatchError."""
    path, plan = os.path.join(directory, NAME), Plan()
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    _apply(plan, msgspec.json.decode(line, type=dict[str, Any]))
    except FileNotFoundError:
        return plan
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise BatchError(f"{path} is damaged ({error}); the jobs are those of `batches.list`") from None
    if plan.kept:  # it is where the directory is now
        plan.input = os.path.join(os.path.realpath(directory), os.path.basename(plan.input))
    if plan.version != VERSION:
        raise BatchError(f"{path} is of version {plan.version}, and this togetherpy knows version {VERSION}")
    return plan


def known_plan(directory: str) -> Plan:
    """The same of a directory that must have one. Raises BatchError."""
    plan = read_plan(directory)
    if not plan.input:
        raise _none(directory)
    return plan


def _none(directory: str) -> BatchError:
    return BatchError(f"{directory} holds no jobs: there is no {NAME}; `togetherpy batch submit` makes them")


def _apply(plan: Plan, entry: dict[str, Any]) -> None:
    """The rule of all entries: a chunk, or the whole, is what its entries say, and later ones go before."""
    facts = dict(entry)
    number: int | None = facts.pop("chunk", None)
    target = plan if number is None else plan.chunks[number - 1]
    if "chunks" in facts:
        facts["chunks"] = msgspec.convert(facts["chunks"], list[Chunk])
    for name, value in facts.items():
        if name in target.__struct_fields__:
            setattr(target, name, value)


def _mend(path: str) -> None:
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        data = file.read()
    whole = data.rfind(b"\n") + 1
    if whole != len(data):
        os.truncate(path, whole)


def _locked(path: str, directory: str) -> Lock:
    try:
        return Lock(path)
    except BatchError:
        raise BatchError(f"another command is at work in {directory}; wait for it, or end it") from None
