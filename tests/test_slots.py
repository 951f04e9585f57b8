"""The queue for connections, and handles for what blocks: E12, E16, in one thread at a time."""

import math
import threading
from typing import Any

import pytest

from togetherpy._transport.slots import Handle, Slots, Turn


@pytest.mark.fault("E12")
def test_slots_are_handed_over_in_order() -> None:
    slots, woken = Slots(1), []
    assert slots.take()
    waiters = [slots.enter(lambda number=number: woken.append(number)) for number in range(3)]
    assert (slots.free, slots.waiting) == (0, 3)
    assert not slots.take()
    slots.release()
    assert woken == [0]
    assert not slots.leave(waiters[1])  # type: ignore[arg-type]
    slots.release()
    assert woken == [0, 2]
    assert slots.leave(waiters[0])  # type: ignore[arg-type]
    slots.release()
    assert (slots.free, slots.waiting) == (1, 0)


@pytest.mark.fault("E12")
def test_nobody_overtakes_the_queue() -> None:
    slots = Slots(2)
    assert slots.take()
    assert slots.take()
    waiter = slots.enter(lambda: None)
    slots._free.append(None)  # as in the middle of `release`
    assert not slots.take()
    slots.release()
    assert waiter is not None
    assert slots.leave(waiter)


@pytest.mark.fault("E12", "E13")
def test_threads_never_hold_more_slots_than_there_are() -> None:
    slots, held, most = Slots(3), [], []

    def work() -> None:
        for _ in range(200):
            assert slots.acquire(Handle(), math.inf)
            held.append(None)
            most.append(len(held))
            held.pop()
            slots.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 3
    assert (slots.free, slots.waiting) == (3, 0)


@pytest.mark.fault("E16")
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_aborted_handle_gets_no_slot(when: str) -> None:
    slots, handle = Slots(1), Handle()
    assert slots.take()
    if when == "before":
        handle.abort()
    else:
        threading.Timer(0.01, handle.abort).start()
    assert not slots.acquire(handle, math.inf)
    slots.release()
    assert (slots.free, slots.waiting) == (1, 0)


def test_a_wait_ends_by_itself_and_leaves_no_place() -> None:
    slots = Slots(1)
    assert slots.take()
    assert not slots.acquire(Handle(), 0.001)
    assert slots.waiting == 0


@pytest.mark.fault("E5")
def test_an_interrupted_wait_gives_its_slot_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(1)
    assert slots.take()

    def interrupted(turn: Turn, seconds: float) -> Any:
        slots.release()
        raise KeyboardInterrupt

    monkeypatch.setattr(Turn, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        slots.acquire(Handle(), math.inf)
    assert (slots.free, slots.waiting) == (1, 0)


def test_a_turn_comes_any_number_of_times() -> None:
    turn = Turn()
    turn.wait(0.001)
    turn.come()
    turn.come()
    turn.wait(60)
