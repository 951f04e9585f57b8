"""The service, asked so that nothing is made twice.

In: a client of either kind, a journal, a chunk of it. Out: steps (`_core.steps`), after which the journal says what
became of it. The rule: what makes something is sent once, after a look whether it is there; when no answer says what
came of it, the next look does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from togetherpy._core.named import read_named
from togetherpy._core.steps import Steps, Work
from togetherpy.batch.errors import BatchError
from togetherpy.batch.jobs.journal import FINAL, Chunk, Notes
from togetherpy.batch.output import OutputError
from togetherpy.error import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    RequestTimeoutError,
)
from togetherpy.types.batch import BatchCreateResponse, BatchJob
from togetherpy.types.files import FileResponse

ENDPOINT = "/v1/chat/completions"
PURPOSE = "batch-api"
TRIES = 3
"""Times that something is made that certainly was not made before."""
BREATH = 2.0
"""Seconds before it is looked at whether it was, and twice as many after each time."""
LOOKS = 3
"""Looks at a list for what may just have been made, before it is taken that it was not: lists may be behind."""
_MISSED = 10
"""Looks in a row at which the service does not know a job that it made, after which it is gone."""
_PASSING = (APIConnectionError, APIResponseError, InternalServerError, RateLimitError, RequestTimeoutError)
"""What may be otherwise at the next look."""
_ACCOUNT = frozenset((401, 402, 403, 404, 405))
"""What every other chunk would be told, too."""
_FULL = re.compile(
    r"enqueue|queued tokens|token_limit_exceeded|token limit exceeded|too many (\w+ )?(batches|jobs)\b"
    r"|(queue|batch queue) (is full|limit)|in[ -]progress batch",
    re.IGNORECASE,
)
"""How a service says that it takes no more for now (OpenAI: "Enqueued token limit reached for ...")."""


def is_full(message: str | None) -> bool:
    """Whether a refusal is of the limit on what is enqueued, so that the same is taken later."""
    return message is not None and _FULL.search(message) is not None


class UnreachableError(BatchError):
    """The service gave no usable answer, and may give one later."""


class Service:
    """What is asked for one directory."""

    def __init__(self, client: Any, journal: Notes, pause: Callable[[float], Any]) -> None:
        """`client`: either kind. `pause`: waits so many seconds, for that kind."""
        self._files, self._batches, self._models = client.files, client.batches, client.models
        self._journal = journal
        self.pause = pause
        self._jobs: list[BatchJob] | None = None
        self._missed: dict[str, int] = {}

    def forget(self) -> None:
        """A new look round: the list of jobs is asked for anew."""
        self._jobs = None

    # Files

    def upload(self, chunk: Chunk) -> Steps[None]:
        """Gives the service the chunk's file, or finds that it has it. Raises BatchError."""
        yield Work(partial(self._check, chunk))
        failure: APIError | None = None
        for attempt in range(TRIES):
            if attempt:
                yield partial(self.pause, BREATH * 2 ** (attempt - 1))
            try:
                file_id = None
                if chunk.step == "uploading":
                    file_id = yield from self._uploaded(chunk)
                self._journal.add(chunk, step="uploading")
                if file_id is None:
                    path = self._journal.path(chunk.file)
                    upload = partial(self._files.upload, path, purpose=PURPOSE, check=False, max_retries=0)
                    made: FileResponse = yield upload
                    file_id = made.id
            except APIError as error:
                failure = error
                if not isinstance(error, _PASSING):
                    break
            else:
                if not file_id:
                    raise BatchError(f"The service gave {chunk.file} no id")
                self._journal.add(chunk, step="uploaded", file_id=file_id)
                return
        raise _stopped(f"chunk {chunk.chunk} could not be uploaded", failure)

    def _check(self, chunk: Chunk) -> None:
        """The file is what was written. Raises BatchError."""
        from togetherpy.utils.files import check_file

        report = check_file(self._journal.path(chunk.file), PURPOSE)
        found = report["file_size"], report.get("num_samples")
        if not report["is_check_passed"] or found != (chunk.bytes, chunk.rows):
            said = report["message"] if not report["is_check_passed"] else f"{found[1]} rows in {found[0]} bytes"
            raise BatchError(
                f"{self._journal.path(chunk.file)} is not as it was written ({said}); remove "
                f"{self._journal.directory} and submit the input again"
            )

    def _uploaded(self, chunk: Chunk) -> Steps[str | None]:
        """The id of the file of this name: an upload may have been lost after its end."""
        try:
            listed: Iterable[FileResponse] = yield self._files.list
        except APIStatusError as error:
            if error.status_code in (404, 405, 501):
                return None  # it shows nobody its files
            raise
        for file in listed:
            is_whole = file.bytes in (None, chunk.bytes) and file.processed is not False
            if file.filename == chunk.file and is_whole and file.id:
                return file.id
        return None

    # Jobs

    def create(self, chunk: Chunk) -> Steps[bool]:
        """Has the chunk's job made, or finds it. False: the service takes no more now. Raises BatchError."""
        failure: APIError | None = None
        for attempt in range(TRIES):
            if attempt:
                yield partial(self.pause, BREATH * 2 ** (attempt - 1))
                self.forget()
            try:
                job = yield from self._found(chunk)
            except APIError as error:
                failure = error
                if isinstance(error, _PASSING):
                    continue
                break
            try:
                job = job or (yield from self._made(chunk))
            except APIError as error:
                failure = error
                if isinstance(error, RateLimitError) or is_full(error.message):
                    self._journal.add(chunk, step="queued", error=_words(error))
                    return False
                if isinstance(error, (*_PASSING, ConflictError)):
                    continue
                if error.status_code in _ACCOUNT:
                    break
                self._journal.add(chunk, step="refused", error=_words(error))
                return True
            self._journal.add(chunk, step="created", job_id=job.id, **_told(job))
            return True
        raise _stopped(f"the job of chunk {chunk.chunk} could not be made", failure)

    def _made(self, chunk: Chunk) -> Steps[BatchJob]:
        """A new job. Raises APIError, which may say nothing of whether it was made."""
        self._journal.add(chunk, step="creating")
        made: BatchCreateResponse = yield partial(
            self._batches.create,
            input_file_id=chunk.file_id,
            endpoint=ENDPOINT,
            completion_window=self._journal.plan.window,
            max_retries=0,
        )
        if made.job is None or not made.job.id:
            raise APIResponseError(f"The service made no job: {made.warning or 'it says no more'}")
        return made.job

    def _found(self, chunk: Chunk) -> Steps[BatchJob | None]:
        """The chunk's job, if the service has one; one that may just have been made is looked for more than once."""
        for look in range(LOOKS if chunk.step == "creating" else 1):
            if look:
                yield partial(self.pause, BREATH * 2**look)
                self.forget()
            listed: list[BatchJob] = (yield self._batches.list) if self._jobs is None else self._jobs
            self._jobs = listed
            job = self._of(chunk, listed)
            if job is not None:
                return job
        return None

    def _of(self, chunk: Chunk, listed: list[BatchJob]) -> BatchJob | None:
        """The newest job of the chunk's file that this directory does not know. One that has ended without answers is
        taken only where it may be ours."""
        known = {job_id for one in self._journal.plan.chunks for job_id in (*one.former, one.job_id)}
        found = [job for job in listed if job.input_file_id == chunk.file_id and job.id and job.id not in known]
        if chunk.step != "creating":
            found = [job for job in found if status_of(job) not in FINAL or status_of(job) == "COMPLETED"]
        return max(found, key=lambda job: str(job.created_at or ""), default=None)

    def look(self, chunk: Chunk) -> Steps[None]:
        """How far the chunk's job is. Raises BatchError when it cannot be asked at all."""
        try:
            job: BatchJob = yield partial(self._batches.retrieve, chunk.job_id)
        except NotFoundError as error:
            missed = self._missed[chunk.file] = self._missed.get(chunk.file, 0) + 1
            if missed >= _MISSED:
                self._journal.add(chunk, step="ended", status="GONE", error=_words(error))
            return
        except APIStatusError as error:
            if error.status_code in _ACCOUNT:
                raise _stopped(f"the job of chunk {chunk.chunk} cannot be looked at", error) from None
            return
        except APIError:
            return
        self._missed.pop(chunk.file, None)
        self.note(chunk, job)

    def note(self, chunk: Chunk, job: BatchJob) -> None:
        """Writes down what has changed."""
        told = _told(job)
        if told["status"] not in FINAL:
            if chunk.over:
                return
            if told["status"] != chunk.status:
                self._journal.add(chunk, **told)
            chunk.progress = told["progress"]
        elif told["status"] == "FAILED" and is_full(told["error"]) and not chunk.cancelled:
            former = [*chunk.former, *([chunk.job_id] if chunk.job_id else [])]
            self._journal.add(
                chunk, step="queued", job_id=None, status=None, progress=0.0, former=former, error=told["error"]
            )
        else:
            self._journal.add(chunk, step="ended", **told)

    def cancel(self, chunk: Chunk) -> Steps[None]:
        """Ends the chunk's job, or has none made. Raises BatchError."""
        try:
            if chunk.step == "creating":
                job = yield from self._found(chunk)
                if job is not None:
                    self._journal.add(chunk, step="created", job_id=job.id, **_told(job))
            if chunk.job_id is None:
                self._journal.add(chunk, step="dropped", cancelled=True)
                return
            self._journal.add(chunk, step="cancelling", cancelled=True)
            try:
                answered: BatchJob = yield partial(self._batches.cancel, chunk.job_id)
            except APIStatusError as error:
                if error.status_code not in (400, 404, 409, 422):
                    raise
                yield from self.look(chunk)  # it has ended
                return
            self.note(chunk, answered)
        except APIError as error:
            raise _stopped(f"the job of chunk {chunk.chunk} could not be cancelled", error) from None

    # Results

    def look_for_files(self, chunk: Chunk) -> Steps[None]:
        """Looks again at a job that has ended, as long as no file of it is known: they may come after its end."""
        for attempt in range(TRIES):
            if chunk.job_id is None or chunk.output_file_id or chunk.error_file_id:
                return
            if attempt:
                if chunk.status != "COMPLETED":
                    return
                yield partial(self.pause, BREATH * 2 ** (attempt - 1))
            yield from self.look(chunk)

    def fetch(self, chunk: Chunk, kind: str) -> Steps[None]:
        """Downloads one of the chunk's files of results. Raises BatchError."""
        file_id = chunk.output_file_id if kind == "output" else chunk.error_file_id
        path = self._journal.path(results_name(chunk, kind))
        if file_id is None or (kind in chunk.fetched and os.path.exists(path)):
            return
        others = [one for one in chunk.fetched if one != kind]
        missed = ""
        for attempt in range(TRIES):
            if attempt:
                yield partial(self.pause, BREATH * 2 ** (attempt - 1))
            try:
                yield partial(self._files.retrieve_content, file_id, output=path)
            except NotFoundError as error:  # so soon after the job's end
                missed = f"is not there: {_words(error)}"
            except APIError as error:
                raise _stopped(f"the {kind} file of chunk {chunk.chunk} could not be downloaded", error) from None
            except OSError as error:
                raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
            else:
                begins: bytes = yield Work(partial(_sync, path))
                if begins[:1] in (b"", b"{"):
                    self._journal.add(chunk, fetched=[*others, kind])
                    return
                missed = f"has no results, but {begins.decode(errors='replace')!r}"  # what a proxy says, for example
        self._journal.add(chunk, error=f"its {kind} file {file_id} {missed}", fetched=others)


def _sync(path: str) -> bytes:
    """What was written there is on disk; how it begins."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return file.read(99).removeprefix(b"\xef\xbb\xbf").lstrip()[:40]


def results_name(chunk: Chunk, kind: str) -> str:
    """The name of a file of results in the directory."""
    return f"chunk-{chunk.chunk:05}.{kind}.jsonl"


def status_of(job: BatchJob) -> str:
    """As Together writes it; other services write it in small letters."""
    return str(job.status or "UNKNOWN").upper()


def _told(job: BatchJob) -> dict[str, Any]:
    progress: object = job.progress
    error: object = job.error
    return {
        "status": status_of(job),
        "progress": float(progress) if isinstance(progress, (int, float)) else 0.0,
        "error": None if error is None or error == "" else str(error),
        "output_file_id": job.output_file_id or None,
        "error_file_id": job.error_file_id or None,
    }


def _words(error: APIError) -> str:
    """What the service says; what the client adds is for who made the call."""
    return error.message if error.body is None else read_named(error.body).message


def _stopped(what: str, error: APIError | None) -> BatchError:
    kind = UnreachableError if isinstance(error, _PASSING) else BatchError
    failure = kind(f"{what}: {error}")
    failure.__cause__ = error
    failure.request_id = getattr(error, "request_id", None)
    failure.http_status = getattr(error, "http_status", None)
    return failure
