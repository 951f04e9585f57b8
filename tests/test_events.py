"""From calls to hooks, without a call: who is told what, and when a body says that it is over."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from togetherpy._core.config import Origin
from togetherpy._core.events import METHODS, Watchers, _BlockingBody
from togetherpy._core.expected import JSON, Expected, Facts
from togetherpy._core.wire import Endpoint, Headers, Reply
from togetherpy.hooks import Event, Hooks


class Memory:
    """A Body that gives what it was given."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, deadline: float) -> bytes:
        return self._pieces.pop(0)

    def close(self, *, drained: bool) -> None:
        pass


def test_a_stream_has_one_end_and_a_ping_is_no_data() -> None:
    ends: list[float | None] = []
    pieces = Memory(b": ping\n\n", b"data: {}\n\n")
    body = _BlockingBody(pieces, lambda first, error: ends.append(first), b"data", Watchers(None).later)
    body.read(1)
    before = time.monotonic()
    body.read(1)
    body.close(drained=True)
    body.close(drained=True)
    (first,) = ends
    assert first is not None
    assert before <= first <= time.monotonic()


def test_the_first_bytes_of_a_download_count_whatever_they_are() -> None:
    ends: list[float | None] = []
    body = _BlockingBody(Memory(b": x", b""), lambda first, error: ends.append(first), b"", Watchers(None).later)
    body.read(1)
    body.close(drained=True)
    assert ends[0] is not None


class Seen:
    def __init__(self, content: bool) -> None:
        self.content = content
        self.events: list[Event] = []

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        return self.events.append


class Talk(Expected[str]):
    operation = "talk"
    asked: ClassVar[Mapping[str, str]] = {"words": "messages"}

    def __init__(self) -> None:
        self.made = 0

    def facts(self, value: str, raw: bytes) -> Facts:
        return Facts(id="i", finish_reasons=("end",), messages=self._messages, answer=value)

    def _messages(self) -> list[Any]:
        self.made += 1
        return ["said"]


def told(answer: Expected[Any], value: Any, *hooks: Any, **params: Any) -> None:
    endpoint: Endpoint[Any] = Endpoint("a.b", "POST", "/a", answer)
    origin = Origin("http", "h", 1, "")
    watch = Watchers(list(hooks)).begin(endpoint, params, call="c", origin=origin, started=0.0)
    watch.answered(value, Reply(200, Headers({}), b""), 1)


def test_the_answer_says_what_hooks_are_told() -> None:
    with_content, without, talk = Seen(True), Seen(False), Talk()
    told(talk, "value", without, with_content, words=["w"], model="m")
    asked, answered = (vars_of(event) for event in with_content.events)
    assert (asked["endpoint"], asked["operation"], asked["model"], asked["messages"]) == ("a.b", "talk", "m", ["w"])
    assert (answered["response_id"], answered["finish_reasons"]) == ("i", ("end",))
    assert (answered["messages"], answered["answer"]) == (["said"], "value")
    for event in map(vars_of, without.events):
        assert event["messages"] is None
        assert event.get("answer") is None
    assert talk.made == 1


def test_what_is_content_is_not_made_for_those_who_do_not_want_it() -> None:
    talk = Talk()
    told(talk, "value", Seen(False), words=["w"])
    assert talk.made == 0


def test_an_answer_without_facts() -> None:
    seen = Seen(True)
    told(JSON[dict[str, int]](dict[str, int]), {"a": 1}, seen)
    answered = vars_of(seen.events[-1])
    assert (answered["answer"], answered["messages"], answered["usage"], answered["operation"]) == (
        {"a": 1},
        None,
        None,
        None,
    )


def vars_of(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.mark.parametrize("hooks", [Hooks(), [], [Hooks(), Hooks()]])
def test_nobody_wants_anything(hooks: Any) -> None:
    assert not Watchers(hooks).wanted
