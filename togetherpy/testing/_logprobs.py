"""Log probabilities for tokens that no model has weighed: tokens go in, numbers that look right come out.

The rule: they depend on the token alone, the token itself is the most probable one, and all are below 0.
"""

import zlib
from collections.abc import Sequence
from typing import Any

_OTHERS = (
    "\n",
    "!",
    ",",
    ".",
    " a",
    " an",
    " and",
    " as",
    " be",
    " for",
    " in",
    " is",
    " it",
    " of",
    " on",
    " or",
    " that",
    " the",
    " to",
    " with",
    " you",
)


def token_id(token: str) -> int:
    """A number for a token, in the range of a usual vocabulary."""
    return zlib.crc32(token.encode("utf-8", "replace")) % 128_000


def logprob(token: str) -> float:
    """The token's own log probability, above -0.7."""
    return -(token_id(token) % 6900 + 1) / 10_000


def top_logprobs(token: str, count: int) -> dict[str, float]:
    """The `count` most probable tokens in this place, the token itself first."""
    others = [other for other in _OTHERS if other != token][: count - 1]
    own = logprob(token)
    return {token: own, **{other: round(own - 1.5 * rank, 4) for rank, other in enumerate(others, 1)}}


def part(tokens: Sequence[str], count: int) -> dict[str, Any] | None:
    """The `logprobs` of a whole choice: None for 0; for 1 without alternatives, as some of the service's models do."""
    if count == 0:
        return None
    shared = {"tokens": list(tokens), "token_logprobs": [logprob(token) for token in tokens]}
    if count == 1:
        return {**shared, "token_ids": []}
    tops = [top_logprobs(token, count) for token in tokens]
    return {"token_ids": [token_id(token) for token in tokens], **shared, "top_logprobs": tops}
