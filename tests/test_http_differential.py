"""Answers, good and damaged, read by three readers: ours, h11 and http.client.

Nothing may be accepted by ours alone and read otherwise by all others: that would be the gap through which an answer
slips into the next one. Where one other reader differs, the difference stands in a table below, with its reason.

The cases follow from TOGETHER_FUZZ_SEED, one seed after the other, for a share of TOGETHER_FUZZ_SECONDS; a failure
names its seed, with which it is then the first case.
"""

import http.client
import io
import itertools
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import h11
import pytest

from togetherpy._transport.http1 import ProtocolError, ResponseReader

SECONDS = float(os.environ.get("TOGETHER_FUZZ_SECONDS", "4")) / 4
SEED = int(os.environ.get("TOGETHER_FUZZ_SEED", "0"))
LEAST = 2000
"""Cases that are read however slow the machine is."""

Read = tuple[int, bytes] | None
"""Status and body of an answer that was read whole; None of one that was refused."""


# Readers


def ours(pieces: list[bytes]) -> tuple[Read, str]:
    """What our reader makes of it, and why it refuses."""
    reader, body = ResponseReader(), b""
    try:
        for piece in pieces:
            body += reader.feed(piece)
        if not reader.complete:
            reader.end()
    except ProtocolError as error:
        return None, str(error)
    assert reader.head is not None
    return (reader.head.status, body), ""


def with_h11(data: bytes) -> Read:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        connection.receive_data(data)
        ended = False
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA and not ended:
                connection.receive_data(b"")
                ended = True
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._data)


def with_http_client(data: bytes) -> Read:
    response = http.client.HTTPResponse(_Socket(data), method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        return response.status, response.read()
    except (http.client.HTTPException, ValueError, OverflowError, MemoryError):
        return None
    finally:
        response.close()


OTHERS: dict[str, Callable[[bytes], Read]] = {"h11": with_h11, "http.client": with_http_client}


# Answers

FIRST_LINES = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 204 No",
    b"HTTP/1.1 304 N",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 ",
    b"HTTP/1.1 404 \xfcber",
    b"HTTP/1.1  200 OK",
    b"HTTP/2 200 OK",
    b"HTTP/1.2 200 OK",
    b"http/1.1 200 OK",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 099 OK",
    b"HTTP/1.1 600 OK",
    b"HTTP/1.1 101 S",
    b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK",
    b"HTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK",
]
FIELDS = [
    b"Content-Type: a/b",
    b"X-A: 1",
    b"x-b:2",
    b"X-C : 3",
    b"X-D:\t4 ",
    b"X-E:",
    b" folded",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Content-Length: %d",
    b"Content-Length: %d",
    b"Content-Length: %d",
    b"content-length: %d, %d",
    b"Content-Length: %d ,%d",
    b"Content-Length: %d,",
    b"Content-Length: 1%d",
    b"Content-Length: +%d",
    b"Content-Length: -%d",
    b"Content-Length: 0%d",
    b"Content-Length: %d.0",
    b"Content-Length: 0x%d",
    b"Content-Length:",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked",
    b"transfer-encoding: Chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding:",
    b"X\0: 1",
    b"X-F: a\rb",
    b"X-G: a\0b",
    b": x",
    b"x",
    b"X H: 1",
    b"Set-Cookie: \xff",
]


def make_answer(chance: random.Random) -> bytes:
    """Mostly with one oddness, for of several the readers would see the first alone."""
    odd = chance.choice(["first line", "fields", "chunks", "line ends", "damage", "all"])
    body = chance.randbytes(chance.choice([1, 5, 17] if odd == "chunks" else [0, 1, 5, 17])).hex().encode()
    fields = chance.sample(FIELDS, chance.randrange(4)) if odd in ("fields", "all") else [chance.choice(FRAMES)]
    if odd == "chunks":
        fields = FRAMES[:1]
    fields = [field.replace(b"%d", str(len(body)).encode()) for field in fields]
    if any(b"chunked" in field.lower() for field in fields) and (odd == "chunks" or chance.random() < 0.9):
        body = _chunks(chance, body, odd in ("chunks", "all"))
    first = chance.choice(FIRST_LINES) if odd in ("first line", "all") else b"HTTP/1.1 200 OK"
    data = (b"\n" if odd == "line ends" else b"\r\n").join([first, *fields, b"", b""]) + body
    for _ in range(chance.randrange(1, 3) if odd in ("damage", "all") else 0):
        data = _damage(chance, data)
    return data


FRAMES = [b"Transfer-Encoding: chunked", b"Content-Length: %d", b"X-A: until the end"]


def _chunks(chance: random.Random, body: bytes, odd: bool) -> bytes:
    """`body` in chunks, of which one may be odd, or the last."""
    cuts = sorted({0, *(chance.randrange(len(body) + 1) for _ in range(chance.randrange(3))), len(body)})
    parts = [body[start:end] for start, end in itertools.pairwise(cuts)]
    odd_one = chance.randrange(len(parts) + 1) if odd else -1
    data = b""
    for number, part in enumerate(parts):
        size, after_size, after_part = b"%x" % len(part), b"\r\n", b"\r\n"
        if number == odd_one:
            match chance.randrange(4):
                case 0:
                    after_size = chance.choice([b"\n", b"\r", b""])
                case 1:
                    after_part = chance.choice([b"\n", b"", b"x\r\n"])
                case _:
                    size = chance.choice(_odd_sizes(size))
        data += size + after_size + part + after_part
    return data + (chance.choice(LAST) if odd_one == len(parts) else LAST[0])


LAST = [
    b"0\r\n\r\n",
    b"0\r\nT: 1\r\n\r\n",
    b"0\r\n",
    b"00\r\n\r\n",
    b"0\r\nbad\r\n\r\n",
    b"0\n\n",
    b"",
    b"0;a\r\n\r\n",
    b"0\r\n\r\nmore",
]


def _odd_sizes(size: bytes) -> list[bytes]:
    before = [b"0", b" ", b"+", b"-", b"0x", b"0" * 17]
    after = [b";a=b", b" ;a", b" ", b"_0", b";\0"]
    return [size.upper(), *(one + size for one in before), *(size + one for one in after)]


def _damage(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) or 1)
    match chance.randrange(4):
        case 0:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at] + chance.choice([b"\r", b"\n", b"\0", b" ", b":", b"0", b"\r\n"]) + data[at:]
        case 2:
            return data[:at] + data[at + 1 :]
        case _:
            return data[:at]


# Known differences

INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!00)[0-9]{2}[ \r]")
NO_BODY = re.compile(rb"HTTP/1\.[01] (?:204|304)[ \r]")
FRAMED = re.compile(rb"\n(?:content-length|transfer-encoding):", re.IGNORECASE)
LENGTHS = re.compile(rb"\ncontent-length:[^\n]*,", re.IGNORECASE)
EXTENSION = re.compile(rb"\n[0-9A-Fa-f]+[ \t]+;")

BLANKS = re.compile(rb"[\x0b\x0c]")

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


class Difference(NamedTuple):
    """An answer that we take, and another reader refuses or reads otherwise."""

    reader: str
    applies: Callable[[bytes], object]
    why: str
    example: bytes


def framed_without_body(data: bytes) -> bool:
    return NO_BODY.search(data) is not None and FRAMED.search(data) is not None


KNOWN = [
    Difference(
        "h11",
        framed_without_body,
        "refuses a 204 or 304 with a frame that is wrong or contradictory; ours takes it and ends the connection",
        b"HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n",
    ),
    Difference(
        "h11",
        EXTENSION.search,
        "refuses blanks between a chunk's size and its extension, which RFC 9112, 7.1.1 has taken",
        CHUNKED + b"\r\n1 ;a\r\nx\r\n0\r\n\r\n",
    ),
    Difference(
        "h11",
        BLANKS.search,
        "refuses VT and FF in a field's value, where it takes other control characters",
        b"HTTP/1.1 200 OK\r\nX-A: a\x0bb\r\nContent-Length: 0\r\n\r\n",
    ),
    Difference(
        "http.client",
        INTERIM.search,
        "takes any 1xx but 100 for the answer itself, fault B26",
        b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    ),
    Difference(
        "http.client",
        framed_without_body,
        "reads chunks behind a 204 or 304; ours takes it without a body and ends the connection",
        CHUNKED.replace(b"200", b"204") + b"\r\n1\r\nx\r\n0\r\n\r\n",
    ),
    Difference(
        "http.client",
        LENGTHS.search,
        "reads until the end where Content-Length is a list",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nxy",
    ),
]

STRICTER = {
    "a line of its header does not end with CR LF": (
        "RFC 9112, 2.2 lets a recipient take a bare LF; it need not",
        b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
    ),
    "a line between its chunks does not end with CR LF": (
        "the same, and a known way to make two readers differ",
        CHUNKED + b"\r\n1\r\nx\r\n0\r\n\n",
    ),
    "a trailer line is malformed": ("a bare LF again", CHUNKED + b"\r\n1\r\nx\r\n0\r\n\n\r\n"),
    "its first line is not an HTTP/1.1 status line": (
        "HTTP/1.2 and the like, of which we cannot know what they mean",
        b"HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\nx",
    ),
    "a header line is malformed": (
        "RFC 9112, 5.2: a recipient may replace a folded line, or refuse it",
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 1\r\n\r\nx",
    ),
    "it has both transfer-encoding and content-length": (
        "RFC 9112, 6.3: this ought to be handled as an error",
        CHUNKED + b"Content-Length: 1\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ),
    "a chunk size is malformed": (
        "more than 15 digits, or a NUL in an extension",
        CHUNKED + b"\r\n0000000000000001\r\nx\r\n0\r\n\r\n",
    ),
}
"""What we refuse, and all others take and read alike: why, and an example."""


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.why)
def test_known_differences_are_there(known: Difference) -> None:
    read, _ = ours([known.example])
    assert read is not None
    assert known.applies(known.example)
    assert OTHERS[known.reader](known.example) != read


@pytest.mark.parametrize("reason", STRICTER)
def test_what_we_refuse_is_taken_by_others(reason: str) -> None:
    example = STRICTER[reason][1]
    read, refusal = ours([example])
    assert read is None
    assert refusal.startswith(reason)
    assert {reader(example) for reader in OTHERS.values()} == {(200, b"x")}


@pytest.mark.fault("B25")
def test_nothing_is_taken_by_ours_alone() -> None:
    taken = count = 0
    for seed, data in answers():
        read, refusal = ours([data])
        others = {name: reader(data) for name, reader in OTHERS.items()}
        count += 1
        shown = f"TOGETHER_FUZZ_SEED={seed}: {data!r} is {read} {refusal} to us, and {others} to others"
        if read is None:
            if len(set(others.values())) == 1 and None not in others.values():
                assert refusal.partition(":")[0] in STRICTER, shown
            continue
        taken += 1
        if read not in others.values() and read[0] in (204, 304):
            assert not kept(data), shown  # there is no next answer that could begin in the wrong place
        for name, theirs in others.items():
            if theirs != read:
                assert any(known.applies(data) for known in KNOWN if known.reader == name), f"{name} differs in {shown}"
    assert taken > count / 5


@pytest.mark.fault("B25")
def test_how_the_bytes_come_does_not_matter() -> None:
    for seed, data in answers():
        chance = random.Random(seed)
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 5)))
        pieces = [data[start:end] for start, end in itertools.pairwise([0, *cuts, len(data)])]
        at_once, in_pieces = ours([data])[0], ours(pieces)[0]
        assert at_once == in_pieces, f"TOGETHER_FUZZ_SEED={seed}: {pieces!r}"


def answers() -> Iterator[tuple[int, bytes]]:
    end = time.monotonic() + SECONDS / 2
    for count in itertools.count():
        if count >= LEAST and time.monotonic() > end:
            return
        yield SEED + count, make_answer(random.Random(SEED + count))


def kept(data: bytes) -> bool:
    reader = ResponseReader()
    reader.feed(data)
    return reader.keep_alive


def test_the_readers_read() -> None:
    data = b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert ours([data])[0] == with_h11(data) == with_http_client(data) == (404, b"abc")
    for cut in (10, len(data) - 10):
        assert ours([data[:cut]])[0] is with_h11(data[:cut]) is with_http_client(data[:cut]) is None
