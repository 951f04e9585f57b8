"""Answers that are nearly good: good ones of every shape, damaged by chance inside, outside, or not at all.

In: a seed. Out: a `Case`, always the same for the same seed.
The rule: after its last byte the server ends the connection, so whoever waits for more has not seen the end.
"""

import copy
import itertools
import json
import random
import re
import zlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from support.answers import DONE, answer, chunk, chunked, completion, error_body, event, head

TEXT = "Hello world"
"""What an undamaged stream says; an undamaged plain answer says COMPLETION."""


class Case(NamedTuple):
    """What the server says to one request."""

    seed: int
    stream: bool
    pieces: list[bytes]
    """Each is sent by a write of its own."""
    reset: bool
    """The connection ends by an RST, not by a FIN."""
    must: Literal["good", "not short"] | None
    """The outcome: the text in full; the text in full or an exception; no matter."""

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


def make_case(seed: int) -> Case:
    chance = random.Random(seed)
    stream, inside = chance.random() < 0.5, chance.random() < 0.4
    refused = chance.random() < 0.1
    data = _refusal(chance, inside) if refused else _good(chance, stream, inside)
    damage = chance.choices(["none", "truncated", "any"], [2, 2, 6])[0]
    if damage == "truncated":
        data = data[: chance.randrange(len(data))]
    elif damage == "any":
        for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
            data = chance.choice(_DAMAGES)(chance, data)
    reset = chance.random() < 0.1
    whole = damage == "none" and not reset
    must = None if refused or inside or damage == "any" else "good" if whole else "not short"
    return Case(seed, stream, cut(chance, data), reset, must)


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    """The data in pieces: mostly few, sometimes bytes one by one."""
    if chance.random() < 0.02:
        return [data[i : i + 1] for i in range(len(data))]
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 0, 1, 2, 6])))
    return [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


# Good answers


def _good(chance: random.Random, stream: bool, inside: bool) -> bytes:
    pieces = _events(chance, inside) if stream else [to_json(chance, _plain(chance), inside)]
    fields: dict[str, str | int] = {"x_request_id": "r-1", "x_ratelimit_remaining": 7}
    coding = chance.choice(["identity", "identity", "gzip", "deflate"])
    if coding != "identity":
        packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
        pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces] + [packer.flush()]
        fields["content_encoding"] = coding
    content_type = "text/event-stream;charset=utf-8" if stream else "application/json"
    framing = chance.choice(["chunked", "chunked", "length", "close"])
    body = b"".join(pieces)
    if framing == "length":
        return answer(body, 200, content_type, **fields)
    if framing == "close":
        return head(200, content_type, **fields, connection="close") + body
    if chance.random() < 0.3:
        pieces = cut(chance, body)
    return head(200, content_type, **fields, transfer_encoding="chunked") + chunked(*pieces)


def _refusal(chance: random.Random, inside: bool) -> bytes:
    fields: dict[str, str | int] = {"retry_after": chance.choice(["1", "1e9", "nan", "", "-3", "Fri, 31 Dec 9999"])}
    body = to_json(chance, error_body(code="a_code"), inside)
    return answer(body, chance.choice([400, 401, 404, 429, 500, 503, 529, 302, 204, 101, 999]), **fields)


def _plain(chance: random.Random) -> dict[str, Any]:
    call = {"id": "c", "type": "function", "index": 0, "function": {"name": "f", "arguments": '{"a": 1}'}}
    logprobs = {"tokens": ["a", "b"], "token_ids": [1, 2], "token_logprobs": [-0.5, None], "top_logprobs": [{"a": -1}]}
    value = completion()
    if chance.random() < 0.5:
        value["choices"][0] |= {"logprobs": logprobs, "seed": 2**63, "text": ""}
        value["choices"][0]["message"] |= {"tool_calls": [call], "reasoning": "r"}
        value["warnings"] = [{"message": "w"}]
    return value


def _events(chance: random.Random, inside: bool) -> list[bytes]:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}
    chunks = [chunk("Hello"), chunk(" world"), chunk("", "stop")]
    if chance.random() < 0.5:
        chunks[1]["choices"][0]["delta"] |= {"tool_calls": [call], "reasoning": "r", "token_id": 5}
        chunks[1]["choices"][0] |= {"logprobs": -0.5, "top_logprobs": {"a": -1.0}}
        chunks.append({**chunk(), "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    wrong = chance.randrange(len(chunks)) if inside else -1
    events = [event(to_json(chance, one, i == wrong)) for i, one in enumerate(chunks)]
    if chance.random() < 0.2:
        events.insert(chance.randrange(len(events)), chance.choice([b": ping\n\n", b"\n", b"id: 1\n\n", b"data:\n\n"]))
    if chance.random() < 0.2:
        return [piece.replace(b"\n", chance.choice([b"\r\n", b"\r"])) for piece in (*events, DONE)]
    return [*events, DONE]


# Damage inside: a proper answer around an odd value

_ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 2**31, 2**53 + 1, 2**63, 2**64, 10**400, float("nan"), float("inf")),
    *("", "1", "stop", "a\0b", "\ud800", "\ud83d\ude00", "\u2028", "x" * 3000),
    *(
        [],
        {},
        [None],
        [[]],
        [{}],
        {"": None},
        {"error": "e"},
        ["a", 1],
        {"index": "0"},
        [{"index": -5}],
        [{"index": 9**9}],
    ),
]


def to_json(chance: random.Random, value: Any, wrong: bool) -> bytes:
    """The value as JSON; `wrong`: with some of its parts replaced, removed or renamed."""
    if wrong:
        value = copy.deepcopy(value)
        for _ in range(chance.choice([1, 1, 2, 4])):
            value = _twist(chance, value)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _twist(chance: random.Random, value: Any) -> Any:
    places = list(_places(value))
    if not places or chance.random() < 0.03:
        return copy.deepcopy(chance.choice(_ODD))
    inside, key = chance.choice(places)
    what = chance.random()
    if what < 0.15:
        del inside[key]
    elif what < 0.25 and isinstance(inside, dict):
        inside[chance.choice(["error", "index", "choices", "delta", "type", "x"])] = inside.pop(key)
    elif what < 0.35 and isinstance(inside, list):
        inside += [inside[key]] * chance.choice([1, 2, 20])
    else:
        inside[key] = copy.deepcopy(chance.choice(_ODD))
    return value


def _places(value: Any) -> Any:
    """Every place inside of a JSON value."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


# Damage outside: bytes that somebody on the way has broken

_TOKENS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b" ",
        b"\t",
        b":",
        b";",
        b"\x80",
        b"\xed\xa0\x80",
        b"\x85",
    ),
    *(b"\r\n\r\n", b"\n\n", b"0\r\n\r\n", b"5\r\n", b"data: ", b"data: [DONE]\n\n", b"[DONE]", b"event: error\n"),
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"null",
        b"1e999",
        b"-0",
        b"NaN",
        b"\\ud800",
        b"\\",
        b"[" * 5000,
        b"9" * 5000,
    ),
    *(b'{"error": "e"}', b'data: {"error": {"message": "m", "code": 5}}\n\n', b"HTTP/1.1 200 OK\r\n", b"\x1f\x8b\x08"),
]
_FIELDS = [
    *(
        b"content-length: 0",
        b"content-length: 5",
        b"content-length: 99999",
        b"content-length: -1",
        b"content-length: +5",
    ),
    *(b"content-length: 1e3", b"content-length: 5, 5", b"content-length: ", b"content-length: " + b"9" * 30),
    *(
        b"transfer-encoding: chunked",
        b"transfer-encoding: gzip",
        b"transfer-encoding: gzip, chunked",
        b"transfer-encoding:",
    ),
    *(b"transfer-encoding: identity", b"transfer-encoding: chunked, chunked", b"transfer-encoding: \x0bchunked"),
    *(
        b"content-encoding: gzip",
        b"content-encoding: deflate",
        b"content-encoding: br",
        b"content-encoding: gzip, gzip",
    ),
    *(b"content-encoding:", b"content-encoding: identity", b"content-encoding: \xff", b"content-encoding: x-gzip"),
    *(
        b"content-type: text/html",
        b"content-type: text/event-stream",
        b"content-type: application/json",
        b"content-type:",
    ),
    *(
        b"content-type: text/event-stream; charset=utf-16",
        b"content-type: a/b; charset=" + b'"' * 50,
        b"connection: close",
    ),
    *(
        b"connection: upgrade",
        b"upgrade: websocket",
        b"connection: keep-alive",
        b"keep-alive: timeout=x",
        b"trailer: x",
    ),
    *(b"location: http://[::1", b"location: //x:99999/", b"set-cookie: a=b; expires=x", b"x-ratelimit-reset: 1e999"),
    *(
        b"retry-after: 1e999",
        b"retry-after: -1",
        b"retry-after-ms: nan",
        b"x-should-retry: maybe",
        b"x-request-id: \xff\x85",
    ),
    *(
        b" folded: x",
        b"no colon",
        b": no name",
        b"sp ace: x",
        b"x: a\rb",
        b"x: a\0b",
        b"x: " + b"y" * 70000,
        b"\xff: x",
    ),
    *(b"date: x", b"www-authenticate: x", b"proxy-authenticate: x", b"content-range: x", b"content-location: \xe2"),
]
_FIRST = [
    *(b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/2 200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK"),
    *(
        b"HTTP/1.1 -20 OK",
        b"HTTP/1.1 000 OK",
        b"HTTP/1.1 \xb2\xb2\xb2 OK",
        b"http/1.1 200 OK",
        b"HTTP/1.1  200 OK",
        b"",
    ),
    *(
        b"HTTP/1.1 204 No",
        b"HTTP/1.1 205 R",
        b"HTTP/1.1 206 P",
        b"HTTP/1.1 304 Not",
        b"HTTP/1.1 101 Up",
        b"HTTP/1.9 200 OK",
    ),
    *(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK"),
    *(
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 429 Too",
        b"HTTP/1.1 500 Oops",
        b"HTTP/1.1 302 Found",
        b"HTTP/1.1 407 Proxy",
    ),
]
_SIZES = [
    *(
        b"0",
        b"1",
        b"-1",
        b"+5",
        b"0x5",
        b"fffffff",
        b"f" * 16,
        b"f" * 40,
        b"00000005",
        b"5;x=y",
        b"5; x",
        b"5 ",
        b" 5",
        b"",
    ),
    *(b"5\n", b"g", b"5;" + b"x" * 5000, b"1_0", b"\xb2", b"0;x", b"00", b"1.0", b"5\r", b"5\t;", b"7fffffffffffffff"),
]


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice([1, 1, 2, 5, 20, 100, 1000]))


def _flip(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _replace(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + chance.randbytes(end - start) + data[end:]


def _delete(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _duplicate(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:end] + data[start:end] * chance.choice([1, 1, 2, 30]) + data[end:]


def _truncate(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _splice(chance: random.Random, data: bytes) -> bytes:
    """A part of another answer in the place of one of this."""
    other = _good(chance, chance.random() < 0.5, inside=False)
    start, end = _span(chance, data)
    first, last = _span(chance, other)
    return data[:start] + other[first:last] + data[end if chance.random() < 0.5 else start :]


def _append(chance: random.Random, data: bytes) -> bytes:
    """More after the end: another answer, or anything."""
    return data + chance.choice([b"\r\n", b"\0", b"x" * 100, _good(chance, chance.random() < 0.5, inside=False)])


def _insert(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + chance.choice(_TOKENS) + data[end if chance.random() < 0.3 else start :]


def _tamper_fields(chance: random.Random, data: bytes) -> bytes:
    block, end, body = data.partition(b"\r\n\r\n")
    lines = block.split(b"\r\n")
    place, line = chance.randrange(len(lines)), chance.choice(_FIELDS)
    what = chance.random()
    if what < 0.2:
        lines[0] = chance.choice(_FIRST)
    elif what < 0.5:
        name = line.partition(b":")[0]
        lines = [one for one in lines if not one.lower().startswith(name + b":")] + [line]
    elif what < 0.7:
        lines.insert(place + 1, line)
    elif what < 0.8:
        lines += [b"x-%d: y" % i for i in range(chance.choice([50, 99, 100, 150]))]
    elif what < 0.9:
        lines[place] = chance.choice([lines[place].upper(), lines[place].replace(b": ", b":"), lines[place] + b" \t"])
    else:
        del lines[place]
    return b"\r\n".join(lines) + end + body


def _tamper_sizes(chance: random.Random, data: bytes) -> bytes:
    found = list(re.finditer(rb"(?<=\r\n)[0-9a-f]+(?=\r\n)", data))
    if not found:
        return _tamper_fields(chance, data)
    one = chance.choice(found)
    near = b"%x" % max(0, int(one[0], 16) + chance.choice([-2, -1, 1, 2, 16]))
    return data[: one.start()] + (near if chance.random() < 0.4 else chance.choice(_SIZES)) + data[one.end() :]


_DAMAGES: list[Callable[[random.Random, bytes], bytes]] = [
    *(_flip, _replace, _delete, _duplicate, _truncate, _splice, _append, _insert, _insert),
    *(_tamper_fields, _tamper_fields, _tamper_fields, _tamper_sizes, _tamper_sizes),
]
