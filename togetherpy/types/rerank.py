"""What reranking sends and brings.

In: keyword arguments, or JSON. Out: a TypedDict, or Structs. The rule: every field of an answer is optional.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Required

from togetherpy.types._model import Open
from togetherpy.types._options import CallOptions
from togetherpy.types.common import UsageData

__all__ = ["RerankChoicesData", "RerankDocument", "RerankParams", "RerankResponse"]


class RerankParams(CallOptions, total=False):
    """What `rerank.create` takes, and what every call does."""

    model: "Required[str]"
    """Name of a model for reranking."""
    query: "Required[str]"
    """What is looked for."""
    documents: "Required[Iterable[str | Mapping[str, Any]]]"
    """Texts, or objects; any iterable, at least one."""
    top_n: "int | None"
    """How many of the best to return, >= 1; all of them if it is left out."""
    return_documents: "bool | None"
    """The documents are in the answer too, not only their places in the list."""
    rank_fields: "Sequence[str] | None"
    """The fields of objects that are looked at; all of them if it is left out."""


class RerankDocument(Open, kw_only=True):
    """A document as it was ranked. Its fields are attributes, and items as of a dict."""

    text: str | None = None
    """The document, or an object as JSON."""

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    # The official package has a dict here, so these are names alone and not what going through other types gives.
    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return iter(self.to_dict())

    def __contains__(self, name: object) -> bool:
        return name in self.to_dict()

    def keys(self) -> Iterable[str]:
        """The names of its fields."""
        return self.to_dict().keys()

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or `default`."""
        return self.to_dict().get(name, default)


class RerankChoicesData(Open, kw_only=True):
    """One of the documents, and how much it has to do with the query."""

    index: int | None = None
    """Its place in `documents`."""
    relevance_score: float | None = None
    """The higher, the more relevant; what is high depends on the model."""
    document: RerankDocument | None = None
    """With `return_documents=True`."""


class RerankResponse(Open, kw_only=True):
    """The documents, the most relevant first."""

    id: str | None = None
    """The server's id of the answer."""
    object: str | None = None
    """What kind of object it is, in the server's word."""
    model: str | None = None
    """The model that ranked them."""
    results: list[RerankChoicesData] | None = None
    """The documents, the most relevant first."""
    usage: UsageData | None = None
    """The tokens that it took."""


# The official packages' names.
RerankRequest = RerankCreateParams = RerankParams
RerankCreateResponse = RerankResponse
Result = RerankChoicesData
ResultDocument = RerankDocument
