"""Lists that have the official package's spellings.

In: the type of the items. Out: what an endpoint answers. The rule: bare, or in an object's field; both are a Listing.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from togetherpy._core.expected import Expected, ListOf
from togetherpy.types._listing import Listing

T = TypeVar("T")


def listing_of(item: type[T], field: str = "data") -> Expected[Listing[T]]:
    """A Listing of such items."""
    return cast("Expected[Listing[T]]", ListOf[Any](item, field, into=Listing))
