"""Retrying, F1 to F5, seen from the server's side."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import OK, STREAM_OK, answer, error_body, text_of
from support.scripted import ScriptedServer, close, repeat, request, send, until_gone

from togetherpy import APIConnectionError, APIError, APITimeoutError, InternalServerError, RateLimitError
from togetherpy._core.config import DEFAULT_RETRY_QUOTA as QUOTA
from togetherpy._core.retry import TRANSIENT_COST

Maker = Callable[..., Any]
BROKEN = answer(error_body("down"), 500)
THROTTLED = answer(error_body("slow down"), 429, retry_after_ms=1)


@pytest.mark.fault("F1")
def test_outage_fails_fast(client: Maker) -> None:
    calls = 10
    with ScriptedServer([repeat(request, send(BROKEN))]) as server:
        caller = client(server, max_retries=20)
        attempts = [caller.fails(APIError).attempts for _ in range(calls)]
        assert attempts[0] == 21
        assert sum(attempts) == len(server.requests) == QUOTA // TRANSIENT_COST + calls
        assert attempts[-1] == 1


@pytest.mark.fault("F1")
@pytest.mark.fault("F1")
def test_many_calls_told_to_slow_down_all_get_their_answers(client: Maker) -> None:
    turn = (request, send(answer(error_body("slow down"), 429)), request, send(OK))
    with ScriptedServer([repeat(*turn)]) as server:
        caller = client(server, max_retries=1, max_connections=1, retry_quota=0)
        assert [caller.create().id for _ in range(300)] == ["r-1"] * 300
        assert len(server.requests) == 600


@pytest.mark.fault("F1")
@pytest.mark.parametrize(("quota", "attempts"), [(0, 1), (28, 3), (None, 51)])
def test_quota_is_an_argument(client: Maker, quota: int | None, attempts: int) -> None:
    with ScriptedServer([repeat(request, send(BROKEN))]) as server:
        caller = client(server, max_retries=50, retry_quota=quota)
        assert caller.fails(APIError).attempts == attempts


@pytest.mark.fault("F1")
def test_quota_is_shared_with_options(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(BROKEN))]) as server:
        caller = client(server, max_retries=1000)
        assert caller.fails(APIError).attempts == QUOTA // TRANSIENT_COST + 1
        assert caller.with_options(max_retries=5).fails(APIError).attempts == 1


@pytest.mark.fault("F1")
def test_success_gives_back(client: Maker) -> None:
    outage = [step for _ in range(QUOTA // TRANSIENT_COST + 1) for step in (request, send(BROKEN))]
    good = [step for _ in range(10) for step in (request, send(OK))]
    # 500 = 35 * 14 + 10: ten successes bring 10 more, which is one retry.
    with ScriptedServer([*outage, *good, request, send(BROKEN), request, send(OK)]) as server:
        caller = client(server, max_retries=1000)
        caller.fails(APIError)
        for _ in range(10):
            caller.create()
        assert caller.create().id == "r-1"
        assert server.connections == 1


@pytest.mark.fault("F1")
def test_quota_under_many_threads(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(BROKEN))]) as server:
        caller = client(server, max_retries=1000)
        attempts: list[int] = []
        threads = [threading.Thread(target=lambda: attempts.append(caller.fails(APIError).attempts)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(attempts) == len(server.requests) == QUOTA // TRANSIENT_COST + 8


@pytest.mark.fault("F3")
def test_wait_beyond_the_deadline_is_not_begun(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(answer(error_body(), 429, retry_after=20)))]) as server:
        error = client(server, max_retries=2, timeout=5.0).fails(RateLimitError)
        assert len(server.requests) == 1
    assert error.retry_after == 20.0


@pytest.mark.fault("F3")
@pytest.mark.parametrize("stream", [False, True])
def test_deadline_covers_all_attempts(client: Maker, stream: bool) -> None:
    with ScriptedServer([request, send(BROKEN)], [request, send(BROKEN)], [request, until_gone]) as server:
        error = client(server, max_retries=10, timeout=0.4).fails(APITimeoutError, stream=stream)
        server.wait_hung_up(2)
    assert (error.attempts, error.maybe_billed) == (3, True)


@pytest.mark.fault("F4", "H7")
@pytest.mark.parametrize("stream", [False, True])
def test_one_idempotency_key_and_one_body_per_call(client: Maker, stream: bool) -> None:
    good = STREAM_OK if stream else OK
    script = [request, send(BROKEN), request, send(BROKEN), request, send(good)]
    with ScriptedServer([*script, *script]) as server:
        caller = client(server, max_retries=2)
        for _ in range(2):
            assert text_of(caller.chunks()) if stream else caller.create()
        keys = [one.headers["idempotency-key"] for one in server.requests]
        assert len(set(keys[:3])) == len(set(keys[3:])) == 1
        assert keys[0] != keys[3]
        assert re.fullmatch(r"[0-9a-f]{32}", keys[0])
        assert len({one.body for one in server.requests}) == 1


@pytest.mark.fault("F4")
def test_lost_answer_may_have_been_billed(client: Maker) -> None:
    with ScriptedServer([request, close], [request, send(answer(error_body(), 400))]) as server:
        error = client(server, max_retries=1).fails(APIError)
    assert (error.status_code, error.attempts, error.maybe_billed) == (400, 2, True)


@pytest.mark.fault("F4")
def test_refusal_was_not_billed(client: Maker) -> None:
    with ScriptedServer([request, send(THROTTLED)]) as server:
        error = client(server, max_retries=2).fails(RateLimitError)
    assert (error.attempts, error.maybe_billed) == (3, False)


@pytest.mark.fault("F5")
def test_attempts_are_visible(client: Maker) -> None:
    with ScriptedServer([request, send(BROKEN), request, send(BROKEN), request, send(STREAM_OK)]) as server:
        stream = client(server, max_retries=2).stream()
        assert stream.response.attempts == 3
        stream.read()
    with ScriptedServer([repeat(request, send(BROKEN))]) as server:
        assert client(server, max_retries=2).fails(InternalServerError).attempts == 3


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_retries_per_client_and_per_call(client: Maker, limit: int) -> None:
    with ScriptedServer([repeat(request, send(BROKEN))]) as server:
        assert client(server, max_retries=limit).fails(APIError).attempts == limit + 1
        assert client(server, max_retries=7).fails(APIError, max_retries=limit).attempts == limit + 1
        with_options = client(server, max_retries=7).with_options(max_retries=limit)
        assert with_options.fails(APIError).attempts == limit + 1


def test_two_retries_by_default(client: Maker) -> None:
    with ScriptedServer([request, close]) as server:
        assert client(server, max_retries=None).fails(APIConnectionError).attempts == 3
