"""The retry policy: outcome and state in, decision out."""

import threading
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from togetherpy._core import retry
from togetherpy._core.retry import Decision, Quota, decide, maybe_ran, retry_after
from togetherpy._core.wire import Fault, FaultKind, Headers, Opened, Outcome, Phase, Reply

NOW = 1_700_000_000.0
BASE, THROTTLE = retry.TRANSIENT_COST, 0


def reply(status: int, body: bytes = b"{}", **fields: str) -> Reply:
    headers = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in fields.items()}
    return Reply(status, Headers(headers), body)


def fault(kind: FaultKind, phase: Phase, **facts: bool) -> Fault:
    return Fault(kind, phase, "what happened", **facts)


def judge(outcome: Outcome, **state: Any) -> Decision | None:
    usual = {
        "retries_left": 2,
        "attempt": 1,
        "remaining": 600.0,
        "now": NOW,
        "jitter": 0.5,
        "stale_retry_used": False,
    }
    return decide(outcome, **(usual | state))


FINAL = None
TRANSIENT = Decision(0.25, BASE)
THROTTLED = Decision(0.5, THROTTLE)
FREE = Decision(0.25, 0)
AT_ONCE = Decision(0.0, 0, counted=False)

TABLE: dict[str, tuple[Outcome, dict[str, Any], Decision | None]] = {
    # nothing left the machine, so no quota is taken
    "refused": (fault("refused", "connecting"), {}, FREE),
    "dns": (fault("dns", "connecting"), {}, FREE),
    "connect timeout": (fault("timeout", "connecting"), {}, FREE),
    "reset while connecting": (fault("reset", "connecting"), {}, FREE),
    # trying again cannot help, or can
    "certificate": (fault("tls", "connecting", final=True), {}, FINAL),
    "handshake": (fault("tls", "connecting"), {}, FREE),
    "proxy refuses": (fault("proxy", "connecting", final=True), {}, FINAL),
    "proxy fails": (fault("proxy", "connecting"), {}, FREE),
    "no headers": (fault("timeout", "sent"), {}, TRANSIENT),
    "reset": (fault("reset", "sent", received=True), {}, TRANSIENT),
    "reset in the body": (fault("reset", "committed", received=True), {}, TRANSIENT),
    "not HTTP": (fault("protocol", "sent", received=True), {}, TRANSIENT),
    "corrupt gzip": (fault("encoding", "committed", received=True), {}, TRANSIENT),
    "too large": (fault("too_large", "committed", received=True), {}, FINAL),
    "closed": (fault("closed", "sent"), {}, FINAL),
    "closed while connecting": (fault("closed", "connecting"), {}, FINAL),
    # reused, and no byte of the answer
    "stale": (fault("reset", "sent", reused=True), {}, AT_ONCE),
    "stale, no retries left": (fault("reset", "sent", reused=True), {"retries_left": 0}, AT_ONCE),
    "stale, no time left": (fault("reset", "sent", reused=True), {"remaining": 0.0}, FINAL),
    "stale again": (fault("reset", "sent", reused=True), {"stale_retry_used": True}, TRANSIENT),
    "stale again, no retries left": (
        fault("reset", "sent", reused=True),
        {"stale_retry_used": True, "retries_left": 0},
        FINAL,
    ),
    "reused, a byte came": (fault("reset", "sent", reused=True, received=True), {}, TRANSIENT),
    "reused, but a timeout": (fault("timeout", "sent", reused=True), {}, TRANSIENT),
    "new connection": (fault("reset", "sent"), {}, TRANSIENT),
    "429": (reply(429), {}, THROTTLED),
    "429, second time": (reply(429), {"attempt": 2}, Decision(1.0, THROTTLE)),
    # a little more than asked
    "retry-after": (reply(429, retry_after="2"), {}, Decision(2 + 0.5 * 0.25, THROTTLE)),
    "retry-after 30": (reply(429, retry_after="30"), {}, Decision(30.5, THROTTLE)),
    "retry-after date": (
        reply(429, retry_after=formatdate(NOW + 10, usegmt=True)),
        {},
        Decision(10.5, THROTTLE),
    ),
    "retry-after-ms first": (reply(429, retry_after_ms="500", retry_after="9"), {}, Decision(0.55, THROTTLE)),
    "only x-ratelimit-reset": (reply(429, x_ratelimit_reset="1"), {}, Decision(1.075, THROTTLE)),
    "503 with retry-after": (reply(503, retry_after="2"), {}, Decision(2.125, BASE)),
    "retry-after 1e9": (reply(429, retry_after="1e9"), {}, FINAL),
    "retry-after 121": (reply(429, retry_after="121"), {}, FINAL),
    "retry-after 120": (reply(429, retry_after="120"), {}, Decision(120.5, THROTTLE)),
    "retry-after inf": (reply(429, retry_after="inf"), {}, THROTTLED),
    "retry-after nonsense": (reply(429, retry_after="soon"), {}, THROTTLED),
    "retry-after 0": (reply(429, retry_after="0"), {}, THROTTLED),
    **{f"{status}": (reply(status), {}, TRANSIENT) for status in (500, 502, 503, 504, 520, 521, 522, 524, 529, 599)},
    "502 HTML": (reply(502, b"<html>", content_type="text/html"), {}, TRANSIENT),
    **{f"{status}": (reply(status), {}, FINAL) for status in (400, 401, 402, 403, 404, 413, 415, 422, 501, 505)},
    "408": (reply(408), {}, TRANSIENT),
    "409": (reply(409), {}, TRANSIENT),
    "x-should-retry: false": (reply(503, x_should_retry="false"), {}, FINAL),
    "x-should-retry: FALSE, 429": (reply(429, x_should_retry="FALSE", retry_after="1"), {}, FINAL),
    "x-should-retry: true": (reply(400, x_should_retry="true"), {}, TRANSIENT),
    "x-should-retry: true, 501": (reply(501, x_should_retry="True"), {}, TRANSIENT),
    "x-should-retry: maybe": (reply(400, x_should_retry="maybe"), {}, FINAL),
    **{f"{status}": (reply(status), {}, FINAL) for status in (300, 301, 302, 303, 307, 308)},
    "x-should-retry on a redirect": (reply(307, x_should_retry="true"), {}, FINAL),
    "200, empty": (reply(200, b""), {}, TRANSIENT),
    "200, blanks": (reply(200, b" \r\n"), {}, TRANSIENT),
    "204": (reply(204, b""), {}, TRANSIENT),
    "200, text": (reply(200, b"hello", content_type="text/plain"), {}, TRANSIENT),
    # an answer, if a damaged one, that was charged for
    "200, damaged JSON": (reply(200, b'{"id":'), {}, FINAL),
    "200, JSON that names an error": (reply(200, b'{"error": "x"}'), {}, FINAL),
    # once
    "200, HTML": (reply(200, b"<html>", content_type="text/html; charset=utf-8"), {}, TRANSIENT),
    "200, HTML again": (reply(200, b"<html>", content_type="text/html"), {"attempt": 2}, FINAL),
    "no retries left": (reply(503), {"retries_left": 0}, FINAL),
    "no time left": (reply(503), {"remaining": 0.0}, FINAL),
    "time ran out before": (reply(503), {"remaining": -1.0}, FINAL),
    "wait beyond the deadline": (reply(503), {"remaining": 0.25}, FINAL),
    "wait just within the deadline": (reply(503), {"remaining": 0.26}, TRANSIENT),
    "asked to wait beyond the deadline": (reply(429, retry_after="10"), {"remaining": 10.4}, FINAL),
    "no wait at all": (reply(503), {"jitter": 0.0}, Decision(0.0, BASE)),
    # An accepted stream is never repeated, whatever becomes of it.
    "accepted stream": (Opened(200, Headers({}), None), {}, FINAL),
}


@pytest.mark.fault(
    "A1",
    "A2",
    "A3",
    "A4",
    "A10",
    "B1",
    "B3",
    "B5",
    "B6",
    "B14",
    "B15",
    "B16",
    "B17",
    "B18",
    "B20",
    "B24",
    "B25",
    "C1",
    "C2",
    "C3",
    "C4",
    "C5",
    "C6",
    "C8",
    "C9",
    "C10",
    "C11",
    "C12",
    "C13",
    "C14",
    "E1",
    "E16",
    "F2",
    "F3",
)
@pytest.mark.parametrize(("outcome", "state", "expected"), TABLE.values(), ids=TABLE)
def test_decisions(outcome: Outcome, state: dict[str, Any], expected: Decision | None) -> None:
    assert judge(outcome, **state) == (expected if expected is None else pytest.approx(expected))


def test_a_reply_without_a_content_type_counts_as_json() -> None:
    assert judge(Reply(200, Headers({}), b"damaged")) is None


@pytest.mark.fault("F2")
@pytest.mark.parametrize(
    ("status", "attempt", "longest"),
    [(503, 1, 0.5), (503, 2, 1.0), (503, 3, 2.0), (503, 7, 30.0), (503, 5000, 30.0), (429, 1, 1.0), (429, 4, 8.0)],
)
def test_full_jitter(status: int, attempt: int, longest: float) -> None:
    # uniform from nothing to the limit
    for jitter in (0.0, 0.1, 0.5, 0.999):
        decision = judge(reply(status), attempt=attempt, jitter=jitter)
        assert decision is not None
        assert decision.wait == pytest.approx(jitter * longest)


@settings(deadline=None)
@given(jitter=st.floats(0, 1, exclude_max=True), asked=st.floats(0.001, 120))
def test_a_server_is_never_asked_earlier_than_it_wants(jitter: float, asked: float) -> None:
    decision = judge(reply(429, retry_after=repr(asked)), jitter=jitter)
    assert decision is not None
    assert asked <= decision.wait <= asked * 1.1 + 0.05


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.fault("C1", "C2", "C3", "C4", "C6")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "1e9"}, 1e9),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.0", "x-ratelimit-reset": "soon"}, 0.0),
        ({"retry-after-ms": "0", "retry-after": "nonsense"}, 0.0),
        ({"retry-after": "1s"}, 1.0),
        ({"retry-after": repr(NOW + 9)}, 9.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "2, 3"}, None),
        ({"retry-after": "\xb2"}, None),
        ({"retry-after": "0x10"}, None),
        ({"retry-after": date(30)}, 30.0),
        ({"retry-after": date(30), "date": date(10)}, 20.0),  # the server's own clock
        ({"retry-after": date(30), "date": "nonsense"}, 30.0),
        ({"retry-after": date(30), "date": ""}, 30.0),
        ({"retry-after": date(-30)}, 0.0),
        ({"retry-after": date(30), "date": date(30)}, 0.0),
        ({"retry-after": "Fri, 31 Dec 100000 23:59:59 GMT"}, None),
        ({"retry-after": "Fri, 99 Dec 2030 23:59:59 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 2030 00:00:00 +99999999999"}, None),
        ({"retry-after": ","}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "nan", "retry-after": "9"}, 9.0),
        ({"retry-after-ms": date(30)}, None),
        ({"x-ratelimit-reset": "3"}, 3.0),
        ({"x-ratelimit-reset": "6m0s"}, 360.0),
        ({"x-ratelimit-reset": "120ms"}, 0.12),
        ({"x-ratelimit-reset": str(int(NOW + 30))}, 30.0),
        ({"x-ratelimit-reset": str(int(NOW + 30) * 1000)}, 30.0),
        ({"x-ratelimit-reset": str(int(NOW + 30) * 1000), "date": date(10)}, 20.0),
        ({"x-ratelimit-reset": str(int(NOW - 30) * 1000)}, 0.0),
        ({"x-ratelimit-reset": "2023-11-14T22:13:50Z"}, 30.0),
        ({"x-ratelimit-reset": "17900000000000000000"}, None),  # no point in time in any unit
        ({"x-ratelimit-reset": "2023-11-14T23:13:50.5+01:00"}, 30.5),
        ({"x-ratelimit-reset": "2019-11-14T22:13:50Z"}, None),
        ({"retry-after": "0", "x-ratelimit-reset": "3"}, 3.0),
        ({"retry-after": "1", "x-ratelimit-reset": "3"}, 1.0),
    ],
)
def test_retry_after(fields: dict[str, str], expected: float | None) -> None:
    assert retry_after(Headers(fields), NOW) == expected


DATE_PARTS = ["Fri,", " ", "31", "Dec", "2030", "23:59:59", "GMT", "+", "-", "9", "(", ")", ","]


@pytest.mark.fault("C6")
@settings(deadline=None)
@given(value=st.text() | st.lists(st.sampled_from(DATE_PARTS)).map("".join))
def test_no_value_of_a_header_raises(value: str) -> None:
    for name in ("retry-after", "retry-after-ms", "x-ratelimit-reset"):
        asked = retry_after(Headers({name: value, "date": value}), NOW)
        assert asked is None or 0 <= asked < float("inf")


@pytest.mark.fault("F4")
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (fault("refused", "connecting"), False),
        (fault("timeout", "connecting"), False),
        (fault("timeout", "sent"), True),
        (fault("reset", "sent"), True),
        (fault("reset", "committed"), True),
        (reply(400), False),
        (reply(401), False),
        (reply(429), False),
        (reply(500), False),
        (reply(503), False),
        (reply(302), False),
        (reply(502), True),
        (reply(504), True),
        (reply(524), True),
        (reply(200), True),
        (reply(204), True),
        (Opened(200, Headers({}), None), True),
    ],
    ids=repr,
)
def test_what_may_have_been_billed(outcome: Outcome, expected: bool) -> None:
    assert maybe_ran(outcome) is expected


@pytest.mark.fault("F1")
def test_quota() -> None:
    quota = Quota(20)
    assert quota.take(14)
    assert quota.tokens == 6
    assert not quota.take(14)
    assert quota.tokens == 6  # what cannot be paid costs nothing
    assert quota.take(0)
    assert quota.take(6)
    assert not quota.take(1)
    assert quota.take(0)  # what never left the machine may always be repeated
    quota.give_back(14)
    assert quota.tokens == 14
    quota.give_back(0)  # a success at the first attempt gives one
    assert quota.tokens == 15
    for _ in range(3):
        quota.give_back(14)
    assert quota.tokens == 20  # never more than at first


@pytest.mark.fault("F1")
def test_an_outage_fails_fast() -> None:
    quota = Quota()
    assert sum(quota.take(BASE) for _ in range(1000)) == 35


def test_a_quota_without_a_bound() -> None:
    quota = Quota(None)
    assert all(quota.take(BASE) for _ in range(10_000))
    quota.give_back(BASE)
    assert quota.tokens == float("inf")


@pytest.mark.fault("E13", "E14")
def test_quota_with_threads_racing() -> None:
    quota = Quota(1000)
    start = threading.Barrier(16)
    taken: list[int] = []

    def work() -> None:
        start.wait()
        taken.append(sum(quota.take(3) for _ in range(100)))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 333
    assert quota.tokens == 1

    def give() -> None:
        start.wait()
        for _ in range(100):
            quota.give_back(1)

    threads = [threading.Thread(target=give) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert quota.tokens == 1000
