"""Every exception that togetherpy raises on purpose.

    TogetherError                          (TogetherException is the same class)
    ├── DownloadError  FileTypeError       of files; FileTypeError is also a ValueError
    ├── ToolCallError                      the model called a tool that there is not
    ├── MaxTurnsError                      the model still calls tools after max_turns answers
    ├── NoTextError                        `answer.text` of an answer that has none
    ├── (batch.BatchError)                 of many requests; it is in `togetherpy.batch`, as its own two kinds are
    └── APIError
        ├── APIConnectionError             no usable answer: refused, DNS, TLS, proxy, reset
        │   └── APITimeoutError            (Timeout) also a builtin TimeoutError
        ├── APIStatusError                 the server answered with an error status
        │   ├── InvalidRequestError        the request is at fault; not retried
        │   │   ├── BadRequestError 400    PermissionDeniedError 403    NotFoundError 404
        │   │   └── UnprocessableEntityError 422
        │   ├── AuthenticationError 401    (also raised for a missing or malformed key)
        │   ├── PaymentRequiredError 402   RequestTimeoutError 408    ConflictError 409
        │   ├── RateLimitError 429
        │   └── InternalServerError >=500
        │       └── ServiceUnavailableError 503   (InstanceError)
        ├── APIResponseError               a 2xx whose body is unusable (JSONError, APIResponseValidationError)
        │   └── ParseError                 a text that does not fit the type it was asked for in
        └── StreamInterruptedError         a stream that ended without its end
            └── StreamTimeoutError         because nothing came for too long; also an APITimeoutError

What goes in: facts. What comes out: exceptions that pickle, copy and print without the API key.
The rule here: no I/O and no imports beyond the standard library's typing, so that anybody may import it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from togetherpy.types._response import RawResponse, SentRequest
    from togetherpy.types.chat_completions import ChatCompletionResponse, MessageParam
    from togetherpy.types.common import ToolCalls
    from togetherpy.types.tool_runs import ToolStep


class TogetherError(Exception):
    """Base of everything that togetherpy raises on purpose."""

    message: str
    """What happened and what to do next; the same as `str(error)`."""
    request_id: str | None = None
    """The server's name for the request, for a support ticket; None when no answer named one."""
    http_status: int | None = None
    """The HTTP status, None when there was none (the official package's name for `status_code`)."""
    status_code: int = 0
    """The HTTP status, 0 when there was none."""
    headers: Mapping[str, str] = {}
    """Headers of the answer, case-insensitive; empty when there was none."""
    request: SentRequest | None = None
    """What was asked, without the key; None when nothing was."""
    response: RawResponse | None = None
    """The answer: status, headers, rate limits, and at most 64 KiB of its body, without the key; None if none came."""
    body: Any = None
    """The answer's body: decoded JSON, else its text or bytes; None if none came."""
    _unsaid: ClassVar[str] = ""
    """The message of one that is made without any."""

    def __init__(self, message: object = None, /, *more: Any, **facts: Any) -> None:
        """As one is raised here: with a message. As version 1 of the official package makes them, too: with
        `http_status`, `headers`, `request_id`; and as version 3 does: with `request`, `response`, `body`."""
        if more or facts or not isinstance(message, str):
            message = self._take(message, more, facts)
        super().__init__(message)
        self.message = message

    def _take(self, message: Any, more: tuple[Any, ...], facts: dict[str, Any]) -> str:
        """Remembers what is given besides the message, and makes that."""
        given = dict(facts)
        if hasattr(message, "status_code"):  # APIResponseValidationError(response, body)
            given.update(zip(("body",), more, strict=False), response=message)
            message = None
        elif hasattr(message, "method"):  # APITimeoutError(request)
            given["request"], message = message, None
        else:
            old = not more or more[0] is None or isinstance(more[0], (str, Mapping))
            names = ("headers", "request_id", "http_status") if old else ("request",)
            given.update(zip(names, more, strict=False))
        message = given.pop("message", message)
        unknown = given.keys() - {"headers", "request_id", "http_status", "request", "response", "body"}
        if unknown:
            raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {min(unknown)!r}")
        status = given.pop("http_status", None)
        response = given.get("response")
        if response is not None:
            self._take_answer(response)
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)
        text = str(message) if message is not None else self._unsaid if facts or more or given else ""
        if status is not None:
            self.http_status = self.status_code = status
            text = f"Error code: {status} - {text}"
        return text

    def _take_answer(self, response: Any) -> None:
        self.http_status = self.status_code = response.status_code
        self.headers = response.headers
        self.request_id = response.headers.get("x-request-id")
        try:
            self.request = getattr(response, "request", None)
        except RuntimeError:  # an httpx.Response that has none says so like this
            self.request = None

    @property
    def json_body(self) -> Any:
        """The answer's body if it is a JSON object or array, else None."""
        body: object = self.body
        return self.body if isinstance(body, (dict, list)) else None


class DownloadError(TogetherError):
    """A file could not be brought."""


class FileTypeError(TogetherError, ValueError):
    """A file that cannot be what it is uploaded as; nothing was sent."""

    report: Mapping[str, object] = {}
    """What `togetherpy.utils.check_file` found."""


class LacksAttributeError(TogetherError):
    """Version 1 of the official package has it, as `AttributeError`; nothing here raises it."""


class ToolCallError(TogetherError):
    """The model called a tool that there is not. `run_tools` tells it so; with `raise_errors=True` it raises this."""

    call: ToolCalls | None = None
    """The call."""
    known: Sequence[str] = ()
    """The names of the tools that there are."""


class MaxTurnsError(TogetherError):
    """`run_tools` had `max_turns` answers, and the last one still calls tools."""

    messages: Sequence[MessageParam] = ()
    """The conversation up to that answer; `run_tools(messages=error.messages, ...)` goes on."""
    steps: Sequence[ToolStep] = ()
    """The answers up to that one and the calls that they led to."""
    completion: ChatCompletionResponse | None = None
    """That answer, whose calls were not run."""


class NoTextError(TogetherError, AttributeError):
    """`answer.text`, or `answer.parsed`, of an answer without a text: the model called a tool, refused, or was cut.

    It is an AttributeError, too, so that `hasattr` and `getattr` with a default, by which programs tell answers of
    several kinds apart, say that there is none.
    The message says which. To read a text that may be missing, without an exception: `choices[0].message.content`.
    """

    completion: ChatCompletionResponse | None = None
    """The answer."""


class APIError(TogetherError):
    """A call that did not bring a usable answer."""

    messages: Sequence[MessageParam] = ()
    """The conversation so far, when a later call of `run_tools` failed; it can be gone on with."""

    attempts: int = 0
    """How many times the request was tried, the first one included; 0 when nothing was sent."""
    maybe_billed: bool = False
    """True when the server may have done (and charged for) work whose result did not arrive."""
    partial: ChatCompletionResponse | None = None
    """What a stream had brought before it failed, in the form of a plain answer; None if nothing, and with a
    `response_type` of your own, whose chunks you have. Of embeddings in several requests it is
    an EmbeddingResponse of what the others brought."""
    index: int | None = None
    """Of embeddings in several requests, the place of the first text that failed."""
    elapsed: float = 0.0
    """Seconds of the whole call until it failed, waits and retries included; of a stream, up to its head."""


class APIConnectionError(APIError):
    """No usable answer: refused, DNS, TLS, proxy, reset, or bytes that are not HTTP."""

    _unsaid = "Connection error."
    phase: str = "connecting"
    """How far it got: "connecting" (nothing was sent), "sent", or "committed" (an answer had begun)."""


class APITimeoutError(APIConnectionError, TimeoutError):
    """`timeout`, `Timeout.connect` or `Timeout.stream_idle` ran out; `phase` says in which part."""

    _unsaid = "Request timed out."


class APIStatusError(APIError):
    """The server answered with an error status, or named an error inside a 200."""

    status_code: int = 0
    """The HTTP status code; for an error inside a stream, the one the server named there, else 200."""
    body: object = None
    """The decoded JSON body, or its text (bounded) when it was not JSON."""
    code: str | None = None
    """The server's machine-readable code, such as "invalid_api_key"."""
    type: str | None = None
    """The server's class of error, such as "invalid_request_error"."""
    param: str | None = None
    """The request field that the server complains about."""
    retry_after: float | None = None
    """Seconds that the server asked to wait; None when it did not say."""


class InvalidRequestError(APIStatusError):
    """The request itself is at fault (400, 403, 404, 413, 415, 422 ...); not retried."""


class BadRequestError(InvalidRequestError):
    """400"""


class PermissionDeniedError(InvalidRequestError):
    """403"""


class NotFoundError(InvalidRequestError):
    """404: there is no such model, file or job; or base_url is wrong."""


class UnprocessableEntityError(InvalidRequestError):
    """422"""


class AuthenticationError(APIStatusError):
    """401, or a key that is missing or cannot be a key (then `status_code` is 0 and nothing was sent)."""


class PaymentRequiredError(APIStatusError):
    """402: the account's credit is used up."""


class RequestTimeoutError(APIStatusError):
    """408"""


class ConflictError(APIStatusError):
    """409"""


class RateLimitError(APIStatusError):
    """429"""


class InternalServerError(APIStatusError):
    """500 and above."""


class ServiceUnavailableError(InternalServerError):
    """503"""


class APIResponseError(APIError):
    """The server said 2xx but its body cannot be used."""

    _unsaid = "Data returned by API invalid for expected schema."
    body: bytes = b""
    """The body as it came, at most 64 KiB of it."""


class ParseError(APIResponseError):
    """What the model wrote, an answer or a tool call's arguments, does not fit the type that was asked for."""

    text: str = ""
    """What the model wrote, whole."""
    path: str = "$"
    """What of it did not fit, from the root of the JSON document: "$.lakes[2].name"; "$" is the document itself."""
    completion: ChatCompletionResponse | None = None
    """The whole answer, its other choices parsed; None when a tool call was parsed."""
    choice: int = 0
    """Which of the answer's `choices` it is."""


class StreamInterruptedError(APIError):
    """A stream that ended without its end; what had arrived is in `partial`."""


class StreamTimeoutError(StreamInterruptedError, APITimeoutError):
    """No content came in a stream for `Timeout.stream_idle` seconds."""

    phase = "committed"


TogetherException = TogetherError
Timeout = APITimeoutError
JSONError = APIResponseError
APIResponseValidationError = APIResponseError
ResponseError = APIStatusError
InstanceError = ServiceUnavailableError
AttributeError = LacksAttributeError  # noqa: A001  # for `together.error.AttributeError`; nothing here means the builtin

_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    503: ServiceUnavailableError,
}


def class_for_status(status: int) -> type[APIStatusError]:
    """The class that stands for an HTTP status; other 4xx are the request's fault, other >=500 the server's."""
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status >= 500:
        return InternalServerError
    return InvalidRequestError if status >= 400 else APIStatusError
