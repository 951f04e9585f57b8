"""What a failed request means for its row and for the run.

In: the exception that a request ended with. Out: a Verdict.
The rule: the whole policy is this one function; a limit or a lack of capacity is nobody's failure, and what would fail
for every row is told apart from what is wrong with one.
"""

from __future__ import annotations

from enum import Enum

from togetherpy.error import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    ParseError,
)


class Verdict(Enum):
    """What is to be done."""

    LIMITED = "rate limit"
    """Wait: no attempt, no failure."""
    CAPACITY = "no capacity"
    """Likewise."""
    UNREACHABLE = "not reachable"
    """Nothing was sent. Wait as well, once the server has been reached in this run."""
    TRANSIENT = "transient"
    """Try again; it takes one of the row's retries."""
    FINAL = "final"
    """The row has failed."""
    SYSTEMIC = "systemic"
    """The row has failed, and so will all the others."""


_FOR_ALL = frozenset((401, 402, 403))
_FINAL_5XX = frozenset((501, 505))
_TRANSIENT_4XX = frozenset((408, 409, 425))
_NO_CREDIT = frozenset(("insufficient_quota", "credit_limit", "billing_hard_limit_reached"))


def judge(error: BaseException) -> Verdict:
    """What the end of a request means."""
    if isinstance(error, APIStatusError):
        return _judge_status(error)
    if isinstance(error, APIConnectionError):
        return Verdict.UNREACHABLE if error.phase == "connecting" else Verdict.TRANSIENT
    if isinstance(error, APIResponseError):
        return _judge_unusable(error)
    return Verdict.TRANSIENT if isinstance(error, APIError) else Verdict.FINAL


def _judge_status(error: APIStatusError) -> Verdict:
    status = error.status_code
    if status in _FOR_ALL or isinstance(error, AuthenticationError) or {error.code, error.type} & _NO_CREDIT:
        return Verdict.SYSTEMIC
    if status in (400, 404) and _is_about_the_model(error):
        return Verdict.SYSTEMIC
    wish = error.headers.get("x-should-retry", "").lower()
    if wish == "false":
        return Verdict.FINAL
    if status == 429:
        return Verdict.LIMITED
    if status in (503, 529):
        return Verdict.CAPACITY
    if status in _TRANSIENT_4XX or (status >= 500 and status not in _FINAL_5XX) or (wish == "true" and status >= 400):
        return Verdict.TRANSIENT
    return Verdict.FINAL


def _is_about_the_model(error: APIStatusError) -> bool:
    # A 404 is about the model or about base_url.
    return error.status_code == 404 or error.param == "model" or str(error.code or "").startswith("model_not")


def _judge_unusable(error: APIResponseError) -> Verdict:
    """A 2xx that is no answer: damaged JSON was an answer, which was charged for; nothing or a web page was none."""
    if isinstance(error, ParseError):
        return Verdict.FINAL
    body = error.body.strip()
    return Verdict.FINAL if body[:1] == b"{" else Verdict.TRANSIENT


def may_have_been_billed(error: BaseException) -> bool:
    """Whether the server may have done, and charged for, work whose result did not arrive."""
    return isinstance(error, APIError) and error.maybe_billed
