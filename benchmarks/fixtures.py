"""The bytes the server answers with: seeded, so the same on every machine, and shaped like the service's own.

In: sizes. Out: JSON bodies and lists of server-sent events, each with the `Tally` that a reader of it must reach.
Rule: pure and deterministic; the shapes (keys, their order, nulls, pretty printing, about 330 bytes an event) are those
of answers of the real service, the words are made up.
"""

from __future__ import annotations

import base64
import json
import struct
from random import Random
from typing import Any, NamedTuple

from benchmarks.ask import Tally

SEED = 20240607
MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
ID = "oV1mrRW-28Eivz-9c4b14db295620a5"
CREATED = 1769546597
SEED_OF_ANSWER = 10176929106694746000  # above 2**63, as real ones often are

_WORDS = (
    " the of and to in is that for it as was with be by on not he his but at are this have from or had an they which "
    "one you were all her she there would their we him been has when who will no more if out so up said what its about "
    "than into them can only other time new some could these two may first then do any like my now over such our man "
    "even most made after also well before must through years where much your way down should because long each just "
    "state those people too how good very make world still see own work men day get here between both being under "
    "never same another know while last might great old year off come since against go came right used take three "
    "naïve façade Zürich 東京 ½ — “quoted” café \n\n, . : ; 1 2024"
)
VOCABULARY = [" " + word for word in _WORDS.split(" ") if word]


class Answer(NamedTuple):
    """What is served and what it says. A plain answer is one piece; of a stream each piece is one event."""

    pieces: list[bytes]
    says: Tally


def _usage(completion: int) -> dict[str, Any]:
    return {"prompt_tokens": 46, "completion_tokens": completion, "total_tokens": 46 + completion, "cached_tokens": 0}


def _plain(message: dict[str, Any], logprobs: Any, tokens: int) -> bytes:
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop", "seed": SEED_OF_ANSWER}
    body = {
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": MODEL,
        "service_tier": None,
        "system_fingerprint": None,
        "prompt": [],
        "choices": [choice],
        "usage": _usage(tokens),
    }
    return json.dumps(body, indent=2, ensure_ascii=False).encode()


def answer(size: int) -> Answer:
    """A plain answer whose text has about `size` bytes."""
    random = Random(SEED)
    text = ""
    while len(text.encode()) < size:
        text += "".join(random.choices(VOCABULARY, k=min(100, max(1, size // 8))))
    message: dict[str, Any] = {"role": "assistant", "content": text, "tool_calls": [], "reasoning": None}
    tokens = max(1, size // 5)
    return Answer([_plain(message, None, tokens)], Tally(1, len(text), "stop", 46 + tokens))


def structured() -> Answer:
    """A plain answer whose text is a small JSON object: the `Lake` that the contenders' `parse` asks for."""
    lake = {"name": "Zürichsee", "area_km2": 88.66, "deepest_m": 136, "cantons": ["Zürich", "St. Gallen", "Schwyz"]}
    text = json.dumps(lake, ensure_ascii=False)
    message: dict[str, Any] = {"role": "assistant", "content": text, "tool_calls": [], "reasoning": None}
    return Answer([_plain(message, None, 40)], Tally(1, len(text), "stop", 86))


def embeddings(rows: int, *, packed: bool) -> Answer:
    """So many embeddings of 1,024 32-bit floats, as numbers or as base64."""
    random, data = Random(SEED), list[dict[str, Any]]()
    for index in range(rows):
        raw = struct.pack("<1024f", *(random.uniform(-0.1, 0.1) for _ in range(1024)))
        floats = [float(f"{number:.9g}") for number in struct.unpack("<1024f", raw)]
        embedding = base64.b64encode(raw).decode() if packed else floats
        data.append({"object": "embedding", "index": index, "embedding": embedding})
    body = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": rows, "total_tokens": rows}}
    return Answer([json.dumps(body).encode()], Tally(1, rows * 1024, None, 0))


def logprobs(tokens: int) -> Answer:
    """A plain answer with the log probability of each of its tokens and of the likeliest two in its place."""
    random = Random(SEED)
    words = random.choices(VOCABULARY, k=tokens)
    values = [-random.random() * 3 for _ in words]
    part = {
        "token_ids": [random.randrange(128_000) for _ in words],
        "tokens": words,
        "token_logprobs": values,
        "top_logprobs": [{w: v, "…": v - 1.5} for w, v in zip(words, values, strict=True)],
    }
    text = "".join(words)
    message: dict[str, Any] = {"role": "assistant", "content": text, "tool_calls": [], "reasoning": None}
    return Answer([_plain(message, part, tokens)], Tally(1, len(text) + tokens, "stop", 46 + tokens))


def _event(choices: list[dict[str, Any]], usage: Any = None) -> bytes:
    chunk = {"id": ID, "object": "chat.completion.chunk", "created": CREATED, "choices": choices, "model": MODEL}
    data = json.dumps(chunk | {"usage": usage}, ensure_ascii=False, separators=(",", ":"))
    return b"data: " + data.encode() + b"\n\n"


def _choice(text: str, token: int | None, calls: Any = None, reason: str | None = None) -> dict[str, Any]:
    return {
        "index": 0,
        "text": text,
        "logprobs": None,
        "finish_reason": reason,
        "seed": SEED_OF_ANSWER if reason else None,
        "delta": {"token_id": token, "role": "assistant", "content": text, "tool_calls": calls},
    }


def _ended(events: list[bytes], chars: int, reason: str, tokens: int) -> Answer:
    events += [_event([_choice("", None, None, reason)]), _event([], _usage(tokens)), b"data: [DONE]\n\n"]
    return Answer(events, Tally(len(events) - 1, chars, reason, 46 + tokens))


def stream(chunks: int) -> Answer:
    """A stream of `chunks` chunks: one word each, then one with the finish reason and one with the usage only."""
    random = Random(SEED)
    words = random.choices(VOCABULARY, k=chunks - 2)
    events = [_event([_choice(word, random.randrange(128_000))]) for word in words]
    return _ended(events, sum(map(len, words)), "stop", chunks - 2)


def tool_calls(chunks: int) -> Answer:
    """A stream of two parallel tool calls, their arguments in fragments; later fragments carry neither id nor name."""
    random = Random(SEED)
    events: list[bytes] = []
    chars = 0
    fragments = chunks - 4
    for index, count in enumerate((fragments // 2, fragments - fragments // 2)):
        function = {"name": f"look_up_{index}", "arguments": ""}
        opening = {
            "index": index,
            "id": f"call_{index}7qxjvbuxpm6017n3jcq1uqw",
            "type": "function",
            "function": function,
        }
        events.append(_event([_choice("", None, [opening])]))
        for _ in range(count):
            part = random.choice(VOCABULARY)
            chars += len(part)
            later = {"index": index, "id": None, "type": None, "function": {"name": None, "arguments": part}}
            events.append(_event([_choice("", None, [later])]))
    return _ended(events, chars, "tool_calls", fragments)
