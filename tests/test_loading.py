"""Work beside an event loop."""

import asyncio
import threading
from typing import Any

import pytest

from togetherpy._core import loading


def test_the_loop_goes_on_and_who_asks_for_the_same_waits_for_one() -> None:
    seen: list[threading.Thread] = []
    may_end = threading.Event()

    def work() -> None:
        seen.append(threading.current_thread())
        assert may_end.wait(20)

    async def main() -> None:
        tasks = [asyncio.create_task(loading.in_thread(work)) for _ in range(5)]
        while not seen:
            await asyncio.sleep(0)
        may_end.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert len(seen) == 1
    assert seen[0] is not threading.current_thread()
    assert not loading._running


def test_it_is_done_at_once_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    seen: list[threading.Thread] = []
    asyncio.run(loading.in_thread(lambda: seen.append(threading.current_thread())))
    assert seen == [threading.current_thread()]


def test_one_who_gives_up_ends_nothing_for_the_others() -> None:
    may_end = threading.Event()

    def work() -> None:
        assert may_end.wait(20)
        raise ValueError  # which its caller meets when it does the same again

    async def main() -> None:
        first, second = (asyncio.create_task(loading.in_thread(work)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert not second.done()
        may_end.set()
        await second

    asyncio.run(main())


def test_of_a_loop_that_ends_before_the_work_nothing_is_kept() -> None:
    may_end = threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        assert may_end.wait(20)

    async def main() -> None:
        beside = asyncio.create_task(loading.in_thread(work))
        while not threads:
            await asyncio.sleep(0)
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    may_end.set()
    threads[0].join(20)
    loop.close()
    assert not loading._running
