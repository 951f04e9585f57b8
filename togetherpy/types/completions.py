"""What completions of a prompt send and bring.

In: keyword arguments, or JSON. Out: a TypedDict, or Structs.
The rule: they are chat completions whose choices have a `text` and no message, so that all that reads those reads them.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

from collections.abc import Mapping, Sequence
from typing import Required

from togetherpy.types._model import Open
from togetherpy.types._options import CallOptions
from togetherpy.types.chat_completions import (
    ChatCompletionChoicesChunk,
    ChatCompletionChoicesData,
    ChatCompletionChunk,
    ChatCompletionResponse,
)

__all__ = [
    "CompletionChoicesChunk",
    "CompletionChoicesData",
    "CompletionChunk",
    "CompletionParams",
    "CompletionResponse",
    "CompletionToken",
]


class CompletionParams(CallOptions, total=False):
    """What `completions.create` takes, and what every call does."""

    model: "Required[str]"
    prompt: "Required[str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]]"
    max_tokens: "int | None"
    stop: "str | Sequence[str] | None"
    temperature: "float | None"
    top_p: "float | None"
    top_k: "int | None"
    min_p: "float | None"
    repetition_penalty: "float | None"
    presence_penalty: "float | None"
    frequency_penalty: "float | None"
    logit_bias: "Mapping[str, float] | None"
    seed: "int | None"
    logprobs: "int | bool | None"
    echo: "bool | None"
    n: "int | None"
    safety_model: "str | None"


class CompletionChoicesData(ChatCompletionChoicesData, kw_only=True):
    """One of the `n` answers: its `text`."""


class CompletionResponse(ChatCompletionResponse, kw_only=True):
    """A whole answer. With `echo`, `prompt` has the prompt, and with `logprobs` its log probabilities."""

    # A list may not be of a subclass, for somebody could put something else in it; here nobody does.
    choices: list[CompletionChoicesData] | None = None  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]


class CompletionToken(Open, kw_only=True):
    """The token that a chunk brings."""

    id: int | None = None
    text: str | None = None
    logprob: float | None = None
    special: bool | None = None


CompletionChoicesChunk = ChatCompletionChoicesChunk


class CompletionChunk(ChatCompletionChunk, kw_only=True):
    """One event of a stream: `choices[0].text`."""

    token: CompletionToken | None = None
    seed: int | None = None


# The official packages' names.
CompletionRequest = CompletionCreateParams = CompletionParams
Completion = CompletionResponse
