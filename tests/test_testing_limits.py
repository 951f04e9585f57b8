"""`LocalServer`'s rate limits and latencies: the meters in made-up time, and the server over real sockets."""

import contextlib
import http.client
import json
import socket
import threading
import time
from typing import Any

import pytest
from support.testing_helpers import HELLO, KEY, MODEL, PATH, Answered, ask, chat, eventually

from togetherpy.testing import LocalServer
from togetherpy.testing.__main__ import main
from togetherpy.testing._check import RequestError
from togetherpy.testing._limits import MOST, Limits, Meter, Quota
from togetherpy.testing._rates import Rates

OTHER_KEY = {"Authorization": "Bearer other"}
OTHER_MODEL = "openai/gpt-oss-120b"


def served(quota: Quota, seconds: float, each: float, start: float = 0.0) -> int:
    """How many of requests `each` seconds apart are let in, each of them answered at once."""
    count = 0
    for at in range(round(seconds / each)):
        if quota.enter(start + at * each) is None:
            quota.leave()
            count += 1
    return count


class TestQuota:
    def test_without_limits_everybody_is_let_in(self) -> None:
        assert served(Quota(Limits()), 1, 0.001) == 1000

    def test_a_second_is_what_counts(self) -> None:
        quota = Quota(Limits(rpm=600))
        assert [quota.enter(0.0) for _ in range(11)] == [None] * 10 + ["requests"]
        assert [quota.enter(0.1) for _ in range(2)] == [None, "requests"]
        assert [quota.enter(60.0) for _ in range(11)] == [None] * 10 + ["requests"]

    def test_less_than_one_a_second(self) -> None:
        quota = Quota(Limits(rpm=10))
        assert [quota.enter(at) for at in (0.0, 5.9, 6.0, 11.9, 12.1)] == [None, "requests", None, "requests", None]

    def test_tokens_count_when_they_are_known_and_are_made_up_for(self) -> None:
        quota = Quota(Limits(tpm=6000))
        assert quota.enter(0.0) is None
        quota.spend(300)
        assert [quota.enter(at) for at in (0.0, 1.9, 2.02)] == ["tokens", "tokens", None]

    def test_concurrency_is_what_is_in_flight(self) -> None:
        quota = Quota(Limits(concurrency=2))
        assert [quota.enter(0.0) for _ in range(3)] == [None, None, "concurrency"]
        quota.leave()
        assert [quota.enter(0.0) for _ in range(2)] == [None, "concurrency"]

    def test_a_refusal_takes_nothing(self) -> None:
        quota = Quota(Limits(rpm=60, concurrency=1))
        assert [quota.enter(0.0), quota.enter(5.0)] == [None, "concurrency"]
        quota.leave()
        assert quota.enter(5.0) is None

    def test_a_dynamic_limit_grows_with_steady_traffic(self) -> None:
        quota = Quota(Limits(rpm=600, dynamic=True))
        assert served(quota, 60, 0.12) == 500
        assert quota.requests is not None
        grown = quota.requests.rate
        assert 10 < grown < 10 * 1.02**60
        served(quota, 600, 0.5, start=60)  # too little of it is used
        assert quota.requests.rate == grown

    def test_and_shrinks_on_bursts_but_not_below_its_size(self) -> None:
        quota = Quota(Limits(rpm=600, dynamic=True))
        served(quota, 60, 0.1)
        assert quota.requests is not None
        before = quota.requests.rate
        for second in range(60, 63):
            served(quota, 0.1, 0.001, start=second)
        assert before * 0.9 < quota.requests.rate < before
        for second in range(63, 200):
            served(quota, 0.1, 0.001, start=second)
        assert quota.requests.rate == 10

    def test_it_grows_up_to_twenty_times(self) -> None:
        meter = Meter(600, dynamic=True)
        for second in range(1000):
            meter.left(float(second))
            meter.take(meter.rate)
        assert meter.rate == MOST * 10

    def test_dynamic_alone_begins_with_ten_a_second(self) -> None:
        assert served(Quota(Limits(dynamic=True)), 0.001, 0.00001) == 10

    @pytest.mark.parametrize("name", ["rpm", "tpm", "concurrency", "capacity"])
    def test_a_limit_of_nothing_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"{name} must be above 0, not 0"):
            LocalServer(**{name: 0})  # type: ignore[arg-type]


class TestLatency:
    def draws(self, latency: Any, seed: int, count: int = 1000) -> list[float]:
        rates = Rates(Limits(), latency, seed)
        return [rates.enter("key", "model").delay for _ in range(count)]

    def test_the_same_seed_gives_the_same_ones(self) -> None:
        assert self.draws((1.0, 3.0), 7) == self.draws((1.0, 3.0), 7) != self.draws((1.0, 3.0), 8)

    def test_two_numbers_are_median_and_95th_percentile(self) -> None:
        times = sorted(self.draws((1.0, 3.0), 1, 20_000))
        assert times[10_000] == pytest.approx(1.0, rel=0.05)
        assert times[19_000] == pytest.approx(3.0, rel=0.05)
        assert times[0] > 0

    def test_one_number_is_always_that(self) -> None:
        assert set(self.draws(0.5, 1)) == {0.5}
        assert set(self.draws((0.5, 0.5), 1)) == {0.5}

    @pytest.mark.parametrize("latency", [(3.0, 1.0), -1.0, (1.0, float("inf")), (1.0,), (1.0, 2.0, 3.0)])
    def test_nonsense_is_refused(self, latency: Any) -> None:
        with pytest.raises(ValueError, match="median"):
            LocalServer(latency=latency)

    def test_it_is_on_top_of_the_delay(self) -> None:
        assert Rates(Limits(), 0.5, delay=1.0).enter("key", "model").delay == 1.5

    def test_it_delays_answers(self) -> None:
        with LocalServer(latency=0.05) as server:
            begun = time.monotonic()
            assert chat(server).status == 200
            assert time.monotonic() - begun >= 0.05


class TestServer:
    def test_a_request_above_the_limit_is_refused_in_the_services_words(self) -> None:
        with LocalServer(rpm=6, tpm=60_000) as server:
            first, second = chat(server), chat(server)
        assert (first.status, second.status) == (200, 429)
        assert second.error["message"].startswith(
            "Request was rejected due to request rate limiting. Your rate limits are 6 RPM (0.1 QPS) and 60000 TPM"
        )
        assert (second.error["type"], second.error["code"], second.error["param"]) == ("rate_limit", None, None)
        assert second.json["id"]
        wanted = {"x-ratelimit": "true", "x-ratelimit-limit": "0.1", "x-ratelimit-remaining": "0"}
        assert wanted.items() <= dict(second.headers).items()
        assert 1 <= int(second.headers["retry-after"]) <= 10
        assert first.headers["x-ratelimit"] == "false"
        assert first.headers["x-tokenlimit-limit"] == first.headers["x-ratelimit-limit-tokens"] == "1000"
        assert 0 < int(first.headers["x-tokenlimit-remaining"]) < 1000

    def test_tokens(self) -> None:
        with LocalServer(tpm=60) as server:
            first, second = chat(server), chat(server)
        assert (first.status, second.status) == (200, 429)
        assert "token rate limiting" in second.error["message"]
        assert second.error["type"] == "rate_limit"
        assert 1 <= int(second.headers["retry-after"]) <= first.json["usage"]["total_tokens"]

    @pytest.mark.parametrize(
        ("limits", "kind"),
        [
            ({"rpm": 6}, "dynamic_request_limited"),
            ({"tpm": 60}, "dynamic_token_limited"),
        ],
    )
    def test_dynamic(self, limits: dict[str, Any], kind: str) -> None:
        with LocalServer(dynamic=True, **limits) as server:
            first, second = chat(server), chat(server)
        assert (first.status, second.status) == (200, 429)
        assert second.error["type"] == second.error["code"] == kind
        what = "ratelimit" if "rpm" in limits else "tokenlimit"
        assert second.headers[f"x-{what}-limit-dynamic"] == ("0.1" if "rpm" in limits else "1")
        assert second.headers[f"x-{what}-remaining-dynamic"] == "0"

    def test_each_key_and_model_has_its_own(self) -> None:
        body = {"model": MODEL, "messages": HELLO}
        with LocalServer(rpm=6) as server:
            assert [ask(server, body).status for _ in range(2)] == [200, 429]
            assert [ask(server, body, **OTHER_KEY).status for _ in range(2)] == [200, 429]
            assert ask(server, {**body, "model": OTHER_MODEL}).status == 200

    def test_what_is_wrong_with_a_request_is_said_first_and_costs_nothing(self) -> None:
        with LocalServer(rpm=6) as server:
            assert [chat(server, temperature="hot").status for _ in range(3)] == [400] * 3
            assert chat(server, max_tokens=10**7).status == 422  # known only when it had been let in
            assert [ask(server, method="GET", path="/v1/models").status for _ in range(3)] == [200] * 3

    @pytest.mark.parametrize(("limit", "status"), [("concurrency", 429), ("capacity", 503)])
    def test_too_much_at_once(self, limit: str, status: int) -> None:
        with LocalServer(delay=30, **{limit: 1}) as server, contextlib.closing(started(server)):
            eventually(lambda: len(server.requests) == 1)
            refused = chat(server)
            assert refused.status == status
            assert refused.error["type"] == ("rate_limit" if status == 429 else "service_unavailable")
            assert refused.error["message"] if status == 429 else refused.error["message"] == "Service unavailable"
            assert int(refused.headers["retry-after"]) >= 1

    def test_a_client_that_goes_leaves_its_place(self) -> None:
        with LocalServer(delay=0.05, concurrency=1) as server:
            started(server).close()
            eventually(lambda: len(server.requests) == 1 and server.open_connections == 0)
            assert [chat(server).status for _ in range(2)] == [200, 200]

    def test_a_stream_is_in_flight_to_its_end(self) -> None:
        with LocalServer(pace=30, concurrency=1) as server, contextlib.closing(started(server, stream=True)) as first:
            assert first.getresponse().status == 200  # its head: the rest is under way
            assert chat(server).status == 429
        with LocalServer(concurrency=1) as server:
            assert [chat(server, stream=True).status for _ in range(3)] == [200] * 3

    def test_a_request_that_fails_later_leaves_its_place(self) -> None:
        with LocalServer(concurrency=1) as server:
            assert [chat(server, max_tokens=10**7).status for _ in range(3)] == [422] * 3

    def test_capacity_is_for_all_keys_together(self) -> None:
        rates = Rates(Limits(capacity=2))
        leaves = [rates.enter(key, "model") for key in ("one", "two")]
        with pytest.raises(RequestError) as refused:
            rates.enter("three", "model")
        assert refused.value.status == 503
        assert leaves[0].done is not None
        leaves[0].done()
        rates.enter("three", "model")

    def test_scripted_replies_are_not_limited(self) -> None:
        with LocalServer(rpm=6) as server:
            server.reply(status=418, times=5)
            assert [chat(server).status for _ in range(7)] == [418] * 5 + [200, 429]

    def test_without_limits_nothing_changes(self) -> None:
        with LocalServer() as server:
            answered = [chat(server) for _ in range(3)]
        assert {answer.headers["x-ratelimit-remaining"] for answer in answered} == {"199"}
        assert not any("dynamic" in name for name in answered[0].headers)


def started(server: LocalServer, **params: Any) -> http.client.HTTPConnection:
    """A connection on which a chat has been asked for and whose answer has not been read."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    connection.request("POST", PATH, json.dumps({"model": MODEL, "messages": HELLO, **params}), KEY)
    return connection


class TestShell:
    def run(self, *arguments: str) -> list[Answered]:
        """Three chats with what `python -m togetherpy.testing` started."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        stop, answers = threading.Event(), list[Answered]()
        thread = threading.Thread(target=main, args=(["--port", str(port), *arguments], stop))
        thread.start()
        try:
            eventually(lambda: answering(port))
            server = LocalServer(port=port)
            server._port = port
            answers.extend(chat(server) for _ in range(3))
        finally:
            stop.set()
            thread.join(10)
        return answers

    def test_limits(self) -> None:
        assert [answer.status for answer in self.run("--rpm", "6", "--seed", "3")] == [200, 429, 429]
        dynamic = self.run("--rpm", "6", "--tpm", "6e6", "--dynamic", "--latency", "0.001", "0.002")
        assert [answer.status for answer in dynamic] == [200, 429, 429]
        assert dynamic[-1].error["type"] == "dynamic_request_limited"
        assert [answer.status for answer in self.run("--concurrency", "1", "--capacity", "5", "--latency", "0")] == [
            200
        ] * 3

    def test_help_names_every_argument(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["--help"])
        said = capsys.readouterr().out
        names = ["port", "pace", "rpm", "tpm", "concurrency", "dynamic", "capacity", "latency", "seed"]
        assert [name for name in names if f"--{name}" not in said] == []

    def test_nonsense_ends_with_a_sentence(self) -> None:
        with pytest.raises(SystemExit, match="rpm must be above 0"):
            main(["--rpm", "0"])


def answering(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True
