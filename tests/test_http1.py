"""The HTTP/1.1 reader: every framing at every split, strictness, truncation."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from togetherpy._transport.http1 import (
    MAX_FIELDS,
    MAX_HEAD,
    LostError,
    ProtocolError,
    ResponseReader,
    SchemeError,
)

OK = b"HTTP/1.1 200 OK\r\n"


def drip(data: bytes) -> list[bytes]:
    """Byte by byte; what is long, in small pieces."""
    size = 1 if len(data) < 10_000 else 97
    return [data[i : i + size] for i in range(0, len(data), size)]


def read(pieces: Iterable[bytes], *, end: bool = False) -> tuple[ResponseReader, bytes]:
    reader = ResponseReader()
    body = b"".join([reader.feed(piece) for piece in pieces])
    if end or reader.failure is not None:
        reader.end()
    return reader, body


def test_what_came_before_a_bad_chunk_is_kept() -> None:
    reader = ResponseReader()
    assert reader.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\nzz\r\n") == b"abc"
    assert "chunk size" in str(reader.failure)
    for goes_on in (lambda: reader.feed(b"1\r\nd\r\n"), reader.end):
        with pytest.raises(ProtocolError, match="chunk size"):
            goes_on()


ANSWERS = {
    "length": (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "length, twice": (OK + b"Content-Length: 5\r\ncontent-length:5 \r\n\r\nhello", b"hello"),
    "length, a list": (OK + b"Content-Length: 5,5\t, 5\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "length 0": (OK + b"Content-Length: 0\r\n\r\n", b""),
    "chunked": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
    "chunked, empty": (OK + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", b""),
    "chunked, extensions": (
        OK + b'Transfer-Encoding: chunked\r\n\r\n3;a=b;c="d"\r\nabc\r\n02 ;x\r\n\r\n\r\n000;last\r\n\r\n',
        b"abc\r\n",
    ),
    "chunked, trailers": (
        OK + b"Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX-A: 1\r\nx-b:\r\n\r\n",
        b"0123456789",
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b""),
    "after interim answers": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        + OK
        + b"Content-Length: 1\r\n\r\n!",
        b"!",
    ),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
}
answers = pytest.mark.parametrize(("raw", "body"), ANSWERS.values(), ids=ANSWERS)


@answers
def test_every_split(raw: bytes, body: bytes) -> None:
    for cut in range(len(raw) + 1):
        reader, got = read([raw[:cut], b"", raw[cut:]], end=True)
        assert got == body
        assert reader.complete
        assert reader.keep_alive
        assert not reader.surplus
    reader, got = read(drip(raw), end=True)
    assert (got, reader.complete, reader.keep_alive) == (body, True, True)


@pytest.mark.fault("B5", "B6")
@answers
def test_truncation_is_never_a_short_success(raw: bytes, body: bytes) -> None:
    for cut in range(len(raw)):
        reader, got = read([raw[:cut]])
        assert body.startswith(got)
        assert not reader.complete
        assert not reader.keep_alive
        with pytest.raises(LostError, match="closed"):
            reader.end()


@pytest.mark.fault("B13")
@answers
def test_surplus_bytes_are_no_body_and_end_the_connection(raw: bytes, body: bytes) -> None:
    for pieces in ([raw + b"x"], [raw, b"x"]):
        reader, got = read(pieces, end=True)
        assert got == body
        assert reader.complete
        assert reader.surplus
        assert not reader.keep_alive


@pytest.mark.fault("B25")
@pytest.mark.parametrize(
    ("name", "values"), [("Content-Length", ("1", "2")), ("Transfer-Encoding", ("chunked", "chunked"))]
)
def test_two_ideas_of_the_end_are_named(name: str, values: tuple[str, str]) -> None:
    fields = "".join(f"{name}: {value}\r\n" for value in values).encode()
    with pytest.raises(ProtocolError, match=f"two {name.lower()} fields"):
        read([OK + fields + b"\r\n"])


def test_a_body_that_the_connection_delimits() -> None:
    raw = OK + b"Content-Type: text/plain\r\n\r\nall that comes"
    for cut in range(len(raw) + 1):
        reader, got = read([raw[:cut], raw[cut:]])
        assert got == b"all that comes"
        assert not reader.complete
        reader.end()
        assert reader.complete
        assert not reader.keep_alive  # the connection is gone


def test_body_bytes_are_given_out_as_they_come() -> None:
    reader = ResponseReader()
    reader.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    assert reader.feed(b"5\r\nhe") == b"he"
    assert reader.feed(b"llo\r\n5\r\n wor") == b"llo wor"
    assert not reader.complete


def test_fields() -> None:
    reader, _ = read([OK + b"A: 1\r\nb:\t two \r\na: 2\r\nC:\r\nD: \xe9\r\nSet-Cookie: x\r\nContent-Length: 0\r\n\r\n"])
    assert reader.head is not None
    assert reader.head.status == 200
    assert dict(reader.head.headers) == {
        "a": "1, 2",
        "b": "two",
        "c": "",
        "d": "\xe9",
        "set-cookie": "x",
        "content-length": "0",
    }
    assert reader.head.headers["SET-Cookie"] == "x"
    assert len(reader.head.headers) == 6
    assert repr(reader.head.headers).startswith("Headers({'a': '1, 2'")


@pytest.mark.parametrize(
    ("version", "fields", "expected"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: keep-alive\r\n", True),
        (b"1.1", b"Connection: Close\r\n", False),
        (b"1.1", b"Connection: x\r\nConnection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_keep_alive(version: bytes, fields: bytes, expected: bool) -> None:
    reader, _ = read([b"HTTP/" + version + b" 200 OK\r\n" + fields + b"Content-Length: 0\r\n\r\n"])
    assert reader.complete
    assert reader.keep_alive is expected


def test_http_1_0_does_not_know_chunks() -> None:
    raw = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    reader, body = read([raw])
    assert body == b"a"
    assert reader.complete
    assert not reader.keep_alive


def fields_of(number: int) -> bytes:
    return b"".join(b"X-%d: y\r\n" % i for i in range(number))


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BAD = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "HTTP/0.9": b"<html>",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "lower case": b"http/1.1 200 OK\r\n\r\n",
    "empty line first": b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    "status 20": b"HTTP/1.1 20 OK\r\n\r\n",
    "status 2000": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status 099": b"HTTP/1.1 099 OK\r\n\r\n",
    "status -20": b"HTTP/1.1 -20 OK\r\n\r\n",
    "status 2x0": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "status in other digits": b"HTTP/1.1 \xb2\xb20 OK\r\n\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "two blanks": b"HTTP/1.1  200 OK\r\n\r\n",
    "NUL in the reason": b"HTTP/1.1 200 O\0K\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    "giant header": OK + b"X: " + b"y" * MAX_HEAD + b"\r\n\r\n",
    "endless header": OK + b"X: " + b"y" * (MAX_HEAD + 10),
    "101 fields": OK + fields_of(MAX_FIELDS + 1) + b"\r\n",
    "no colon": OK + b"nonsense\r\n\r\n",
    "blank before the colon": OK + b"Content-Length : 1\r\n\r\n",
    "empty name": OK + b": x\r\n\r\n",
    "name with a blank": OK + b"a b: x\r\n\r\n",
    "name that is not ASCII": OK + b"\xe9: x\r\n\r\n",
    "obs-fold": OK + b"X: a\r\n b\r\n\r\n",
    "obs-fold with a tab": OK + b"X: a\r\n\tb: c\r\n\r\n",
    "folded first line": OK + b" X: a\r\n\r\n",
    "NUL": OK + b"X: a\0b\r\n\r\n",
    "bare CR": OK + b"X: a\rb\r\n\r\n",
    "bare LF": OK + b"X: a\nY: b\r\n\r\n",
    "two Content-Lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a list of two Content-Lengths": OK + b"Content-Length: 1, 2\r\n\r\n",
    "Content-Lengths that are written differently": OK + b"Content-Length: 1\r\nContent-Length: 01\r\n\r\n",
    "a Content-Length and an empty one": OK + b"Content-Length: 1,\r\n\r\n",
    "two bad Content-Lengths that agree": OK + b"Content-Length: +1\r\nContent-Length: +1\r\n\r\n",
    "Content-Length -1": OK + b"Content-Length: -1\r\n\r\n",
    "Content-Length +1": OK + b"Content-Length: +1\r\n\r\n",
    "Content-Length 0x1": OK + b"Content-Length: 0x1\r\n\r\n",
    "Content-Length 1_0": OK + b"Content-Length: 1_0\r\n\r\n",
    "Content-Length 1.0": OK + b"Content-Length: 1.0\r\n\r\n",
    "Content-Length in other digits": OK + b"Content-Length: \xb2\r\n\r\n",
    "empty Content-Length": OK + b"Content-Length:\r\n\r\n",
    "giant Content-Length": OK + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n",
    "length and chunks": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two Transfer-Encodings": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "another transfer coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "Transfer-Encoding identity": OK + b"Transfer-Encoding: identity\r\n\r\n",
    "chunk size -1": CHUNKED + b"-1\r\nx\r\n",
    "chunk size +5": CHUNKED + b"+5\r\nhello\r\n",
    "chunk size 0x5": CHUNKED + b"0x5\r\nhello\r\n",
    "chunk size 1_0": CHUNKED + b"1_0\r\n",
    "chunk size with a blank before": CHUNKED + b" 5\r\nhello\r\n",
    "chunk size empty": CHUNKED + b"\r\n",
    "chunk size of other letters": CHUNKED + b"5g\r\nhello\r\n",
    "chunk size of 16 digits": CHUNKED + b"0" * 15 + b"5\r\nhello\r\n",
    "chunk size in other digits": CHUNKED + b"\xb2\r\nhe\r\n",
    "chunk size with a bare LF": CHUNKED + b"5\nhello\n0\n\n\r\n",
    "chunk size that does not end": CHUNKED + b"0" * 5000,
    "long chunk extension": CHUNKED + b"5;" + b"x" * 5000 + b"\r\nhello\r\n",
    "NUL in an extension": CHUNKED + b"5;\0\r\nhello\r\n",
    "chunk longer than its size": CHUNKED + b"5\r\nhello, world\r\n0\r\n\r\n",
    "chunk shorter than its size": CHUNKED + b"5\r\nhel\r\n0\r\n\r\n",
    "trailer without a colon": CHUNKED + b"0\r\nnonsense\r\n\r\n",
    "trailer with a bare LF": CHUNKED + b"0\r\nX: a\n\nHTTP/1.1\r\n\r\n",
    "101 trailers": CHUNKED + b"0\r\n" + fields_of(MAX_FIELDS + 1) + b"\r\n",
    "long trailer": CHUNKED + b"0\r\nX: " + b"y" * 5000 + b"\r\n\r\n",
}


HALF_LINES = {
    "every line": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "first line": b"HTTP/1.1 200 OK\nContent-Length: 2\r\n",
    "first line, and no more": b"HTTP/1.1 200 OK\n",
    "a field": OK + b"A: b\nContent-Length: 2\r\n",
    "the empty line": OK + b"Content-Length: 2\r\n\n{}",
    "CR alone": b"HTTP/1.1 200 OK\rContent-Length: 2\r\r{}",
    "an interim answer": b"HTTP/1.1 100 Continue\n\n",
    "behind an interim answer": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "a chunk size": CHUNKED + b"5\nhello\n0\n\n",
    "CR behind a chunk size": CHUNKED + b"5\rhello",
    "the end of a chunk": CHUNKED + b"5\r\nhello\n0\n\n",
    "what is no end of a chunk": CHUNKED + b"5\r\nhello, world",
    "a later chunk size": CHUNKED + b"5\r\nhello\r\n5\nworld",
    "the last chunk": CHUNKED + b"0\n\n",
    "the end of the trailer": CHUNKED + b"0\r\n\n",
    "a trailer line": CHUNKED + b"0\r\nX: a\n\n",
}


@pytest.mark.fault("B25")
@pytest.mark.parametrize("raw", HALF_LINES.values(), ids=HALF_LINES)
@pytest.mark.parametrize("pieces", [lambda raw: [raw], drip], ids=["whole", "byte by byte"])
def test_half_a_line_end_is_refused_at_once(raw: bytes, pieces: Callable[[bytes], list[bytes]]) -> None:
    # The server waits for nothing more, and would be waited for until the timeout.
    reader = ResponseReader()

    def feed() -> None:
        for piece in pieces(raw):
            reader.feed(piece)
            if reader.failure is not None:
                raise reader.failure

    with pytest.raises(ProtocolError):
        feed()


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize(
    ("fields", "kept_after"),
    [
        (b"", {204, 304}),
        (b"Content-Length: 0\r\n", {204, 304}),
        (b"Content-Length: 5\r\n", {304}),  # what a GET would have brought (RFC 9110, 8.6)
        (b"Content-Length: x\r\n", set()),
        (b"Transfer-Encoding: chunked\r\n", set()),
        (b"Transfer-Encoding: gzip\r\n", set()),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", set()),
    ],
)
def test_an_answer_without_a_body_that_tells_of_one(status: int, fields: bytes, kept_after: set[int]) -> None:
    reader, body = read([b"HTTP/1.1 %d X\r\n%s\r\n" % (status, fields)])
    assert (reader.complete, body, reader.keep_alive) == (True, b"", status in kept_after)


@pytest.mark.parametrize("beginning", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x15", b"\x16\x03\x03"])
def test_tls_is_recognized_by_its_first_byte(beginning: bytes) -> None:
    with pytest.raises(SchemeError):
        read([beginning])


@pytest.mark.fault("B25")
@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_bad_answers(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        read([raw])
    with pytest.raises(ProtocolError):
        read(drip(raw), end=True)


def head_of(size: int) -> bytes:
    """A good answer whose head has so many bytes before its empty line."""
    start = OK + b"Content-Length: 0\r\nX: "
    return start + b"y" * (size - len(start)) + b"\r\n\r\n"


@pytest.mark.fault("B25")
@pytest.mark.parametrize(
    ("raw", "good"),
    [
        pytest.param(head_of(MAX_HEAD), True, id="longest head"),
        pytest.param(head_of(MAX_HEAD + 1), False, id="head too long"),
        pytest.param(OK + fields_of(MAX_FIELDS - 1) + b"Content-Length: 0\r\n\r\n", True, id="most fields"),
        pytest.param(CHUNKED + b"0;" + b"x" * 4094 + b"\r\n\r\n", True, id="longest extension"),
        pytest.param(CHUNKED + b"0;" + b"x" * 4095 + b"\r\n\r\n", False, id="extension too long"),
        pytest.param(CHUNKED + b"0\r\n" + fields_of(MAX_FIELDS) + b"\r\n", True, id="most trailers"),
    ],
)
def test_limits_are_the_same_for_every_split(raw: bytes, good: bool) -> None:
    for pieces in ([raw], drip(raw), *([raw[:-cut], raw[-cut:]] for cut in range(1, 6))):
        try:
            assert read(pieces)[0].complete
            assert good
        except ProtocolError:
            assert not good


@pytest.mark.fault("B26")
def test_interim_answers_are_passed_over_without_end() -> None:
    reader = ResponseReader()
    for _ in range(1000):
        assert reader.feed(b"HTTP/1.1 102 Processing\r\n\r\n") == b""
    assert reader.head is None
    reader.feed(OK + b"Content-Length: 0\r\n\r\n")
    assert reader.head is not None
    assert reader.head.status == 200
    assert reader.complete


def test_the_end_before_the_beginning() -> None:
    with pytest.raises(LostError, match="before an answer came"):
        read([], end=True)
    with pytest.raises(LostError, match="before an answer came"):
        read([b"HTTP/1.1 100 Continue\r\n\r\n"], end=True)
    with pytest.raises(LostError, match="in the middle"):
        read([OK + b"Content-Length: 1\r\n\r\n"], end=True)


SPECIAL = [b"\r", b"\n", b"\0", b":", b" ", b"\xff", b"-", b"9"]


@pytest.mark.fault("B25")
@settings(deadline=None)
@given(data=st.data())
def test_damaged_answers_give_a_result_or_a_protocol_error(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([raw for raw, _ in ANSWERS.values()])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw)))
        match data.draw(st.sampled_from(["insert", "delete", "replace", "repeat"])):
            case "insert":
                raw[place:place] = data.draw(st.binary(min_size=1, max_size=3))
            case "delete":
                del raw[place : place + data.draw(st.integers(1, 4))]
            case "replace":
                raw[place : place + 1] = data.draw(
                    st.sampled_from([b"\r", b"\n", b"\0", b":", b" ", b"\xff", b"-", b"9"])
                )
            case _:
                raw[place:place] = raw[place : place + 8]
    seen = set()
    size = data.draw(st.integers(1, len(raw) or 1))
    for pieces in ([bytes(raw)], [bytes(raw[i : i + size]) for i in range(0, len(raw), size)]):
        try:
            reader, body = read(pieces, end=True)
            assert reader.head is not None
            seen.add((reader.head.status, body, reader.surplus))
        except ProtocolError:
            seen.add("refused")
    assert len(seen) == 1, seen
