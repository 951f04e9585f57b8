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
    """Name of the model."""
    prompt: "Required[str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]]"
    """The text; for servers that take them, several texts, or token numbers."""
    max_tokens: "int | None"
    """Most tokens to generate, >= 1."""
    stop: "str | Sequence[str] | None"
    """A string or strings at which generation ends; they are not part of the answer."""
    temperature: "float | None"
    """Randomness, 0 to 1 (some models take up to 2); 0 is the most repeatable."""
    top_p: "float | None"
    """Share of probability mass to sample from, 0 to 1."""
    top_k: "int | None"
    """Number of likeliest tokens to sample from, >= 1."""
    min_p: "float | None"
    """Least probability of a token relative to the likeliest, 0 to 1."""
    repetition_penalty: "float | None"
    """> 0, above 1 repeats less; not together with the next two (warns)."""
    presence_penalty: "float | None"
    """-2 to 2, positive repeats less."""
    frequency_penalty: "float | None"
    """-2 to 2, positive repeats less."""
    logit_bias: "Mapping[str, float] | None"
    """Token id (as text) to bias, usually -100 to 100."""
    seed: "int | None"
    """Integer for repeatable sampling."""
    logprobs: "int | bool | None"
    """Number of alternatives to return log probabilities for, 0 to 20."""
    echo: "bool | None"
    """Return the prompt too, in `answer.prompt`, with `logprobs` its log probabilities."""
    n: "int | None"
    """Number of choices, 1 to 128."""
    safety_model: "str | None"
    """Name of a moderation model."""


class CompletionChoicesData(ChatCompletionChoicesData, kw_only=True):
    """One of the `n` answers: its `text`."""


class CompletionResponse(ChatCompletionResponse, kw_only=True):
    """A whole answer. With `echo`, `prompt` has the prompt, and with `logprobs` its log probabilities."""

    # A list may not be of a subclass, for somebody could put something else in it; here nobody does.
    choices: list[CompletionChoicesData] | None = None  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
    """The `n` answers."""


class CompletionToken(Open, kw_only=True):
    """The token that a chunk brings."""

    id: int | None = None
    """Its number."""
    text: str | None = None
    """Its text."""
    logprob: float | None = None
    """Natural logarithm of its probability, <= 0."""
    special: bool | None = None
    """Whether it is a mark and no text."""


CompletionChoicesChunk = ChatCompletionChoicesChunk


class CompletionChunk(ChatCompletionChunk, kw_only=True):
    """One event of a stream: `choices[0].text`."""

    token: CompletionToken | None = None
    """The token that it brings."""
    seed: int | None = None
    """The seed that it was sampled with."""


# The official packages' names.
CompletionRequest = CompletionCreateParams = CompletionParams
Completion = CompletionResponse
