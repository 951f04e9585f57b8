"""The structs into which the floor decodes: the fields that togetherpy's own types have, every one with its type."""

from __future__ import annotations

from typing import Any

import msgspec


class Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    index: int | None = None
    function: Function | None = None


class Logprobs(msgspec.Struct):
    token_ids: list[int | None] | None = None
    tokens: list[str | None] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float]] | None = None


class Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class Delta(msgspec.Struct):
    role: str | None = None
    content: str | None = None
    token_id: int | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None


class ChunkChoice(msgspec.Struct):
    index: int | None = None
    logprobs: float | Logprobs | None = None
    seed: int | None = None
    finish_reason: str | None = None
    text: str | None = None
    delta: Delta | None = None


class Chunk(msgspec.Struct):
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChunkChoice] | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    system_fingerprint: str | None = None


class Message(msgspec.Struct):
    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(msgspec.Struct):
    index: int | None = None
    logprobs: Logprobs | None = None
    seed: int | None = None
    finish_reason: str | None = None
    message: Message | None = None


class Completion(msgspec.Struct):
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    prompt: list[Any] | None = None
    usage: Usage | None = None
    system_fingerprint: str | None = None


encode = msgspec.json.Encoder().encode
decode_chunk = msgspec.json.Decoder(Chunk).decode
decode_completion = msgspec.json.Decoder(Completion).decode
