"""Error statuses, C1 to C15: which are tried again, when, and what their exceptions say."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from support.answers import OK, STREAM_OK, answer, error_body, text_of
from support.clients import CALL, KEY
from support.scripted import ScriptedServer, request, send

import togetherpy
from togetherpy import APIStatusError, Hooks, InternalServerError, RateLimitError
from togetherpy.error import class_for_status
from togetherpy.hooks import RetryEvent

Maker = Callable[..., Any]


@pytest.fixture
def no_waits() -> None:
    """Here the waits are what is tested."""


class Instant:
    """Chance for one test: the same number again and again."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self) -> float:
        return self.number


@pytest.fixture
def chance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    return lambda number: monkeypatch.setattr("togetherpy._core.call._chance", Instant(number))


class Waits(Hooks):
    """Remembers how long each wait was to be."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_retry(self, event: RetryEvent) -> None:
        self.seconds.append(event.wait)


def seconds_of_a_retry(client: Maker, status: int = 429, **fields: Any) -> float:
    """How long a call waits that is first turned away with these header fields and then succeeds."""
    waits = Waits()
    with ScriptedServer([request, send(answer(error_body(), status, **fields)), request, send(OK)]) as server:
        caller = client(server, max_retries=1, hooks=waits)
        begun = time.monotonic()
        assert caller.create().id == "r-1"
        assert time.monotonic() - begun >= waits.seconds[0]
        assert len(server.requests) == 2
    (seconds,) = waits.seconds
    return seconds


@pytest.mark.fault("C1", "C3", "C4")
@pytest.mark.parametrize(
    "fields",
    [
        {"retry_after": "0.2"},
        {"retry_after_ms": "200", "retry_after": "60"},  # milliseconds first
        {"x_ratelimit_reset": "0.2"},
        {"retry_after": "0", "x_ratelimit_reset": "0.2"},
    ],
)
def test_server_says_how_long_to_wait(client: Maker, chance: Any, fields: dict[str, str]) -> None:
    chance(0.0)
    assert seconds_of_a_retry(client, **fields) == 0.2
    chance(0.999)  # a little more than asked, so that those who were turned away together do not come back together
    assert 0.26 <= seconds_of_a_retry(client, **fields) < 0.5


@pytest.mark.fault("C2")
def test_server_says_a_date(client: Maker, chance: Any) -> None:
    chance(0.0)
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)  # by the server's clock, which is not ours
    later = now + timedelta(seconds=1)
    fields = {"date": format_datetime(now, usegmt=True), "retry_after": format_datetime(later, usegmt=True)}
    assert seconds_of_a_retry(client, **fields) == 1.0


@pytest.mark.fault("C5", "F2")
@pytest.mark.parametrize(("status", "base"), [(429, 1.0), (503, 0.5), (500, 0.5), (408, 0.5)])
def test_backoff_is_jittered(client: Maker, chance: Any, status: int, base: float) -> None:
    chance(0.0)
    assert seconds_of_a_retry(client, status) == 0.0
    chance(0.4)
    assert seconds_of_a_retry(client, status) == pytest.approx(0.4 * base)


@pytest.mark.fault("C6")
@pytest.mark.parametrize("value", ["1e9", "121", "999999999"])
@pytest.mark.parametrize("name", ["retry_after", "x_ratelimit_reset"])
def test_wait_that_is_too_long_is_not_begun(client: Maker, name: str, value: str) -> None:
    with ScriptedServer([request, send(answer(error_body(), 429, **{name: value}))]) as server:
        error = client(server, max_retries=2, timeout=600.0).fails(RateLimitError)
        assert len(server.requests) == 1
    assert error.retry_after == float(value)


@pytest.mark.fault("C6")
@pytest.mark.parametrize(
    "value",
    [
        "inf",
        "nan",
        "-1",
        "-inf",
        "",
        "soon",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "Fri, 99 Foo 2026",
        "1e999",
        "٣",
        "0x10",
    ],
)
@pytest.mark.parametrize("name", ["retry_after", "retry_after_ms", "x_ratelimit_reset"])
def test_wait_that_is_garbage(client: Maker, chance: Any, name: str, value: str) -> None:
    chance(0.0)
    field = {name: value.encode().decode("latin-1")}
    assert seconds_of_a_retry(client, **field) == 0.0
    with ScriptedServer([request, send(answer(error_body(), 429, **field))]) as server:
        assert client(server).fails(RateLimitError).retry_after is None


@pytest.mark.fault("C5", "C8", "C9", "C12")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 520, 522, 524, 529])
def test_tried_again(client: Maker, chance: Any, status: int, stream: bool) -> None:
    chance(0.0)
    with ScriptedServer(
        [request, send(answer(error_body(), status)), request, send(STREAM_OK if stream else OK)]
    ) as server:
        caller = client(server, max_retries=1)
        if stream:
            assert text_of(caller.chunks()) == "Hello world"
        else:
            assert caller.create().id == "r-1"
        assert len(server.requests) == 2


@pytest.mark.fault("C10", "C11")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 415, 418, 422, 451, 501, 505])
def test_not_tried_again(client: Maker, status: int, stream: bool) -> None:
    with ScriptedServer([request, send(answer(error_body("No, not so"), status))]) as server:
        error = client(server, max_retries=2).fails(class_for_status(status), stream=stream)
        assert len(server.requests) == 1
    assert (error.status_code, error.http_status, error.attempts) == (status, status, 1)
    assert "No, not so" in str(error)
    assert str(status) in str(error)
    assert not error.maybe_billed


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (409, "ConflictError"),
        (422, "UnprocessableEntityError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailableError"),
    ],
)
def test_class_of_a_status(client: Maker, status: int, name: str) -> None:
    with ScriptedServer([request, send(answer(error_body(), status))]) as server:
        assert type(client(server).fails(APIStatusError)) is getattr(togetherpy, name)


@pytest.mark.fault("C9")
def test_html_of_a_gateway_is_summarised(client: Maker) -> None:
    page = b"<html><head><style>p {x}</style></head><body><h1>502 Bad  Gateway</h1>" + b"<p>words" * 500 + b"</html>"
    with ScriptedServer([request, send(answer(page, 502, "text/html"))]) as server:
        error = client(server).fails(InternalServerError)
    assert "502 Bad Gateway" in str(error)
    assert "<" not in str(error)
    assert "{x}" not in str(error)
    assert len(str(error)) < 300
    assert error.maybe_billed


@pytest.mark.fault("C13")
@pytest.mark.parametrize(
    ("status", "wish", "requests"),
    [(400, "true", 2), (501, "true", 2), (429, "false", 1), (503, "FALSE", 1), (503, "maybe", 2), (400, "", 1)],
)
def test_server_says_whether_to_try_again(client: Maker, chance: Any, status: int, wish: str, requests: int) -> None:
    chance(0.0)
    with ScriptedServer([request, send(answer(error_body(), status, x_should_retry=wish))]) as server:
        client(server, max_retries=1).fails(APIStatusError)
        assert len(server.requests) == requests


@pytest.mark.fault("C14")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(client: Maker, status: int) -> None:
    with (
        ScriptedServer([request, send(OK)]) as other,
        ScriptedServer(
            [request, send(answer(b"", status, location=f"http://u:p@127.0.0.1:{other.port}/v1?token=hidden"))]
        ) as server,
    ):
        error = client(server, max_retries=2).fails(APIStatusError)
        assert (other.connections, len(server.requests)) == (0, 1)
    assert f"http://127.0.0.1:{other.port}" in str(error)
    assert "hidden" not in str(error)
    assert error.status_code == status


@pytest.mark.fault("C14")
@pytest.mark.parametrize("status", [304, 300, 306, 399])
def test_other_3xx_is_an_error(client: Maker, status: int) -> None:
    with ScriptedServer([request, send(answer(b"", status)[: -len("content-length: 0\r\n\r\n")] + b"\r\n")]) as server:
        assert client(server).fails(APIStatusError).status_code == status


@pytest.mark.fault("C15")
@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"error code: 521", "error code: 521"),
        (b"", "the server gave no reason"),
        ({"error": "a text"}, "a text"),
        ({"message": "flat", "type": "t", "code": "c"}, "flat"),
        ({"error": {"message": "usual", "type": "t", "code": "c", "param": "p"}}, "usual"),
        ({"error": {"message": {"message": "inner", "code": 400}, "type": "t"}}, "inner"),
        ({"detail": "of a gateway"}, "of a gateway"),
        ({"detail": [{"loc": ["body", "n"], "msg": "too small"}]}, "too small"),
        ({"object": "error", "message": "another family", "code": 40303}, "another family"),
        ({"error": {"message": None, "code": 7}}, "7"),
        ({"error": []}, "[]"),
        ([1, 2], "[1, 2]"),
        (b"\xff\xfe\x00", "Error code"),
        (b"[" * 200_000, "[[["),
        (b"null", "Error code"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_every_error_body_is_readable(client: Maker, body: Any, shown: str, stream: bool) -> None:
    with ScriptedServer([request, send(answer(body, 400))]) as server:
        error = client(server).fails(togetherpy.BadRequestError, stream=stream)
    assert shown in str(error)
    assert "Error code: 400" in str(error)
    assert len(str(error)) < 400


@pytest.mark.fault("C15")
def test_facts_of_an_error(client: Maker) -> None:
    body = error_body("Unable", type="invalid_request_error", code="model_not_available", param="model")
    fields = {"x_request_id": "id-7", "cf_ray": "ray", "retry_after": "2"}
    with ScriptedServer([request, send(answer(body, 404, **fields))]) as server:
        error = client(server).fails(togetherpy.NotFoundError)
    assert (error.code, error.type, error.param) == ("model_not_available", "invalid_request_error", "model")
    assert (error.request_id, error.headers["X-Request-ID"], error.retry_after) == ("id-7", "id-7", 2.0)
    assert error.body == body


@pytest.mark.fault("G7")
def test_error_that_echoes_the_key(client: Maker) -> None:
    body = error_body(f"Invalid API key provided: {KEY}")
    with ScriptedServer([request, send(answer(body, 401, x_key=KEY))]) as server:
        error = client(server).fails(togetherpy.AuthenticationError)
    assert "***" in str(error)
    assert error.headers["x-key"] == "***"


@pytest.mark.fault("C15")
@pytest.mark.parametrize(
    ("method", "given", "hint"),
    [
        ("files.retrieve", {"id": "file-9"}, "Check the id and base_url."),
        ("files.delete", {"id": "file-9"}, "Check the id and base_url."),
        ("files.content", {"id": "file-9"}, "Check the id and base_url."),
        ("files.list", {}, "Check base_url."),
        ("batches.retrieve", {"id": "b-9"}, "Check the id and base_url."),
        ("batches.cancel", {"id": "b-9"}, "Check the id and base_url."),
        (
            "batches.create",
            {"input_file_id": "file-9", "endpoint": "/v1/chat/completions"},
            "Check the file's id, the model's name and base_url.",
        ),
        ("batches.list", {}, "Check base_url."),
        ("fine_tuning.retrieve", {"id": "ft-9"}, "Check the id and base_url."),
        ("fine_tuning.cancel", {"id": "ft-9"}, "Check the id and base_url."),
        ("fine_tuning.list_events", {"id": "ft-9"}, "Check the id and base_url."),
        ("fine_tuning.list_checkpoints", {"id": "ft-9"}, "Check the id and base_url."),
        (
            "fine_tuning.create",
            {"training_file": "file-9", "model": "m"},
            "Check the ids, the model's name and base_url.",
        ),
        ("models.retrieve", {"id": "m"}, "Check the model's name and base_url."),
        ("models.list", {}, "Check base_url."),
        ("chat.completions.create", CALL, "Check the model's name and base_url."),
        ("embeddings.create", {"model": "m", "input": "x"}, "Check the model's name and base_url."),
    ],
)
def test_what_a_404_may_be_about(client: Maker, method: str, given: dict[str, Any], hint: str) -> None:
    area, _, name = method.rpartition(".")
    with ScriptedServer([request, send(answer({"error": "Not found"}, 404))]) as server:
        call = getattr(client(server).area(area), name)
        with pytest.raises(togetherpy.NotFoundError) as raised:
            call(**given)
    assert str(raised.value) == f"Error code: 404 - Not found. {hint}"
