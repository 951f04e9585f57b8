"""What a run would be: nothing is sent.

In: a source of rows and how they are read. Out: counts of rows, bytes and, roughly, tokens; cost where it is known.
The rule: it says what it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._core.encode import encode_json
from togetherpy.batch.identity import Digests
from togetherpy.batch.rows import NO_MODEL, Form, RowError, body_of

if TYPE_CHECKING:
    from togetherpy.batch.prices import Prices
    from togetherpy.batch.source import Source

_BYTES_PER_TOKEN = 4
_SHOWN = 10


class Examination(msgspec.Struct, kw_only=True):
    """What is in an input."""

    rows: int = 0
    bad: int = 0
    """Rows that cannot be sent."""
    duplicates: int = 0
    """Rows whose custom_id came before; a run would be refused."""
    bytes: int = 0
    """Of the requests' bodies."""
    prompt_tokens: int = 0
    """Roughly: a token for four bytes."""
    completion_tokens: int | None = None
    """At most, by max_tokens; None where a row has none."""
    cost: float | None = None
    """US dollars at most, roughly; None where a price or max_tokens is not known."""
    complaints: list[str] = []
    """Of the first bad rows."""


async def examine(source: Source, form: Form, params: dict[str, Any], prices: Prices | None = None) -> Examination:
    """Reads the whole input. Raises BatchError when it cannot be read."""
    found, seen = Examination(completion_tokens=0, cost=0.0 if prices is not None else None), Digests()
    async for row in source.rows(Digests()):
        if isinstance(row, int):
            continue
        found.rows += 1
        found.duplicates += not seen.add(row.key)
        try:
            body = {**params, **body_of(row, form)}
            if not body.get("model"):
                raise RowError(NO_MODEL)
        except RowError as error:
            found.bad += 1
            if len(found.complaints) < _SHOWN:
                found.complaints.append(f"{row.where()}: {error}")
            continue
        _add(found, body, prices)
    return found


def _add(found: Examination, body: dict[str, Any], prices: Prices | None) -> None:
    size = len(encode_json({name: value for name, value in body.items() if value is not None}))
    most = body.get("max_tokens") or body.get("max_completion_tokens")
    prompt = -(-len(encode_json({"m": body.get("messages")})) // _BYTES_PER_TOKEN)
    found.bytes += size
    found.prompt_tokens += prompt
    known = isinstance(most, int) and found.completion_tokens is not None
    found.completion_tokens = found.completion_tokens + most if known else None  # type: ignore[operator]
    price = prices.cost(body["model"], prompt, most) if prices is not None and isinstance(most, int) else None
    found.cost = found.cost + price if found.cost is not None and price is not None else None
