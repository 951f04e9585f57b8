"""The order of an attempt's events, driven by hand: no thread, no event loop, and a socket pair for a server."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.answers import OK, SSE

from togetherpy._chat.facts import ChatAnswer
from togetherpy._core.config import Secret, make_config
from togetherpy._core.wire import Endpoint, Fault, Opened, Reply, Request
from togetherpy._transport.attempt import Origin, Steps, attempt
from togetherpy._transport.lease import Lease
from togetherpy.types.chat_completions import ChatCompletionResponse

ENDPOINT = Endpoint("chat", "POST", "/chat/completions", ChatAnswer(ChatCompletionResponse))


class Call:
    """What an attempt has to know of its call."""

    queue, deadline, connect, fresh = 1.0, 1e9, 5.0, False

    def __init__(self, body: bytes = b"{}", take: Any = "whole") -> None:
        self.request = Request(ENDPOINT, "/v1/chat/completions", (), None, body, take)
        self.waited: list[float] = []

    def admit(self, waited: float) -> Request:
        self.waited.append(waited)
        return self.request


class Driver:
    """An origin whose connections end at `peer`."""

    def __init__(self) -> None:
        self.origin = Origin(make_config(lambda _: None, api_key=Secret("k" * 20), base_url="http://127.0.0.1:1/v1"))
        self.ours, self.peer = socket.socketpair()
        self.ours.setblocking(False)

    def begin(self, call: Call) -> tuple[Lease, Steps]:
        lease = Lease(self.origin)
        lease.granted = self.origin.slots.take()
        return lease, attempt(self.origin, lease, call, 0.25, lambda _, begun: ("body", begun))

    def connect(self, lease: Lease) -> None:
        lease.held().sock = self.ours

    def outcome(self, steps: Steps, came: bytes | None) -> Any:
        with pytest.raises(StopIteration) as end:
            steps.send(came)
        return end.value.value


@pytest.fixture
def driver() -> Iterator[Driver]:
    made = Driver()
    yield made
    made.ours.close()
    made.peer.close()


def test_a_plain_answer(driver: Driver) -> None:
    call = Call()
    lease, steps = driver.begin(call)
    assert next(steps) == "connect"
    assert call.waited == [0.25]
    assert lease.deadline < call.deadline
    driver.connect(lease)
    assert steps.send(None) == "receive"
    assert lease.deadline == call.deadline
    assert driver.peer.recv(1000).startswith(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
    assert steps.send(OK[:20]) == "receive"
    outcome = driver.outcome(steps, OK[20:])
    assert isinstance(outcome, Reply)
    assert (outcome.status, lease.ended, driver.origin.slots.free) == (200, True, 100)


def test_a_stream_is_left_open(driver: Driver) -> None:
    lease, steps = driver.begin(Call(take="events"))
    next(steps)
    driver.connect(lease)
    steps.send(None)
    outcome = driver.outcome(steps, SSE)
    assert isinstance(outcome, Opened)
    assert (outcome.body, lease.ended) == (("body", b""), False)
    lease.end(reusable=False)


def test_an_answer_that_comes_before_all_is_sent(driver: Driver) -> None:
    lease, steps = driver.begin(Call(b"x" * 30_000_000))
    next(steps)
    driver.connect(lease)
    assert steps.send(None) == "send"
    assert steps.send(None) == "send"  # nobody reads
    assert isinstance(driver.outcome(steps, OK), Reply)
    assert driver.ours.fileno() == -1  # what was cut short is not used again


@pytest.mark.parametrize(("error", "kind"), [(ConnectionResetError(), "reset"), (TimeoutError(), "timeout")])
def test_what_a_driver_throws_in_is_a_fault(driver: Driver, error: Exception, kind: str) -> None:
    lease, steps = driver.begin(Call())
    next(steps)
    driver.connect(lease)
    steps.send(None)
    with pytest.raises(StopIteration) as end:
        steps.throw(error)
    assert isinstance(end.value.value, Fault)
    assert (end.value.value.kind, end.value.value.phase) == (kind, "sent")
    lease.end(reusable=False)


@pytest.mark.fault("A1")
def test_what_connecting_raises_is_a_fault_of_connecting(driver: Driver) -> None:
    lease, steps = driver.begin(Call())
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.throw(ConnectionRefusedError())
    assert (end.value.value.kind, end.value.value.phase) == ("refused", "connecting")
    lease.end(reusable=False)
    assert driver.origin.slots.free == 100


@pytest.mark.fault("E16")
def test_a_closed_origin_begins_nothing(driver: Driver) -> None:
    lease, steps = driver.begin(Call())
    driver.origin.close()
    outcome = driver.outcome(steps, None)
    assert outcome.kind == "closed"
    assert lease.aborted
