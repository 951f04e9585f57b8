"""Objects that may stand where the API takes a JSON object, and one that may not."""

import collections
import dataclasses
from typing import Any

import attrs
import msgspec
import pydantic

USER = {"role": "user", "content": "hi"}


@dataclasses.dataclass
class Data:
    role: str = "user"
    content: Any = "hi"
    name: str | None = None


@attrs.define
class Attrs:
    role: str = "user"
    content: Any = "hi"
    name: str | None = None


class Pydantic(pydantic.BaseModel):
    role: str = "user"
    content: Any = pydantic.Field(default="hi")
    name: str | None = None
    call_id: str | None = pydantic.Field(default=None, serialization_alias="tool_call_id")


class Struct(msgspec.Struct):
    role: str = "user"
    content: Any = "hi"


class Nothing:
    pass


class Words(collections.UserDict):
    pass
