"""Faults of waiting for an answer and of reading it, B1 to B26; those of streams are in test_faults_stream.py."""

import contextlib
import functools
import gzip
import json
import resource
import socket
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import (
    COMPLETION,
    HELLO,
    OK,
    SSE,
    STREAM_OK,
    answer,
    chunked,
    completion,
    error_body,
    event,
    head,
    text_of,
)
from support.answers import chunk as make_chunk
from support.scripted import (
    LIMIT,
    Peer,
    ScriptedServer,
    Step,
    close,
    drip,
    flood,
    half_close,
    request,
    reset,
    send,
    until_gone,
    wait,
)

from togetherpy import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    InternalServerError,
    InvalidRequestError,
    Timeout,
)

Maker = Callable[..., Any]
BODY = json.dumps(completion()).encode()


def head_only(peer: Peer) -> None:
    """Receives the head of a request, and of its body what comes along with it."""
    peer.read_until(b"\r\n\r\n")


def until_gone_unread(peer: Peer) -> None:
    """Reads nothing more, and ends when the client has gone: then writing fails."""
    assert peer.server.over.wait(LIMIT)


def until_silent(peer: Peer) -> None:
    """Receives for as long as there is something to receive."""
    peer.sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while True:
            peer.receive()
    peer.sock.settimeout(LIMIT)


def both_ways(client: Maker, server: ScriptedServer, **options: Any) -> list[Any]:
    """The exceptions of a plain call and of a streamed one."""
    return [client(server, **options).fails(APIError, stream=stream) for stream in (False, True)]


@pytest.mark.fault("B1")
@pytest.mark.parametrize("stream", [False, True])
def test_no_answer_in_time(client: Maker, stream: bool) -> None:
    with ScriptedServer([request, until_gone]) as server:
        error = client(server, timeout=0.3, max_retries=2).fails(APITimeoutError, stream=stream)
        server.wait_hung_up(0)
        assert server.connections == 1
    assert (error.phase, error.maybe_billed, error.attempts) == ("sent", True, 1)
    assert "timeout" in str(error)


@pytest.mark.fault("B1")
def test_server_that_does_not_take_the_request(client: Maker) -> None:
    """More than the buffers on the way hold: it is the sending that takes too long."""
    large, over = [{"role": "user", "content": "x" * 20_000_000}], threading.Event()
    with ScriptedServer([wait(over), until_gone]) as server:
        error = client(server, timeout=3.0, max_retries=2).fails(APITimeoutError, messages=large)
        over.set()
        server.wait_hung_up(0)
        assert server.connections == 1
    assert (error.phase, error.attempts) == ("sent", 1)


@pytest.mark.parametrize("last", [[close], [half_close, until_gone_unread], [until_gone_unread]])
def test_refusal_of_a_request_before_it_is_sent_whole(client: Maker, last: list[Step]) -> None:
    """RFC 9112, 9.3: a server may answer without reading; a client that goes on sending would wait for ever."""
    large = [{"role": "user", "content": "x" * 20_000_000}]
    refusal = send(answer(error_body(), 413))
    with ScriptedServer([head_only, refusal, *last], [request, send(OK)]) as server:
        caller = client(server, timeout=10)
        error = caller.fails(InvalidRequestError, messages=large)
        assert error.status_code == 413
        assert caller.create().id == "r-1"
        assert server.connections == 2  # what was not sent makes the first one useless


def test_connection_of_a_request_that_was_not_sent_whole_is_not_used_again(client: Maker) -> None:
    """Nothing of it is stuck on the way: only the client knows that it did not send all."""
    large = [{"role": "user", "content": "x" * 20_000_000}]
    refusal, _, why = answer(error_body(), 413).partition(b"\r\n\r\n")
    script = [head_only, send(refusal + b"\r\n\r\n"), until_silent, send(why), until_gone]
    with ScriptedServer(script, [request, send(OK)]) as server:
        caller = client(server, timeout=10)
        assert caller.fails(InvalidRequestError, messages=large).status_code == 413
        assert caller.create().id == "r-1"
        assert server.connections == 2


def test_connection_with_a_request_stuck_in_it_is_not_used_again(
    client: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request was written whole, but into a buffer."""

    def narrow(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    monkeypatch.setattr("togetherpy._transport.pool.set_options", narrow)
    script = [head_only, send(answer(error_body(), 413)), until_gone_unread]
    with ScriptedServer(script, [request, send(OK)], receive_buffer=4096) as server:
        caller = client(server)
        large = [{"role": "user", "content": "x" * 64_000}]
        assert caller.fails(InvalidRequestError, messages=large).status_code == 413
        assert caller.create().id == "r-1"
        assert server.connections == 2


TALK = {
    "interim answers": [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000],
    "body": [head(200), b"x" * 65536],
}


@pytest.mark.fault("B2")
@pytest.mark.parametrize("talk", TALK)
def test_talk_without_end_ends_at_the_deadline(client: Maker, talk: str) -> None:
    first, again = TALK[talk][:-1], TALK[talk][-1]
    with ScriptedServer([request, send(*first), flood(again)]) as server:
        client(server, timeout=0.5, max_response_bytes=10**12).fails(APITimeoutError)
        server.wait_hung_up(0)


@pytest.mark.fault("B2")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", [b"HTTP/1.1 200 OK\r\nx-a: b", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_dripping_header_ends_at_the_deadline(client: Maker, text: bytes, stream: bool) -> None:
    with ScriptedServer([request, drip(text * 100, 0.02)]) as server:
        error = client(server, timeout=0.3).fails(APITimeoutError, stream=stream)
        server.wait_hung_up(0)
    assert error.maybe_billed


@pytest.mark.fault("B2", "F3")
@pytest.mark.parametrize("framing", [{"content_length": 100000}, {"transfer_encoding": "chunked"}, {}])
def test_dripping_body_ends_at_the_deadline(client: Maker, framing: dict[str, Any]) -> None:
    dripping = b"5\r\nabcde\r\n" if "transfer_encoding" in framing else b"abcde"
    with ScriptedServer([request, send(head(**framing)), drip(dripping, 0.02)]) as server:
        client(server, timeout=0.3).fails(APITimeoutError)
        server.wait_hung_up(0)


CUT = {
    "before the answer": b"",
    "in the status line": b"HTTP/1.1 20",
    "in the header": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "in a body with its length": head(content_length=len(BODY)) + BODY[:50],
    "in a chunked body": head(transfer_encoding="chunked") + chunked(BODY[:50], end=False),
    "before the last chunk": head(transfer_encoding="chunked") + chunked(BODY, end=False),
    "in a chunk": head(transfer_encoding="chunked") + chunked(BODY)[:50],
    "in the last chunk": head(transfer_encoding="chunked") + chunked(BODY)[:-2],
}


@pytest.mark.fault("B3", "B5", "B6")
@pytest.mark.parametrize("last", [reset, close], ids=["reset", "close"])
@pytest.mark.parametrize("cut", CUT)
def test_answer_cut_off(client: Maker, cut: str, last: Step) -> None:
    with ScriptedServer([request, send(CUT[cut]), last], [request, send(OK)]) as server:
        assert client(server, max_retries=1).create().choices[0].message.content == COMPLETION
        assert server.connections == 2
    with ScriptedServer([request, send(CUT[cut]), last]) as server:
        error = client(server).fails(APIConnectionError)
        assert server.connections == 1
    assert (error.maybe_billed, error.attempts) == (True, 1)
    assert f"127.0.0.1:{server.port}" in str(error)


@pytest.mark.fault("B3")
@pytest.mark.parametrize("last", [reset, close], ids=["reset", "close"])
def test_stream_that_breaks_before_its_head(client: Maker, last: Step) -> None:
    with ScriptedServer([request, send(b"HTTP/1.1 20"), last], [request, send(STREAM_OK)]) as server:
        assert text_of(client(server, max_retries=1).chunks()) == "Hello world"
        assert server.connections == 2


NO_ANSWER = {
    "empty": (answer(b""), "empty"),
    "blank": (answer(b"  \r\n"), "empty"),
    "204": (head(204, None), "204"),
    "text": (answer(b"no json", content_type="text/plain"), "text/plain"),
    "audio": (answer(b"no json", content_type="audio/mpeg"), "audio/mpeg"),
    "page": (answer(b"<html><body>Please log in</body></html>", content_type="text/html"), "Please log in"),  # B17
}


@pytest.mark.fault("B14", "B15", "B17")
@pytest.mark.parametrize("broken", NO_ANSWER)
@pytest.mark.parametrize("stream", [False, True])
def test_answer_that_is_none(client: Maker, broken: str, stream: bool) -> None:
    raw, shown = NO_ANSWER[broken]
    with ScriptedServer([request, send(raw)], [request, send(STREAM_OK if stream else OK)]) as server:
        caller = client(server, max_retries=1)
        assert caller.chunks() if stream else caller.create()
        assert len(server.requests) == 2
    with ScriptedServer([request, send(raw)]) as server:
        error = client(server).fails(APIResponseError, stream=stream)
    assert shown in str(error)
    assert error.maybe_billed


@pytest.mark.fault("B15")
def test_answer_without_a_type_is_taken_for_what_was_asked_for(client: Maker) -> None:
    stream = SSE.replace(b"content-type", b"x-type") + chunked(HELLO)
    with ScriptedServer([request, send(answer(content_type=None)), request, send(stream)]) as server:
        caller = client(server)
        assert caller.create().id == "r-1"
        assert text_of(caller.chunks()) == "Hello world"


@pytest.mark.fault("B17")
def test_page_is_asked_for_once_more_only(client: Maker) -> None:
    page = b"<!DOCTYPE html><html><script>var x</script><body>" + b"log in " * 200 + b"</body></html>"
    with ScriptedServer([request, send(answer(page, content_type="text/html"))]) as server:
        error = client(server, max_retries=5).fails(APIResponseError)
        assert len(server.requests) == 2
    assert "log in" in str(error)
    assert "var x" not in str(error)
    assert len(str(error)) < 400
    assert error.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.fault("B16")
@pytest.mark.parametrize("stream", [False, True])
def test_error_inside_an_ok(client: Maker, stream: bool) -> None:
    body = {"error": {"message": "The engine is on fire", "type": "server_error", "code": None}}
    with ScriptedServer([request, send(answer(body))]) as server:
        error = client(server).fails(InternalServerError, stream=stream)
    assert "The engine is on fire" in str(error)
    assert (error.status_code, error.type) == (500, "server_error")


@pytest.mark.fault("B18")
def test_lone_surrogate_escapes_are_not_lost(client: Maker) -> None:
    body = BODY.replace(COMPLETION.encode(), rb"a\ud83db \ud83d\ude00")
    with ScriptedServer([request, send(answer(body))]) as server:
        assert client(server).create().choices[0].message.content == "a�b 😀"


@pytest.mark.fault("B18")
def test_bytes_that_are_no_utf_8_are_not_lost(client: Maker) -> None:
    with ScriptedServer([request, send(answer(BODY.replace(COMPLETION.encode(), b"a\xff\xfeb")))]) as server:
        assert client(server).create().choices[0].message.content == "a\ufffd\ufffdb"


@pytest.mark.fault("B18")
@pytest.mark.parametrize("body", [BODY[:-20], b"[" * 100_000, b"[1]", b'"text"', b"{" + b"x" * 100_000])
def test_damaged_json(client: Maker, body: bytes) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        error = client(server, max_retries=2).fails(APIResponseError)
        assert len(server.requests) == 1
    assert error.body == body[: 64 * 1024]
    assert error.maybe_billed
    assert len(str(error)) < 600


@pytest.mark.fault("B19", "D14")
def test_byte_order_mark(client: Maker) -> None:
    mark = b"\xef\xbb\xbf"
    with ScriptedServer([request, send(answer(mark + BODY)), request, send(SSE + chunked(mark + HELLO))]) as server:
        caller = client(server)
        assert caller.create().id == "r-1"
        assert text_of(caller.chunks()) == "Hello world"


@pytest.mark.fault("B20")
@pytest.mark.parametrize("framing", [{"content_length": 5_000_000}, {"transfer_encoding": "chunked"}, {}])
def test_body_that_is_too_large(client: Maker, framing: dict[str, Any]) -> None:
    piece = b" " * 500_000
    body = chunked(*[piece] * 10) if "transfer_encoding" in framing else piece * 10
    with ScriptedServer([request, send(head(**framing) + body), until_gone]) as server:
        error = client(server, max_response_bytes=1_000_000, max_retries=2).fails(APIResponseError)
        assert len(server.requests) == 1
        server.wait_gone(0)
    assert "max_response_bytes" in str(error)
    assert error.maybe_billed


def packed(data: bytes, coding: str) -> bytes:
    if coding == "gzip":
        return gzip.compress(data)
    if coding == "raw deflate":
        return zlib.compress(data)[2:-4]
    return zlib.compress(data)


@pytest.mark.fault("B21")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
def test_compressed_answer(client: Maker, coding: str) -> None:
    field = {"content_encoding": coding.split()[-1]}
    with ScriptedServer([request, send(answer(packed(BODY, coding), **field))]) as server:
        assert client(server).create().choices[0].message.content == COMPLETION
        assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.fault("B21")
def test_events_of_a_compressed_stream_come_when_they_arrive(client: Maker) -> None:
    packer = zlib.compressobj(wbits=31)

    def flushed(data: bytes) -> bytes:
        return chunked(packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH), end=False)

    start = head(content_type="text/event-stream", content_encoding="gzip", transfer_encoding="chunked")
    with ScriptedServer([request, send(start + flushed(event(make_chunk("Hello")))), until_gone]) as server:
        stream = client(server).stream()
        assert text_of([stream.next()]) == "Hello"
        stream.close()
        server.wait_gone(0)


@pytest.mark.fault("B22")
@pytest.mark.parametrize("stream", [False, True])
def test_coding_that_was_not_offered(client: Maker, stream: bool) -> None:
    kind = "text/event-stream" if stream else "application/json"
    with ScriptedServer([request, send(answer(BODY, content_type=kind, content_encoding="br"))]) as server:
        error = client(server).fails(APIResponseError, stream=stream)
        assert "br" not in server.requests[0].headers["accept-encoding"]
        server.wait_gone(0)
    assert "'br'" in str(error)


@functools.cache
def bomb() -> bytes:
    """200 MB of blanks."""
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(200)) + packer.flush()


@pytest.mark.fault("B23")
def test_decompression_bomb(client: Maker) -> None:
    with ScriptedServer([request, send(answer(bomb(), content_encoding="gzip"))]) as server:
        caller = client(server, max_response_bytes=10_000_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert "max_response_bytes" in str(caller.fails(APIResponseError))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80_000  # KiB


@pytest.mark.fault("B24")
@pytest.mark.parametrize(
    "body",
    [gzip.compress(BODY)[:-20], gzip.compress(BODY)[:40] + b"x" * 40, b"no gzip", gzip.compress(BODY) + b"more"],
    ids=["truncated", "corrupt", "none", "more"],
)
def test_damaged_gzip(client: Maker, body: bytes) -> None:
    broken = answer(body, content_encoding="gzip")
    with ScriptedServer([request, send(broken)], [request, send(OK)]) as server:
        assert client(server, max_retries=1).create().id == "r-1"
    with ScriptedServer([request, send(broken)]) as server:
        error = client(server).fails(APIResponseError)
        server.wait_gone(0)
    assert "compressed" in str(error)
    assert error.maybe_billed


NOT_HTTP = {
    "giant header": b"HTTP/1.1 200 OK\r\nx-big: " + b"a" * 100_000 + b"\r\n\r\n",
    "endless header line": b"HTTP/1.1 200 OK\r\nx-big: " + b"a" * 100_000,
    "more than 100 fields": head(**{f"x-{number}": number for number in range(101)}, content_length=2) + b"{}",
    "bad status line": b"HTTP/9 OK\r\n\r\n",
    "no status line": b"SSH-2.0-OpenSSH_9\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "field without colon": b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n",
    "blank in a field name": b"HTTP/1.1 200 OK\r\nx y: z\r\n\r\n",
    "two lengths": head(content_length=2)[:-2] + b"content-length: 3\r\n\r\n{}",
    "length and chunks": head(content_length=2, transfer_encoding="chunked") + b"{}",
    "length of letters": head(content_length="two") + b"{}",
    "negative length": head(content_length="-2") + b"{}",
    "bad chunk size": head(transfer_encoding="chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
    "negative chunk size": head(transfer_encoding="chunked") + b"-2\r\n{}\r\n0\r\n\r\n",
    "chunk longer than its size": head(transfer_encoding="chunked") + b"2\r\n{}xx\r\n0\r\n\r\n",
    "endless chunk size": head(transfer_encoding="chunked") + b"0" * 100_000,
    "unknown transfer coding": head(transfer_encoding="gzip") + b"{}",
    "bare LF": b'HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: 14\n\n{"choices":[]}',
    "bare LF in a chunk": head(transfer_encoding="chunked") + b'e\n{"choices":[]}\n0\n\n',
    "bare CR": b'HTTP/1.1 200 OK\rcontent-length: 14\r\r{"choices":[]}',
    "101": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
}


@pytest.mark.fault("B25")
@pytest.mark.parametrize("broken", NOT_HTTP)
def test_what_is_not_http(client: Maker, broken: str) -> None:
    with ScriptedServer([request, send(NOT_HTTP[broken]), until_gone]) as server:
        error = client(server).fails(APIConnectionError)
        server.wait_gone(0)
    assert not isinstance(error, TimeoutError)
    assert "HTTP" in str(error)
    assert (error.maybe_billed, error.attempts) == (True, 1)


@pytest.mark.fault("B25")
@pytest.mark.parametrize("lengths", ["{0}\r\ncontent-length: {0}", "{0}, {0}", "{0},{0}\r\nContent-Length:{0}"])
def test_lengths_that_agree_are_one(client: Maker, lengths: str) -> None:
    script = [request, send(head(content_length=lengths.format(len(BODY))) + BODY)]
    with ScriptedServer([*script, *script]) as server:
        caller = client(server)
        for _ in range(2):
            assert caller.create().id == "r-1"
        assert server.connections == 1


@pytest.mark.fault("B25")
@pytest.mark.parametrize("frame", [{"content_length": 2}, {"transfer_encoding": "chunked"}], ids=str)
def test_a_204_that_tells_of_a_body_ends_its_connection(client: Maker, frame: dict[str, Any]) -> None:
    with ScriptedServer([request, send(head(204, **frame)), until_gone], [request, send(OK)]) as server:
        caller = client(server)
        caller.fails(APIError)
        server.wait_gone(0)
        assert caller.create().id == "r-1"


@pytest.mark.fault("B26")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_answer_is_not_the_answer(client: Maker, status: str, stream: bool) -> None:
    interim = f"HTTP/1.1 {status}\r\nlink: </x>\r\n\r\n".encode()
    script = [request, send(interim + interim, STREAM_OK if stream else OK)]
    with ScriptedServer([*script, *script]) as server:
        caller = client(server)
        for _ in range(2):
            assert text_of(caller.chunks()) == "Hello world" if stream else caller.create().id == "r-1"
        assert server.connections == 1


@pytest.mark.fault("B25")
@pytest.mark.parametrize("surplus", [b"x", OK])
def test_bytes_after_the_answer_end_the_connection(client: Maker, surplus: bytes) -> None:
    with ScriptedServer([request, send(OK + surplus), until_gone], [request, send(OK)]) as server:
        caller = client(server)
        assert caller.create().id == "r-1"
        server.wait_gone(0)
        assert caller.create().id == "r-1"
        assert server.connections == 2


def test_connection_is_kept(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(STREAM_OK), request, send(OK)]) as server:
        caller = client(server)
        caller.create()
        caller.chunks()
        caller.create()
        assert server.connections == 1


@pytest.mark.parametrize(
    "last",
    [answer(connection="close"), head() + BODY, head(connection="close") + BODY, b"HTTP/1.0" + OK[8:]],
    ids=["close and length", "until the end", "close", "1.0"],
)
def test_connection_that_is_not_kept(client: Maker, last: bytes) -> None:
    with ScriptedServer([request, send(last), half_close, until_gone], [request, send(OK)]) as server:
        caller = client(server)
        assert caller.create().choices[0].message.content == COMPLETION
        assert caller.create().id == "r-1"
        server.wait_gone(0)
        assert server.connections == 2


def test_answer_before_the_request_was_read(client: Maker) -> None:
    def read_head(peer: Any) -> None:
        peer.read_until(b"\r\n\r\n")

    large = [{"role": "user", "content": "x" * 2_000_000}]
    refusal = answer({"error": {"message": "Too large for us"}}, status=413, connection="close")
    with ScriptedServer([read_head, send(refusal), half_close, until_gone]) as server:
        error = client(server).fails(APIError, messages=large)
    assert error.http_status == 413
    assert "Too large for us" in str(error)


def test_limits_that_are_infinite(client: Maker) -> None:
    forever = Timeout(total=float("inf"), connect=float("inf"), stream_idle=float("inf"))
    with ScriptedServer([request, send(OK), request, send(STREAM_OK)]) as server:
        caller = client(server, timeout=forever)
        assert caller.create().id == "r-1"
        assert text_of(caller.chunks()) == "Hello world"
