"""The bytes of answers for scripted servers: good ones, and the parts that bad ones are made of."""

import json
from typing import Any

PROMPT = "the-prompt-nobody-logs"
COMPLETION = "the-completion-nobody-logs"


def completion(text: str = COMPLETION, **fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "r-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        **fields,
    }


def chunk(text: str | None = None, finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"id": "s-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **fields}


def event(data: Any) -> bytes:
    """One server-sent event; str and bytes as they are, the rest as JSON."""
    text = data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()
    return b"data: " + text + b"\n\n"


DONE = event("[DONE]")
HELLO = event(chunk("Hello")) + event(chunk(" world")) + event(chunk("", "stop")) + DONE
"""A whole stream whose text is "Hello world"."""


def head(status: int = 200, content_type: str | None = "application/json", **fields: str | int) -> bytes:
    """A head, its empty line included; `retry_after=1` is the field retry-after."""
    lines = [f"HTTP/1.1 {status} Reason"]
    if content_type is not None:
        lines.append(f"content-type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(body: Any = None, status: int = 200, content_type: str | None = "application/json", **fields: Any) -> bytes:
    """A whole answer with a Content-Length; by default a good completion."""
    data = body if isinstance(body, bytes) else json.dumps(completion() if body is None else body).encode()
    return head(status, content_type, content_length=len(data), **fields) + data


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return body + b"0\r\n\r\n" if end else body


SSE = head(content_type="text/event-stream;charset=utf-8", transfer_encoding="chunked")
"""The head of a stream in chunked framing; follow it with `chunked(...)`."""
SSE_CLOSE = head(content_type="text/event-stream;charset=utf-8", connection="close")
"""The head of a stream that ends with its connection."""
OK = answer()
STREAM_OK = SSE + chunked(HELLO)


def error_body(message: str = "Something is wrong", **fields: Any) -> dict[str, Any]:
    return {"id": "e-1", "error": {"message": message, "type": "some_type", "param": None, "code": None, **fields}}


def text_of(chunks: list[Any]) -> str:
    return "".join((choice.delta.content or "") for chunk in chunks for choice in chunk.choices)
