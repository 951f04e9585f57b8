"""What a connection gave -> head and decompressed body, within bounds."""

import gzip
import zlib
from collections.abc import Iterable

import pytest

from togetherpy._core.wire import Headers
from togetherpy._transport.answer import Answer, TooLargeError, is_left_open
from togetherpy._transport.http1 import LostError, ProtocolError
from togetherpy._transport.inflate import Decompressor, EncodingError

TEXT = b"the quick brown fox. " * 100


def raw(body: bytes, *fields: bytes, chunk: int = 0) -> bytes:
    if chunk:
        pieces = [body[i : i + chunk] for i in range(0, len(body), chunk)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        fields += (b"Transfer-Encoding: chunked",)
    else:
        fields += (b"Content-Length: %d" % len(body),)
    return b"\r\n".join((b"HTTP/1.1 200 OK", *fields, b"", body))


def read(pieces: Iterable[bytes], max_bytes: int = 1_000_000) -> tuple[Answer, list[bytes]]:
    """As a transport does it: what `take` gives, until it wants more; b"" last when the body is whole."""
    answer = Answer(max_bytes)
    taken: list[bytes] = []
    for piece in pieces:
        answer.receive(piece)
        while answer.head is not None and (body := answer.take()) is not None:
            taken.append(body)
            if not body:
                break
    return answer, taken


ENCODED = {
    "plain": raw(TEXT),
    "chunked": raw(TEXT, chunk=7),
    "gzip": raw(gzip.compress(TEXT), b"Content-Encoding: GZIP"),
    "gzip, chunked": raw(gzip.compress(TEXT), b"Content-Encoding: gzip", chunk=3),
    "deflate": raw(zlib.compress(TEXT), b"Content-Encoding: deflate"),
    "identity": raw(TEXT, b"Content-Encoding: identity"),
}


@pytest.mark.fault("B21")
@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED)
def test_bodies(data: bytes) -> None:
    for step in (1, 2, 50, len(data)):
        answer, taken = read(data[i : i + step] for i in range(0, len(data), step))
        assert b"".join(taken) == TEXT
        assert taken[-1] == b""
        assert b"" not in taken[:-1]
        assert answer.received
        assert answer.keep_alive
        assert answer.head is not None
        assert answer.head.status == 200


@pytest.mark.fault("B5", "B6")
@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED)
def test_a_body_cut_short_is_no_body(data: bytes) -> None:
    for cut in range(0, len(data), 7):
        with pytest.raises(LostError):
            read([data[:cut], b""] if cut else [b""])


def test_nothing_has_come_yet() -> None:
    answer = Answer(10)
    assert not answer.received
    assert answer.head is None
    assert not answer.keep_alive


@pytest.mark.fault("B24")
def test_compressed_data_cut_short_in_a_whole_body() -> None:
    with pytest.raises(EncodingError, match="cut short"):
        read([raw(gzip.compress(TEXT)[:-5], b"Content-Encoding: gzip")])


@pytest.mark.fault("B22", "B25")
def test_bad_bytes_and_an_unknown_encoding() -> None:
    with pytest.raises(ProtocolError):
        read([b"220 smtp.example ESMTP\r\n"])
    with pytest.raises(EncodingError, match="'br', which was not offered"):
        read([raw(TEXT, b"Content-Encoding: br")])


@pytest.mark.fault("B20", "B23")
@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED)
def test_the_bound_counts_what_comes_out(data: bytes) -> None:
    _, taken = read([data], max_bytes=len(TEXT))
    assert sum(map(len, taken)) == len(TEXT)
    with pytest.raises(TooLargeError):
        read([data], max_bytes=len(TEXT) - 1)


def test_a_stream_has_no_bound() -> None:
    answer = Answer(5)
    answer.receive(raw(TEXT))
    answer.lift_limit()
    assert answer.take() == TEXT


@pytest.mark.fault("B23")
def test_a_bomb_stops_at_the_bound() -> None:
    bomb = gzip.compress(bytes(20 * Decompressor.PIECE))
    answer = Answer(3 * Decompressor.PIECE)
    answer.receive(raw(bomb, b"Content-Encoding: gzip"))
    assert [len(answer.take() or b"") for _ in range(3)] == [Decompressor.PIECE] * 3
    with pytest.raises(TooLargeError):
        answer.take()


@pytest.mark.fault("B12", "B13")
@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        pytest.param([b"0\r\n\r\n"], True, id="the end"),
        pytest.param([b"2\r\n\r\n\r\n0\r\n\r\n"], True, id="blanks, then the end"),
        pytest.param([b"2\r\n\r\n\r\n"], None, id="blanks"),
        pytest.param([b"0\r\n"], None, id="nearly the end"),
        pytest.param([b"4\r\ndata\r\n0\r\n\r\n"], False, id="more data"),
    ],
)
def test_after_the_end_of_a_stream(rest: list[bytes], expected: bool | None) -> None:
    answer, _ = read([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[DONE]\r\n"])
    assert answer.skim() is None
    for piece in rest:
        answer.receive(piece)
    assert answer.skim() is expected


@pytest.mark.fault("B15")
@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (200, "text/event-stream", True),
        (200, "text/event-stream;charset=utf-8", True),
        (200, "Text/Event-Stream; charset=UTF-8; charset=utf-8", True),
        (200, None, True),
        (200, "application/json", False),
        (200, "text/html", False),
        (204, "text/event-stream", False),
        (400, "text/event-stream", False),
        (302, None, False),
        (500, None, False),
    ],
)
def test_what_an_accepted_stream_is(status: int, kind: str | None, expected: bool) -> None:
    headers = Headers({} if kind is None else {"content-type": kind})
    assert is_left_open("events", status, headers) is expected
    assert is_left_open("whole", status, headers) is False
    assert is_left_open("bytes", status, headers) is (status == 200)
