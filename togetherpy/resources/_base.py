"""What all resources are: methods that make calls, other resources as their parts, and the same with raw answers.

In: a client's loop. Out: objects that are made when first asked for, and then are the same at every access.
The rule: a resource holds the loop and not the client. Its methods hand back what `_call` gives, so that one switch
makes every method's answer a raw one.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from togetherpy._core.config import Secret
    from togetherpy._core.wire import Endpoint, Source
    from togetherpy.types._response import APIResponse

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


Rawness = bool | Literal["open"]
"""What methods give: False, values; True, raw answers; "open", answers whose bodies are unread."""


class Caller(Protocol):
    """What a resource needs: a Loop or an AsyncLoop."""

    @property
    def call(self) -> Callable[..., Any]:
        """Makes one call."""
        ...


class Area(Generic[R]):
    """A resource as an attribute of a client or of another resource. Asked of the class, it is the resource's class."""

    def __init__(self, module: str, name: str) -> None:
        """`module`, `name`: where the class is; loaded at the first access."""
        self._module, self._class = module, name
        self._attribute = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name

    @overload
    def __get__(self, holder: None, owner: type) -> type[R]: ...
    @overload
    def __get__(self, holder: object, owner: type) -> R: ...
    def __get__(self, holder: Any, owner: type) -> Any:
        resource: Callable[..., Any] = getattr(importlib.import_module(self._module), self._class)
        if holder is None:
            return resource
        # From now on it is found without coming here; of two threads that come first, both get the one stored.
        return holder.__dict__.setdefault(self._attribute, resource(holder._loop, raw=holder._raw))


class Resource:
    """A base. `class AsyncThings(Resource, like=Things)` has the docstrings of Things, where it says more in one."""

    _plain_only: tuple[str, ...] = ()
    """Methods of several calls, which have no single answer to show raw."""
    _raw: Rawness

    def __init_subclass__(cls, *, like: type | None = None) -> None:
        if like is None:
            return
        cls.__doc__ = cls.__doc__ or f"{like.__doc__} of an AsyncTogether."
        for name, method in vars(cls).items():
            whole = getattr(getattr(like, name, None), "__doc__", None)
            if whole and callable(method) and not name.startswith("_"):  # editors show the short one that stands there
                method.__doc__ = whole

    def __init__(self, loop: Caller, *, raw: Rawness = False) -> None:
        self._loop = loop
        self._raw: Rawness = raw
        # Not a method, which would be one call more in each.
        self.__dict__["_call"] = loop.call if not raw else _CALLS[raw](loop)

    if TYPE_CHECKING:

        def _call(
            self,
            endpoint: Endpoint[T],
            params: dict[str, Any],
            *,
            body: bytes | Source | None = None,
            url: Secret | None = None,
        ) -> T:
            """The whole of one call: `Loop.call`."""
            ...

    @property
    def with_raw_response(self) -> Any:
        """The same methods; each returns an APIResponse, with status, headers, request id, attempts, rate limits and
        body of the answer, whose `parse()` gives what the method itself returns."""
        return RawForm(type(self)(self._loop, raw=True))

    @property
    def with_streaming_response(self) -> Any:
        """The same methods; each returns a context manager, in which the call is made and which gives the answer with
        its body unread: an OpenResponse, or for asyncio an AsyncOpenResponse, which see (`_core.unread`)."""
        return OpenForm(type(self)(self._loop, raw="open"))

    @property
    def _client(self) -> Any:
        """What of a client instruments look at: its settings."""
        from togetherpy._settings import Version1

        return Version1(self._loop)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class AsyncResource(Resource):
    """A base of those for asyncio."""

    if TYPE_CHECKING:

        async def _call(  # type: ignore[override]
            self,
            endpoint: Endpoint[T],
            params: dict[str, Any],
            *,
            body: bytes | Source | None = None,
            url: Secret | None = None,
        ) -> T:
            """The whole of one call: `AsyncLoop.call`."""
            ...


class RawForm:
    """The methods of a resource, with raw answers."""

    __slots__ = ("_resource",)
    _kind: ClassVar[str] = "raw responses"

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    def __getattr__(self, name: str) -> Any:
        resource = self._resource
        hidden = (*getattr(resource, "_plain_only", ()), "with_raw_response", "with_streaming_response")
        if name.startswith("_") or name in hidden:
            raise AttributeError(f"{resource!r} has no {name!r} with {self._kind}")
        found = getattr(resource, name)
        return type(self)(found) if isinstance(found, Resource) else self._method(found)

    def _method(self, found: Any) -> Any:
        return found

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._resource) if hasattr(self, name)]

    def __repr__(self) -> str:
        return f"<{type(self._resource).__name__} with {self._kind}>"


class OpenForm(RawForm):
    """The methods of a resource, each with a context manager for its open answer."""

    __slots__ = ()
    _kind = "open responses"

    def _method(self, found: Any) -> Any:
        if not callable(found):
            return found

        def opening(*args: Any, **params: Any) -> _Opening:
            return _Opening(functools.partial(found, *args, **params))

        return opening


class _Opening:
    """A call that is made when the `with` begins; at its end the answer is closed."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._answer: Any = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no answer yet to take {name} of: `with client... as response` opens it")

    def __enter__(self) -> Any:
        self._answer = self._call()
        if hasattr(self._answer, "__await__"):
            self._answer.close()
            raise TypeError("an AsyncTogether's answer is opened by `async with`")
        return self._answer

    def __exit__(self, *failure: object) -> None:
        self._answer.close()

    async def __aenter__(self) -> Any:
        call = self._call()
        if not hasattr(call, "__await__"):
            call.close()
            raise TypeError("a Together's answer is opened by `with`")
        self._answer = await call
        return self._answer

    async def __aexit__(self, *failure: object) -> None:
        await self._answer.close()


def _raw_call(loop: Any) -> Callable[..., Any]:
    return functools.partial(loop.call, raw=True)


def _open_call(loop: Any) -> Callable[..., Any]:
    from togetherpy._core.unread import Unread

    def call(endpoint: Endpoint[Any], params: dict[str, Any], **options: Any) -> Any:
        unread = Unread(endpoint.answer, asynchronous=loop._asynchronous)
        return loop.call(msgspec.structs.replace(endpoint, answer=unread), params, **options)

    return call


_CALLS = {True: _raw_call, "open": _open_call}


@overload
def raw(  # type: ignore[overload-overlap]
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[[Callable[..., Any]], Callable[Concatenate[Any, P], Coroutine[Any, Any, APIResponse[T]]]]: ...
@overload
def raw(
    method: Callable[Concatenate[Any, P], T],
) -> Callable[[Callable[..., Any]], Callable[Concatenate[Any, P], APIResponse[T]]]: ...
def raw(method: Any) -> Any:
    """For type checkers: makes what it decorates what `method` is with raw answers."""
    return method


def checked(method: str, options: Any) -> dict[str, Any]:
    """The options of a call, whose names are looked at: see `Names.check`."""
    from togetherpy._core.names import OPTIONS

    return OPTIONS.check(method, options)


def mapped(answer: Any, change: Callable[[Any], T], *, raw: Rawness) -> Any:
    """`answer`, or the value in a raw one, changed."""
    if raw == "open":
        answer.change(change)
        return answer
    return msgspec.structs.replace(answer, value=change(answer.value)) if raw else change(answer)
