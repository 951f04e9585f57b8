"""How long to wait for what.

In: seconds. Out: a checked Timeout. The rule: every limit is a positive number of seconds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

import msgspec


class _Explained(msgspec.StructMeta):
    """Says of arguments that are none of a Timeout's which ones there are."""

    if not TYPE_CHECKING:  # type checkers know the signature from the fields

        def __call__(self, *total: Any, **given: Any) -> Any:
            if len(total) > 1:
                raise TypeError(f"a timeout has one limit without a name, not {len(total)}: {_form()}")
            for name in given.keys() - set(self.__struct_fields__):
                meant = "; what others call read is stream_idle" if name == "read" else ""
                raise TypeError(f"a timeout has no {name}=...: {_form()}{meant}")
            return super().__call__(*total, **given)


class _Total(msgspec.Struct, frozen=True, metaclass=_Explained):
    """The one limit that may stand without its name."""

    total: float = 600.0
    """The whole call; for a stream, up to its first event."""


class Timeout(_Total, frozen=True, kw_only=True):
    """Limits of one call, in seconds; `math.inf` switches one off. `total` may stand without its name.

    `total` bounds a plain call from its start to its last byte, with every attempt and every wait between them. Of
    a stream it bounds what comes before the first event; a stream that keeps delivering is never cut. The time that a
    call waits for one of the client's connections is no part of it, but has a limit of its own, `queue`.

    Raises:
        TypeError, ValueError: a limit is no number, or not above 0.
    """

    connect: float = 5.0
    """One attempt to connect: name look-up, TCP, proxy, TLS."""
    stream_idle: float = 120.0
    """Silence between two content events of a stream; comments and pings do not count as content."""
    queue: float | None = None
    """Waiting for one of the client's `max_connections`, all attempts together; None for as long as it takes."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if name != "queue" or self.queue is not None:
                check_seconds(getattr(self, name), f"Timeout({name}=...)")


class TimeoutLike(Protocol):
    """Another client's limits, by their shape: an httpx.Timeout. None in it is no limit."""

    @property
    def connect(self) -> float | None:
        """Seconds to connect."""
        ...

    @property
    def read(self) -> float | None:
        """Seconds until the answer comes, and of each silence in a stream."""
        ...


TimeoutTypes = float | Timeout | TimeoutLike | tuple[float | None, float | None]
"""What is taken for limits: seconds in all, a Timeout, or what users of other clients write: theirs, or a pair of the
seconds to connect and to read."""


def check_seconds(value: Any, name: str) -> float:
    """`value` as seconds above 0 (inf allowed); TypeError or ValueError that says which argument is wrong."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} takes a number of seconds, not {type(value).__name__}")
    if math.isnan(value) or value <= 0:
        raise ValueError(f"{name} takes seconds above 0, not {value!r}; math.inf means no limit")
    return float(value)


def from_other_client(value: Any) -> Timeout:
    """What users of another client write: its Timeout, by its shape, or (connect, read); None in it is no limit.

    `read` becomes `stream_idle`, and the total too: those clients bound a plain call's wait for its answer by it.

    Raises:
        TypeError: it is neither; says what there is.
    """
    by_shape = hasattr(value, "connect") and hasattr(value, "read")
    limits = (value.connect, value.read) if by_shape else value
    if not _is_pair(limits):
        _refuse(value)
    seconds = [math.inf if limit is None else check_seconds(limit, "timeout") for limit in limits]
    return Timeout(connect=seconds[0], stream_idle=seconds[1], total=seconds[1])


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(cast("tuple[object, ...]", value)) == 2


def _refuse(value: object) -> NoReturn:
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    raise TypeError(f"timeout takes a number of seconds, or togetherpy.{_form()}, not {name}")


def _form() -> str:
    return f"Timeout({', '.join(f'{name}=...' for name in Timeout.__struct_fields__)}), each in seconds"
