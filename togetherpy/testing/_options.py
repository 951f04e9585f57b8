"""The local server from a shell: options go in; `LocalServer`'s arguments, and how to use it, come out.

The rule: an option is called as the argument is.
"""

import argparse
import os
from collections.abc import Iterator
from typing import Any

from ._server import LocalServer

_LIMITS = ("rpm", "tpm", "concurrency", "dynamic", "capacity", "latency", "seed")


def add_limits(parser: argparse.ArgumentParser) -> None:
    """The options of limits and latencies."""
    add = parser.add_argument_group(
        "limits", "for each key and model; above one of them the answer is the service's 429"
    ).add_argument
    add("--rpm", type=float, metavar="N", help="requests a minute, measured per second: 600 are ten a second")
    add("--tpm", type=float, metavar="N", help="tokens a minute, of prompts and answers, measured per second")
    add("--concurrency", type=int, metavar="N", help="requests in flight")
    add("--dynamic", action="store_true", help="--rpm (default: 600) and --tpm grow with steady traffic, up to twenty "
        "times, and shrink on bursts, but not below their sizes")  # fmt: skip
    add("--capacity", type=int, metavar="N", help="requests in flight of all keys and models; above it: 503")
    add("--latency", type=float, nargs="+", metavar="SECONDS", help="time before an answer begins: one number, or the "
        "median and the 95th percentile of a log-normal distribution")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="of the latencies (default: 0)")


def limits_of(options: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of them, as `LocalServer` takes it."""
    limits = {name: getattr(options, name) for name in _LIMITS}
    latency: list[float] | None = limits["latency"]
    if latency is not None:
        limits["latency"] = latency[0] if len(latency) == 1 else tuple(latency)
    return limits


def how_to_use(server: LocalServer) -> Iterator[str]:
    """Lines that say where a server is, and what a shell is told to use it."""
    yield f"Serving {server.base_url} until Ctrl-C. To use it:"
    yield f"  export TOGETHER_BASE_URL={server.base_url}"
    yield "  export TOGETHER_API_KEY=test"
    if any(name.lower() in ("http_proxy", "all_proxy") for name in os.environ):
        yield f"  export NO_PROXY={server.reached_at}  # the environment names a proxy"
