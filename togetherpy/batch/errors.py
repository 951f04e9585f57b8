"""What ends a run before its input does.

In: what happened. Out: exceptions with the exit status of `togetherpy batch run`.
The rule: a run that ended so can be taken up again where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from togetherpy.error import TogetherError

if TYPE_CHECKING:
    from togetherpy.batch.tally import BatchSummary


class BatchError(TogetherError):
    """A run of many requests could not begin, or could not go on. What is finished is kept."""

    exit_code = 1
    """What `togetherpy batch run` exits with."""
    summary: BatchSummary | None = None
    """How far the run came; None when it did not begin."""


class StalledError(BatchError):
    """No request succeeded for `stall` seconds."""

    exit_code = 4


class SystemicError(BatchError):
    """Several requests in a row failed in a way in which every other would: the key, the account, the model."""

    def __init__(self, message: str = "", cause: Exception | None = None) -> None:
        super().__init__(message)
        self.__cause__: BaseException | None = cause
        self.http_status: int | None = getattr(cause, "http_status", None)
        self.request_id: str | None = getattr(cause, "request_id", None)
