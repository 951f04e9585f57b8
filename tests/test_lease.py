"""A slot and its connection, given back once, by whoever is first: E2, E6, E16."""

from typing import Any

import pytest

from togetherpy._transport.lease import Lease
from togetherpy._transport.slots import Handle, Slots


class Lender:
    """What leases are had from."""

    server, max_bytes = "server:1", 1000

    def __init__(self) -> None:
        self.slots = Slots(1)
        self.leases: set[Handle] = set()
        self.back: list[Any] = []

    def lease(self) -> Lease:
        lease = Lease(self)
        lease.granted = self.slots.take()
        lease.conn, lease.route = Connection(), self  # type: ignore[assignment]
        return lease

    hint = ""

    @property
    def connections(self) -> Any:
        return self

    def give_back(self, conn: Any) -> None:
        self.back.append(conn)


class Connection:
    closed = 0
    idle_since = (0.0, 0.0, 0.0)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("reusable", [True, False])
def test_a_lease_ends_once(reusable: bool) -> None:
    lender = Lender()
    lease = lender.lease()
    conn: Any = lease.held()
    assert lender.slots.free == 0
    for again in (reusable, not reusable, False):
        lease.end(reusable=again)
    assert (lender.slots.free, lender.back, lender.leases, lease.ended) == (1, [conn], set(), True)
    assert conn.closed == (0 if reusable else 1)
    with pytest.raises(OSError, match="given back"):
        lease.held()


@pytest.mark.parametrize("why", ["aborted", "cut short"])
def test_a_connection_in_an_unknown_state_is_closed(why: str) -> None:
    lender = Lender()
    lease = lender.lease()
    conn: Any = lease.held()
    if why == "aborted":
        lease.abort()
    else:
        lease.receive_early(b"HTTP/1.1 413 No\r\n")
    lease.end(reusable=True)
    assert conn.closed == 1


def test_a_lease_that_got_no_slot_gives_none_back() -> None:
    lender = Lender()
    first, second = lender.lease(), Lease(lender)
    assert first.granted
    second.end(reusable=False)
    assert lender.slots.free == 0


def test_what_an_error_means_depends_on_who_ended_it() -> None:
    lease = Lender().lease()
    assert lease.fault(ConnectionResetError(), "sent").kind == "reset"
    lease.abort()
    assert lease.fault(ConnectionResetError(), "sent").kind == "closed"
