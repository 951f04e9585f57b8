"""What `help()` and `inspect.signature()` show of a method that takes `**params: Unpack[...]`.

In: the method and its TypedDict's name. Out: the method, with the TypedDict's fields as its keyword-only parameters.
The rule: parameters are declared once, in the TypedDict, and importing the method neither builds anything nor loads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from togetherpy.types._parameters import MEANING

if TYPE_CHECKING:
    import inspect

F = TypeVar("F", bound=Callable[..., Any])


class _Lazy:
    """Stands where a wrapped function would; `inspect` follows `__wrapped__` to its `__signature__`."""

    def __init__(self, function: Callable[..., Any], params: str, module: str) -> None:
        self._function, self._params, self._module = function, params, module

    @property
    def __signature__(self) -> inspect.Signature:
        import importlib
        import inspect

        home = importlib.import_module(f"togetherpy.types.{self._module}")
        annotations: dict[str, Any] = getattr(home, self._params).__annotations__
        own = inspect.Signature.from_callable(self._function, follow_wrapped=False).parameters.values()
        declared = [_parameter(name, annotation) for name, annotation in annotations.items()]
        first = [one for one in own if one.kind is not one.VAR_KEYWORD and one.default is one.empty]
        return inspect.Signature(
            first
            + declared
            + [one for one in own if one.default is not one.empty]
            + [inspect.Parameter("further_body_fields", inspect.Parameter.VAR_KEYWORD, annotation="Any")]
        )


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    import inspect

    written = str(getattr(annotation, "__forward_arg__", annotation))
    required = written.startswith("Required[")
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=written.removeprefix("Required[").removesuffix("]") if required else written,
    )


def _dedent(doc: str) -> str:
    """A docstring without the indentation of the code around it, which differs between a method's and a class's."""
    first, *rest = doc.strip().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return "\n".join([first, *(line[margin:].rstrip() for line in rest)])


def takes(params: str, module: str = "chat_params") -> Callable[[F], F]:
    """Shows a TypedDict's fields as the keyword arguments of a method, and what they mean at the end of its docstring.

    `params`: its name in that module of `types`.
    """

    def decorate(function: F) -> F:
        function.__wrapped__ = _Lazy(function, params, module)  # type: ignore[attr-defined]
        if function.__doc__ is not None:
            # Parameters of a method that has only few are in its own docstring.
            meaning = MEANING.get(params, MEANING["CallOptions"])
            function.__doc__ = f"{_dedent(function.__doc__)}\n\n{meaning}"
        return function

    return decorate
