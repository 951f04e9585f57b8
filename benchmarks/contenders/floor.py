"""The floor under a synchronous client: a blocking socket and msgspec, and nothing that could be left out."""

from typing import Any

from benchmarks.ask import Tally, drain, gather, take

ROLE = "floor"
REQUIRES = ["msgspec"]
IMPORT = "import msgspec"
IMPORT_CLIENT = "import socket, msgspec"


def connect(url: str) -> Any:
    from benchmarks.contenders._floor import Socket

    return Socket(url)


def answer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(client.answer(ask))


def stream(client: Any, ask: dict[str, Any]) -> Tally:
    return drain(client.stream(ask))


def accumulate(client: Any, ask: dict[str, Any]) -> Tally:
    return gather(client.stream(ask))
