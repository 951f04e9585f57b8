"""`python -m togetherpy.testing`: the local server from a shell; prints how to reach it and runs until Ctrl-C."""

import argparse
import contextlib
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from . import LocalServer


def _add_limits(parser: argparse.ArgumentParser) -> None:
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


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What the command line says, as `LocalServer` takes it."""
    given = vars(options)
    latency: list[float] | None = given.pop("latency")
    if latency is None:
        return given
    return given | {"latency": latency[0] if len(latency) == 1 else tuple(latency)}


def main(arguments: Sequence[str] | None = None, stop: threading.Event | None = None) -> None:
    """Serve until Ctrl-C, or until `stop` is set. Raises SystemExit, with a sentence, when the port cannot be had."""
    parser = argparse.ArgumentParser(
        prog="python -m togetherpy.testing", description="A local server that speaks the Together chat API."
    )
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--pace", type=float, default=0.02, help="seconds between streamed chunks (default: 0.02)")
    _add_limits(parser)
    options = parser.parse_args(arguments)
    # Nobody looks at the requests here, and an open-ended run must not keep them.
    try:
        server = LocalServer(**_given(options), record=False).start()
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        sys.exit(f"{parser.prog}: cannot serve on port {options.port}: {reason}; --port 0 takes a free one")
    with contextlib.closing(server), contextlib.suppress(KeyboardInterrupt):
        print(f"Serving {server.base_url} until Ctrl-C. To use it:")
        print(f"  export TOGETHER_BASE_URL={server.base_url}")
        print("  export TOGETHER_API_KEY=test")
        if any(name.lower() in ("http_proxy", "all_proxy") for name in os.environ):
            print(f"  export NO_PROXY={server.host}  # the environment names a proxy")
        sys.stdout.flush()
        (stop or threading.Event()).wait()


if __name__ == "__main__":
    main()
