"""What the API knows of its models.

In: JSON. Out: Structs. The rule: every field is optional, and what is new stays reachable in `model_extra`.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

import builtins
from typing import Any

from togetherpy.types._model import Open
from togetherpy.types.common import OpenEnum

__all__ = ["ModelConfig", "ModelObject", "ModelType", "PricingObject"]


class ModelType(OpenEnum):
    """What a model is for. Other strings may come and compare as strings do."""

    CHAT = "chat"
    LANGUAGE = "language"
    CODE = "code"
    IMAGE = "image"
    EMBEDDING = "embedding"
    MODERATION = "moderation"
    RERANK = "rerank"
    AUDIO = "audio"
    TRANSCRIBE = "transcribe"
    VIDEO = "video"


class PricingObject(Open, kw_only=True):
    """What the use of a model costs, in US dollars."""

    hourly: float | None = None
    """An hour of a dedicated endpoint."""
    input: float | None = None
    """A million tokens of input."""
    output: float | None = None
    """A million tokens of output."""
    base: float | None = None
    finetune: float | None = None
    """A million tokens of training."""
    cached_input: float | None = None
    """A million tokens of input that are found in the cache."""


class ModelConfig(Open, kw_only=True):
    """How text is put before a model."""

    chat_template: str | None = None
    stop: list[str] | None = None
    bos_token: str | None = None
    eos_token: str | None = None
    prompt_format: str | None = None


class ModelObject(Open, kw_only=True):
    """One model."""

    id: str | None = None
    """What `model=` takes."""
    object: str | None = None
    created: int | None = None
    """Seconds since 1970."""
    type: ModelType | None = None
    display_name: str | None = None
    organization: str | None = None
    """Who made it."""
    link: str | None = None
    license: str | None = None
    context_length: int | None = None
    """Most tokens of a prompt and its answer together."""
    pricing: PricingObject | None = None
    config: ModelConfig | None = None
    running: bool | None = None
    uuid: str | None = None
    owned_by: str | None = None
    """Who made it, as other servers of the protocol say it."""
    root: str | None = None
    parent: str | None = None
    permission: builtins.list[Any] | None = None
