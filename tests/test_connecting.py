"""The threads that connect, and who owns a connection when its opening and the wait for it end: A3, E6, E18."""

import threading
from typing import Any

import pytest
from support.leftovers import eventually

from togetherpy._transport.connecting import Opening, Workers

LIMIT = 20.0


class Connection:
    """One whose opening lasts until `go`."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.go, self.closed, self.error = threading.Event(), 0, error
        self.handle: Any = None

    def open(self, handle: Any, deadline: float, pool: Any) -> None:
        self.handle = handle
        assert self.go.wait(LIMIT)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def opening(conn: Any, told: list[int] | None = None) -> Opening:
    return Opening(conn, None, 0.0, lambda: (told if told is not None else []).append(1))  # type: ignore[arg-type]


def test_an_opening_that_ends_first_leaves_the_connection_to_the_waiter() -> None:
    conn, told = Connection(), list[int]()
    one = opening(conn, told)
    conn.go.set()
    one.run()
    assert (told, one.result(), conn.closed) == ([1], conn, 0)


def test_a_waiter_that_ends_first_leaves_it_to_the_thread() -> None:
    conn, told = Connection(), list[int]()
    one = opening(conn, told)
    with pytest.raises(TimeoutError):
        one.result()
    conn.go.set()
    one.run()
    assert (told, conn.closed) == ([], 1)
    assert conn.handle.aborted


@pytest.mark.parametrize("first", ["opening", "waiter"])
def test_a_broken_wait_leaves_no_connection_open(first: str) -> None:
    conn = Connection()
    conn.go.set()
    one = opening(conn)
    for step in (one.run, one.give_up) if first == "opening" else (one.give_up, one.run):
        step()
    assert conn.closed == 1


def test_what_the_opening_raises_is_the_waiters() -> None:
    conn = Connection(OSError("no"))
    conn.go.set()
    one = opening(conn)
    one.run()
    with pytest.raises(OSError, match="no"):
        one.result()


def test_threads_are_used_again_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, seen, done = Workers(), [], threading.Event()
    before = set(threading.enumerate())

    def job() -> None:
        seen.append(threading.current_thread())
        done.set()

    assert workers.submit(job)
    assert done.wait(LIMIT)
    eventually(lambda: workers._idle == 1, lambda: workers._idle)
    monkeypatch.setattr("togetherpy._transport.connecting.IDLE_SECONDS", 0.001)
    done.clear()
    assert workers.submit(job)
    assert done.wait(LIMIT)
    assert len(set(seen)) == 1
    eventually(lambda: not set(threading.enumerate()) - before, lambda: set(threading.enumerate()) - before)


def test_no_thread_waits_for_a_job_that_hangs() -> None:
    workers, go, done = Workers(), threading.Event(), threading.Event()
    assert workers.submit(lambda: bool(go.wait(LIMIT)) and None)
    assert workers.submit(done.set)
    assert done.wait(LIMIT)
    go.set()


@pytest.mark.fault("E18")
def test_where_no_thread_can_be_started_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert not Workers().submit(lambda: None)
