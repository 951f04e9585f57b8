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
    """A basic price, where there is one."""
    finetune: float | None = None
    """A million tokens of training."""
    cached_input: float | None = None
    """A million tokens of input that are found in the cache."""


class ModelConfig(Open, kw_only=True):
    """How text is put before a model."""

    chat_template: str | None = None
    """The template that messages are put in, in Jinja's language."""
    stop: list[str] | None = None
    """The texts at which the model stops."""
    bos_token: str | None = None
    """The token that a prompt begins with."""
    eos_token: str | None = None
    """The token that an answer ends with."""
    prompt_format: str | None = None
    """The older form of the template."""


class ModelObject(Open, kw_only=True):
    """One model."""

    id: str | None = None
    """What `model=` takes."""
    object: str | None = None
    """What kind of object it is, in the server's word."""
    created: int | None = None
    """Seconds since 1970."""
    type: ModelType | None = None
    """What it is for."""
    display_name: str | None = None
    """Its name for people."""
    organization: str | None = None
    """Who made it."""
    link: str | None = None
    """A page about it."""
    license: str | None = None
    """Its licence."""
    context_length: int | None = None
    """Most tokens of a prompt and its answer together."""
    pricing: PricingObject | None = None
    """What it costs."""
    config: ModelConfig | None = None
    """How text is put before it."""
    running: bool | None = None
    """Whether it runs now."""
    uuid: str | None = None
    """Another id of it."""
    owned_by: str | None = None
    """Who made it, as other servers of the protocol say it."""
    root: str | None = None
    """The model that it is, as vLLM says it."""
    parent: str | None = None
    """The model that it was made from."""
    permission: builtins.list[Any] | None = None
    """What may be done with it, as vLLM says it."""
