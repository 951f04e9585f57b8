"""What may stand where the API takes a JSON object.

In: nothing. Out: type aliases. The rule: by shape, so that pydantic and attrs are never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import msgspec


class DataclassLike(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class AttrsLike(Protocol):
    """An instance of an attrs class."""

    __attrs_attrs__: ClassVar[Any]


class PydanticLike(Protocol):
    """An instance of a pydantic model."""

    model_fields: ClassVar[Any]


JSONObject = Mapping[str, Any] | msgspec.Struct | DataclassLike | AttrsLike | PydanticLike
"""A JSON object: a mapping, or an object that is one when encoded."""
