"""The API that a function's runtime on AWS Lambda talks to, as its documentation has it, on this machine.

In: events. Out: what the runtime posts of each, piece by piece.
The rule: it says nothing of what it is told but through queues, each look at which is bounded.
"""

import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

LIMIT = 30.0
"""Seconds after which what is waited for has failed: a safety net."""
BASE = "/2018-06-01/runtime/"


class RuntimeApi:
    """For one runtime."""

    def __init__(self) -> None:
        self.asked: queue.Queue[str] = queue.Queue()
        """What the runtime asks for: "invocation/next", "restore/next"."""
        self.said: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
        """Each piece that it posts: where to, with which header fields; b"" at the end."""
        self._events: queue.Queue[Any] = queue.Queue()
        self._restored = threading.Event()
        self._count = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.get(self)

            def do_POST(self) -> None:
                api.post(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restored.set()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(LIMIT)

    def invoke(self, event: Any) -> None:
        """Hands out an event, when the runtime asks for the next."""
        self._events.put(event)

    def restore(self) -> None:
        """Has the runtime go on after its snapshot."""
        self._restored.set()

    def answer(self) -> tuple[str, dict[str, str], bytes]:
        """Where the runtime posted, and all of what."""
        where, fields, data = self.said.get(timeout=LIMIT)
        whole = data
        while data:
            _, _, data = self.said.get(timeout=LIMIT)
            whole += data
        return where, fields, whole

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.removeprefix(BASE)
        self.asked.put(path)
        if path == "restore/next":
            self._restored.wait(LIMIT)
            self._reply(handler, 200, {}, b"{}")
            return
        event = self._events.get(timeout=LIMIT)
        self._count += 1
        fields = {
            "Lambda-Runtime-Aws-Request-Id": f"request-{self._count}",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 20) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f",
            "Lambda-Runtime-Trace-Id": "Root=1",
            "Content-Type": "application/json",
        }
        self._reply(handler, 200, fields, json.dumps(event).encode())

    def post(self, handler: BaseHTTPRequestHandler) -> None:
        where, fields = (
            handler.path.removeprefix(BASE),
            {name.lower(): value for name, value in handler.headers.items()},
        )
        if "chunked" in fields.get("transfer-encoding", ""):
            while size := int(handler.rfile.readline(), 16):
                self.said.put((where, fields, handler.rfile.read(size)))
                handler.rfile.readline()
            handler.rfile.readline()
        elif length := int(fields.get("content-length", "0")):
            self.said.put((where, fields, handler.rfile.read(length)))
        self.said.put((where, fields, b""))
        self._reply(handler, 202, {}, b"{}")

    def _reply(self, handler: BaseHTTPRequestHandler, status: int, fields: dict[str, str], body: bytes) -> None:
        handler.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
