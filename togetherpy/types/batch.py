"""What the Batch API takes and says.

In: keyword arguments, or JSON. Out: a TypedDict, or Structs. The rule: every field of an answer is optional, and a new
status compares as a string does.
Facts: the OpenAPI document, and both official packages.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

from datetime import datetime
from typing import Required

from togetherpy.types._model import Open
from togetherpy.types._options import CallOptions
from togetherpy.types.common import OpenEnum

__all__ = ["BatchCreateParams", "BatchCreateResponse", "BatchEndpoint", "BatchJob", "BatchJobStatus"]


class BatchJobStatus(OpenEnum):
    """How far a batch has got. Other strings may come and compare as strings do."""

    VALIDATING = "VALIDATING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    CANCELING = "CANCELING"


class BatchEndpoint(OpenEnum):
    """Where the requests of a batch go. Others may come."""

    COMPLETIONS = "/v1/completions"
    CHAT_COMPLETIONS = "/v1/chat/completions"
    AUDIO_TRANSCRIPTIONS = "/v1/audio/transcriptions"
    AUDIO_TRANSLATIONS = "/v1/audio/translations"


class BatchCreateParams(CallOptions, total=False):
    """What `batches.create` takes, and what every call does."""

    input_file_id: "Required[str]"
    """A file that was uploaded with purpose="batch-api": lines of `{"custom_id": ..., "body": {...}}`."""
    endpoint: "Required[str]"
    """Where each of them goes: "/v1/chat/completions", "/v1/audio/transcriptions" or "/v1/audio/translations"."""
    completion_window: "str | None"
    """Within which time, such as "24h"."""
    model_id: "str | None"
    """The model."""
    priority: "int | None"
    """An integer."""


class BatchJob(Open, kw_only=True):
    """One batch."""

    id: str | None = None
    """What `retrieve` and `cancel` take."""
    user_id: str | None = None
    """Whose it is."""
    input_file_id: str | None = None
    """The file with its requests."""
    file_size_bytes: int | None = None
    """Of the input."""
    status: BatchJobStatus | None = None
    """How far it has got."""
    job_deadline: datetime | None = None
    """When it expires."""
    created_at: datetime | None = None
    """When it was made."""
    completed_at: datetime | None = None
    """When it ended."""
    endpoint: str | None = None
    """Where its requests go."""
    progress: float | None = None
    """From 0 to 100."""
    model_id: str | None = None
    """The model that answers."""
    output_file_id: str | None = None
    """The answers, in any order; None also when there is none."""
    error_file_id: str | None = None
    """The requests that failed."""
    error: str | None = None
    """Why the batch as a whole failed."""

    @property
    def x_model_id(self) -> str | None:
        """`model_id`, as version 3 of the official package calls it."""
        return self.model_id


class BatchCreateResponse(Open, kw_only=True):
    """A batch that was made."""

    job: BatchJob | None = None
    """The batch; None when none was made."""
    warning: str | None = None
    """What the server wants to be known of it; without a job, why there is none."""


BatchListResponse = list[BatchJob]
