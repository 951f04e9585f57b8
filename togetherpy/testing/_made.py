"""What all answers to a `POST` that names a model have in common, whatever they say.

In: nothing. Out: the form in which the endpoints' modules give their answers to `_api`.
The rule: an answer is made once; the plain body and the stream are two views of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Made(Protocol):
    """An answer."""

    @property
    def usage(self) -> Mapping[str, int]:
        """The tokens that it took."""
        ...

    def response(self) -> dict[str, Any]:
        """The body of a plain answer."""
        ...

    def events(self) -> list[bytes]:
        """The events of a stream."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """One that is never streamed."""

    body: dict[str, Any]
    usage: Mapping[str, int]

    def response(self) -> dict[str, Any]:
        """The body."""
        return self.body

    def events(self) -> list[bytes]:
        """There are none."""
        return []


def used(prompt: int, completion: int = 0) -> dict[str, int]:
    """`usage` as the service says it."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
