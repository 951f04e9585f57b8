"""What embeddings send and bring.

In: keyword arguments, or JSON. Out: a TypedDict, or Structs. The rule: every field of an answer is optional.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Required

from togetherpy.types._model import Open
from togetherpy.types._options import CallOptions
from togetherpy.types.common import ObjectType, UsageData

__all__ = ["EmbeddingChoicesData", "EmbeddingParams", "EmbeddingResponse", "Vector"]

if TYPE_CHECKING:
    from array import array

    Vector = list[float] | array[float]
    """An embedding: as JSON has it, or what came as base64."""
else:
    Vector = list[float] | bytes  # base64 is read as bytes, and put in an array after that


class EmbeddingParams(CallOptions, total=False):
    """What `embeddings.create` takes, and what every call does."""

    model: "Required[str]"
    input: "Required[str | Iterable[str] | Iterable[int] | Iterable[Iterable[int]]]"
    encoding_format: "Literal['float', 'base64'] | None"
    dimensions: "int | None"
    user: "str | None"
    batch_size: "int | None"
    batch_tokens: "int | None"
    concurrency: "int | None"


class EmbeddingChoicesData(Open, kw_only=True):
    """The embedding of one input."""

    index: int | None = None
    """The place of the input in `input`."""
    object: ObjectType | None = None
    embedding: Vector | None = None
    """A list of floats; an `array.array("f")` where the server sent base64."""

    def numpy(self) -> Any:
        """The embedding as a numpy array of float32, which shares its memory with an `array.array`.

        Raises:
            ValueError: it is none. ImportError: there is no numpy.
        """
        embedding: Any = self.embedding
        if embedding is None or isinstance(embedding, (str, bytes)):
            raise ValueError(f"data[{self.index}] has no embedding, but {type(embedding).__name__}")
        numpy: Any = importlib.import_module("numpy")
        return numpy.asarray(embedding, dtype=numpy.float32)


class EmbeddingResponse(Open, kw_only=True):
    """The embeddings, in the order of the inputs."""

    id: str | None = None
    object: str | None = None
    model: str | None = None
    data: list[EmbeddingChoicesData] | None = None
    usage: UsageData | None = None

    def numpy(self) -> Any:
        """All of them as one numpy array of float32, a row for each.

        Raises:
            ValueError: one is none, or they differ in length. ImportError: there is no numpy.
        """
        numpy: Any = importlib.import_module("numpy")
        return numpy.stack([one.numpy() for one in self.data or ()])


# The official packages' names.
EmbeddingRequest = EmbeddingCreateParams = EmbeddingParams
Embedding = EmbeddingResponse
Data = EmbeddingChoicesData
