"""`togetherpy serve`: the local server, until Ctrl-C.

In: limits, latencies, faults. Out: where it is, in lines that a shell can run.
The rule: what it can do is what `togetherpy.testing.LocalServer` can do.
"""

from __future__ import annotations

import argparse
import re
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from togetherpy.cli._options import add_json, describe, pause
from togetherpy.cli._screen import Screen
from togetherpy.testing._options import add_limits, how_to_use, limits_of

if TYPE_CHECKING:
    from togetherpy.testing import LocalServer

_HALF: dict[str, Any] = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Half of an ans"}}]}
_FAULTS: dict[str, dict[str, Any]] = {
    "cut": {"events": [_HALF], "cut": True},
    "reset": {"raw": b"HTTP/1.1 200 OK\r\n", "cut": "reset"},
    "close": {"raw": b"", "cut": True},
    "hang": {"body": {}, "delay": 86_400.0},
    "garbage": {"raw": b"This is not HTTP.\r\n\r\n", "keep_alive": False},
}
_SAID = {
    429: ("You have reached the rate limit.", "rate_limit"),
    503: ("The server is overloaded or not ready yet.", "service_unavailable"),
}


class Fault(NamedTuple):
    """What goes wrong, and for how many requests; None: for all."""

    kind: str
    times: int | None


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy serve` of a parser."""
    describe(
        parser,
        """\
Runs a server on this machine that speaks the API: chats, completions, embeddings, images, speech, files, batches, fine-
tuning. Its answers are made up, no model is behind them, and they cost nothing. It runs until Ctrl-C.""",
        {0: "ended by Ctrl-C"},
    )
    parser.set_defaults(run=run)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s); 0.0.0.0: all")
    parser.add_argument("--port", type=int, default=0, help="TCP port (default: a free one)")
    parser.add_argument("--pace", type=pause, default=0.02, help="seconds between streamed chunks (default: 0.02)")
    parser.add_argument("--delay", type=pause, default=0.0, help="seconds before each answer begins (default: 0)")
    parser.add_argument("--models", nargs="+", metavar="M", help="the names of models that it knows (default: any)")
    parser.add_argument("--reply", metavar="TEXT", help="what it answers to every chat")
    parser.add_argument(
        "--fail",
        type=_fault,
        action="append",
        default=[],
        metavar="WHAT[:N]",
        help="the next N requests (default: 1; all: every one) fail: a status such as 429 or 503, cut (a stream breaks "
        "off), reset, close (the connection), hang (no answer comes), garbage (no HTTP); may be repeated",
    )
    add_limits(parser)
    add_json(parser, "print base_url, host and port as JSON")


def _fault(text: str) -> Fault:
    found = re.fullmatch(r"([45]\d\d|" + "|".join(_FAULTS) + r")(?::([1-9]\d{0,8}|all))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"must be a status from 400 to 599, {', '.join(_FAULTS)}, and perhaps :N or :all, not {text!r}"
        )
    return Fault(found[1], None if found[2] == "all" else int(found[2] or 1))


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy serve`."""
    server = start(options)
    try:
        if options.json:
            screen.json({"base_url": server.base_url, "host": server.host, "port": server.port}, indent=None)
        else:
            for line in how_to_use(server):
                screen.line(line)
        threading.Event().wait()
    except KeyboardInterrupt:
        screen.end()
    finally:
        server.close()
    return 0


def start(options: argparse.Namespace) -> LocalServer:
    """The server as `options` want it, which serves.

    Raises:
        ValueError: it cannot serve like that.
    """
    from togetherpy.testing import LocalServer

    reply: str | None = options.reply
    server = LocalServer(
        **limits_of(options),
        host=options.host,
        port=options.port,
        pace=options.pace,
        delay=options.delay,
        models=options.models,
        answers=None if reply is None else lambda _: reply,
        record=False,  # nobody looks at the requests here, and an open-ended run must not keep them
    )
    for fault in options.fail:
        server.reply(**_script(fault.kind), times=fault.times)
    try:
        return server.start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(
            f"cannot serve on {options.host}, port {options.port}: {reason}; --port 0 takes a free one"
        ) from None


def _script(kind: str) -> dict[str, Any]:
    if kind in _FAULTS:
        return _FAULTS[kind]
    status = int(kind)
    message, name = _SAID.get(status, (f"This is the status {status} that was asked for.", "asked_for"))
    headers = {"retry-after": "1"} if status in (429, 503) else {}
    return {"status": status, "headers": headers, "body": {"error": {"message": message, "type": name, "code": name}}}
