"""What ends a run before its input does.

In: what happened. Out: exceptions with the exit status of `togetherpy batch run`.
The rule: a run that ended so can be taken up again where it was.
"""

from __future__ import annotations

from togetherpy.error import TogetherError


class BatchError(TogetherError):
    """A run of many requests could not begin, or could not go on. What is finished is kept."""

    exit_code = 1
    """What `togetherpy batch run` exits with."""


class StalledError(BatchError):
    """No request succeeded for `stall` seconds."""

    exit_code = 4


class SystemicError(BatchError):
    """Several requests in a row failed in a way in which every other would: the key, the account, the model."""

    def __init__(self, message: str = "", cause: Exception | None = None) -> None:
        super().__init__(message)
        self.__cause__ = cause
        self.http_status = getattr(cause, "http_status", None)
        self.request_id = getattr(cause, "request_id", None)
