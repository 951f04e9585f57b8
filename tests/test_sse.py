"""The event stream parser, at every split of its input."""

import base64
import itertools
import json
import pickle
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from togetherpy._core.sse import DONE, MAX_WORDS, EventTooLargeError, NamedEvent, SSEParser

CASES = json.loads((Path(__file__).parent / "data" / "sse_conformance.json").read_text())["cases"]

Event = tuple[str, str]


def named(data: bytes) -> Event:
    kind = data.event if isinstance(data, NamedEvent) else "message"
    return kind, bytes(data).decode("utf-8", "replace")


def parse(pieces: Iterable[bytes]) -> list[Event]:
    parser = SSEParser()
    return [named(event) for piece in pieces for event in parser.feed(piece)]


def two_pieces(data: bytes) -> Iterable[tuple[bytes, ...]]:
    """Every cut into two, with empty reads at all three places."""
    for cut in range(len(data) + 1):
        yield b"", data[:cut], b"", data[cut:], b""


def drops(data: bytes) -> Iterable[bytes]:
    """Byte by byte, an empty read after each."""
    for i in range(len(data)):
        yield data[i : i + 1]
        yield b""


def obvious(data: bytes) -> list[Event]:
    """The standard's algorithm, word for word, on a whole stream."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    events: list[Event] = []
    kind, buffer = "", ""
    for line in text.split("\n")[:-1]:  # what follows the last line end is unfinished
        if line == "":
            if buffer != "":
                events.append((kind or "message", buffer.removesuffix("\n")))
            kind, buffer = "", ""
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            buffer += value + "\n"
    return events


@pytest.mark.fault("D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D14")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_conformance(case: dict) -> None:
    data = base64.b64decode(case["input"])
    expected = [tuple(event) for event in case["expected"]]
    assert parse([data]) == expected
    assert parse(drops(data)) == expected
    for pieces in two_pieces(data):
        assert parse(pieces) == expected, pieces


def test_there_are_all_48_conformance_cases() -> None:
    assert len(CASES) == 48


HARD = (
    "\ufeff: a comment\n"
    "data: one\n\n"
    "data: two\ndata: lines\n\n"
    "data:no blank\n\n"
    "data:  two blanks \n\n"
    "id: 7\n\n"  # an id, then blank lines: no event
    "\n\n"
    "event: error\ndata: {}\n\n"
    "event: message\ndata: plain\n\n"
    "event: lost\n\n"
    "data: after\n\n"
    "data\n\n"
    "data:\ndata:\n\n"
    "retry: 10\nunknown: x\n:\n"
    "data: z\u00df\u6c34\U0001f34c \u2028\u0085\u000b\n\n"
    "data: [DONE]\n\n"
    "data: unfinished\n"
)
HARD_EVENTS = [
    ("message", "one"),
    ("message", "two\nlines"),
    ("message", "no blank"),
    ("message", " two blanks "),
    ("error", "{}"),
    ("message", "plain"),
    ("message", "after"),
    ("message", ""),
    ("message", "\n"),
    ("message", "z\u00df\u6c34\U0001f34c \u2028\u0085\u000b"),
    ("message", "[DONE]"),
]
SHORT = "\ufeffdata: a\ndata:\n\n:\nid\n\nevent: e\ndata: \u6c34\n\n\ndata: b\n\ndata: c\n\n"
SHORT_EVENTS = [("message", "a\n"), ("e", "\u6c34"), ("message", "b"), ("message", "c")]
line_ends = pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])


@pytest.mark.fault("D1", "D2", "D3", "D5", "D14")
@line_ends
def test_hard_stream_at_every_split(end: str) -> None:
    data = HARD.replace("\n", end).encode()
    assert parse(drops(data)) == HARD_EVENTS
    for pieces in two_pieces(data):
        assert parse(pieces) == HARD_EVENTS, pieces


@pytest.mark.fault("D1")
@line_ends
def test_short_stream_at_every_split_into_three(end: str) -> None:
    data = SHORT.replace("\n", end).encode()
    for first in range(len(data) + 1):
        for second in range(first, len(data) + 1):
            pieces = (data[:first], b"", data[first:second], b"", data[second:])
            assert parse(pieces) == SHORT_EVENTS, pieces


@pytest.mark.fault("D1")
def test_mixed_line_ends() -> None:
    data = b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\r\r\ndata: e\r\n\r"
    expected = [("message", "a\nb\nc"), ("message", "d"), ("message", "e")]
    assert parse([data]) == parse(drops(data)) == expected == obvious(data)


def test_the_reference_parser_agrees_with_the_table() -> None:
    for case in CASES:
        assert obvious(base64.b64decode(case["input"])) == [tuple(event) for event in case["expected"]], case["name"]


LINES = st.sampled_from(
    [
        b"",
        b"",
        b"",
        b"data: x",
        b"data: x",
        b"data:",
        b"data",
        b"data:  y",
        b"data: data: z",
        b"data:x:y",
        b"event: e",
        b"event:",
        b"event",
        b"event: message",
        b"id: 1",
        b":",
        b": comment",
        b"retry: 1",
        b"Data: no",
        b" data: no",
        b"dat",
        b"data\xef\xbb\xbf: no",
        b"\xef\xbb\xbfdata: bom",
        b"data: \xe6\xb0\xb4\xf0\x9f\x8d\x8c",
        b"data: \xff\xe6",
        b"data: [DONE]",
        b"data: \0",
    ]
)
LINE_ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])
STREAMS = st.lists(st.tuples(LINES, LINE_ENDS), max_size=30).map(lambda parts: b"".join(map(b"".join, parts)))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@pytest.mark.fault("D1", "D2", "D7")
@settings(deadline=None)
@given(data=STREAMS | st.binary(max_size=60), places=st.lists(st.integers(min_value=0), max_size=12))
def test_any_stream_in_any_pieces(data: bytes, places: list[int]) -> None:
    assert parse(cut(data, places)) == obvious(data)


@given(
    texts=st.lists(st.text(alphabet="ab\\n {}:", max_size=6), max_size=12), places=st.lists(st.integers(0), max_size=9)
)
def test_usual_streams_in_any_pieces(texts: list[str], places: list[int]) -> None:
    """The way of whole one-line events is another than that of lines; both must see the same."""
    data = "".join(f"data: {text}\n\n" for text in texts).encode()
    assert parse(cut(data, places)) == [("message", text) for text in texts]


@pytest.mark.fault("D8")
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"data: [DONE]", [DONE]),
        (b"data: [DONE]\n", [DONE]),
        (b"data:[DONE] \r\n", [DONE]),
        (b"data: [DONE]\r", [DONE]),
        (b"data: [DONE]\n\n", []),  # was an event already
        (b"data: {}\n", []),
        (b"data: {}", []),
        (b"data: x\ndata: [DONE]", []),
        (b": [DONE]", []),
        (b"\xef\xbb", []),
    ],
)
def test_the_end_of_the_stream(data: bytes, expected: list[bytes]) -> None:
    parser = SSEParser()
    parser.feed(data)
    assert parser.finish() == expected


def test_nothing_is_dispatched_before_it_is_whole() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: a") == []
    assert parser.feed(b"\n") == []
    assert parser.feed(b"\n") == [b"a"]
    # With CR, the blank line is known at its CR: an LF that follows adds nothing.
    assert parser.feed(b"data: b\r") == []
    assert parser.feed(b"\r") == [b"b"]
    assert parser.feed(b"\n") == []


@pytest.mark.fault("D12")
def test_a_giant_line_is_taken_in_pieces() -> None:
    piece = b"x" * (64 * 1024)
    parser = SSEParser(max_event=65 * 1024 * 1024)
    parser.feed(b"data: ")
    for _ in range(1024):
        assert parser.feed(piece) == []
    (event,) = parser.feed(b"\n\n")
    assert len(event) == 64 * 1024 * 1024


LIMIT = 1000


@pytest.mark.fault("D12")
@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"x", id="one line without an end"),
        pytest.param(b"data: abcdefgh\n", id="many data lines"),
        pytest.param(b"data\n", id="many empty data lines"),
        pytest.param(b"data: abc\r\n:\r\nevent: e\r\n", id="between other lines"),
    ],
)
def test_memory_is_bounded(piece: bytes) -> None:
    parser = SSEParser(max_event=LIMIT)
    with pytest.raises(EventTooLargeError, match="longer than 1000 bytes"):
        [parser.feed(piece) for _ in range(LIMIT + 2)]


@pytest.mark.fault("D12")
def test_small_reads_do_not_take_more_memory_than_the_line() -> None:
    # a list of pieces would hold an object for each
    parser = SSEParser(max_event=LIMIT)
    for _ in range(LIMIT // 2):
        parser.feed(b"ab")
    held = [value for name in parser.__slots__ if isinstance(value := getattr(parser, name), (list, bytearray))]
    assert [len(value) for value in held if value] == [LIMIT]


def test_the_bound_is_for_one_event_not_for_the_stream() -> None:
    parser = SSEParser(max_event=LIMIT)
    event = b"data: " + b"x" * (LIMIT // 2 - 6) + b"\n"
    for _ in range(20):
        parser.feed(event)
        assert len(parser.feed(event + b"\n")) == 1


@pytest.mark.fault("D4")
@pytest.mark.parametrize("piece", [b": ping\n\n", b": ping\n", b":\r\n", b"event: x\n", b"id: 1\nretry: 2\n", b"\n"])
def test_comments_for_ever_do_not_accumulate(piece: bytes) -> None:
    parser = SSEParser(max_event=LIMIT)
    for _ in range(LIMIT):
        assert parser.feed(piece) == []
    assert parser.feed(b"\n") == []
    assert parser.feed(b"data: x\n\n") == [b"x"]


@pytest.mark.fault("D9")
def test_named_events_are_bytes_that_know_their_name() -> None:
    (event,) = SSEParser().feed(b"event: err\xff\ndata: {}\n\n")
    assert isinstance(event, NamedEvent)
    assert event == b"{}"
    assert event.event == "err\ufffd"
    (plain,) = SSEParser().feed(b"event: message\ndata: {}\n\n")
    assert type(plain) is bytes
    assert pickle.loads(pickle.dumps(event)).event == event.event


# What is no part of an event


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"upstream gone\nor: not\n\ndata: x\n\nlast", b"upstream gone\nor: not\nlast"),
        (b"data: cut off\ndata: here", b"cut off\nhere"),
        (b"word\n\ndata: cut off", b"word\ncut off"),
        (b': comment\nid: 1\nretry: 2\nevent: x\ndata: y\n\ndata: {"cut', b""),
        (b"data: [DONE]", b""),
        (b'{"json": 1}\n', b""),
        (b"data", b""),
    ],
)
def test_words(stream: bytes, words: bytes) -> None:
    parser = SSEParser()
    for byte in stream:
        parser.feed(bytes([byte]))
    parser.finish()
    assert parser.words == words


def test_words_are_bounded() -> None:
    parser = SSEParser()
    parser.feed(b"word\n" * 10_000)
    assert len(parser.words) == MAX_WORDS
