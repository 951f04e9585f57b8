"""Asking again with what did not fit.

In: the parameters of a request and the ParseError that its answer made. Out: the parameters of the next request.
The rule: the model sees its own answer and the validator's message, and nothing else is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.error import ParseError


def asking_again(params: dict[str, Any], error: ParseError) -> dict[str, Any]:
    """The same conversation, gone on with."""
    reason = str(error.__cause__ or error)
    messages = [
        *params["messages"],
        {"role": "assistant", "content": error.text},
        {
            "role": "user",
            "content": f"That does not fit the schema: {reason} (at {error.path}). "
            "Answer again, with the corrected JSON only.",
        },
    ]
    return {**params, "messages": messages}
