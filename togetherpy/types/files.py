"""What the API knows of files.

In: JSON. Out: Structs. The rule: every field is optional, and what is new stays reachable in `model_extra`.
Facts: the OpenAPI document, and both official packages, which call the kind of a file `type` and `file_type`.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

from collections.abc import Callable

import msgspec

from togetherpy.types._listing import Listing
from togetherpy.types._model import Open
from togetherpy.types.common import OpenEnum

__all__ = [
    "FileDeleteResponse",
    "FileDownloadProgress",
    "FileList",
    "FileObject",
    "FilePurpose",
    "FileResponse",
    "FileType",
    "FileUploadProgress",
    "ValidationReport",
]


class FilePurpose(OpenEnum):
    """What a file is for. Other strings may come and compare as strings do."""

    FineTune = "fine-tune"
    BatchAPI = "batch-api"
    Eval = "eval"
    EvalOutput = "eval-output"
    Calibration = "calibration"


class FileType(OpenEnum):
    """How a file is written. Other strings may come and compare as strings do."""

    jsonl = "jsonl"
    parquet = "parquet"
    csv = "csv"


class ValidationReport(Open, kw_only=True):
    """What the server found when it looked into a file."""

    valid: bool | None = None
    error: str | None = None
    error_type: str | None = None
    file_id: str | None = None
    nlines: int | None = None
    dataset_format: str | None = None
    dataset_has_message_weights: bool | None = None
    dataset_has_parallel_tool_calls: bool | None = None
    dataset_has_reasoning: bool | None = None
    dataset_has_sample_weights: bool | None = None
    dataset_has_tools: bool | None = None
    dataset_is_multimodal: bool | None = None


class FileResponse(Open, kw_only=True):
    """One file that the server has."""

    id: str | None = None
    object: str | None = None
    created_at: int | None = None
    """Seconds since 1970."""
    filename: str | None = None
    bytes: int | None = None
    purpose: FilePurpose | None = None
    file_type: FileType | None = msgspec.field(default=None, name="FileType")
    line_count: int | None = msgspec.field(default=None, name="LineCount")
    """Lines of JSONL."""
    processed: bool | None = msgspec.field(default=None, name="Processed")
    processing_status: str | None = None
    """How far the server has looked into it: PENDING, QUEUED, RUNNING, COMPLETED, FAILED, INVALID_FORMAT; others may
    come."""
    validation_report: ValidationReport | None = None

    @property
    def type(self) -> FileType | None:
        """`file_type`, as version 1 of the official package calls it."""
        return self.file_type


class FileDeleteResponse(Open, kw_only=True):
    """A file that was deleted."""

    id: str | None = None
    object: str | None = None
    deleted: bool | None = None


class FileObject(Open, kw_only=True):
    """A file that was downloaded to this machine."""

    object: str | None = None
    id: str | None = None
    """Of what was downloaded."""
    filename: str | None = None
    """The whole path."""
    size: int | None = None
    """Bytes."""


FileList = Listing[FileResponse]


class FileUploadProgress(msgspec.Struct, frozen=True):
    """How far an upload has got."""

    uploaded_bytes: int
    total_bytes: int


class FileDownloadProgress(msgspec.Struct, frozen=True):
    """How far a download has got."""

    downloaded_bytes: int
    total_bytes: int
    """0: the server does not say."""


OnUpload = Callable[[FileUploadProgress], object]
OnDownload = Callable[[FileDownloadProgress], object]
