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
    """Name of an embedding model."""
    input: "Required[str | Iterable[str] | Iterable[int] | Iterable[Iterable[int]]]"
    """A text, or any iterable of texts; for servers that take them, lists of token numbers."""
    encoding_format: "Literal['float', 'base64'] | None"
    """"float", or "base64", which is shorter and quicker to read, for servers that know it; the embedding is then an
    `array.array("f")`."""
    dimensions: "int | None"
    """How long the vectors are to be, for models that can choose, >= 1."""
    user: "str | None"
    """Your name for the end user."""
    batch_size: "int | None"
    """Most texts in one request, >= 1. A longer input is sent in several, and their answers are joined in its order;
    without it and `batch_tokens` all goes into one."""
    batch_tokens: "int | None"
    """Most tokens in one request, >= 1, taken for four bytes of text each."""
    concurrency: "int | None"
    """How many of these requests at a time, >= 1; default 4. `timeout` and `max_retries` are of each."""


class EmbeddingChoicesData(Open, kw_only=True):
    """The embedding of one input."""

    index: int | None = None
    """The place of the input in `input`."""
    object: ObjectType | None = None
    """What kind of object it is, in the server's word."""
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
    """The server's id of the answer."""
    object: str | None = None
    """What kind of object it is, in the server's word."""
    model: str | None = None
    """The model that made them."""
    data: list[EmbeddingChoicesData] | None = None
    """One for each input."""
    usage: UsageData | None = None
    """The tokens that it took."""

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
