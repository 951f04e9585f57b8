"""Bytes of a stream -> chunks, and whether they are all."""

import gc
import json
from typing import Any

import msgspec
import pytest

from togetherpy import error as errors
from togetherpy._chat.chunks import ChunkReader
from togetherpy._core import sse
from togetherpy._core.config import Secret
from togetherpy._core.wire import Fault, Headers
from togetherpy.types._response import ResponseInfo
from togetherpy.types.chat_completions import ChatCompletionChunk

CHUNK = msgspec.json.Decoder(ChatCompletionChunk)
KEY = "sk-Z9y8X7"


def reader(choices: int = 1) -> ChunkReader[ChatCompletionChunk]:
    headers = Headers({"x-request-id": "r", "x-echo": KEY})
    response = ResponseInfo(status_code=200, headers=headers, request_id="r", attempts=1)
    return ChunkReader(CHUNK, response, (Secret(KEY),), choices)


def say(content: str | None, finish: str | None = None, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": {"role": "assistant", "content": content}, "finish_reason": finish}
    return event({"id": "x", "choices": [choice]} | fields)


def event(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


DONE = b"data: [DONE]\n\n"
HELLO = say("Hel") + say("lo") + say("", "stop") + event({"choices": [], "usage": {"total_tokens": 3}}) + DONE


def read(data: bytes, step: int | None = None, choices: int = 1) -> tuple[ChunkReader[Any], list[ChatCompletionChunk]]:
    made = reader(choices)
    chunks = []
    step = step or len(data) or 1
    for start in range(0, len(data), step):
        made.feed(data[start : start + step])
        chunks += made.chunks()
    return made, chunks


def partial(error: errors.APIError) -> str | None:
    return error.partial.choices[0].message.content if error.partial is not None else None


@pytest.mark.fault("D1", "D2")
@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, None])
def test_a_stream_in_any_pieces(step: int | None) -> None:
    made, chunks = read(HELLO, step)
    assert [chunk.choices[0].delta.content for chunk in chunks if chunk.choices] == ["Hel", "lo", ""]
    assert chunks[-1].usage.total_tokens == 3
    assert made.complete
    assert made.clean
    assert made.accumulator.response().choices[0].message.content == "Hello"


def test_every_chunk_knows_the_fields_that_its_type_does_not() -> None:
    _, (first, second) = read(say("a", new=1) + say("b") + DONE)
    assert first.model_extra == {"new": 1}
    assert second.model_extra == {}
    assert first.to_dict()["new"] == 1


@pytest.mark.fault("B9")
def test_whether_something_came() -> None:
    # pings do not count
    made = reader()
    assert not made.feed(b"")
    assert not made.feed(b": ping\n\n")
    assert not made.feed(b"event: ping\n\n")
    assert not made.feed(b"data:\n\n")
    assert not made.feed(b"data: {")
    assert made.feed(b"}\n\n")
    assert next(made.chunks()).choices is None
    assert made.feed(DONE)


@pytest.mark.fault("B11", "D13")
@pytest.mark.parametrize("end", [DONE, b"data:[DONE]\n\n", b"data:  [DONE] \n\n", b"data: [DONE]\r\n\r\n"])
def test_the_end(end: bytes) -> None:
    made, chunks = read(say("a") + end)
    assert len(chunks) == 1
    assert made.complete
    assert made.clean


@pytest.mark.fault("D8")
@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
def test_an_end_that_is_not_dispatched(end: bytes) -> None:
    made, _ = read(say("a") + end)
    assert not made.complete
    made.end()
    assert made.complete
    assert made.clean


@pytest.mark.fault("B13")
@pytest.mark.parametrize("surplus", [say("late"), b"data: late", b": ping\n\ndata: x\n\n"])
def test_what_comes_after_the_end_is_ignored(surplus: bytes) -> None:
    made, chunks = read(say("a") + DONE + surplus)
    assert len(chunks) == 1
    assert made.complete
    assert not made.clean
    assert made.accumulator.response().choices[0].message.content == "a"


@pytest.mark.fault("B7", "D13")
@pytest.mark.parametrize(
    ("data", "choices"),
    [
        (say("a", "stop"), 1),
        (say("a", "brand_new"), 1),
        (say("a", "length") + event({"choices": [], "usage": {}}), 1),
        (say("a", "stop") + say("b", None, 1) + say("", "stop", 1), 2),
    ],
)
def test_the_end_without_done_when_every_choice_finished(data: bytes, choices: int) -> None:
    made, _ = read(data, choices=choices)
    assert not made.complete
    made.end()
    assert made.complete


@pytest.mark.fault("B7")
@pytest.mark.parametrize(
    ("data", "choices", "text"),
    [
        (b"", 1, None),
        (b": ping\n\n", 1, None),
        (say("a"), 1, "a"),
        (say("a") + say("b", "stop")[:-1], 1, "a"),
        (say("a", "stop"), 2, "a"),
        (say("a", "stop") + say("b", None, 1), 2, "a"),
        (say("a", ""), 1, "a"),
    ],
)
def test_an_end_that_comes_too_early(data: bytes, choices: int, text: str | None) -> None:
    made, _ = read(data, choices=choices)
    with pytest.raises(errors.StreamInterruptedError, match="ended before the model had finished") as raised:
        made.end()
    assert type(raised.value) is errors.StreamInterruptedError
    assert not made.complete
    check(raised.value, text)


def check(error: errors.APIError, text: str | None) -> None:
    assert partial(error) == text
    assert error.request_id == "r"
    assert error.headers["X-Request-Id"] == "r"
    assert error.headers["X-Echo"] == "***"
    assert error.maybe_billed is True


@pytest.mark.fault("D9", "D11")
@pytest.mark.parametrize(
    ("bad", "cls", "message"),
    [
        (event({"error": {"message": "m", "code": 500}}), errors.InternalServerError, "named an error: m"),
        (event({"error": "m"}), errors.APIStatusError, "named an error: m"),
        (event({"choices": [], "error": {"message": "m"}}), errors.APIStatusError, "named an error: m"),
        (event({"object": "error", "message": "m", "code": 429}), errors.RateLimitError, "named an error: m"),
        (b'event: error\ndata: {"message": "m"}\n\n', errors.APIStatusError, "named an error: m"),
        (b"event: error\ndata: gone\n\n", errors.APIStatusError, "named an error: gone"),
        (event(b'{"choices": ['), errors.APIResponseError, "not usable JSON"),
        (event(b"oops " + KEY.encode()), errors.APIResponseError, "oops ***"),
        (event(b"\xff"), errors.APIResponseError, "not usable JSON"),
        (event(b"null"), errors.APIResponseError, "no JSON object"),
        (event(b'{"z": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), errors.APIResponseError, "not usable JSON"),
    ],
)
def test_bad_events(bad: bytes, cls: type[errors.APIError], message: str) -> None:
    made = reader()
    made.feed(say("half") + bad + say("late") + DONE)
    chunks = made.chunks()
    assert next(chunks).choices[0].delta.content == "half"
    with pytest.raises(cls) as raised:
        next(chunks)
    assert type(raised.value) is cls
    assert message in str(raised.value)
    check(raised.value, "half")
    assert KEY not in f"{raised.value}{raised.value.body}"


@pytest.mark.fault("D10")
@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {"choices": None},
        {},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0, "delta": {}}]},
        {"choices": [{"delta": {"content": None}, "finish_reason": None}], "usage": {"total_tokens": 1}},
        {"choices": [None]},
        {"choices": ["text"]},
        {"choices": 5},
        {"choices": [{"delta": "text"}]},
        {"choices": [{"delta": {"tool_calls": [None]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": "f"}]}}]},
        {"choices": [{"tool_calls": "x"}]},
        {"error": ""},
        {"error": {}, "choices": []},
        {"usage": [1], "choices": []},
        {"id": 5, "created": "now", "choices": []},
        {"choices": [{"index": 0, "error": "[object Object]", "delta": {}}]},
    ],
    ids=json.dumps,
)
def test_odd_events_are_chunks_all_the_same(odd: dict[str, Any]) -> None:
    made, chunks = read(say("a") + event(odd) + say("b") + DONE)
    assert len(chunks) == 3
    assert all(type(chunk) is ChatCompletionChunk for chunk in chunks)
    assert made.complete
    response = made.accumulator.response()
    assert response.choices[0].message.content == "ab"
    response.to_json()


@pytest.mark.fault("D4")
def test_events_without_data_are_no_chunks() -> None:
    made, chunks = read(b"data:\n\ndata: \n\n: ping\n\n" + say("a") + b"id: 1\n\n" + DONE)
    assert len(chunks) == 1
    assert made.complete


def test_a_named_event_that_is_no_error() -> None:
    _, chunks = read(b"event: completion\n" + say("a") + DONE)
    assert chunks[0].choices[0].delta.content == "a"


@pytest.mark.fault("D12")
def test_a_giant_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("togetherpy._chat.chunks.SSEParser", lambda: sse.SSEParser(1000))
    made = reader()
    made.feed(say("half"))
    list(made.chunks())
    made.feed(b"data: " + b"x" * 900)
    with pytest.raises(errors.APIResponseError, match="longer than 1000 bytes") as raised:
        made.feed(b"x" * 200)
    check(raised.value, "half")


@pytest.mark.fault("B4", "B8", "B24")
@pytest.mark.parametrize(
    ("fault", "cls", "message"),
    [
        (
            Fault("reset", "committed", f"reset by h, key {KEY}."),
            errors.StreamInterruptedError,
            "The stream broke off: reset by h, key ***. What came is in .partial.",
        ),
        (Fault("closed", "committed", "closed."), errors.StreamInterruptedError, "broke off: closed."),
        (Fault("timeout", "committed", "slow."), errors.StreamTimeoutError, "Timeout(stream_idle=1)"),
        (Fault("encoding", "committed", "corrupt"), errors.APIResponseError, "corrupt"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_network_faults(fault: Fault, cls: type[errors.APIError], message: str) -> None:
    made, _ = read(say("half"))
    error = made.interrupted(fault, "Timeout(stream_idle=1)")
    assert type(error) is cls
    assert message in str(error)
    check(error, "half")


def test_reading_on_in_a_closed_stream() -> None:
    made, _ = read(say("half"))
    error = made.closed()
    assert type(error) is errors.StreamInterruptedError
    assert "keep one iterator" in str(error)
    check(error, "half")


def test_nobody_gets_an_event_twice() -> None:
    made = reader()
    made.feed(say("a") + say("b") + say("c"))
    first, second = made.chunks(), made.chunks()
    found = [next(first), next(second), next(first)]
    assert [chunk.choices[0].delta.content for chunk in found] == ["a", "b", "c"]
    assert list(first) == list(second) == []
    assert made.accumulator.response().choices[0].message.content == "abc"


def test_an_event_is_decoded_when_it_is_taken() -> None:
    made = reader()
    made.feed(say("a") + event(b"damaged"))
    assert next(made.chunks()).choices[0].delta.content == "a"
    assert made.accumulator.response().choices[0].message.content == "a"


def test_chunks_are_not_kept() -> None:
    made, chunks = read(b"".join(say(str(i)) for i in range(100)))
    del chunks
    gc.collect()
    kept = [item for item in gc.get_objects() if type(item) is ChatCompletionChunk]
    assert len(kept) <= 1  # the first, which names the answer
    assert made.accumulator.response().choices[0].message.content == "".join(map(str, range(100)))
