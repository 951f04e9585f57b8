"""A list that the API sends as a whole.

In: the items. Out: a list. The rule: it is a list in every respect, and has the spellings of the official package's
object around one besides, so that `for one in found` and `for one in found.data` are the same.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

T = TypeVar("T")


class Listing(list[T]):
    """A list; `data` is itself."""

    object = "list"

    @property
    def data(self) -> Self:
        """This list."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """As plain Python data."""
        return {"object": self.object, "data": [_plain(item, "to_dict") for item in self]}

    def model_dump(self, **how: Any) -> dict[str, Any]:
        """The pydantic spelling of `to_dict()`, with the arguments that each item's takes."""
        return {"object": self.object, "data": [_plain(item, "model_dump", **how) for item in self]}


def _plain(item: Any, method: str, **how: Any) -> Any:
    found = getattr(item, method, None)
    return item if found is None else found(**how)
