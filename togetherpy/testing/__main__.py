"""`python -m togetherpy.testing`: the local server from a shell; prints how to reach it and runs until Ctrl-C."""

import argparse
import contextlib
import os
import sys
import threading
from collections.abc import Sequence

from . import LocalServer
from ._options import add_limits, how_to_use, limits_of


def main(arguments: Sequence[str] | None = None, stop: threading.Event | None = None) -> None:
    """Serve until Ctrl-C, or until `stop` is set. Raises SystemExit, with a sentence, when the port cannot be had."""
    parser = argparse.ArgumentParser(
        prog="python -m togetherpy.testing", description="A local server that speaks the Together chat API."
    )
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--pace", type=float, default=0.02, help="seconds between streamed chunks (default: 0.02)")
    add_limits(parser)
    options = parser.parse_args(arguments)
    # Nobody looks at the requests here, and an open-ended run must not keep them.
    try:
        server = LocalServer(port=options.port, pace=options.pace, **limits_of(options), record=False).start()
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        sys.exit(f"{parser.prog}: cannot serve on port {options.port}: {reason}; --port 0 takes a free one")
    with contextlib.closing(server), contextlib.suppress(KeyboardInterrupt):
        print(*how_to_use(server), sep="\n", flush=True)
        (stop or threading.Event()).wait()


if __name__ == "__main__":
    main()
