"""The server's fine-tuning: jobs that train nothing.

In: requests. Out: answers.
The rule: a job goes on when it is retrieved: pending when it is made, then queued, running and completed, each with its
event; what is downloaded is the same few bytes at every time.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from ._check import RequestError
from ._files import Files
from ._http import Request
from ._json import as_dict
from ._told import Told, request_json, tell

STATES = ("pending", "queued", "running", "completed")
_EVENTS = ("job_pending", "job_start", "training_start", "job_complete")
_OVER = ("completed", "cancelled", "error")
MODEL = b"\x28\xb5\x2f\xfd" + b"togetherpy" * 100
"""What every job comes to: no model, but it begins as a compressed file does."""


@dataclass(slots=True)
class Job:
    """One job."""

    id: str
    params: dict[str, Any]
    created_at: str
    status: str = STATES[0]
    events: list[str] = field(default_factory=lambda: [_EVENTS[0]])

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        model = self.params.get("model") or str(self.params["from_checkpoint"]).partition(":")[0]
        suffix = self.params.get("suffix") or self.id[-8:]
        hidden = ("wandb_key", "wandb_api_key", "hf_api_token")
        return {
            "n_epochs": 1,
            "n_checkpoints": 1,
            "n_evals": 0,
            "batch_size": "max",
            "learning_rate": 0.00001,
            "training_type": {"type": "Lora", "lora_r": 64, "lora_alpha": 128},
            "training_method": {"method": "sft", "train_on_inputs": "auto"},
            **{name: value for name, value in self.params.items() if name not in hidden},
            "id": self.id,
            "status": self.status,
            "model": model,
            "model_output_name": f"local/{model.rpartition('/')[2]}-{suffix}",
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "user_id": "user-1",
            "events": self.shown_events(),
        }

    def shown_events(self) -> list[dict[str, Any]]:
        """What happened so far."""
        return [
            {"object": "fine-tune-event", "created_at": self.created_at, "level": "info", "message": name, "type": name}
            for name in self.events
        ]


class FineTuning:
    """All jobs."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._jobs: dict[str, Job] = {}
        self._made = 0

    def create(self, request: Request) -> Told:
        params = self._checked(request)
        if not (params.get("model") or params.get("from_checkpoint")):
            raise RequestError(400, "Input validation error: `model` is missing.")
        identity = f"ft-{uuid.uuid5(uuid.NAMESPACE_URL, f'job/{self._made}')}"
        self._made += 1
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        job = self._jobs[identity] = Job(identity, params, now)
        return tell(job.shown())

    def estimate(self, request: Request) -> Told:
        """A cent for each token, which is four bytes."""
        params = self._checked(request)
        tokens = len(self._files.get(params["training_file"]).content or b"") // 4 * int(params.get("n_epochs") or 1)
        return tell(
            {
                "estimation_available": True,
                "estimated_total_price": tokens / 100,
                "estimated_train_token_count": tokens,
                "estimated_eval_token_count": 0,
                "user_limit": 100.0,
                "allowed_to_proceed": tokens / 100 <= 100,
            }
        )

    def list(self, request: Request) -> Told:
        return tell({"object": "list", "data": [job.shown() for job in self._jobs.values()]})

    def retrieve(self, request: Request, identity: str) -> Told:
        job = self._get(identity)
        if job.status in STATES[:-1]:
            place = STATES.index(job.status) + 1
            job.status = STATES[place]
            job.events.append(_EVENTS[place])
        return tell(job.shown())

    def cancel(self, request: Request, identity: str) -> Told:
        job = self._get(identity)
        if job.status in _OVER:
            raise RequestError(400, f"Job {identity} cannot be cancelled: it is {job.status}.")
        job.status = "cancelled"
        job.events.append("cancel_requested")
        return tell(job.shown())

    def delete(self, request: Request, identity: str) -> Told:
        del self._jobs[self._get(identity).id]
        return tell({"message": f"Job {identity} was deleted."})

    def events(self, request: Request, identity: str) -> Told:
        return tell({"object": "list", "data": self._get(identity).shown_events()})

    def checkpoints(self, request: Request, identity: str) -> Told:
        """One in between and the last one, of a job that is complete."""
        job = self._get(identity)
        data = [
            {"step": step, "checkpoint_type": kind, "created_at": f"2026-01-0{step}T00:00:00Z", "path": f"/{step}"}
            for step, kind in ((1, "Intermediate"), (2, "Final"))
        ]
        return tell({"data": data if job.status == "completed" else []})

    def download(self, request: Request) -> Told:
        query = parse_qs(request.head.target.partition("?")[2])
        job = self._get(query.get("ft_id", [""])[0])
        if job.status != "completed":
            raise RequestError(400, f"Job {job.id} has no model: it is {job.status}.")
        if not query.get("checkpoint") and not query.get("checkpoint_step"):
            raise RequestError(400, "Input validation error: `checkpoint` is missing.")
        return Told(200, MODEL, {"etag": '"model"'}, "application/zstd")

    def _checked(self, request: Request) -> dict[str, Any]:
        params = as_dict(request_json(request)) or {}
        file_id = params.get("training_file")
        if not isinstance(file_id, str) or not file_id:
            raise RequestError(400, "Input validation error: `training_file` is missing.")
        if self._files.get(file_id).purpose != "fine-tune":
            raise RequestError(400, f"File {file_id} must have the purpose fine-tune.")
        return params

    def _get(self, identity: str) -> Job:
        if identity not in self._jobs:
            raise RequestError(404, f"Job {identity} not found.", "job_not_found")
        return self._jobs[identity]
