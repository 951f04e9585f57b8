"""Streams over sockets: their events (D1 to D14), and how they stall and end (B4, B7 to B13)."""

import gc
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import DONE, HELLO, SSE, SSE_CLOSE, STREAM_OK, answer, chunk, chunked, event, head, text_of
from support.clients import KEY, failure
from support.scripted import (
    LIMIT,
    ScriptedServer,
    Step,
    close,
    drip,
    flood,
    flood_until_stuck,
    half_close,
    request,
    reset,
    send,
    until_gone,
    wait,
)

from togetherpy import (
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    RateLimitError,
    StreamInterruptedError,
    StreamTimeoutError,
    Timeout,
)

Maker = Callable[..., Any]
FIRST = event(chunk("Hello"))
FINISHED = event(chunk("Hello")) + event(chunk(" world", "stop"))


def pause(seconds: float) -> Step:
    """Lets time pass where time is what is tested."""
    return lambda peer: peer.server.over.wait(seconds) and None


def events_of(client: Maker, *pieces: bytes) -> list[Any]:
    """What a client makes of a stream that is sent in these pieces, over both framings of a body."""
    in_chunks = [*(chunked(piece, end=False) for piece in pieces), chunked()]
    with ScriptedServer([request, send(SSE, *in_chunks), request, send(SSE_CLOSE, *pieces)]) as server:
        caller = client(server)
        first = [one.to_dict() for one in caller.chunks()]
        assert [one.to_dict() for one in caller.chunks()] == first
        return first


def text(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for one in chunks for choice in one["choices"])


# Endings


@pytest.mark.fault("B4")
@pytest.mark.parametrize("last", [reset, close], ids=["reset", "close"])
def test_stream_that_breaks_after_its_first_delta(client: Maker, last: Step) -> None:
    got_first = threading.Event()
    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), wait(got_first), last]) as server:
        stream = client(server, max_retries=5).stream()
        error = failure(StreamInterruptedError, lambda: stream.each(lambda one: got_first.set()))
        assert len(server.requests) == 1
    assert error.partial.choices[0].message.content == "Hello"
    assert error.maybe_billed
    assert not isinstance(error, TimeoutError)


@pytest.mark.fault("B25")
def test_what_came_with_bad_framing_is_kept(client: Maker) -> None:
    good, bad, got_first = SSE + chunked(FIRST, end=False), b"zz\r\n", threading.Event()
    with ScriptedServer([request, send(good + bad), until_gone]) as server:
        stream = client(server).stream()
        error = failure(APIError, lambda: stream.each(lambda one: got_first.set()))
        assert len(server.requests) == 1
    assert got_first.is_set()
    assert error.partial.choices[0].message.content == "Hello"


@pytest.mark.fault("B5", "B7")
@pytest.mark.parametrize("stream", [FIRST, HELLO[: -len(DONE)], b""])
def test_chunked_stream_cut_before_its_last_chunk(client: Maker, stream: bytes) -> None:
    with ScriptedServer([request, send(SSE + chunked(stream, end=False)), close]) as server:
        error = client(server).fails(StreamInterruptedError, stream=True)
    assert error.partial is None if not stream else error.partial.choices[0].message.content.startswith("Hello")


@pytest.mark.fault("B7")
def test_done_counts_although_the_last_chunk_is_missing(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(HELLO, end=False)), close]) as server:
        assert text_of(client(server).chunks()) == "Hello world"


TWO = event(chunk("a", "stop", 0)) + event(chunk("b", None, 1))


@pytest.mark.fault("B7", "D13")
@pytest.mark.parametrize(
    ("body", "n", "complete"),
    [
        (HELLO, 1, True),
        (FINISHED, 1, True),
        (FINISHED + event({"choices": [], "usage": {"total_tokens": 3}}), 1, True),
        (TWO + event(chunk("", "length", 1)), 2, True),
        (FIRST, 1, False),
        (FINISHED[:-1], 1, False),
        (TWO, 2, False),
        (event(chunk("a", "stop", 0)), 2, False),
        (b"", 1, False),
        (b": ping\n\n", 1, False),
    ],
)
def test_stream_that_ends_with_its_connection(client: Maker, body: bytes, n: int, complete: bool) -> None:
    with ScriptedServer([request, send(SSE_CLOSE + body)]) as server:
        caller = client(server, max_retries=3)
        if complete:
            assert caller.chunks(n=n)
        else:
            assert caller.fails(StreamInterruptedError, stream=True, n=n).maybe_billed
        assert len(server.requests) == 1


@pytest.mark.fault("B8")
def test_silence(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), until_gone]) as server:
        error = client(server, timeout=Timeout(stream_idle=0.3), max_retries=3).fails(APITimeoutError, stream=True)
        server.wait_hung_up(0)
        assert len(server.requests) == 1
    assert isinstance(error, StreamTimeoutError)
    assert isinstance(error, StreamInterruptedError)
    assert isinstance(error, TimeoutError)
    assert error.partial.choices[0].message.content == "Hello"
    assert "stream_idle" in str(error)
    assert (error.phase, error.maybe_billed) == ("committed", True)


@pytest.mark.fault("B8")
def test_silence_is_bounded_by_the_timeout_too(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), until_gone]) as server:
        client(server, timeout=0.3).fails(StreamTimeoutError, stream=True)
        server.wait_hung_up(0)
    assert Timeout().stream_idle == 120.0


@pytest.mark.fault("B9")
@pytest.mark.parametrize("ping", [b": ping\n\n", b":\n", b"data:\n\n", b"id: 1\n\n", b"\n", b"event: ping\n\n"])
def test_pings_are_no_content(client: Maker, ping: bytes) -> None:
    def pings(peer: Any) -> None:
        while not peer.server.over.wait(0.03):
            peer.sock.sendall(chunked(ping, end=False))

    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), pings]) as server:
        client(server, timeout=Timeout(stream_idle=0.3)).fails(StreamTimeoutError, stream=True)
        server.wait_hung_up(0)


@pytest.mark.fault("B9")
def test_half_an_event_is_no_content(client: Maker) -> None:
    with ScriptedServer([request, send(SSE_CLOSE + FIRST), drip(b"data: xxxx", 0.03)]) as server:
        client(server, timeout=Timeout(stream_idle=0.3)).fails(StreamTimeoutError, stream=True)
        server.wait_hung_up(0)


@pytest.mark.fault("B9")
def test_pings_without_end_are_silence(client: Maker) -> None:
    with ScriptedServer([request, send(SSE_CLOSE + FIRST), flood(b": ping\n\n" * 5000)]) as server:
        error = client(server, timeout=Timeout(total=60, stream_idle=0.5)).fails(StreamTimeoutError, stream=True)
        server.wait_hung_up(0)
    assert error.partial.choices[0].message.content == "Hello"


def test_stream_that_is_not_read_stops_the_server(client: Maker, kind: str) -> None:
    """Else what it sends would have to be kept somewhere; nor is the loop told of it again and again."""
    stuck = threading.Event()
    events = chunked(event(chunk("x" * 1000)) * 60, end=False)
    with ScriptedServer([request, send(SSE), flood_until_stuck(events, 200_000_000, stuck), until_gone]) as server:
        caller = client(server)
        stream = caller.stream()
        stream.next()
        assert stuck.wait(LIMIT)
        if kind != "sync":
            assert len(caller.loop.loop._selector.get_map()) == 1  # the loop's own
        for _ in range(1000):
            assert stream.next().choices[0].delta.content == "x" * 1000
        stream.close()
        server.wait_gone(0)


@pytest.mark.fault("B10")
def test_slow_content_is_allowed(client: Maker) -> None:
    script: list[Step] = [request, send(SSE)]
    for _ in range(5):
        script += [pause(0.2), send(chunked(FIRST, end=False))]
    with ScriptedServer([*script, send(chunked(DONE))]) as server:  # a second in all, with 0.6 for each silence
        assert text_of(client(server, timeout=0.6).chunks()) == "Hello" * 5


@pytest.mark.fault("B10")
def test_consumer_that_takes_its_time(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), pause(0.5), send(chunked(HELLO))]) as server:
        caller = client(server, timeout=Timeout(stream_idle=0.4))
        stream = caller.stream()
        stream.next()
        assert not server.over.wait(0.6)  # longer than `stream_idle`, while the chunks were there
        assert text_of(stream.read()) == "Hello world"


@pytest.mark.fault("B11", "B12")
def test_server_that_lingers_after_done(client: Maker) -> None:
    with ScriptedServer(
        [request, send(SSE + chunked(HELLO, end=False)), until_gone], [request, send(STREAM_OK)]
    ) as server:
        caller = client(server, max_connections=1)
        assert text_of(caller.chunks()) == "Hello world"
        server.wait_gone(0)  # waited for, but not for long
        assert text_of(caller.chunks()) == "Hello world"
        assert server.connections == 2


@pytest.mark.fault("B12")
def test_connection_is_used_again_after_done(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK), request, send(STREAM_OK)]) as server:
        caller = client(server)
        assert text_of(caller.chunks()) == text_of(caller.chunks()) == "Hello world"
        assert server.connections == 1


@pytest.mark.fault("B12")
def test_drain_is_bounded_in_bytes(client: Maker) -> None:
    endless: list[Step] = [send(chunked(b"\n" * 50_000, end=False)) for _ in range(100)]
    with ScriptedServer([request, send(SSE + chunked(HELLO, end=False)), *endless, until_gone]) as server:
        assert text_of(client(server).chunks()) == "Hello world"
        server.wait_gone(0)


@pytest.mark.fault("B13")
@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("surplus", [event(chunk("more")), b"rubbish", DONE])
def test_bytes_after_done(client: Maker, surplus: bytes, framing: str) -> None:
    body = SSE + chunked(HELLO + surplus) if framing == "chunked" else SSE_CLOSE + HELLO + surplus
    with ScriptedServer([request, send(body), until_gone], [request, send(STREAM_OK)]) as server:
        caller = client(server, max_connections=1)
        assert text_of(caller.chunks()) == "Hello world"
        server.wait_gone(0)
        assert text_of(caller.chunks()) == "Hello world"


# Events


@pytest.mark.fault("D1")
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_line_ends(client: Maker, end: bytes) -> None:
    stream = HELLO.replace(b"\n", end)
    assert text(events_of(client, stream)) == "Hello world"
    assert text(events_of(client, *(stream[at : at + 7] for at in range(0, len(stream), 7)))) == "Hello world"


@pytest.mark.fault("D1")
def test_mixed_line_ends(client: Maker) -> None:
    lines = [FIRST.replace(b"\n", end) for end in (b"\n", b"\r\n", b"\r")]
    assert text(events_of(client, *lines, FIRST[:-1] + b"\r\n", DONE)) == "Hello" * 4


@pytest.mark.fault("D2")
def test_characters_split_over_reads(client: Maker) -> None:
    stream = event(json.dumps(chunk("h\u00e9 \u4e16 \U0001f600", "stop"), ensure_ascii=False)) + DONE
    assert text(events_of(client, *(bytes([byte]) for byte in stream))) == "h\u00e9 \u4e16 \U0001f600"


@pytest.mark.fault("D3")
def test_characters_that_are_no_line_ends(client: Maker) -> None:
    odd = "a\u2028b\u2029c\u0085d"
    stream = event(json.dumps(chunk(odd, "stop"), ensure_ascii=False)) + DONE
    assert text(events_of(client, stream)) == odd


@pytest.mark.fault("D4", "D5", "D6", "D7", "D8", "D13", "D14")
@pytest.mark.parametrize(
    "stream",
    [
        b": comment\n\n:\n\n" + HELLO,
        b"data\n\ndata:\n\ndata: \n\n" + HELLO,
        b"id: 7\n\n\n\n\n" + HELLO,
        HELLO.replace(b'{"id"', b'{\ndata: "id"'),
        HELLO.replace(b"data: ", b"data:"),
        HELLO.replace(b"data: ", b"x-unknown: 1\nid: 5\nretry: -5\nno colon\ndata: "),
        HELLO.replace(b"data: ", b"event: message\ndata: "),
        HELLO[:-1],  # a bare [DONE] at the end counts
        HELLO[:-2],
        HELLO[: -len(DONE)] + FIRST[:-1],  # an unfinished event at the end does not
        HELLO.replace(b"[DONE]", b"  [DONE] "),
        HELLO[: -len(DONE)],
        b"\xef\xbb\xbf" + HELLO,
    ],
)
def test_same_text_by_the_standard(client: Maker, stream: bytes) -> None:
    assert text(events_of(client, stream)) == "Hello world"


NAMED = {"message": "The engine gave up", "type": "server_error", "code": None, "param": None}


@pytest.mark.fault("D9")
@pytest.mark.parametrize(
    ("bad", "expected", "shown"),
    [
        (event({"error": NAMED}), InternalServerError, "The engine gave up"),
        (b"event: error\n" + event({"error": NAMED}), InternalServerError, "The engine gave up"),
        (b"event: error\n" + event(NAMED), InternalServerError, "The engine gave up"),
        (b"event: error\n" + event("all is lost"), APIStatusError, "all is lost"),
        (event({"error": "a text"}), APIStatusError, "a text"),
        (event({"object": "error", "message": "slow down", "type": "rate_limit"}), RateLimitError, "slow down"),
        (event({"error": {"message": "slow down", "code": 429}}), RateLimitError, "slow down"),
    ],
)
def test_error_in_a_stream(client: Maker, bad: bytes, expected: type[APIError], shown: str) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST + bad + DONE))]) as server:
        error = client(server, max_retries=3).fails(expected, stream=True)
        assert len(server.requests) == 1
    assert shown in str(error)
    assert error.partial.choices[0].message.content == "Hello"
    assert error.maybe_billed


@pytest.mark.fault("D10")
@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}}], "usage": {"total_tokens": 1}},
        {"id": None, "choices": [{"delta": {"content": None, "role": None}}]},
        {"choices": [{"index": 0, "delta": {"content": ""}, "logprobs": -0.5}]},
        {"choices": [{"index": 0, "delta": {"content": ""}, "logprobs": {"tokens": ["a"], "token_logprobs": [0]}}]},
        {"choices": [{"index": 0, "delta": {"content": "", "new": {"a": 1}}, "finish_reason": "a new one"}]},
        {"choices": [{"index": "0", "delta": {"content": ""}}], "created": "yesterday"},
    ],
)
def test_odd_chunks_are_chunks(client: Maker, odd: dict[str, Any]) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST + event(odd) + HELLO))]) as server:
        chunks = client(server).chunks()
    assert len(chunks) == 5
    assert (
        chunks[1].to_dict()["choices"]
        == [{name: value for name, value in choice.items() if value is not None} for choice in odd["choices"]]
        or odd["choices"]
    )


@pytest.mark.fault("D11")
@pytest.mark.parametrize(
    "bad",
    [b'{"choices": [', b"rubbish", b"\xff\xfe", b"[1, 2]", b'"text"', b"[" * 50_000, b"x" * 100_000],
    ids=["cut", "rubbish", "bytes", "list", "text", "deep", "long"],
)
def test_event_that_is_damaged(client: Maker, bad: bytes) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST + event(bad) + HELLO))]) as server:
        error = client(server).fails(APIResponseError, stream=True)
    assert error.partial.choices[0].message.content == "Hello"
    assert len(str(error)) < 700
    assert error.body == bad[: 64 * 1024]


@pytest.mark.fault("D11")
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("upstream timed out", "upstream timed out"),
        ("[ERROR] model crashed", "[ERROR] model crashed"),
        ("<html><body>502 Bad Gateway</body></html>", "502 Bad Gateway"),
        (f"{KEY} is over its limit", "*** is over its limit"),
        ("word " * 2000, "word word"),
    ],
)
@pytest.mark.parametrize("form", ["data: {}\n\n", "data: {}", "{}\n", "error: {}\n", "event: error\ndata: {}\n\n"])
@pytest.mark.parametrize("cut", [True, False])
def test_plain_words_in_a_stream_are_quoted(client: Maker, form: str, words: str, shown: str, cut: bool) -> None:
    stream = send(SSE + chunked(FIRST, form.format(words).encode(), end=not cut))
    with ScriptedServer([request, stream, reset] if cut else [request, stream]) as server:
        error = failure(APIError, client(server).stream().read)
    assert shown in str(error)
    assert len(str(error)) < 1000
    assert error.partial.text == "Hello"


@pytest.mark.fault("D11")
@pytest.mark.parametrize("rest", [b'data: {"choices": [{"delta": {"content": "s3cret', b": ping\n\n", b"id: s3cret\n"])
def test_what_are_no_words_is_not_quoted(client: Maker, rest: bytes) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST, rest))]) as server:
        error = failure(StreamInterruptedError, client(server).stream().read)
    assert "s3cret" not in str(error)
    assert "said" not in str(error)


@pytest.mark.fault("D12")
def test_large_event(client: Maker) -> None:
    large = "x" * 5_000_000
    assert len(text(events_of(client, event(chunk(large, "stop")) + DONE))) == len(large)


@pytest.mark.fault("D12")
def test_event_that_is_too_large(client: Maker) -> None:
    endless: list[Step] = [send(chunked(b"x" * 500_000, end=False)) for _ in range(150)]
    with ScriptedServer([request, send(SSE + chunked(FIRST + b"data: ", end=False)), *endless, until_gone]) as server:
        error = client(server, timeout=30.0).fails(APIResponseError, stream=True)
        server.wait_gone(0)
    assert "67108864 bytes" in str(error)
    assert error.partial.choices[0].message.content == "Hello"
    del error
    gc.collect()


# Answers that are no streams


@pytest.mark.fault("B15")
def test_plain_answer_to_a_streaming_request(client: Maker) -> None:
    with ScriptedServer([request, send(answer())]) as server:
        error = client(server).fails(APIResponseError, stream=True)
    assert "a stream of events was asked for" in str(error)
    assert error.body
    assert error.maybe_billed


@pytest.mark.fault("B15")
@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "Text/Event-Stream; charset=UTF-8", "text/event-stream;x=y"]
)
def test_content_types_of_a_stream(client: Maker, content_type: str) -> None:
    start = head(content_type=content_type, transfer_encoding="chunked")
    with ScriptedServer([request, send(start + chunked(HELLO))]) as server:
        assert text_of(client(server).chunks()) == "Hello world"


@pytest.mark.fault("B25")
@pytest.mark.parametrize("bad", [b"zz\r\n", b"-5\r\n"])
def test_framing_that_breaks_in_a_stream(client: Maker, bad: bytes) -> None:
    got_first = threading.Event()
    with ScriptedServer(
        [request, send(SSE + chunked(FIRST, end=False)), wait(got_first), send(bad), until_gone]
    ) as server:
        stream = client(server).stream()
        error = failure(StreamInterruptedError, lambda: stream.each(lambda one: got_first.set()))
        server.wait_gone(0)
    assert "HTTP" in str(error)
    assert error.partial.choices[0].message.content == "Hello"


@pytest.mark.fault("B24")
@pytest.mark.parametrize("body", [b"rubbish", b""])
def test_damaged_compressed_stream(client: Maker, body: bytes) -> None:
    start = head(content_type="text/event-stream", content_encoding="gzip", transfer_encoding="chunked")
    with ScriptedServer([request, send(start + chunked(body)), half_close, until_gone]) as server:
        error = client(server).fails(APIError, stream=True)
        server.wait_gone(0)
    assert "compressed" in str(error)
