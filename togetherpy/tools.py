"""Typed Python functions as tools that a model may call.

In: a function with annotations. Out: a Tool: its description for the model, made from signature and docstring, and the
model's arguments as the function's own types.
The rule: what cannot be described is a TypeError that says what to write, when the tool is made.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Generic, ParamSpec, TypeVar, cast, overload

import msgspec

from togetherpy._typed.by_pydantic import stand_in
from togetherpy._typed.decoding import decode_arguments, decoder
from togetherpy._typed.docstrings import read_docstring
from togetherpy._typed.schema import json_schema
from togetherpy.types.common import ToolCalls
from togetherpy.types.tool_runs import ToolResult, ToolRun, ToolStep

__all__ = ["Tool", "ToolResult", "ToolRun", "ToolStep", "tool"]

P = ParamSpec("P")
R = TypeVar("R")


class Tool(Generic[P, R]):
    """A function that a model may call; it is called from Python as before.

    Raises:
        TypeError: a parameter without annotation or with a type that has no JSON schema, or `*args` or `**kwargs`.
    """

    name: str
    """How the model calls it."""
    description: str
    """What the model is told about it: the docstring up to its parameters, else ""."""
    parameters: dict[str, Any]
    """JSON schema of the arguments. Those with a default may be left out."""

    def __init__(self, function: Callable[P, R], *, name: str | None = None, description: str | None = None) -> None:
        self.function = function
        self.name = _checked_name(function, name)
        self.is_async: bool = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(_code_of(function))
        signature = _signature(function)
        doc = inspect.getdoc(function)
        if description is None and doc is None and sys.flags.optimize > 1:
            raise TypeError(
                f"Python's -OO has taken the docstring of {self.name}, which is what the model is told about it; "
                "run without -OO, or say it in tool(description=...)"
            )
        prose, texts = read_docstring(doc, signature.parameters)
        self.description = prose if description is None else description
        self._positional = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_ONLY]
        fields = list(_fields(self.name, function, signature, texts))
        # The default's place is taken by UNSET, so that the function's own default is used, whatever it is.
        self._arguments = msgspec.defstruct(f"{self.name}()", fields, kw_only=True, forbid_unknown_fields=True)
        decoder(self._arguments)
        self.parameters = _described(self._arguments, signature)
        functools.update_wrapper(self, cast(Any, function), updated=())

    @property
    def definition(self) -> dict[str, Any]:
        """This tool as the API wants it in `tools`."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        if not self.description:
            del function["description"]
        return {"type": "function", "function": function}

    def decode(self, call: ToolCalls) -> tuple[list[Any], dict[str, Any]]:
        """The positional and keyword arguments that a model's call stands for.

        Raises:
            ParseError: they do not fit the function's types; `.path` says where.
        """
        decoded = decode_arguments(call, self._arguments)
        given = {name: value for name, value in msgspec.structs.asdict(decoded).items() if value is not msgspec.UNSET}
        return [given.pop(name) for name in self._positional if name in given], given

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(*, name: str | None = None, description: str | None = None) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(function: Any = None, /, *, name: str | None = None, description: str | None = None) -> Any:
    """Makes a typed function a Tool; `@tool`, or `@tool(name=..., description=...)` to call it otherwise for the model.

    `tools=[function]` does the same on its own; the decorator does it once, and complains where the function stands.

    Raises:
        TypeError: the function cannot be described; says what to write.
    """
    if function is None:
        return functools.partial(Tool, name=name, description=description)
    return Tool(function, name=name, description=description)


def as_tool(function: Callable[..., Any]) -> Tool[..., Any]:
    """The Tool of a function, made once. Raises TypeError as `tool` does."""
    if isinstance(function, Tool):
        return cast("Tool[..., Any]", function)
    if inspect.isfunction(function):
        return _made_once(function)
    return Tool(function)  # a bound method is a new object each time, and may hold what must not be kept


@functools.lru_cache(maxsize=256)
def _made_once(function: Callable[..., Any]) -> Tool[..., Any]:
    return Tool(function)


def definitions(tools: Iterable[Any]) -> list[Any]:
    """`tools` as the API wants them; what is no function stays as it is."""
    return [as_tool(one).definition if callable(one) else one for one in tools]


def _checked_name(function: Any, name: str | None) -> str:
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"a tool is a function, not {function!r}")
    name = name or str(getattr(function, "__name__", type(function).__name__))
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        raise TypeError(
            f"{name!r} cannot be the name of a tool (letters, digits, _ and -, at most 64); "
            "give it another one: tool(name=...)"
        )
    return name


def _code_of(function: Any) -> Any:
    """What has the annotations: of an object that can be called, its method."""
    while isinstance(function, functools.partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:
        raise TypeError(f"{function!r} has no signature to read; write a function around it") from None


def _fields(
    name: str, function: Callable[..., Any], signature: inspect.Signature, texts: dict[str, str]
) -> Iterator[tuple[str, Any] | tuple[str, Any, Any]]:
    """The parameters as fields of a Struct.

    Raises:
        TypeError: one of them cannot be one; which, and what to write.
    """
    try:
        hints = typing.get_type_hints(_code_of(function), include_extras=True)
    except NameError as error:
        raise TypeError(
            f"the annotations of {name} cannot be resolved ({error}); define the types that it names in its module"
        ) from None
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{parameter} of {name} cannot be described to a model; name its parameters one by one")
        if parameter.name not in hints:
            what = (
                f"pass the method of an object instead: tools=[thing.{name}]"
                if parameter.name in ("self", "cls")
                else f"annotate it, such as {parameter.name}: str"
            )
            raise TypeError(f"the parameter {parameter.name} of {name} has no annotation; {what}")
        annotation, text = _with_text(hints[parameter.name], texts.get(parameter.name))
        annotation = stand_in(annotation, parameter.name)
        if text:
            annotation = Annotated[annotation, msgspec.Meta(description=text)]
        if parameter.default is parameter.empty:
            yield parameter.name, annotation
        else:
            yield parameter.name, annotation, msgspec.UNSET


def _with_text(annotation: Any, text: str | None) -> tuple[Any, str | None]:
    """Annotated[T, "text"] is another way to say what a parameter means."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, str):
            return annotation, extra
        if getattr(extra, "description", None):  # msgspec's Meta and pydantic's Field
            return annotation, None
    return annotation, text


def _described(arguments: Any, signature: inspect.Signature) -> dict[str, Any]:
    """The schema of the arguments, with the defaults that JSON can show."""
    schema = json_schema(arguments, strict=False)
    del schema["title"]
    for parameter in signature.parameters.values():
        shown = schema["properties"][parameter.name]
        if parameter.default is parameter.empty or parameter.default is None or "$ref" in shown:
            continue
        try:
            shown["default"] = msgspec.to_builtins(parameter.default)
        except (TypeError, NotImplementedError):
            continue
    return schema
