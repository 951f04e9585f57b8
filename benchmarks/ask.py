"""The one request that all contenders send, and what they must hand back having read the answer.

In: the size of the prompt. Out: keyword arguments of a chat completion. `Tally` is what reading an answer yields.
Rule: standard library only and little of it, for this loads in every worker and counts in its memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

KEY = "bench-key-that-opens-nothing"
TIMEOUT = 120.0

_PARAGRAPH = (
    'The quick brown fox said: "Köln lies on the Rhine", and went home.\nThen it rained, and\ttwo days passed. '
)


class Tally(NamedTuple):
    """What was read: the same fields whichever client read them, so that a client that drops data is found out."""

    chunks: int
    chars: int
    finish_reason: str | None
    total_tokens: int


def ask(prompt_bytes: int = 0) -> dict[str, Any]:
    """A short conversation, its last message padded to `prompt_bytes` bytes of text (0: left as it is)."""
    size = len(_PARAGRAPH.encode())
    text = "What is deep learning?" + _PARAGRAPH * (prompt_bytes // size)
    return {
        "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": text},
        ],
        "max_tokens": 512,
        "temperature": 0.7,
    }


def take(answer: Any) -> Tally:
    """Reads a whole answer: its text or tool calls, its log probabilities when there are some, reason and usage."""
    choice = answer.choices[0]
    chars = len(choice.message.content or "")
    if choice.logprobs is not None:
        chars += len(choice.logprobs.tokens)
    return Tally(1, chars, choice.finish_reason, answer.usage.total_tokens)


TEXTS: dict[str, Any] = {"model": "BAAI/bge-large-en-v1.5", "input": ["What is deep learning?"]}
"""What is embedded; how many embeddings come for it is the server's to say."""


def measure(answer: Any) -> Tally:
    """Reads embeddings: how many floats there are."""
    return Tally(1, sum(len(row.embedding) for row in answer.data), None, 0)


class Reader:
    """Reads a stream chunk by chunk, touching of each chunk what a user of it touches."""

    __slots__ = ("chars", "chunks", "reason", "total")

    def __init__(self) -> None:
        self.chunks = self.chars = self.total = 0
        self.reason: str | None = None

    def see(self, chunk: Any) -> None:
        self.chunks += 1
        for choice in chunk.choices:
            delta = choice.delta
            if delta.content:
                self.chars += len(delta.content)
            if delta.tool_calls:
                for call in delta.tool_calls:  # together 1.5 leaves them as the dicts they came as
                    function = call["function"] if type(call) is dict else call.function
                    arguments = function["arguments"] if type(function) is dict else function.arguments
                    self.chars += len(arguments or "")
            if choice.finish_reason is not None:
                self.reason = choice.finish_reason
        if chunk.usage is not None:
            self.total = chunk.usage.total_tokens

    def tally(self) -> Tally:
        return Tally(self.chunks, self.chars, self.reason, self.total)


def drain(chunks: Iterable[Any]) -> Tally:
    reader = Reader()
    for chunk in chunks:
        reader.see(chunk)
    return reader.tally()


async def adrain(chunks: AsyncIterator[Any]) -> Tally:
    reader = Reader()
    async for chunk in chunks:
        reader.see(chunk)
    return reader.tally()


def gather(chunks: Iterable[Any]) -> Tally:
    """The accumulation that a user writes by hand where the client has no helper: one text, its reason, its usage."""
    parts: list[str] = []
    reason, total = None, 0
    for chunk in chunks:
        if chunk.choices:
            choice = chunk.choices[0]
            parts.append(choice.delta.content or "")
            reason = choice.finish_reason or reason
        if chunk.usage is not None:
            total = chunk.usage.total_tokens
    return Tally(1, len("".join(parts)), reason, total)
