"""with_raw_response: an answer with all that came with it; what streams and errors carry of it."""

import copy
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.answers import (
    COMPLETION,
    HELLO,
    OK,
    SSE,
    STREAM_OK,
    answer,
    chunk,
    chunked,
    completion,
    error_body,
    event,
    text_of,
)
from support.clients import KEY, failure
from support.scripted import ScriptedServer, request, reset, send, wait

import togetherpy
from togetherpy import APIResponse, APIStreamResponse, RateLimit, RateLimits, ResponseInfo
from togetherpy._core.wire import Headers
from togetherpy.types import ChatCompletionResponse

Maker = Callable[..., Any]
LIMITS = {
    "x_ratelimit_limit": "0.1666666667",
    "x_ratelimit_remaining": "3",
    "x_ratelimit_reset": "6",
    "x_ratelimit_limit_tokens": "1000",
    "x_ratelimit_remaining_tokens": "999",
}
LIMITED = RateLimits(
    requests=RateLimit(limit=0.1666666667, remaining=3.0, reset=6.0), tokens=RateLimit(limit=1000.0, remaining=999.0)
)


def test_a_whole_answer(client: Maker) -> None:
    good = answer(completion() | {"brand_new": [1]}, x_request_id="id-7", **LIMITS)
    with ScriptedServer([request, send(good)]) as server:
        raw = client(server).raw_response()
    assert type(raw) is APIResponse
    assert (raw.status_code, raw.http_status, raw.request_id, raw.attempts) == (200, 200, "id-7", 1)
    assert raw.headers["X-Request-ID"] == raw.headers["x-request-id"] == "id-7"
    assert raw.rate_limit == LIMITED
    assert raw.json() == completion() | {"brand_new": [1]}
    assert msgspec.json.decode(raw.content) == raw.json()
    assert isinstance(raw.parse(), ChatCompletionResponse)
    assert raw.parse().choices[0].message.content == COMPLETION
    assert raw.parse() is raw.parse()


def test_what_is_sent_is_what_create_sends(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(OK)]) as server:
        caller = client(server)
        caller.create(temperature=0.5)
        caller.raw_response(temperature=0.5)
    first, second = server.requests
    assert (first.body, first.target) == (second.body, second.target)
    assert set(first.headers) == set(second.headers)


def test_attempts_and_elapsed_are_of_the_whole_call(client: Maker) -> None:
    slow = answer(error_body(), 503, retry_after_ms=60)
    with ScriptedServer([request, send(slow), request, send(OK)]) as server:
        caller = client(server, max_retries=1)
        started = time.monotonic()
        raw = caller.raw_response()
        took = time.monotonic() - started
    assert raw.attempts == 2
    assert 0.06 <= raw.elapsed <= took


def test_a_stream(client: Maker) -> None:
    gate = threading.Event()
    start = SSE.replace(b"\r\n\r\n", b"\r\nx-request-id: id-8\r\nx-ratelimit-remaining: 3\r\n\r\n")
    with ScriptedServer([request, send(start), wait(gate), send(chunked(HELLO))]) as server:
        caller = client(server)
        raw = caller.raw_response(stream=True)
        assert type(raw) is APIStreamResponse
        assert (raw.status_code, raw.request_id, raw.attempts) == (200, "id-8", 1)
        assert raw.rate_limit.requests.remaining == 3
        assert raw.elapsed > 0
        assert not hasattr(raw, "content")
        gate.set()
        stream = caller.opened(raw.parse())
        assert text_of(stream.read()) == "Hello world"
    assert type(stream.response) is ResponseInfo
    for name in ResponseInfo.__struct_fields__:
        assert getattr(stream.response, name) == getattr(raw, name)
    assert stream.response.rate_limit == raw.rate_limit


def test_every_limit_is_none_where_the_server_says_nothing(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        limits = client(server).raw_response().rate_limit
    assert limits == RateLimits(requests=RateLimit(), tokens=RateLimit())
    assert limits.tokens.limit is None


def info(**fields: str) -> ResponseInfo:
    headers = Headers({name.replace("_", "-"): value for name, value in fields.items()})
    return ResponseInfo(status_code=200, headers=headers, request_id=None, attempts=1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2", 2.0), ("0", 0.0), ("0.5", 0.5), ("6m0s", 360.0), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("1d", 86400.0)]
    + [
        (nonsense, None)
        for nonsense in ("", "soon", "-1", "nan", "inf", "1_0", "1e400", "1735689600", "1735689600000", "12:30")
    ]
    + [("2, 3", 2.0), ("2;w=60", 2.0)],
)
def test_seconds_to_the_reset(value: str, seconds: float | None) -> None:
    assert info(x_ratelimit_reset=value).rate_limit.requests.reset == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("1790000030", "1790000030000", "1790000030.0", "1790000030000000000"),
        *("2026-09-21T14:13:50Z", "2026-09-21T16:13:50+02:00", "2026-09-21T14:13:50", "Mon, 21 Sep 2026 14:13:50 GMT"),
    ],
)
def test_a_reset_that_is_a_point_in_time(value: str) -> None:
    date = "Mon, 21 Sep 2026 14:13:20 GMT"
    assert info(x_ratelimit_reset=value, date=date).rate_limit.requests.reset == 30.0
    assert info(x_ratelimit_reset=value, date="Mon, 21 Sep 2026 14:14:00 GMT").rate_limit.requests.reset == 0.0


def test_a_reset_by_our_own_clock() -> None:
    reset = info(x_ratelimit_reset=str(int(time.time()) + 1000)).rate_limit.requests.reset
    assert reset is not None
    assert 0 < reset <= 1000


def test_both_names_of_the_limits_of_tokens() -> None:
    documented = info(x_tokenlimit_limit="10", x_tokenlimit_remaining="9", x_tokenlimit_reset="1").rate_limit.tokens
    assert documented == RateLimit(limit=10, remaining=9, reset=1)
    sent = info(x_ratelimit_limit_tokens="10", x_ratelimit_remaining_tokens="9", x_ratelimit_reset_tokens="1s")
    assert sent.rate_limit.tokens == documented
    others = info(x_ratelimit_limit_requests="5", x_ratelimit_remaining_requests="4", x_ratelimit_reset_requests="12ms")
    assert others.rate_limit.requests == RateLimit(limit=5, remaining=4, reset=0.012)


def test_an_error_status_carries_it(client: Maker) -> None:
    refused = answer(error_body(f"no, {KEY}"), 429, x_request_id="id-9", x_echo=KEY, retry_after_ms=1, **LIMITS)
    with ScriptedServer([request, send(refused), request, send(refused)]) as server:
        error = client(server, max_retries=1).fails(togetherpy.RateLimitError)
    response = error.response
    assert (response.status_code, response.request_id, response.attempts) == (429, "id-9", 2)
    assert response.rate_limit == LIMITED
    assert response.json() == error_body("no, ***")
    assert response.headers["X-Echo"] == "***"
    assert response.elapsed == error.elapsed > 0
    for same in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert same.response == response
        assert same.response.headers["X-ECHO"] == "***"


def test_the_body_that_an_error_carries_is_bounded(client: Maker) -> None:
    with ScriptedServer([request, send(answer(b"x" * 100_000, 400))]) as server:
        error = client(server).fails(togetherpy.BadRequestError)
    assert error.response.content == b"x" * 65536


def test_an_unusable_answer_carries_it(client: Maker) -> None:
    with ScriptedServer([request, send(answer(b'{"id": ', x_request_id="id-1"))]) as server:
        error = client(server).fails(togetherpy.APIResponseError)
    assert (error.response.status_code, error.response.request_id) == (200, "id-1")
    assert error.response.content == b'{"id": '


def test_a_call_without_an_answer_has_the_time_that_it_took(client: Maker) -> None:
    with ScriptedServer([request, reset]) as server:
        error = client(server).fails(togetherpy.APIConnectionError)
    assert error.response is None
    assert error.elapsed > 0


def test_a_broken_stream_carries_it(client: Maker) -> None:
    start = SSE.replace(b"\r\n\r\n", b"\r\nx-request-id: id-2\r\n\r\n")
    broken = [request, send(start + chunked(event(chunk("a")), end=False))]
    unwell = [request, send(answer(error_body(), 503, retry_after_ms=1)), *broken]
    with ScriptedServer(unwell) as server:
        caller = client(server, max_retries=1)
        stream = caller.stream()
        error = failure(togetherpy.StreamInterruptedError, stream.read)
    assert (error.response.status_code, error.response.request_id) == (200, "id-2")
    assert error.response.attempts == error.attempts == 2
    assert error.response.elapsed == error.elapsed == stream.response.elapsed
    assert error.response.content == b""
    assert pickle.loads(pickle.dumps(error)).response == error.response


def test_an_error_in_a_stream_carries_it(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(event({"error": {"message": f"late {KEY}"}})))]) as server:
        error = client(server).fails(togetherpy.APIStatusError, stream=True)
    assert error.response.status_code == 200


def test_nothing_shows_what_was_said(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(STREAM_OK)]) as server:
        caller = client(server)
        raw = caller.raw_response()
        assert repr(raw) == f"<APIResponse 200 request_id=None {len(raw.content)} bytes>"
        opened = caller.raw_response(stream=True)
        assert repr(opened) == "<APIStreamResponse 200 request_id=None>"
        caller.opened(opened.parse()).close()


def test_it_pickles(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        raw = client(server).raw_response()
    assert pickle.loads(pickle.dumps(raw)).parse() == raw.parse()
