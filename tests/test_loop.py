"""The send loops, and what all clients made from one have in common."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import answer
from support.scripted import ScriptedServer, request, send

from togetherpy import APIConnectionError
from togetherpy._core.config import Origin, Secret, make_config
from togetherpy._core.expected import Whole
from togetherpy._core.loop import Shared
from togetherpy._core.wire import Endpoint

Maker = Callable[..., Any]
OTHER = Origin("https", "other.example", 443, "")
GET: Endpoint[bytes] = Endpoint("x", "GET", "/x", Whole())


def shared(made: list[Origin]) -> Shared[Origin]:
    def make(config: Any) -> Origin:
        made.append(config.origin)
        origin: Origin = config.origin
        return origin

    return Shared(make_config(lambda _: None, api_key=Secret("k"), base_url="http://localhost:5/v1"), make)


def test_a_transport_is_made_for_each_server_with_the_first_request() -> None:
    made: list[Origin] = []
    one = shared(made)
    assert one.main is None
    assert one.transport() is one.transport() is one.main
    assert one.transport(OTHER) is one.transport(Origin("https", "other.example", 443, "/x"))
    assert [origin.host for origin in made] == ["localhost", "other.example"]
    assert one.close() == [one.main, OTHER]


def test_nothing_is_made_after_close() -> None:
    made: list[Origin] = []
    one = shared(made)
    assert one.close() == []
    for origin in (None, OTHER):
        with pytest.raises(APIConnectionError, match="closed"):
            one.transport(origin)
    assert made == []


def test_threads_that_come_first_share_one() -> None:
    for _ in range(20):
        made: list[Origin] = []
        one, barrier = shared(made), threading.Barrier(6)

        def use(one: Shared[Origin] = one, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            one.transport()

        threads = [threading.Thread(target=use) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1


def test_options_of_one_call(client: Maker) -> None:
    with ScriptedServer([request, send(answer(b"", 503)), request, send(answer(b"fine"))]) as server:
        caller = client(server)
        params = {"max_retries": 1, "timeout": 5, "extra_headers": {"X-A": "b"}, "extra_query": {"c": [1, 2]}}
        assert caller.call(GET, params) == b"fine"
        assert [one.target for one in server.requests] == ["/v1/x?c=1&c=2"] * 2
        assert server.requests[0].headers["x-a"] == "b"
    for wrong in ({"max_retries": -1}, {"timeout": 0}):
        with pytest.raises(ValueError, match="|".join(wrong)):
            caller.call(GET, wrong)
