"""The standard library only: http.client and json, no client around them. Its streams are read line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.ask import KEY, TIMEOUT, Tally

ROLE = "bare"
REQUIRES: list[str] = []
IMPORT = "import http.client, json"
IMPORT_CLIENT = "import json; from http.client import HTTPConnection"

HEADERS = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json", "Accept": "*/*"}


def connect(url: str) -> Any:
    from http.client import HTTPConnection, HTTPSConnection
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT), parts.path + "/v1/chat/completions"


def _post(client: Any, body: dict[str, Any]) -> Any:
    import json

    connection, path = client
    connection.request("POST", path, json.dumps(body).encode(), HEADERS)
    return connection.getresponse()


def answer(client: Any, ask: dict[str, Any]) -> Tally:
    import json

    body = json.loads(_post(client, ask).read())
    choice = body["choices"][0]
    chars = len(choice["message"]["content"] or "")
    if choice["logprobs"] is not None:
        chars += len(choice["logprobs"]["tokens"])
    return Tally(1, chars, choice["finish_reason"], body["usage"]["total_tokens"])


def _events(client: Any, ask: dict[str, Any]) -> Iterator[dict[str, Any]]:
    import json

    response = _post(client, ask | {"stream": True})
    for line in response:
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


def stream(client: Any, ask: dict[str, Any]) -> Tally:
    chunks = chars = total = 0
    reason = None
    for chunk in _events(client, ask):
        chunks += 1
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if delta["content"]:
                chars += len(delta["content"])
            if delta["tool_calls"]:
                for call in delta["tool_calls"]:
                    chars += len(call["function"]["arguments"] or "")
            if choice["finish_reason"] is not None:
                reason = choice["finish_reason"]
        if chunk["usage"] is not None:
            total = chunk["usage"]["total_tokens"]
    return Tally(chunks, chars, reason, total)


def accumulate(client: Any, ask: dict[str, Any]) -> Tally:
    parts: list[str] = []
    reason, total = None, 0
    for chunk in _events(client, ask):
        if chunk["choices"]:
            choice = chunk["choices"][0]
            parts.append(choice["delta"]["content"] or "")
            reason = choice["finish_reason"] or reason
        if chunk["usage"] is not None:
            total = chunk["usage"]["total_tokens"]
    return Tally(1, len("".join(parts)), reason, total)
