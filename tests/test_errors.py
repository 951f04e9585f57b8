"""The exceptions: their tree, and that they survive pickling and copying with all they carry."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from togetherpy import error
from togetherpy._core.wire import Headers
from togetherpy.types.chat_completions import ChatCompletionChoicesData, ChatCompletionMessage, ChatCompletionResponse

TREE = {
    error.ToolCallError: error.TogetherError,
    error.MaxTurnsError: error.TogetherError,
    error.NoTextError: error.TogetherError,
    error.APIError: error.TogetherError,
    error.DownloadError: error.TogetherError,
    error.FileTypeError: error.TogetherError,
    error.LacksAttributeError: error.TogetherError,
    error.APIConnectionError: error.APIError,
    error.APITimeoutError: error.APIConnectionError,
    error.APIStatusError: error.APIError,
    error.InvalidRequestError: error.APIStatusError,
    error.BadRequestError: error.InvalidRequestError,
    error.PermissionDeniedError: error.InvalidRequestError,
    error.NotFoundError: error.InvalidRequestError,
    error.UnprocessableEntityError: error.InvalidRequestError,
    error.AuthenticationError: error.APIStatusError,
    error.PaymentRequiredError: error.APIStatusError,
    error.RequestTimeoutError: error.APIStatusError,
    error.ConflictError: error.APIStatusError,
    error.RateLimitError: error.APIStatusError,
    error.InternalServerError: error.APIStatusError,
    error.ServiceUnavailableError: error.InternalServerError,
    error.APIResponseError: error.APIError,
    error.ParseError: error.APIResponseError,
    error.StreamInterruptedError: error.APIError,
    error.StreamTimeoutError: error.StreamInterruptedError,
}
CLASSES = [error.TogetherError, *TREE]
classes = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


@pytest.mark.parametrize(("child", "parent"), TREE.items(), ids=lambda cls: cls.__name__)
def test_the_tree(child: type[Exception], parent: type[Exception]) -> None:
    assert child.__bases__[0] is parent
    assert child.__doc__


def test_the_tree_has_no_other_classes() -> None:
    defined = {value for value in vars(error).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert defined == set(CLASSES)


def test_what_else_they_are() -> None:
    assert issubclass(error.APITimeoutError, TimeoutError)
    assert issubclass(error.StreamTimeoutError, error.APITimeoutError)
    assert not issubclass(error.APIConnectionError, OSError)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TogetherException", "TogetherError"),
        ("Timeout", "APITimeoutError"),
        ("JSONError", "APIResponseError"),
        ("APIResponseValidationError", "APIResponseError"),
        ("ResponseError", "APIStatusError"),
    ],
)
def test_other_names_of_the_same(old: str, new: str) -> None:
    assert getattr(error, old) is getattr(error, new)


@classes
def test_the_message_is_what_str_shows(cls: type[error.TogetherError]) -> None:
    made = cls("what happened, what to do")
    assert str(made) == made.message == "what happened, what to do"
    assert made.args == ("what happened, what to do",)
    assert str(cls()) == cls().message == ""


@classes
def test_facts_are_absent_at_first(cls: type[error.TogetherError]) -> None:
    made = cls("x")
    assert (made.request_id, made.http_status, dict(made.headers)) == (None, None, {})
    if isinstance(made, error.APIError):
        assert (made.attempts, made.maybe_billed, made.partial) == (0, False, None)
    if isinstance(made, error.APIStatusError):
        assert (made.status_code, made.body, made.code, made.type) == (0, None, None, None)
        assert (made.param, made.retry_after) == (None, None)
    if isinstance(made, error.APIResponseError):
        assert made.body == b""


def phases() -> dict[str, str]:
    made = (error.APIConnectionError, error.APITimeoutError, error.StreamTimeoutError)
    return {cls.__name__: cls("x").phase for cls in made}


def test_phases() -> None:
    assert phases() == {
        "APIConnectionError": "connecting",
        "APITimeoutError": "connecting",
        "StreamTimeoutError": "committed",
    }


FACTS: dict[str, Any] = {
    "request_id": "r-1",
    "http_status": 429,
    "status_code": 429,
    "headers": Headers({"retry-after": "2"}),
    "attempts": 3,
    "maybe_billed": True,
    "partial": ChatCompletionResponse(
        id="x", choices=[ChatCompletionChoicesData(index=0, message=ChatCompletionMessage(content="half"))]
    ),
    "phase": "sent",
    "body": {"error": {"message": ["no"]}},
    "code": "c",
    "type": "t",
    "param": "p",
    "retry_after": 2.5,
}


@pytest.mark.fault("E10")
@classes
@pytest.mark.parametrize(
    "again",
    [
        *(lambda made, protocol=protocol: pickle.loads(pickle.dumps(made, protocol)) for protocol in range(2, 6)),
        copy.copy,
        copy.deepcopy,
    ],
    ids=["pickle 2", "pickle 3", "pickle 4", "pickle 5", "copy", "deepcopy"],
)
def test_round_trip(cls: type[error.TogetherError], again: Callable[[Any], Any]) -> None:
    made = cls("what happened")
    for name, value in FACTS.items():
        setattr(made, name, value)
    made.add_note("a note")
    other = again(made)
    assert type(other) is cls
    assert other is not made
    assert (str(other), other.message, other.args) == ("what happened", "what happened", ("what happened",))
    for name, value in FACTS.items():
        if name == "headers":
            assert dict(other.headers) == dict(value)
            assert other.headers["Retry-After"] == "2"
        else:
            assert getattr(other, name) == value
    assert other.__notes__ == ["a note"]


@pytest.mark.fault("E10")
@classes
def test_round_trip_without_facts(cls: type[error.TogetherError]) -> None:
    other = pickle.loads(pickle.dumps(cls("x")))
    assert type(other) is cls
    assert str(other) == "x"
    assert vars(other) == vars(cls("x"))


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, error.BadRequestError),
        (401, error.AuthenticationError),
        (402, error.PaymentRequiredError),
        (403, error.PermissionDeniedError),
        (404, error.NotFoundError),
        (405, error.InvalidRequestError),
        (408, error.RequestTimeoutError),
        (409, error.ConflictError),
        (413, error.InvalidRequestError),
        (415, error.InvalidRequestError),
        (418, error.InvalidRequestError),
        (422, error.UnprocessableEntityError),
        (429, error.RateLimitError),
        (499, error.InvalidRequestError),
        (500, error.InternalServerError),
        (502, error.InternalServerError),
        (503, error.ServiceUnavailableError),
        (504, error.InternalServerError),
        (529, error.InternalServerError),
        (599, error.InternalServerError),
        (301, error.APIStatusError),
        (999, error.InternalServerError),
    ],
)
def test_class_for_status(status: int, cls: type[error.APIStatusError]) -> None:
    assert error.class_for_status(status) is cls
