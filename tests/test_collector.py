"""What the garbage collector may meet at any moment, and what a signal may break off: E5, E19."""

import asyncio
import contextlib
import gc
import sys
import sysconfig
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from support.answers import DONE, OK, SSE, chunk, chunked, event
from support.clients import ASYNC_KINDS, CALL, KEY, KINDS, failure, make_raw
from support.leftovers import eventually, free_slots
from support.scripted import ScriptedServer, Step, repeat, request, send, until_gone

import togetherpy
from togetherpy import Timeout
from togetherpy._transport.slots import Handle, Slots, Turn
from togetherpy.hooks import Hooks, StreamEndEvent

Maker = Callable[..., Any]
FIRST = SSE + chunked(event(chunk("Hello")), event(chunk(" world")), end=False)
OPEN: list[Step] = [request, send(FIRST), until_gone]
GOOD: list[Step] = [repeat(request, send(OK))]


class Holder:
    """Holds something in a reference cycle."""

    def __init__(self, held: Any) -> None:
        self.held, self.me = held, self


@pytest.fixture
def collecting() -> Iterator[Callable[[], None]]:
    """From its call on, the collector runs as often as it can."""
    before = gc.get_threshold()
    yield lambda: gc.set_threshold(1, 1, 1)
    gc.set_threshold(*before)


@pytest.fixture
def unwarned() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


@pytest.mark.fault("E19")
@pytest.mark.parametrize("way", ["next", "iterator", "read on"])
def test_streams_with_the_collector_at_every_step(
    client: Maker, way: str, collecting: Callable[[], None], unwarned: None
) -> None:
    with ScriptedServer(*[OPEN] * 15, GOOD) as server:
        caller = client(server, max_connections=1, timeout=Timeout(10, queue=10))
        collecting()
        for _ in range(15):
            stream = caller.stream()
            stream.next()
            Holder(iter([stream]) if way == "iterator" else stream)
            if way == "read on":
                stream.next()
            del stream
            gc.collect()  # what has grown old meanwhile
        assert caller.create().id == "r-1"
        eventually(lambda: free_slots(caller) == 1, lambda: free_slots(caller))


@pytest.mark.fault("E19")
def test_who_waits_for_a_forgotten_streams_slot_gets_it(client: Maker, unwarned: None) -> None:
    """Who waits allocates nothing, so the collector would not run by itself; and the queue has no limit by default."""
    with ScriptedServer(OPEN, GOOD) as server:
        caller = client(server, max_connections=1, timeout=Timeout(10, queue=20))
        gc.disable()
        try:
            stream = caller.stream()
            stream.next()
            Holder(stream)
            del stream
            assert caller.create().id == "r-1"
        finally:
            gc.enable()


@pytest.mark.fault("E19")
def test_a_slot_that_comes_back_at_any_moment_is_handed_out() -> None:
    """The collector, which gives a slot back, at every line of whoever is taking one."""
    for moment in range(1, 60):
        slots, came = Slots(1), []
        assert slots.enter(lambda: None) is None
        steps = 0

        def trace(frame: Any, what: str, argument: Any, slots: Slots = slots, moment: int = moment) -> Any:
            nonlocal steps
            steps += 1
            if steps == moment:
                slots.release()
            return trace

        sys.settrace(trace)
        waiter = slots.enter(lambda came=came: came.append(1))
        sys.settrace(None)
        if steps < moment:
            slots.release()
        if waiter is not None:
            assert came == [1]
            assert slots.leave(waiter)
        assert (slots.free, slots.waiting) == (0, 0)


@pytest.mark.fault("E19")
def test_what_is_waited_by_can_come_in_the_middle_of_the_wait() -> None:
    """As an Event cannot: its own lock may be held by the thread that sets it."""
    turn, call = Turn(), Handle()
    call.wake_by(turn.come)
    steps: list[str] = []

    def trace(frame: Any, what: str, argument: Any) -> Any:
        steps.append(what)
        call.abort()
        return trace

    sys.settrace(trace)
    turn.wait(60)
    sys.settrace(None)
    assert steps


@contextlib.contextmanager
def own_callbacks_only() -> Iterator[None]:
    """The collector runs when it is told to, and tells nobody else: tools of other tests look on, too."""
    others = [one for one in gc.callbacks if not str(getattr(one, "__module__", "")).startswith("togetherpy")]
    for one in others:
        gc.callbacks.remove(one)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.callbacks.extend(others)


@pytest.mark.fault("E19")
def test_what_the_collector_reaches(client: Maker, unwarned: None) -> None:
    """No lock but by a try, no wait, no look at who asks, and no code but ours, urllib3's, and what closes a socket."""
    with ScriptedServer(OPEN, GOOD) as server:
        caller = client(server, max_connections=1, hooks=Counter())
        stream = caller.stream()
        stream.next()
        gc.collect()  # what other tests have left
        Holder(stream)
        del stream
        seen: set[tuple[str, str]] = set()

        def profile(frame: Any, what: str, argument: Any) -> None:
            name = argument.__qualname__ if what == "c_call" else frame.f_code.co_qualname
            seen.add((frame.f_code.co_filename, name))

        with own_callbacks_only():
            sys.setprofile(profile)
            gc.collect()
            sys.setprofile(None)
        eventually(lambda: free_slots(caller) == 1, lambda: free_slots(caller))
        assert caller.create().id == "r-1"
    ours = {name for path, name in seen if "togetherpy" in path and "tests" not in path}
    assert any(name.endswith(("forget", "abandon")) for name in ours), ours
    places = (
        sysconfig.get_path("stdlib"),
        str(Path(togetherpy.__file__).parent),
        str(Path(urllib3.__file__).parent),
        "<",
    )
    assert not {path for path, _ in seen if not path.startswith((*places, __file__))}
    forbidden = ("Condition.", "Event.", "Queue.", "Counter.", "poll.", "lock.__enter__", "RLock.")
    assert not {name for _, name in seen if f"{name}.".startswith(forbidden) or name.endswith(".recv")}, seen
    takers = {path.rpartition("/")[2] for path, name in seen if name.endswith("lock.acquire")}
    assert takers <= {"blocking.py"}  # `acquire(blocking=False)`


class Counter(Hooks):
    """Holds a plain lock, as counters do, and has the collector run under it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ends: list[StreamEndEvent] = []

    def on_stream_end(self, event: StreamEndEvent) -> None:
        with self.lock:
            self.ends.append(event)

    def collect(self) -> int:
        with self.lock:
            gc.collect()
            return len(self.ends)


@pytest.mark.fault("E19")
@pytest.mark.parametrize("told", ["next call", "close"])
@pytest.mark.parametrize("way", ["stream", "loop"])
def test_hooks_of_a_forgotten_stream_are_told_later(client: Maker, told: str, way: str, unwarned: None) -> None:
    with ScriptedServer(OPEN, GOOD) as server:
        hooks = Counter()
        caller = client(server, hooks=hooks, max_connections=1)
        stream = caller.stream()
        if way == "stream":
            stream.next()
            Holder(stream)
        elif caller.kind == "sync":  # a generator of the user's, which iterates
            each = (one for one in stream.raw)
            next(each)
            Holder(each)
            del each
        else:

            async def begin(raw: Any = stream.raw) -> Any:
                each = aiter(raw)
                await anext(each)
                return each

            Holder(caller.loop.run(begin()))
        del stream
        assert hooks.collect() == 0
        eventually(lambda: free_slots(caller) == 1, lambda: free_slots(caller))
        if told == "next call":
            caller.create()
        else:
            caller.close()
        assert [(one.complete, one.error) for one in hooks.ends] == [(False, None)]


class Interrupted(Hooks):
    """Ctrl-C while hooks are told that a stream begins."""

    def __init__(self) -> None:
        self.ends: list[StreamEndEvent] = []

    def on_stream_start(self, event: Any) -> None:
        raise KeyboardInterrupt

    def on_stream_end(self, event: StreamEndEvent) -> None:
        self.ends.append(event)


@pytest.mark.fault("E5")
def test_an_interrupted_hook_gives_the_stream_back() -> None:
    with ScriptedServer(OPEN, GOOD) as server:
        hooks = Interrupted()
        with make_raw("sync", api_key=KEY, base_url=server.base_url, max_connections=1, hooks=hooks) as client:
            error = failure(KeyboardInterrupt, lambda: client.chat.completions.create(**CALL, stream=True))
            assert client._shared.transport().slots.free == 1
            assert [one.error for one in hooks.ends] == [error]
            assert client.chat.completions.create(**CALL, timeout=Timeout(queue=5)).id == "r-1"


@pytest.mark.fault("E5")
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_before_there_is_a_stream_gives_it_back(
    kind: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(OPEN, GOOD) as server:
        client = make_raw(kind, api_key=KEY, base_url=server.base_url, max_connections=1)

        def broken(*_: Any, **__: Any) -> Any:
            raise error

        def call(**more: Any) -> Any:
            answer = client.chat.completions.create(**CALL, timeout=Timeout(queue=5), **more)
            if kind == "sync":
                return answer

            async def main() -> Any:
                return await answer

            return asyncio.run(main())

        with monkeypatch.context() as patch:
            patch.setattr("togetherpy._core.call.Call._stream", broken)
            failure(error, lambda: call(stream=True))
        assert call().id == "r-1"
        asyncio.run(client.aclose()) if kind != "sync" else client.close()


@pytest.mark.fault("E5")
def test_an_interrupt_while_a_stream_is_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end was seen; that of its body does not come."""
    last = chunked(event(chunk("Hello", "stop")), DONE, end=False)

    def interrupted(*_: Any) -> bytes:
        raise KeyboardInterrupt

    with ScriptedServer([request, send(SSE + last), until_gone], GOOD) as server:
        client = make_raw("sync", api_key=KEY, base_url=server.base_url, max_connections=1)
        stream = client.chat.completions.create(**CALL, stream=True)
        next(stream)
        with monkeypatch.context() as patch:
            patch.setattr("togetherpy._transport.blocking.receive", interrupted)
            failure(KeyboardInterrupt, lambda: list(stream))
        server.wait_gone(0)
        assert client._shared.transport().slots.free == 1
        assert client.chat.completions.create(**CALL, timeout=Timeout(queue=5)).id == "r-1"
        client.close()


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_a_stream_forgotten_under_its_own_loop(kind: str, collecting: Callable[[], None], unwarned: None) -> None:
    async def main() -> None:
        async with make_raw(kind, api_key=KEY, base_url=server.base_url, max_connections=2) as client:
            collecting()

            async def one() -> None:
                stream = await client.chat.completions.create(**CALL, stream=True, timeout=Timeout(queue=20))
                await anext(stream)
                Holder(stream)
                del stream
                gc.collect()

            await asyncio.gather(*(one() for _ in range(12)))

    with ScriptedServer(OPEN) as server:
        asyncio.run(main())
