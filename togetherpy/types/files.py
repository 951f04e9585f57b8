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
    """Whether it can be used."""
    error: str | None = None
    """What is wrong with it."""
    error_type: str | None = None
    """The kind of error."""
    file_id: str | None = None
    """The file's id."""
    nlines: int | None = None
    """Its lines."""
    dataset_format: str | None = None
    """The form of its rows."""
    dataset_has_message_weights: bool | None = None
    """Whether messages have weights."""
    dataset_has_parallel_tool_calls: bool | None = None
    """Whether a message has several tool calls."""
    dataset_has_reasoning: bool | None = None
    """Whether messages have reasoning."""
    dataset_has_sample_weights: bool | None = None
    """Whether rows have weights."""
    dataset_has_tools: bool | None = None
    """Whether rows have tools."""
    dataset_is_multimodal: bool | None = None
    """Whether rows have images."""


class FileResponse(Open, kw_only=True):
    """One file that the server has."""

    id: str | None = None
    """What `retrieve`, `content` and `delete` take."""
    object: str | None = None
    """What kind of object it is, in the server's word."""
    created_at: int | None = None
    """Seconds since 1970."""
    filename: str | None = None
    """Its name."""
    bytes: int | None = None
    """Its size in bytes."""
    purpose: FilePurpose | None = None
    """What it is for."""
    file_type: FileType | None = msgspec.field(default=None, name="FileType")
    """How it is written."""
    line_count: int | None = msgspec.field(default=None, name="LineCount")
    """Lines of JSONL."""
    processed: bool | None = msgspec.field(default=None, name="Processed")
    """Whether the server has looked into it."""
    processing_status: str | None = None
    """How far the server has looked into it: PENDING, QUEUED, RUNNING, COMPLETED, FAILED, INVALID_FORMAT; others may
    come."""
    validation_report: ValidationReport | None = None
    """What it found there."""

    @property
    def type(self) -> FileType | None:
        """`file_type`, as version 1 of the official package calls it."""
        return self.file_type


class FileDeleteResponse(Open, kw_only=True):
    """A file that was deleted."""

    id: str | None = None
    """The file's id."""
    object: str | None = None
    """What kind of object it is, in the server's word."""
    deleted: bool | None = None
    """Whether it is gone."""


class FileObject(Open, kw_only=True):
    """A file that was downloaded to this machine."""

    object: str | None = None
    """What kind of object it is, in the server's word."""
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
    """Bytes that are sent."""
    total_bytes: int
    """Bytes of the whole file."""


class FileDownloadProgress(msgspec.Struct, frozen=True):
    """How far a download has got."""

    downloaded_bytes: int
    """Bytes that are here."""
    total_bytes: int
    """0: the server does not say."""


OnUpload = Callable[[FileUploadProgress], object]
OnDownload = Callable[[FileDownloadProgress], object]
