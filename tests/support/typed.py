"""What the tests of structured output and tools have in common: types, answers, and ways to call and to read."""

import dataclasses
import enum
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import attrs
import msgspec
import pydantic

from support.answers import completion
from support.clients import CALL, AsyncStream, SyncStream, failure

ROOT = Path(__file__).parents[2]


class Climate(enum.Enum):
    WET = "wet"
    DRY = "dry"


class StructLake(msgspec.Struct):
    name: str
    depth: float
    countries: list[str] = []
    note: str | None = None
    climate: Climate = Climate.WET
    water: Literal["fresh", "salt"] = "fresh"
    islands: dict[str, int] = {}


@dataclasses.dataclass
class DataclassLake:
    name: str
    depth: float
    countries: list[str] = dataclasses.field(default_factory=list)
    note: str | None = None
    climate: Climate = Climate.WET
    water: Literal["fresh", "salt"] = "fresh"
    islands: dict[str, int] = dataclasses.field(default_factory=dict)


@attrs.define
class AttrsLake:
    name: str
    depth: float
    countries: list[str] = attrs.field(factory=list)
    note: str | None = None
    climate: Climate = Climate.WET
    water: Literal["fresh", "salt"] = "fresh"
    islands: dict[str, int] = attrs.field(factory=dict)


class TypedDictLake(TypedDict, total=False):
    name: str
    depth: float
    countries: list[str]
    note: str | None
    climate: Climate
    water: Literal["fresh", "salt"]
    islands: dict[str, int]


class PydanticLake(pydantic.BaseModel):
    name: str
    depth: float
    countries: list[str] = []
    note: str | None = None
    climate: Climate = Climate.WET
    water: Literal["fresh", "salt"] = "fresh"
    islands: dict[str, int] = {}


LAKES: list[Any] = [StructLake, DataclassLake, AttrsLake, TypedDictLake, PydanticLake]


class Node(msgspec.Struct):
    value: int
    children: list["Node"]


class Bay(msgspec.Struct):
    lake: Annotated[StructLake, msgspec.Meta(description="the lake it belongs to")]
    tree: PydanticLake | None = None


def lake_json(**fields: Any) -> str:
    known = {"name": "Kivu", "depth": 475, "countries": ["Rwanda"], "note": None}
    return msgspec.json.encode(
        {**known, "climate": "wet", "water": "fresh", "islands": {"Idjwi": 1}, **fields}
    ).decode()


def says(text: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """The body of an answer with this text."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return completion(choices=[choice])


def calls(*wanted: tuple[str, Any], ids: bool = True) -> dict[str, Any]:
    """The body of an answer that calls tools: name and arguments, as text or as what they say."""
    made = [
        {
            "index": place,
            "id": f"call-{place}" if ids else None,
            "type": "function",
            "function": {
                "name": name,
                "arguments": given if isinstance(given, str) else msgspec.json.encode(given).decode(),
            },
        }
        for place, (name, given) in enumerate(wanted)
    ]
    return says(None, "tool_calls", tool_calls=made)


def call(caller: Any, method: str, **params: Any) -> Any:
    """A method of `chat.completions`, of any kind of client; awaited where it must be."""
    bound: Callable[..., Any] = getattr(caller.raw.chat.completions, method)
    if caller.kind == "sync":
        return bound(**{**CALL, **params})

    async def run() -> Any:
        return await bound(**{**CALL, **params})

    return caller.loop.run(run())


def fails(expected: type[BaseException], caller: Any, method: str, **params: Any) -> Any:
    """The exception with which the call ends; it must not hold the key."""
    return failure(expected, lambda: call(caller, method, **params))


def final(caller: Any, stream: Any) -> Any:
    """`stream.get_final_response()`, of any kind of client."""
    return stream.get_final_response() if caller.kind == "sync" else caller.loop.run(stream.get_final_response())


def reading(caller: Any, stream: Any) -> Any:
    """A stream with the ways to read it that are the same for any kind of client."""
    return SyncStream(stream) if caller.kind == "sync" else AsyncStream(stream, caller.loop)


def loaded_after(code: str, *modules: str) -> list[str]:
    """Which of the modules a fresh interpreter has loaded after this code."""
    program = f"import sys\n{code}\nprint(*(set({modules!r}) & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.split())
