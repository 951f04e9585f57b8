"""The state of one call between its attempts."""

import json
from typing import Any

import msgspec
import pytest

from togetherpy._chat.facts import ChatAnswer, ChatEvents
from togetherpy._chat.stream import Stream
from togetherpy._core import call as module
from togetherpy._core.config import DEFAULT_RETRY_QUOTA as QUOTA
from togetherpy._core.config import Config, Secret, make_config
from togetherpy._core.retry import Quota
from togetherpy._core.wire import Endpoint, Fault, FaultKind, Headers, Opened, Outcome, Phase, Reply, Request
from togetherpy.error import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    AuthenticationError,
    RateLimitError,
    ServiceUnavailableError,
    class_for_status,
)
from togetherpy.types._timeout import Timeout
from togetherpy.types.chat_completions import ChatCompletionResponse

ENDPOINT: Endpoint[Any] = Endpoint("chat", "POST", "/chat/completions", ChatAnswer(ChatCompletionResponse))
GOOD = Reply(200, Headers({}), b'{"id": "x", "choices": []}')


def config() -> Config:
    return make_config(lambda _: None, api_key=Secret("sk-secret"))


class Call:
    """A call whose clock and chance stand still unless they are moved."""

    def __init__(
        self, *, max_retries: int = 2, deadline: float = 100.0, quota: Quota | None = None, endpoint: Any = ENDPOINT
    ) -> None:
        request = Request(endpoint, "/v1/chat/completions", (), None, b"{}", "whole")
        self.quota = quota or Quota()
        self.attempts = module.Call(
            config(),
            endpoint,
            lambda: request,
            self.quota,
            timeout=Timeout(total=deadline),
            max_retries=max_retries,
            started=0.0,
        )

    def judge(self, outcome: Outcome, *, at: float = 0.0, jitter: float = 0.5) -> tuple[Any, float | None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_monotonic", lambda: at)
            patch.setattr(module, "_now", lambda: 1e9)
            patch.setattr(module._chance, "random", lambda: jitter)
            return self.attempts.judge(outcome)


def reply(status: int, **fields: str) -> Reply:
    headers = Headers({name.replace("_", "-"): value for name, value in fields.items()})
    return Reply(status, headers, json.dumps({"error": {"message": "no"}}).encode())


def fault(kind: FaultKind, phase: Phase, **facts: bool) -> Fault:
    return Fault(kind, phase, "what happened", **facts)


def test_success_at_once() -> None:
    call = Call()
    value, wait = call.judge(GOOD)
    assert isinstance(value, ChatCompletionResponse)
    assert wait is None
    assert call.attempts.number == 1
    assert call.quota.tokens == QUOTA


def test_an_accepted_stream_is_a_value() -> None:
    class Body:
        def close(self, *, drained: bool) -> None:
            assert not drained

    opened = Opened(200, Headers({}), Body())
    stream, wait = Call(endpoint=msgspec.structs.replace(ENDPOINT, answer=ChatEvents())).judge(opened)
    with stream:
        assert (type(stream), stream.response.status_code, wait) == (Stream, 200, None)
    assert repr(opened) == "<Opened 200>"


@pytest.mark.fault("I15")
@pytest.mark.parametrize("status", [300, 307, 400, 401, 429, 500, 503, 599])
def test_other_statuses_are_errors_whatever_the_body(status: int) -> None:
    with pytest.raises(class_for_status(status)):
        Call(max_retries=0).judge(Reply(status, GOOD.headers, GOOD.body))


@pytest.mark.fault("F1", "F5")
def test_success_after_retries_gives_back_what_the_last_one_cost() -> None:
    call = Call()
    assert call.judge(reply(503)) == (None, 0.25)
    assert call.judge(reply(429)) == (None, 1.0)
    assert call.attempts.number == 3
    assert call.quota.tokens == QUOTA - 14
    value, wait = call.judge(GOOD)
    assert (type(value), wait) == (ChatCompletionResponse, None)
    assert call.quota.tokens == QUOTA - 14 + 1  # the last retry was for a 429, which costs nothing


@pytest.mark.fault("F5")
def test_the_last_failure_is_raised_with_the_number_of_attempts() -> None:
    call = Call()
    call.judge(reply(503))
    call.judge(reply(503))
    with pytest.raises(ServiceUnavailableError) as raised:
        call.judge(reply(503))
    assert raised.value.attempts == 3
    assert raised.value.maybe_billed is False
    assert call.quota.tokens == QUOTA - 28


@pytest.mark.fault("F4")
def test_maybe_billed_is_remembered_from_every_attempt() -> None:
    call = Call()
    call.judge(fault("timeout", "sent"))
    with pytest.raises(AuthenticationError) as raised:
        call.judge(reply(401))
    assert raised.value.maybe_billed is True
    assert raised.value.attempts == 2


@pytest.mark.fault("A1", "F1")
def test_what_never_left_the_machine_was_not_billed_and_costs_no_quota() -> None:
    call = Call()
    call.judge(fault("refused", "connecting"))
    call.judge(fault("timeout", "connecting"))
    with pytest.raises(APIConnectionError) as raised:
        call.judge(fault("refused", "connecting"))
    assert raised.value.maybe_billed is False
    assert raised.value.phase == "connecting"
    assert call.quota.tokens == QUOTA


@pytest.mark.fault("B1")
def test_a_timeout_after_sending_may_have_been_billed() -> None:
    call = Call(max_retries=0)
    with pytest.raises(APITimeoutError) as raised:
        call.judge(fault("timeout", "sent"))
    assert raised.value.maybe_billed is True
    assert raised.value.phase == "sent"


@pytest.mark.fault("E1")
def test_the_retry_on_a_stale_connection_is_not_counted() -> None:
    call = Call(max_retries=0)
    stale = fault("reset", "sent", reused=True)
    assert call.judge(stale) == (None, 0.0)
    assert call.attempts.number == 1
    assert call.attempts.fresh is True
    assert call.quota.tokens == QUOTA
    with pytest.raises(APIConnectionError) as raised:
        call.judge(stale)
    assert raised.value.attempts == 1


@pytest.mark.fault("F1")
def test_no_retry_without_quota() -> None:
    quota = Quota(14)
    assert Call(quota=quota).judge(reply(503)) == (None, 0.25)
    with pytest.raises(ServiceUnavailableError) as raised:
        Call(quota=quota).judge(reply(503))
    assert raised.value.attempts == 1
    assert Call(quota=quota).judge(fault("dns", "connecting")) == (None, 0.25)


@pytest.mark.fault("F3")
def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    call = Call(deadline=10.0)
    assert call.judge(reply(429, retry_after="5"), at=4.0, jitter=0.0) == (None, 5.0)
    with pytest.raises(RateLimitError) as raised:
        call.judge(reply(429, retry_after="5"), at=5.0, jitter=0.0)
    assert raised.value.retry_after == 5.0
    assert call.quota.tokens == QUOTA


@pytest.mark.fault("C6")
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(reply(429, retry_after="1e9"), 1e9), (reply(400, retry_after="2"), 2.0), (reply(429), None)],
)
def test_retry_after_of_the_error(outcome: Reply, expected: float | None) -> None:
    with pytest.raises(Exception, match="Error code") as raised:
        Call(max_retries=0).judge(outcome)
    assert raised.value.retry_after == expected


def test_a_200_says_retry_after_without_meaning_it() -> None:
    call = Call(max_retries=0)
    with pytest.raises(Exception, match="named an error") as raised:
        call.judge(reply(200, retry_after="2"))
    assert raised.value.retry_after is None
    assert raised.value.maybe_billed is True


@pytest.mark.fault("B14")
def test_an_unusable_answer_is_tried_again() -> None:
    call = Call(max_retries=1)
    assert call.judge(Reply(200, Headers({}), b"")) == (None, 0.25)
    with pytest.raises(APIResponseError) as raised:
        call.judge(Reply(204, Headers({}), b""))
    assert raised.value.attempts == 2
    assert raised.value.maybe_billed is True


@pytest.mark.fault("E16", "E17")
def test_a_client_that_is_closed_has_not_tried() -> None:
    with pytest.raises(APIConnectionError) as raised:
        Call().judge(fault("closed", "connecting"))
    assert raised.value.attempts == 0
    with pytest.raises(APIConnectionError) as raised:
        Call().judge(fault("closed", "sent"))
    assert raised.value.attempts == 1


def test_what_may_have_been_carried_out_is_not_asked_for_again_if_the_endpoint_says_so() -> None:
    once = msgspec.structs.replace(ENDPOINT, once=True)
    for outcome, again in [
        (reply(503), True),
        (fault("refused", "connecting"), True),
        (fault("timeout", "sent"), False),
        (reply(504), False),
        (fault("reset", "sent", reused=True), False),
    ]:
        call = Call(endpoint=once)
        assert call.attempts.fresh is True  # a connection that has gone stale would make a good request doubtful
        if again:
            assert call.judge(outcome)[1] is not None
        else:
            with pytest.raises(APIError) as raised:
                call.judge(outcome)
            assert raised.value.maybe_billed is True
