"""Hooks: which events a call gives, what is in them, and that no hook changes a call."""

import asyncio
import contextvars
import copy
import logging
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.answers import (
    COMPLETION,
    DONE,
    OK,
    PROMPT,
    SSE,
    STREAM_OK,
    answer,
    chunk,
    chunked,
    error_body,
    event,
)
from support.clients import ASYNC_KINDS, CALL, KEY, failure, make_raw
from support.scripted import ScriptedServer, repeat, request, reset, send, until_gone

import togetherpy
from togetherpy import StreamInterruptedError
from togetherpy.hooks import (
    ErrorEvent,
    Event,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from togetherpy.types.common import UsageData

Maker = Callable[..., Any]
ROOT = Path(togetherpy.__file__).parent.parent
OPEN = [request, send(SSE + chunked(event(chunk("Hello")), end=False)), until_gone]
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
METHODS = ["on_request", "on_retry", "on_response", "on_stream_start", "on_stream_end", "on_error"]
variable = contextvars.ContextVar("variable", default="unset")


class Recorder(Hooks):
    """Keeps all events, and where each was seen."""

    def __init__(self, content: bool = False) -> None:
        self.content = content
        self.events: list[Any] = []
        self.threads: list[int] = []
        self.variables: list[str] = []

    def _keep(self, event: Event) -> None:
        assert event.__class__.__name__ in repr(event)
        for secret in (KEY, PROMPT, COMPLETION):
            assert secret not in repr(event)
        self.events.append(event)
        self.threads.append(threading.get_ident())
        self.variables.append(variable.get())

    on_request = on_retry = on_response = on_stream_start = on_stream_end = on_error = _keep

    @property
    def kinds(self) -> list[type]:
        return [type(event) for event in self.events]

    def only(self, kind: type) -> Any:
        (found,) = [event for event in self.events if type(event) is kind]
        return found


@pytest.fixture
def seen() -> Recorder:
    return Recorder()


# Which events come


def test_a_plain_call(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([request, send(answer(x_request_id="id-1"))]) as server:
        started = time.monotonic()
        client(server, hooks=seen).create(temperature=0.5, n=1, max_tokens=7, stop="END", user="me")
        ended = time.monotonic()
        sent = server.requests[0]
    assert seen.kinds == [RequestEvent, ResponseEvent]
    first, last = seen.events
    for one in seen.events:
        assert one.call == sent.headers["idempotency-key"]
        assert (one.endpoint, one.model, one.stream, one.attempt) == ("chat.completions", "m", False, 1)
        assert f"{one.server_address}:{one.server_port}" in server.base_url
        assert started <= one.started <= one.time <= ended
        assert one.elapsed == one.time - one.started
    assert first.settings == {"temperature": 0.5, "n": 1, "max_tokens": 7}
    assert (last.status_code, last.request_id, last.response_id, last.response_model) == (200, "id-1", "r-1", "m")
    assert last.finish_reasons == ("stop",)
    assert last.usage == UsageData(**USAGE)


def test_a_retry(client: Maker, seen: Recorder) -> None:
    busy = answer(error_body(), 429, retry_after_ms=5, x_request_id="id-2")
    with ScriptedServer([request, send(busy), request, reset], [request, send(OK)]) as server:
        client(server, hooks=seen, max_retries=2).create()
    assert seen.kinds == [RequestEvent, RetryEvent, RetryEvent, ResponseEvent]
    _, first, second, last = seen.events
    assert (first.attempt, first.reason, first.status_code, first.request_id) == (1, "429", 429, "id-2")
    assert first.wait >= 0.005
    assert (second.reason, second.status_code, second.request_id) == ("reset", None, None)
    assert len({one.call for one in seen.events}) == 1
    assert (second.attempt, last.attempt) == (2, 2)  # a connection that had gone stale does not count


def test_a_refused_call(client: Maker, seen: Recorder) -> None:
    refusal = answer(error_body(), 400, x_request_id="id-3")
    with ScriptedServer([request, send(refusal)]) as server:
        error = client(server, hooks=seen).fails(togetherpy.BadRequestError)
    assert seen.kinds == [RequestEvent, ErrorEvent]
    last = seen.events[-1]
    assert (last.error, last.status_code, last.request_id, last.attempt) == (error, 400, "id-3", 1)


def test_a_call_without_an_answer(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([repeat(request, reset)], [request, reset]) as server:
        error = client(server, hooks=seen, max_retries=1).fails(togetherpy.APIConnectionError)
    last = seen.only(ErrorEvent)
    assert seen.kinds[-1] is ErrorEvent
    assert (last.error, last.status_code, last.request_id, last.attempt) == (error, None, None, 2)


def test_what_is_never_sent_gives_no_event(client: Maker, seen: Recorder) -> None:
    with ScriptedServer() as server:
        failure(ValueError, lambda: client(server, hooks=seen).create(temperature=float("nan")))
    assert seen.events == []


def test_a_stream(client: Maker, seen: Recorder) -> None:
    start = SSE.replace(b"\r\n\r\n", b"\r\nx-request-id: id-4\r\n\r\n")
    usage = event({"id": "s-1", "choices": [], "usage": USAGE})
    body = b": ping\n\n" + event(chunk("Hello")) + event(chunk("", "stop")) + usage + DONE
    with ScriptedServer([request, send(start + chunked(body))]) as server:
        stream = client(server, hooks=seen).stream()
        assert seen.kinds == [RequestEvent, StreamStartEvent]
        assert len(stream.read()) == 3
        stream.close()
    assert seen.kinds == [RequestEvent, StreamStartEvent, StreamEndEvent]
    _, start_event, end = seen.events
    assert (start_event.status_code, start_event.request_id, start_event.stream) == (200, "id-4", True)
    assert (end.status_code, end.request_id, end.response_id, end.response_model) == (200, "id-4", "s-1", "m")
    assert (end.complete, end.error, end.finish_reasons, end.usage) == (True, None, ("stop",), UsageData(**USAGE))
    assert start_event.time <= end.first_data <= end.time


@pytest.mark.parametrize("way", ["break", "exception", "close", "close unread", "forget"])
def test_a_stream_left_early(client: Maker, seen: Recorder, way: str) -> None:
    with ScriptedServer(OPEN) as server:
        caller = client(server, hooks=seen)
        stream = caller.stream()
        if way == "break":
            stream.each(lambda one: True)
        elif way == "exception":
            failure(ZeroDivisionError, lambda: stream.each(lambda one: 1 // 0))
        elif way == "forget":
            stream.next()
            held = [stream]
            del stream
            with pytest.warns(ResourceWarning, match="neither read"):
                held.clear()
            assert StreamEndEvent not in seen.kinds
        else:
            if way == "close":
                stream.next()
            stream.close()
            stream.close()
        server.wait_gone(0)
        if way == "forget":
            caller.close()
    end = seen.only(StreamEndEvent)
    assert (end.complete, end.error, end.finish_reasons, end.usage) == (False, None, (), None)
    assert (end.first_data is None) == (way == "close unread")


def test_a_stream_that_breaks_off(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(chunk("Hello")), end=False))]) as server:
        stream = client(server, hooks=seen).stream()
        error = failure(StreamInterruptedError, stream.read)
        failure(StreamInterruptedError, stream.read)  # what reading on raises is no event
    end = seen.only(StreamEndEvent)
    assert (end.complete, end.error, end.response_id) == (False, error, "s-1")
    assert ErrorEvent not in seen.kinds


def test_an_error_in_a_stream(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([request, send(SSE + chunked(event({"error": {"message": "late"}})))]) as server:
        error = client(server, hooks=seen).fails(togetherpy.APIStatusError, stream=True)
    assert seen.only(StreamEndEvent).error is error


def test_ids_and_usage_with_a_type_of_ones_own(client: Maker, seen: Recorder) -> None:
    usage = event({"id": "s-1", "choices": [], "usage": USAGE})
    streamed = SSE + chunked(event(chunk("a")) + event(chunk("", "length")) + usage + DONE)
    with ScriptedServer([request, send(OK), request, send(streamed)]) as server:
        caller = client(server, hooks=seen)
        caller.create(response_type=dict)
        caller.chunks(response_type=bytes)
    for kind, identity, reason in ((ResponseEvent, "r-1", "stop"), (StreamEndEvent, "s-1", "length")):
        found = seen.only(kind)
        assert (found.response_id, found.finish_reasons, found.usage) == (identity, (reason,), UsageData(**USAGE))


def test_an_odd_answer_is_no_trouble(client: Maker, seen: Recorder) -> None:
    odd = {"id": 5, "model": [], "choices": [{"finish_reason": None}], "usage": {"total_tokens": "many"}}
    with ScriptedServer([request, send(answer(odd)), request, send(answer(odd))]) as server:
        caller = client(server, hooks=seen)
        caller.create()
        caller.create(response_type=dict)
    for found in (seen.events[1], seen.events[3]):
        assert (found.response_id, found.response_model, found.finish_reasons) == (None, None, ())


@pytest.mark.parametrize("kind", ASYNC_KINDS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_cancelled_call(kind: str, seen: Recorder, stream: bool) -> None:
    async def main() -> None:
        async with make_raw(kind, api_key="k", base_url=server.base_url, hooks=seen) as client:
            async with asyncio.timeout(30):
                task = asyncio.ensure_future(work(client))
                while not seen.events or (stream and StreamStartEvent not in seen.kinds):
                    await asyncio.sleep(0)
                while not server.requests:
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

    async def work(client: Any) -> None:
        made = await client.chat.completions.create(**CALL, stream=stream)
        async for _ in made:
            pass

    with ScriptedServer(OPEN if stream else [request, until_gone]) as server:
        asyncio.run(main())
    found = seen.only(StreamEndEvent if stream else ErrorEvent)
    assert isinstance(found.error, asyncio.CancelledError)
    assert seen.events[-1] is found


# Where hooks run


def test_hooks_run_in_the_callers_thread_and_context(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([repeat(request, send(STREAM_OK))]) as server:
        caller = client(server, hooks=seen)
        if caller.kind == "sync":
            token = variable.set("mine")
            caller.chunks()
            variable.reset(token)
            where = threading.get_ident()
        else:

            async def work() -> int:
                variable.set("mine")
                async for _ in await caller.raw.chat.completions.create(**CALL, stream=True):
                    pass
                return threading.get_ident()

            where = caller.loop.run(work())
    assert len(seen.events) == 3
    assert set(seen.variables) == {"mine"}
    assert set(seen.threads) == {where}


# Content


def test_no_content_unless_asked_for(client: Maker, seen: Recorder) -> None:
    wants = Recorder(content=True)
    with ScriptedServer([request, send(OK), request, send(STREAM_OK)]) as server:
        caller = client(server, hooks=[seen, wants])
        caller.create()
        caller.chunks()
    for one in seen.events:
        assert getattr(one, "messages", None) is getattr(one, "answer", None) is None
    assert seen.kinds == wants.kinds
    assert wants.events[0].messages == CALL["messages"]
    assert wants.only(ResponseEvent).answer.choices[0].message.content == COMPLETION
    assert wants.only(StreamEndEvent).answer.choices[0].message.content == "Hello world"


def test_no_event_holds_what_was_said_or_the_key(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server, hooks=seen).create(user=KEY, extra_headers={"X-A": KEY})
    for one in seen.events:
        shown = str({name: getattr(one, name) for name in one.__struct_fields__})
        for secret in (KEY, PROMPT, COMPLETION):
            assert secret not in shown


def test_events_cannot_be_changed(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server, hooks=seen).create()
    with pytest.raises(AttributeError):
        seen.events[0].model = "other"


# What hooks may be


def test_any_object_with_some_of_the_methods(client: Maker) -> None:
    class Some:
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def on_response(self, event: Any) -> None:
            self.seen.append(event)

    some = Some()
    with ScriptedServer([repeat(request, send(OK))]) as server:
        client(server, hooks=some).create()
        client(server, hooks=(some, Hooks())).create()
    assert [type(one) for one in some.seen] == [ResponseEvent] * 2


class Asynchronous:
    async def on_request(self, event: Any) -> None:
        raise AssertionError


@pytest.mark.parametrize("hooks", [object(), 5, "hooks", print, Recorder, [Recorder(), None], Asynchronous()], ids=repr)
def test_what_cannot_be_hooks(kind: str, hooks: Any) -> None:
    with pytest.raises(TypeError, match="on_request"):
        make_raw(kind, api_key="k", hooks=hooks)


def test_hooks_without_methods_of_their_own_are_none(kind: str) -> None:
    for hooks in ([], (), Hooks(), None):
        assert make_raw(kind, api_key="k", hooks=hooks)._loop.watchers is None


def test_other_hooks_by_with_options(client: Maker, seen: Recorder) -> None:
    other = Recorder()
    with ScriptedServer([repeat(request, send(OK))]) as server:
        caller = client(server, hooks=seen)
        caller.with_options(hooks=other).create()
        assert (len(seen.events), len(other.events)) == (0, 2)
        caller.with_options(timeout=5).create()
        assert (len(seen.events), len(other.events)) == (2, 2)
        caller.with_options(hooks=[]).create()
        assert (len(seen.events), len(other.events)) == (2, 2)


def test_copies_of_a_client_have_its_hooks(kind: str, seen: Recorder) -> None:
    raw = make_raw(kind, api_key="k", hooks=seen)
    assert copy.copy(raw)._given["hooks"] is seen
    assert type(pickle.loads(pickle.dumps(raw))._given["hooks"]) is Recorder


# Broken hooks


class Broken(Hooks):
    def _fail(self, event: Event) -> None:
        raise ZeroDivisionError("broken")

    on_request = on_retry = on_response = on_stream_start = on_stream_end = on_error = _fail


def test_a_broken_hook_breaks_nothing_and_is_logged_once(
    client: Maker, seen: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    bad = answer(error_body(), 500)
    with ScriptedServer([repeat(request, send(bad), request, send(OK), request, send(STREAM_OK))]) as server:
        caller = client(server, hooks=[Broken(), seen], max_retries=1)
        for _ in range(2):
            assert caller.create().id == "r-1"
            assert len(caller.chunks()) == 3
            caller.with_options(max_retries=0).fails(togetherpy.InternalServerError)
            caller.create()
            caller.chunks()
    said = [one for one in caplog.records if one.name == "togetherpy" and one.levelno == logging.WARNING]
    assert len(said) == 1
    assert "Broken._fail failed with ZeroDivisionError" in said[0].getMessage()
    assert len(seen.events) > 10


class Interrupting(Hooks):
    def on_response(self, event: Event) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_in_a_hook_is_an_interrupt(seen: Recorder) -> None:
    with (
        ScriptedServer([request, send(OK)]) as server,
        make_raw("sync", api_key="k", base_url=server.base_url, hooks=[Interrupting(), seen]) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.chat.completions.create(**CALL)
    assert ErrorEvent not in seen.kinds  # the answer had come


# Off


def test_nothing_is_loaded_for_no_hooks() -> None:
    code = """
import sys
from togetherpy import Together
from togetherpy.testing import LocalServer
with LocalServer() as server, Together(api_key="k", base_url=server.base_url) as client:
    call = dict(model="m", messages=[{"role": "user", "content": "Hi"}])
    client.chat.completions.create(**call)
    list(client.chat.completions.create(**call, stream=True))
wanted = {"_core.events", "hooks", "_chat.response_type", "contrib", "resources._raw"}
assert not {f"togetherpy.{name}" for name in wanted} & set(sys.modules), sorted(sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_many_calls_at_a_time_are_told_apart(client: Maker, seen: Recorder) -> None:
    with ScriptedServer([repeat(request, send(OK))]) as server:
        caller = client(server, hooks=seen)
        threads = [threading.Thread(target=caller.create) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    calls = {one.call for one in seen.events}
    assert len(calls) == 8
    for call in calls:
        assert [type(one) for one in seen.events if one.call == call] == [RequestEvent, ResponseEvent]


def test_there_is_a_method_for_every_event() -> None:
    assert [name for name in vars(Hooks) if name.startswith("on_")] == METHODS
