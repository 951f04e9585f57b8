"""Chat completions: the parameters of a request go in; a `Completion`, to be sent whole or in chunks, comes out.

The rule: a completion is made once, token by token; the plain answer and the stream are two views of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _text
from ._answer import DONE, sse_event


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: its text as tokens, or the call of a tool, and why it ended."""

    index: int
    tokens: tuple[str, ...]
    finish_reason: str
    seed: int


@dataclass(frozen=True, slots=True)
class Completion:
    """Everything about one answer but its framing."""

    base: Mapping[str, Any]
    choices: tuple[Choice, ...]
    usage: Mapping[str, int]

    def response(self) -> dict[str, Any]:
        """The body of a plain answer."""
        choices = [
            {
                "index": c.index,
                "finish_reason": c.finish_reason,
                "seed": c.seed,
                "logprobs": None,
                "message": {"role": "assistant", "content": "".join(c.tokens), "tool_calls": []},
            }
            for c in self.choices
        ]
        return {**self.base, "object": "chat.completion", "prompt": [], "choices": choices, "usage": self.usage}

    def events(self) -> list[bytes]:
        """The events of a stream, [DONE] included."""
        events: list[bytes] = []
        for position in range(max(len(c.tokens) for c in self.choices) + 1):
            for choice in self.choices:
                if position <= len(choice.tokens):
                    events.append(self._chunk([_chunk_choice(choice, position)], None))
        return [*events, self._chunk([], self.usage), DONE]

    def _chunk(self, choices: list[dict[str, Any]], usage: Mapping[str, int] | None) -> bytes:
        return sse_event({**self.base, "object": "chat.completion.chunk", "choices": choices, "usage": usage})


def _chunk_choice(choice: Choice, position: int) -> dict[str, Any]:
    last = position == len(choice.tokens)
    text = "" if last else choice.tokens[position]
    return {
        "index": choice.index,
        "text": text,
        "logprobs": None,
        "finish_reason": choice.finish_reason if last else None,
        "seed": choice.seed if last else None,
        "delta": {"token_id": None, "role": "assistant", "content": text, "tool_calls": None},
    }


def complete(params: dict[str, Any], *, identity: str, created: int) -> Completion:
    """The completion for checked parameters."""
    messages, seed = params["messages"], params.get("seed")
    choices: list[Choice] = []
    for index in range(params.get("n") or 1):
        rng = _text.chance(messages, seed, index)
        own_seed = rng.getrandbits(64) if seed is None else seed
        choices.append(Choice(index, tuple(_text.tokens(_text.answer(messages, rng))), "stop", own_seed))
    asked = sum(len(_text.tokens(_text.content_text(m.get("content")))) + 4 for m in messages)
    made = sum(len(choice.tokens) for choice in choices)
    usage = {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}
    return Completion({"id": identity, "created": created, "model": params["model"]}, tuple(choices), usage)
