"""Answers damaged by chance: a value or one of our exceptions, never another one, never a hang.

Bounded by TOGETHER_FUZZ_SECONDS (all tests together). The cases follow from TOGETHER_FUZZ_SEED, one seed after the
other; a failure names its seed, with which it is then the first case. What failed once belongs into FAILED, and, cut
down to what matters, into the tests of the module that was at fault.
"""

import contextlib
import itertools
import os
import pickle
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.answers import COMPLETION, text_of
from support.clients import logs_searched, make
from support.leftovers import descriptors, eventually, free_slots
from support.mutations import TEXT, Case, cut, make_case
from support.scripted import Peer, ScriptedServer, close, request, reset
from test_sse import HARD, HARD_EVENTS, named, obvious

from togetherpy import APITimeoutError, TogetherError
from togetherpy._core.sse import SSEParser
from togetherpy._transport.answer import Answer
from togetherpy._transport.http1 import Head, ProtocolError
from togetherpy._transport.inflate import EncodingError

SECONDS = float(os.environ.get("TOGETHER_FUZZ_SECONDS", "4"))
SEED = int(os.environ.get("TOGETHER_FUZZ_SEED", "0"))
FAILED: list[int] = [909, 910, 1028]
HANG = 10.0
"""Seconds; a call that takes so long is stuck, for the server has ended every connection after its last byte."""
BATCH = 500
"""Cases for one client and one server."""


def seeds(share: float) -> Iterator[int]:
    """Those that failed once, then new ones, for this share of the time."""
    end = time.monotonic() + share * SECONDS
    yield from FAILED
    for seed in itertools.count(SEED):
        yield seed
        if time.monotonic() > end:
            return


@contextlib.contextmanager
def named_seed(seed: int, data: bytes) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise AssertionError(f"TOGETHER_FUZZ_SEED={seed} fails: {error!r}; {data[:4000]!r}") from error


# The event stream


def _stream(chance: random.Random) -> bytes:
    lines = [
        *HARD.encode().split(b"\n"),
        b"data: x",
        b"data",
        b"",
        b"",
        b"\xef\xbb\xbfdata: y",
        b"event: e",
        b"data: [DONE]",
    ]
    picked = chance.choices(lines, k=chance.randrange(12))
    ends = chance.choice([[b"\n"], [b"\r\n"], [b"\r"], [b"\n", b"\r\n", b"\r"]])
    data = b"".join(line + chance.choice(ends) for line in picked)
    for _ in range(chance.choice([0, 0, 1, 3])):
        place = chance.randrange(len(data) + 1)
        data = data[:place] + chance.choice([b"\r", b"\n", b"\0", b"\xff", b":", b"d", b"data: "]) + data[place:]
    return data


def _events(pieces: list[bytes]) -> tuple[list[tuple[str, str]], list[bytes]]:
    parser = SSEParser()
    return [named(event) for piece in pieces for event in parser.feed(piece)], parser.finish()


@pytest.mark.fault("D1", "D2", "D7")
def test_event_streams_in_any_pieces() -> None:
    assert obvious(HARD.encode()) == HARD_EVENTS
    for seed in seeds(1 / 8):
        chance = random.Random(seed)
        data = _stream(chance)
        with named_seed(seed, data):
            events, end = _events([data])
            assert events == obvious(data)
            for _ in range(4):
                pieces = cut(chance, data)
                assert _events(pieces) == (events, end), pieces


# The answer, without sockets


def _read(pieces: list[bytes]) -> tuple[Head | None, bytes, str]:
    """Head, body and how it ended, as the transports read it."""
    answer, body = Answer(1 << 24), b""
    try:
        for piece in (*pieces, b""):
            if piece or not answer.complete:
                answer.receive(piece)
            while answer.head is not None and (data := answer.take()):
                body += data
            if answer.head is not None and answer.complete:
                break
    except (ProtocolError, EncodingError) as error:
        return answer.head, body, type(error).__name__
    return answer.head, body, "whole"


@pytest.mark.fault("B5", "B6", "B24", "B25")
def test_answers_in_any_pieces() -> None:
    for seed in seeds(1 / 8):
        case = make_case(seed)
        with named_seed(seed, case.data):
            whole = _read([case.data])
            for pieces in (case.pieces, cut(random.Random(seed), case.data)):
                pieces = [piece for piece in pieces if piece]
                again = _read(pieces)
                # Which of two faults is met first may differ, and zlib keeps what it made before it found damage.
                if "EncodingError" in (whole[2], again[2]):
                    assert "whole" not in (whole[2], again[2]), pieces
                else:
                    assert again == whole, pieces


# The answer, over sockets


class Said:
    """A step of the server's script: the case that is on, then the end."""

    case: Case
    begun: bool

    def on(self, case: Case) -> None:
        self.case, self.begun = case, False

    def __call__(self, peer: Peer) -> None:
        case, self.begun = self.case, True
        for piece in case.pieces:
            peer.sock.sendall(piece)
        (reset if case.reset else close)(peer)


def _outcome(caller: Any, case: Case) -> str | TogetherError:
    """The text that the call brought, or the exception."""
    try:
        if not case.stream:
            value = caller.create()
            return repr(value) and _text(lambda: value.choices[0].message.content)
        stream = caller.stream()
        chunks = stream.read()
        assert repr(chunks)
        assert repr(stream.raw.current)
        return _text(lambda: text_of(chunks))
    except TogetherError as error:
        return error


def _text(get: Any) -> str:
    try:
        return str(get())
    except (AttributeError, TypeError, IndexError, KeyError):
        return ""  # an answer so odd that it has no text in the usual place


def _check(caller: Any, said: Said) -> None:
    """Runs the case that is on until it was its answer that the call met.

    A server that says more than one answer, slowly, can have the rest of it taken for the answer to the next request:
    the first answer is whole, the connection is idle when it is used again, and HTTP/1.1 does not number its answers.
    """
    _check_once(caller, said)
    for _ in range(100):
        if said.begun:
            return
        _check_once(caller, said)
    raise AssertionError("no request has reached the server")


def _check_once(caller: Any, said: Said) -> None:
    case = said.case
    outcome = _outcome(caller, case)
    if isinstance(outcome, TogetherError):
        assert not isinstance(outcome, APITimeoutError), outcome
        assert str(outcome)
        assert type(pickle.loads(pickle.dumps(outcome))) is type(outcome)
        assert case.must != "good" or not said.begun, outcome
    elif case.must is not None and said.begun:
        assert outcome == (TEXT if case.stream else COMPLETION)
    assert free_slots(caller) == 1


def _run(kind: str, cases: Iterator[int]) -> int:
    """Runs cases with one client and one server, and looks for what they leave behind; how many there were."""
    said, count = Said(), 0
    before = sorted(descriptors())
    with ScriptedServer([request, said]) as server, logs_searched():
        caller = make(kind, base_url=server.base_url, timeout=HANG, max_connections=1)
        try:
            for count, seed in enumerate(cases, 1):  # noqa: B007
                said.on(make_case(seed))
                with named_seed(seed, said.case.data):
                    _check(caller, said)
        finally:
            caller.end()
    eventually(lambda: len(descriptors()) == len(before), lambda: (before, sorted(descriptors())))
    return count


def test_damaged_answers(kind: str, clean_environment: None) -> None:
    cases = seeds(1 / 4)
    while _run(kind, itertools.islice(cases, BATCH)) == BATCH:
        pass
