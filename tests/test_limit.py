"""The controller of batch runs, in made-up time: its rules one by one, and what holds whatever comes."""

import math
import os
import random
import threading
from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from togetherpy._core.config import Secret
from togetherpy._core.wire import Headers
from togetherpy.batch import limits
from togetherpy.batch.allowance import Allowance
from togetherpy.batch.bucket import Bucket
from togetherpy.batch.limit import HISTORY, MAX_COOL_DOWN, RELEASE, Limit, Ticket
from togetherpy.batch.limits import KEPT, limit_for
from togetherpy.batch.pace import Pace
from togetherpy.batch.window import Window

NOTHING = Headers({})
URL = "https://api.together.ai/v1"


def headers(**fields: str) -> Headers:
    return Headers({name.replace("_", "-"): value for name, value in fields.items()})


def make(ceiling: int = 256, *, chance: float = 0.0, **bounds: Any) -> Limit:
    return Limit(ceiling, random=lambda: chance, **bounds)


def take(limit: Limit, now: float, tokens: float = 0) -> Ticket:
    ticket = limit.admit(now, tokens)
    assert isinstance(ticket, Ticket), ticket
    return ticket


def fill(limit: Limit, now: float, most: int = 10_000) -> tuple[list[Ticket], float]:
    """As many tickets as there are, and the time at which the last one was given."""
    tickets: list[Ticket] = []
    while len(tickets) < most:
        got = limit.admit(now)
        if isinstance(got, Ticket):
            tickets.append(got)
        elif got == math.inf:
            break
        else:
            now += got
    return tickets, now


def one_round(limit: Limit, now: float, seconds: float = 1.0) -> float:
    """As many are answered as may be in flight, each after `seconds`, and for each that ends another one goes out."""
    out: deque[Ticket] = deque()
    for _ in range(limit.limit):
        more, now = fill(limit, now)
        out.extend(more)
        first = out.popleft()
        now = max(now, first.sent + seconds)
        limit.succeeded(first, now, NOTHING)
    for ticket in out:
        limit.neutral(ticket, now)
    return now


def grown(size: int, ceiling: int = 256, *, seconds: float = 1.0) -> tuple[Limit, float]:
    """A limit of `size` that has never met a 429, and the time."""
    limit, now = make(ceiling), 0.0
    while limit.limit < size:
        now = one_round(limit, now, seconds)
    assert limit.limit == size
    return limit, now


def refuse(limit: Limit, now: float, **fields: str) -> float:
    """One request is refused; the time after its cool-down."""
    (ticket,), now = fill(limit, now, 1)
    limit.limited(ticket, now + 0.05, headers(**(fields or {"retry_after": "1"})))
    return limit.cool_until


# Start and growth


@pytest.mark.parametrize(("ceiling", "start"), [(256, 8), (8, 8), (3, 3), (1, 1)])
def test_it_begins_with_eight_or_the_ceiling(ceiling: int, start: int) -> None:
    limit = make(ceiling)
    tickets, now = fill(limit, 0.0)
    assert (len(tickets), now, limit.in_flight, limit.limit) == (start, 0.0, start, start)


def test_it_doubles_with_each_clean_round_up_to_the_ceiling() -> None:
    limit, now, seen = make(100), 0.0, []
    for _ in range(6):
        seen.append(limit.limit)
        now = one_round(limit, now)
    assert seen == [8, 16, 32, 64, 100, 100]


def test_what_a_growth_frees_does_not_go_out_in_one_burst() -> None:
    limit, now = grown(64, seconds=10.0)
    tickets, last = fill(limit, now)
    assert len(tickets) == 64
    assert last - now > 3


def test_it_grows_only_while_it_is_in_use() -> None:
    limit, now = make(), 0.0
    for _ in range(50):
        few, _ = fill(limit, now, 6)  # 75 % of 8
        now += 1.0
        for ticket in few:
            limit.succeeded(ticket, now, NOTHING)
    assert limit.limit == 8


def test_a_success_after_a_retry_is_neutral() -> None:
    limit, now = make(), 0.0
    for _ in range(50):
        tickets, now = fill(limit, now)
        for ticket in tickets:
            limit.succeeded(ticket, now + 1, NOTHING, retried=True)
        now += 1
    assert limit.limit == 8


def test_other_ends_are_neutral_too() -> None:
    limit, now = make(), 0.0
    for _ in range(50):
        tickets, now = fill(limit, now)
        for ticket in tickets:
            limit.neutral(ticket, now + 1)
        now += 1
    assert (limit.limit, limit.in_flight) == (8, 0)


def bad_rows(limit: Limit, count: int, seconds: float) -> float:
    """The server complains of so many requests, one after the other, each in so many seconds; the time at the end."""
    now, out = 0.0, deque[Ticket]()
    for _ in range(count):
        more, now = fill(limit, now, limit.limit - len(out))
        out.extend(more)
        first = out.popleft()
        now = max(now, first.sent + seconds)
        limit.answered(first, now)
    for ticket in out:
        limit.neutral(ticket, now)
    return now


def test_rows_that_are_all_bad_go_as_fast_as_they_are_answered() -> None:
    """Not as slowly as before the first answer of all; but the limit grows with answers only."""
    limit = make()
    assert bad_rows(limit, 800, 0.05) < 10
    assert limit.limit == 8


def test_what_bad_rows_taught_is_forgotten_with_the_first_answer() -> None:
    limit = make()
    now = bad_rows(limit, 100, 0.05)
    (ticket,), now = fill(limit, now, 1)
    limit.succeeded(ticket, now + 10, NOTHING)
    now += 10
    tickets, later = fill(limit, now, 6)
    assert later - now > 1  # 8 in 10 seconds, twice as fast as needed
    assert len(tickets) == 6


def test_a_429_among_bad_rows_halves_the_pace_and_leaves_the_limit() -> None:
    limit = make()
    now = bad_rows(limit, 100, 0.05)
    tickets, now = fill(limit, now, 8)
    for ticket in tickets:
        limit.limited(ticket, now, NOTHING)
    assert limit.limit == 8


# 429


@pytest.mark.fault("C7")
def test_a_429_cuts_by_a_quarter() -> None:
    limit, now = grown(64)
    refuse(limit, now)
    assert (limit.limit, limit.limited_count) == (48, 1)


def test_only_if_it_was_admitted_at_a_limit_no_higher_than_todays() -> None:
    limit, now = grown(64)
    tickets, now = fill(limit, now)
    for ticket in tickets:
        limit.limited(ticket, now, NOTHING)
    assert (limit.limit, limit.limited_count) == (48, 64)


def test_after_the_first_429_it_grows_by_a_twentieth_a_round() -> None:
    limit, now = grown(64)
    now = refuse(limit, now)
    before = now
    while limit.limit == 48:
        now = one_round(limit, now)
    assert limit.limit == 51  # 48 * 1.05, rounded up
    assert now - before < 10


def test_and_by_one_at_the_least() -> None:
    window = Window(256)
    window.failed, window._growth = 100.0, 0.05
    for at in range(8):
        window.succeed(float(at), 256)
    assert window.size == 9.0


def test_it_creeps_where_it_has_failed_twice_and_hurries_beyond() -> None:
    window, now, steps = Window(1000), 0.0, []
    window.size = 100.0
    window.fail(now)
    window.size = 100.0
    window.fail(now)
    assert window.size == 75.0
    while window.size < 200:
        before, now = window.size, now + 10.0
        for _ in range(math.ceil(before)):
            window.succeed(now, 1000)
        steps.append((before, window.size / before - 1))
    assert all(part == pytest.approx(0.05, abs=0.001) for size, part in steps if size < 90)
    assert all(part == pytest.approx(0.005) for size, part in steps if 95 <= size < 105)
    assert [round(part, 3) for size, part in steps if size >= 105][:3] == [0.05, 0.1, 0.2]


def test_one_failure_in_doubling_says_little_of_where_the_limit_is() -> None:
    window = Window(1000)
    window.size = 100.0
    window.fail(0.0)
    sizes = []
    for at in range(1, 12):
        for _ in range(math.ceil(window.size)):
            window.succeed(at * 10.0, 1000)
        sizes.append(window.size)
    assert sizes[-1] > 150


def test_its_floor_is_one() -> None:
    limit, now = grown(8)
    now = one_round(limit, now)
    for _ in range(100):
        now = refuse(limit, now)
    assert limit.limit == 1
    assert len(fill(limit, now)[0]) == 1


def test_before_the_first_answer_a_429_blames_the_burst() -> None:
    limit = make()
    tickets, _ = fill(limit, 0.0)
    for ticket in tickets[2:]:
        limit.limited(ticket, 0.05, headers(retry_after="1"))
    assert limit.limit == 8
    waited, last = fill(limit, limit.cool_until)
    assert len(waited) == 6
    assert last - limit.cool_until >= 5 * 0.25  # four a second, where it had been eight at once


# The cool-down


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"x_ratelimit_reset": "3"}, 3.0),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after": "0"}, 1.0),
        ({}, 1.0),
        ({"retry_after": "90000"}, MAX_COOL_DOWN - RELEASE),
    ],
)
def test_nothing_is_sent_in_the_cool_down(fields: dict[str, str], seconds: float) -> None:
    limit, now = grown(64)
    limit.limited(take(limit, now), now, headers(**fields))
    assert limit.cool_until == pytest.approx(now + seconds)
    wait = limit.admit(now + seconds / 2)
    assert isinstance(wait, float)
    assert wait >= seconds / 2


def test_it_begins_again_with_chance_over_a_second() -> None:
    ends = []
    for chance in (0.0, 0.5, 0.99):
        limit = make(chance=chance)
        refuse(limit, 0.0, retry_after="5")
        ends.append(limit.cool_until)
    assert ends == pytest.approx([5.05, 5.55, 6.04])


def test_it_is_released_little_by_little() -> None:
    limit, now = grown(64)
    now = refuse(limit, now)
    tickets, last = fill(limit, now)
    assert len(tickets) == 48
    assert last - now > 0.5


def test_every_429_may_lengthen_it_and_none_shortens_it() -> None:
    limit, now = grown(64)
    tickets, now = fill(limit, now, 3)
    ends = []
    for ticket, asked in zip(tickets, ("5", "60", "1"), strict=True):
        limit.limited(ticket, now, headers(retry_after=asked))
        ends.append(limit.cool_until - now)
    assert ends == pytest.approx([5, 60, 60])


def test_a_server_that_names_no_time_is_left_alone_for_longer_and_longer() -> None:
    limit, now = grown(64)
    waits = []
    for _ in range(10):
        limit.limited(take(limit, now), now, NOTHING)
        waits.append(limit.cool_until - now)
        now = limit.cool_until + 1000
    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 64, 119, 119, 119])
    limit.succeeded(take(limit, now), now + 1, NOTHING)
    limit.limited(take(limit, now + 1000), now + 1000, NOTHING)
    assert limit.cool_until - now - 1000 == pytest.approx(1)


def test_a_server_that_asks_for_more_than_two_minutes_is_probed_by_one() -> None:
    limit, now = grown(64)
    now = refuse(limit, now, retry_after="3600") + 10
    probe = take(limit, now)
    assert limit.admit(now + 10) == math.inf
    limit.limited(probe, now + 11, headers(retry_after="3600"))
    now = limit.cool_until + 10
    limit.succeeded(take(limit, now), now + 1, NOTHING)
    assert len(fill(limit, now + 100)[0]) == limit.limit > 1


# 503 and 529


def test_a_lack_of_capacity_pauses_growth() -> None:
    limit, now = grown(16)
    tickets, now = fill(limit, now)
    limit.capacity(tickets[0], now + 1, NOTHING)
    for ticket in tickets[1:]:
        limit.neutral(ticket, now)
    now = one_round(limit, now + 10)
    assert (limit.limit, limit.capacity_count) == (16, 1)
    one_round(limit, now)
    assert limit.limit == 32


@pytest.mark.fault("C8")
def test_and_cuts_by_a_tenth_when_it_is_more_than_a_tenth_of_a_round() -> None:
    limit, now = grown(64)
    tickets, now = fill(limit, now)
    for ticket in tickets[:6]:
        limit.capacity(ticket, now, NOTHING)
    assert limit.limit == 64
    limit.capacity(tickets[6], now, NOTHING)
    assert limit.limit == 58
    for ticket in tickets[7:]:  # they were admitted before the cut
        limit.capacity(ticket, now, NOTHING)
    assert limit.limit == 58


def test_its_place_rests_for_as_long_as_it_asks() -> None:
    limit, now = make(8, chance=0.5), 0.0
    tickets, _ = fill(limit, now)
    limit.capacity(tickets[0], now, headers(retry_after="4"))
    assert limit.admit(now) == pytest.approx(4.0)
    assert limit.admit(now + 4) != math.inf


def test_after_a_dip_it_doubles_again_when_there_was_no_429() -> None:
    limit, now = grown(256)
    for _ in range(12):
        tickets, now = fill(limit, now)
        for ticket in tickets:
            limit.capacity(ticket, now, NOTHING)
        now += 10
    low = limit.limit
    assert low < 80
    for _ in range(3):
        now = one_round(limit, now + 10)
    assert limit.limit >= min(256, 4 * low)


# Hard limits


def test_rpm_is_measured_per_second() -> None:
    limit = make(rpm=300)
    tickets, _ = fill(limit, 0.0, 5)
    assert len(tickets) == 5
    assert limit.admit(0.0) == pytest.approx(0.2)
    assert isinstance(limit.admit(0.2), Ticket)


def test_a_share_is_a_part_of_it() -> None:
    limit = make(rpm=600, share=0.1)
    limit.neutral(take(limit, 0.0), 0.0)
    assert limit.admit(0.0) == pytest.approx(1.0)


@pytest.mark.parametrize(("share", "first"), [(1.0, 8), (0.5, 4), (0.125, 1), (0.01, 1)])
def test_those_who_share_begin_together_as_one_would(share: float, first: int) -> None:
    assert make(share=share).limit == first


def test_tpm_counts_what_was_really_used() -> None:
    limit = make(tpm=6000)
    first = take(limit, 0.0, tokens=50)
    take(limit, 0.0, tokens=50)
    assert limit.admit(0.0, 10) == pytest.approx(0.1)
    limit.succeeded(first, 0.0, NOTHING, tokens=20)
    assert isinstance(limit.admit(0.0, 30), Ticket)
    assert limit.admit(0.0, 1) == pytest.approx(0.01)


def test_a_refused_request_has_used_no_tokens() -> None:
    limit = make(tpm=6000)
    limit.limited(take(limit, 0.0, tokens=100), 0.0, headers(retry_after="0.001"))
    assert isinstance(limit.admit(10.0, 100), Ticket)


def test_a_row_larger_than_a_second_of_tokens_goes_when_all_of_it_is_there() -> None:
    limit = make(tpm=6000)
    take(limit, 0.0, tokens=1000)
    assert limit.admit(0.0, 1) == pytest.approx(9.01)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"ceiling": 0}, "concurrency must be at least 1, not 0"),
        ({"rpm": 0}, "rpm must be above 0, not 0"),
        ({"tpm": -1.5}, r"tpm must be above 0, not -1\.5"),
        ({"rpm": math.nan}, "rpm must be above 0"),
        ({"share": 0.0}, "share must be above 0 and at most 1"),
        ({"share": 1.5}, r"not 1\.5"),
    ],
)
def test_bounds_out_of_range_are_named(bounds: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(**bounds)


def test_other_bounds_keep_what_has_been_learnt() -> None:
    limit, now = grown(64)
    limit.bound(32, rpm=60)
    assert limit.limit == 32
    take(limit, now)
    assert limit.admit(now) == pytest.approx(1.0)


# What the server says is left


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"x_ratelimit_remaining": "3", "x_ratelimit_reset": "10"}, 3),
        ({"x_ratelimit_remaining": "3", "x_ratelimit_limit": "100", "x_ratelimit_reset": "10"}, 3),
        ({"x_ratelimit_remaining_requests": "2", "x_ratelimit_reset_requests": "6m0s"}, 2),
        ({"x_ratelimit_remaining": "50", "x_ratelimit_remaining_dynamic": "1", "x_ratelimit_reset_dynamic": "9"}, 1),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "10"}, 0),
        ({"x_ratelimit_remaining": "199", "x_ratelimit_limit": "100", "x_ratelimit_reset": "2"}, 8),
        ({"x_ratelimit_remaining": "some"}, 8),
        ({"x_tokenlimit_remaining": "25", "x_tokenlimit_reset": "10"}, 2),
        ({"x_ratelimit_remaining_tokens": "10", "x_ratelimit_reset_tokens": "1s"}, 1),
        ({}, 8),
    ],
)
def test_no_more_is_sent_than_the_server_says_is_left(fields: dict[str, str], left: int) -> None:
    limit = make(8)
    limit.succeeded(take(limit, 0.0, 10), 0.1, headers(**fields))
    now, sent = 0.1, 0
    while now < 0.9 and sent < 8:
        got = limit.admit(now, 10)
        if isinstance(got, Ticket):
            sent += 1
        else:
            now += min(got, 0.1)
    assert sent == left


def test_that_holds_until_the_reset_and_is_shared() -> None:
    limit = make(8, share=0.5)
    limit.succeeded(take(limit, 0.0), 0.1, headers(x_ratelimit_remaining="2", x_ratelimit_reset="10"))
    take(limit, 1.0)
    assert limit.admit(1.0) == pytest.approx(9.0)
    assert isinstance(limit.admit(10.0), Ticket)


def test_what_an_older_request_says_does_not_count() -> None:
    allowance = Allowance()
    new, old = headers(x_ratelimit_remaining="50"), headers(x_ratelimit_remaining="0", x_ratelimit_reset="60")
    allowance.learn(2.0, new, sent=1.0, requests=2, tokens=0, share=1)
    allowance.learn(3.0, old, sent=0.5, requests=1, tokens=0, share=1)
    assert allowance.wait(3.0, 3, 0) == 0


def test_what_was_said_before_a_reset_that_has_passed_does_not_count() -> None:
    limit = make(8)
    limit.succeeded(take(limit, 0.0), 5.0, headers(x_ratelimit_remaining="0", x_ratelimit_reset="1"))
    assert isinstance(limit.admit(5.0), Ticket)


def test_headers_are_not_read_all_the_time_where_they_say_nothing() -> None:
    class Counting(Headers):
        read = 0

        def __contains__(self, name: object) -> bool:
            Counting.read += 1
            return False

    allowance = Allowance()
    for at in range(1000):
        allowance.learn(at / 1000, Counting({}), sent=at / 1000, requests=at, tokens=0, share=1)
    assert Counting.read == 6


# Tickets, history


def test_a_ticket_is_given_back_once() -> None:
    limit = make()
    ticket = take(limit, 0.0)
    limit.succeeded(ticket, 1.0, NOTHING)
    for _ in range(3):
        limit.succeeded(ticket, 1.0, NOTHING)
        limit.limited(ticket, 1.0, NOTHING)
        limit.capacity(ticket, 1.0, NOTHING)
        limit.neutral(ticket, 1.0)
    assert (limit.in_flight, limit.limited_count, limit.capacity_count, limit.limit) == (0, 0, 0, 8)


def test_the_history_says_when_the_limit_changed_and_is_bounded() -> None:
    limit, now = grown(64)
    assert [sample.limit for sample in limit.history] == [16, 32, 64]
    for _ in range(3 * HISTORY):
        now = refuse(limit, now + 100)
    assert len(limit.history) <= HISTORY
    times = [sample.at for sample in limit.history]
    assert times == sorted(times)
    assert limit.history[0].limit == 16
    assert limit.history[-1].limited == limit.limited_count


# Whatever comes

ENDS = ["succeeded", "retried", "limited", "long", "capacity", "neutral", "answered", "wait", "send", "send", "send"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ENDS), st.floats(0, 30), st.integers(0, 10**6)), max_size=300), st.data())
def test_invariants(steps: list[tuple[str, float, int]], data: st.DataObject) -> None:
    ceiling = data.draw(st.integers(1, 300))
    limit = Limit(ceiling, random=random.Random(1).random)
    out: list[Ticket] = []
    now = 0.0
    for what, seconds, pick in steps:
        if what == "wait":
            now += seconds
        elif what == "send":
            got = limit.admit(now)
            if isinstance(got, Ticket):
                assert len(out) < limit.limit
                out.append(got)
            else:
                assert got > 0
                assert got < math.inf or out
        elif out:
            ticket = out.pop(pick % len(out))
            now += seconds / 10
            end(limit, ticket, now, what)
        assert limit.in_flight == len(out)
        assert 1 <= limit.limit <= ceiling
        assert limit.cool_until - now <= MAX_COOL_DOWN
    assert_it_lets_somebody_in(limit, out, now)


def end(limit: Limit, ticket: Ticket, now: float, what: str) -> None:
    if what in ("succeeded", "retried"):
        limit.succeeded(ticket, now, NOTHING, retried=what == "retried")
    elif what in ("neutral", "answered"):
        getattr(limit, what)(ticket, now)
    elif what == "capacity":
        limit.capacity(ticket, now, NOTHING)
    else:
        limit.limited(ticket, now, headers(retry_after="1e6" if what == "long" else "2"))


def assert_it_lets_somebody_in(limit: Limit, out: list[Ticket], now: float) -> None:
    """Who does as told gets a ticket in bounded time: nothing is lost, nothing waits for ever."""
    for ticket in out:
        limit.neutral(ticket, now)
    waited, asked = 0.0, 0
    while not isinstance(got := limit.admit(now + waited), Ticket):
        assert got < math.inf
        waited, asked = waited + got, asked + 1
        assert asked < 10
    assert waited < 7200


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 20)), max_size=100))
def test_no_bucket_gives_more_than_its_rate_and_depth(steps: list[tuple[float, float]]) -> None:
    bucket, now, given_out = Bucket(3.0, 5.0), 0.0, 0.0
    for seconds, amount in steps:
        now += seconds
        if bucket.wait(now, amount) == 0:
            bucket.take(now, amount)
            given_out += min(amount, 5.0)
        assert given_out <= 5.0 + 3.0 * now + 1e-6


def test_a_pace_follows_a_latency_that_falls() -> None:
    pace = Pace(8)
    now = 0.0
    for seconds in [60.0] * 20 + [0.5] * 200:
        pace.learn(now, seconds, 100, failed=True)
    assert pace.latency is not None
    assert pace.latency < 30
    pace.take(now)
    assert pace.wait(now + 1) == 0


# One for each place


def forget() -> None:
    limits._limits.clear()


def test_one_controller_for_each_server_key_and_model() -> None:
    forget()
    one = limit_for(URL, Secret("key"), "model")
    assert limit_for(URL, Secret("key"), "model", ceiling=64) is one
    assert one.limit == 8
    assert one.ceiling == 64
    others = [
        limit_for(URL, Secret("other"), "model"),
        limit_for(URL, Secret("key"), "other"),
        limit_for("http://localhost/v1", Secret("key"), "model"),
        limit_for(URL, None, "model"),
    ]
    assert len({id(limit) for limit in [one, *others]}) == 5
    assert "other" not in repr(limits._limits).replace("'other'", "")


def test_the_registry_is_bounded_and_keeps_what_is_in_use() -> None:
    forget()
    used = limit_for(URL, None, "used")
    take(used, 0.0)
    for number in range(2 * KEPT):
        limit_for(URL, None, f"model {number}")
    assert len(limits._limits) == KEPT
    assert limit_for(URL, None, "used") is used
    assert limit_for(URL, None, f"model {2 * KEPT - 1}", share=0.5) in limits._limits.values()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_begins_anew() -> None:
    forget()
    parents = limit_for(URL, None, "model")
    take(parents, 0.0)
    with limits._lock:  # a lock that is held at the fork stays held in the child
        child = os.fork()
        if child == 0:
            fresh = limit_for(URL, None, "model")
            os._exit(0 if fresh is not parents and fresh.in_flight == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_share_one() -> None:
    limit = make(64)
    most, lock = [0], threading.Lock()

    def run(seed: int) -> None:
        chance = random.Random(seed)
        for step in range(500):
            ticket = limit.admit(float(step))
            if isinstance(ticket, Ticket):
                with lock:
                    most[0] = max(most[0], limit.in_flight)
                end(limit, ticket, float(step), chance.choice(["succeeded", "limited", "capacity", "neutral"]))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert limit.in_flight == 0
    assert most[0] <= 64
