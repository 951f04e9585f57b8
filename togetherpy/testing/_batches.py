"""The server's batches: files of requests that are really asked, and files of what came of them.

In: requests. Out: answers.
The rule: a batch goes on when it is looked at: VALIDATING when it is made, IN_PROGRESS at the first look, at its end at
the second one. A file that is none ends as FAILED. What else may happen to a batch, `BatchRules` say.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Literal

from ._files import Files
from ._http import Request
from ._json import as_dict, to_json
from ._told import Told, request_json, tell

Ask = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]
ENDPOINTS = ("/v1/chat/completions", "/v1/audio/transcriptions", "/v1/audio/translations")
Rows = list[Any]
_AT_WORK = ("VALIDATING", "IN_PROGRESS")
BYTES_PER_TOKEN = 4
_OVER = ("COMPLETED", "FAILED", "CANCELLED", "EXPIRED")
LONGEST_ID = 64
MOST_ROWS = 50_000


@dataclass(slots=True)
class BatchRules:
    """What happens to batches; may be changed at any time."""

    end: str = "COMPLETED"
    """The status in which they end."""
    answered: float = 1.0
    """The part of the rows, 0 to 1, that is answered by then, from the first one on; the others are in no file."""
    looks: int = 2
    """Looks at a batch until it ends, at least 2."""
    enqueued: int | None = None
    """Tokens, roughly one for four bytes of input, that the unfinished batches of each model may have; None: as many as
    come."""
    full: Literal["refused", "failed"] = "refused"
    """What happens to a batch above that: "refused" when it is made (429), or "failed" at the first look."""


@dataclass(slots=True)
class Job:
    """One batch."""

    id: str
    input_file_id: str
    size: int
    endpoint: str
    created_at: datetime
    model: str | None
    status: str = "VALIDATING"
    progress: float = 0.0
    looks: int = 0
    asked: str = ""
    """The model of its requests."""
    ends: dict[str, str] = field(default_factory=dict[str, str])

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "user_id": "user-1",
            "input_file_id": self.input_file_id,
            "file_size_bytes": self.size,
            "status": self.status,
            "job_deadline": _written(self.created_at + timedelta(hours=24)),
            "created_at": _written(self.created_at),
            "endpoint": self.endpoint,
            "progress": self.progress,
            **({} if self.model is None else {"model_id": self.model}),
            **self.ends,
        }


class Batches:
    """All batches."""

    def __init__(self, files: Files, ask: Ask, rules: BatchRules) -> None:
        self._files, self._ask, self._rules = files, ask, rules
        self._jobs: dict[str, Job] = {}

    def create(self, request: Request) -> Told:
        params = as_dict(request_json(request)) or {}
        file_id, endpoint = params.get("input_file_id"), params.get("endpoint")
        if endpoint not in ENDPOINTS:
            return _error(400, f"endpoint must be one of {', '.join(ENDPOINTS)}")
        if not isinstance(file_id, str) or (file := self._files.find(file_id)) is None or file.content is None:
            return _error(400, f"input file {file_id} not found")
        if file.purpose != "batch-api":
            return _error(400, f"input file {file_id} must have the purpose batch-api, not {file.purpose}")
        identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"batch/{len(self._jobs)}"))
        job = Job(identity, file_id, len(file.content), endpoint, datetime.now(UTC), params.get("model_id"))
        job.asked = _model_of(file.content)
        full = self._full(job)
        if full is not None and self._rules.full == "refused":
            return _error(429, full)
        self._jobs[identity] = job
        return tell({"job": job.shown(), "warning": ""}, 201)

    def list(self, request: Request) -> Told:
        return tell([job.shown() for job in self._jobs.values()])

    def retrieve(self, request: Request, identity: str) -> Told:
        job = self._jobs.get(identity)
        if job is None:
            return _error(404, f"batch {identity} not found")
        job.looks += 1
        if job.status == "VALIDATING":
            self._validate(job)
        elif job.status == "IN_PROGRESS" and job.looks >= self._rules.looks:
            rows = self._rows(job)
            self._finish(job, rows[: round(len(rows) * self._rules.answered)], self._rules.end)
        return tell(job.shown())

    def cancel(self, request: Request, identity: str) -> Told:
        """Ends it; of one that was begun the first half is answered."""
        job = self._jobs.get(identity)
        if job is None:
            return _error(404, f"batch {identity} not found")
        if job.status in _OVER:
            return _error(400, f"batch {identity} cannot be cancelled: it is {job.status}")
        rows = self._rows(job) if job.status == "IN_PROGRESS" else []
        self._finish(job, rows[: len(rows) // 2], "CANCELLED")
        return tell(job.shown())

    def _validate(self, job: Job) -> None:
        wrong = _wrong(self._rows(job)) or self._full(job)
        if wrong is None:
            job.status, job.progress = "IN_PROGRESS", 50.0
            return
        job.status, job.ends = "FAILED", {"error": wrong}

    def _full(self, job: Job) -> str | None:
        """What the service says when there is no room for it beside those that were made before."""
        before = takewhile(lambda one: one is not job, self._jobs.values())
        others = (one for one in before if one.asked == job.asked and one.status in _AT_WORK)
        tokens = sum(one.size // BYTES_PER_TOKEN for one in others)
        most = self._rules.enqueued
        if most is None or tokens + job.size // BYTES_PER_TOKEN <= most:
            return None
        return f"Enqueued token limit reached for {job.asked}: {tokens} of {most} tokens are enqueued."

    def _rows(self, job: Job) -> Rows:
        """The lines of the input, as what they say; None for one that is no JSON."""
        file = self._files.find(job.input_file_id)
        return [_row(line) for line in (file.content or b"").splitlines() if line.strip()] if file else []

    def _finish(self, job: Job, rows: Rows, status: str = "COMPLETED") -> None:
        answers: list[bytes] = []
        failures: list[bytes] = []
        for row in rows:
            code, body = self._ask(job.endpoint, row["body"])
            if code == 200:
                response = {"status_code": code, "body": body}
                answers.append(to_json({"id": _name(row), "custom_id": row["custom_id"], "response": response}))
            else:
                failures.append(to_json({"custom_id": row["custom_id"], "error": _told_of(code, body)}))
        for name, lines in (("output", answers), ("error", failures)):
            if lines:
                made = self._files.add(f"{job.id}-{name}.jsonl", "batch-api", "jsonl", b"\n".join([*lines, b""]))
                job.ends[f"{name}_file_id"] = made.id
        job.status, job.progress = status, 100.0 if status == "COMPLETED" else job.progress
        job.ends["completed_at"] = _written(datetime.now(UTC))


def _model_of(content: bytes) -> str:
    """The model of the first request."""
    fields = as_dict(_row(content.partition(b"\n")[0])) or {}
    return str((as_dict(fields.get("body")) or {}).get("model"))


def _row(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _wrong(rows: Rows) -> str | None:
    """What is wrong with the lines of a batch; None: nothing."""
    if not rows:
        return "the input file is empty"
    if len(rows) > MOST_ROWS:
        return f"the input file has {len(rows)} requests; the most is {MOST_ROWS}"
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        fields = as_dict(row) or {}
        name = fields.get("custom_id")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
            return f"line {number}: custom_id must be a string of 1 to {LONGEST_ID} characters"
        if as_dict(fields.get("body")) is None:
            return f"line {number}: body must be an object"
        if name in seen:
            return f"line {number}: custom_id {name} comes twice"
        seen.add(name)
    return None


def _told_of(code: int, body: dict[str, Any]) -> dict[str, Any]:
    error = as_dict(body.get("error")) or {}
    return {"message": error.get("message", f"status {code}"), "code": error.get("code") or str(code)}


def _name(row: dict[str, Any]) -> str:
    return f"br_{uuid.uuid5(uuid.NAMESPACE_URL, row['custom_id']).hex}"


def _error(status: int, text: str) -> Told:
    return tell({"error": text}, status)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
