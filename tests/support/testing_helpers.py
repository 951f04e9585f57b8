"""What the tests of `togetherpy.testing` share: asking a server over http.client and over plain sockets."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from togetherpy.testing import LocalServer

KEY = {"Authorization": "Bearer test"}
HELLO = [{"role": "user", "content": "What is the capital of France?"}]
MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
PATH = "/v1/chat/completions"


class Answered:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        parts = self.body.decode().split("\n\n")
        assert parts[-2:] == ["data: [DONE]", ""]
        assert all(part.startswith("data: ") for part in parts[:-1])
        return [json.loads(part.removeprefix("data: ")) for part in parts[:-2]]


def ask(server: LocalServer, body: Any = None, *, method: str = "POST", path: str = PATH, **headers: str) -> Answered:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with contextlib.closing(http.client.HTTPConnection(server.host, server.port, timeout=10)) as connection:
        connection.request(method, path, data, headers or KEY)
        return Answered(connection.getresponse())


def chat(server: LocalServer, **params: Any) -> Answered:
    return ask(server, {"model": MODEL, "messages": HELLO, **params})


def connect(server: LocalServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=10)


def exchange(server: LocalServer, data: bytes) -> bytes:
    """Everything the server says to `data` until it closes the connection."""
    with connect(server) as sock:
        sock.sendall(data)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def read_until(sock: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        piece = sock.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def post(body: bytes = b"{}", fields: str = "", version: str = "1.1") -> bytes:
    head = f"POST {PATH} HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer t\r\n{fields}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what another thread or the kernel is about to do; the limit only bounds a failure."""
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.002)


def text_of(events: list[Any], index: int = 0) -> str:
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    assert all(choice["text"] == choice["delta"]["content"] for choice in choices)
    return "".join(choice["delta"]["content"] for choice in choices)
