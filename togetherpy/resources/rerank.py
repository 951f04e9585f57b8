"""Documents in the order of what they have to do with a query.

In: a query and documents. Out: a RerankResponse.
The rule: what is asked and answered is as both official packages (1.5.35, 3.1.1) and the OpenAPI document have it;
documents come back as objects, or as dicts as version 1 has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack, cast

from togetherpy._core.expected import JSON
from togetherpy._core.names import Names, require
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, raw
from togetherpy.resources._signature import takes
from togetherpy.types.rerank import RerankParams, RerankResponse

_RERANK = Endpoint("rerank", "POST", "/rerank", JSON[RerankResponse](RerankResponse, needs="results"))
_NAMES = Names(RerankParams.__annotations__, of_others=("max_tokens_per_doc", "max_chunks_per_doc"))


class Rerank(Resource):
    """`client.rerank`"""

    @takes("RerankParams", "rerank")
    def create(self, **params: Unpack[RerankParams]) -> RerankResponse:
        """Sorts documents by what they have to do with a query.

        model: name of a model for reranking.
        query: what is looked for.
        documents: texts, or objects; any iterable, at least one.
        top_n: how many of the best to return, >= 1; all of them if it is left out.
        return_documents: the documents are in the answer too, not only their places in the list.
        rank_fields: the fields of objects that are looked at; all of them if it is left out.

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_RERANK, _prepared(params))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawRerank: ...


class AsyncRerank(AsyncResource, like=Rerank):
    """`client.rerank` of an AsyncTogether."""

    @takes("RerankParams", "rerank")
    async def create(self, **params: Unpack[RerankParams]) -> RerankResponse:
        """Sorts documents by what they have to do with a query. The rest: `Rerank.create`."""
        return await self._call(_RERANK, _prepared(params))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawRerank: ...


if TYPE_CHECKING:

    class RawRerank:
        @raw(Rerank.create)
        def create(self) -> None: ...

    class AsyncRawRerank:
        @raw(AsyncRerank.create)
        def create(self) -> None: ...


def _prepared(params: Any) -> dict[str, Any]:
    """The parameters as they are sent."""
    _NAMES.check("create", params)
    require("create", params, "model", "query", "documents")
    documents = params["documents"]
    kind = type(documents).__name__
    if isinstance(documents, (str, bytes, Mapping)) or not isinstance(documents, Iterable):
        raise TypeError(f"documents must be a list of str or of dicts, not {kind}")
    params["documents"] = list(cast("Iterable[object]", documents))
    if not params["documents"]:
        raise ValueError("documents is empty: there is nothing to rank")
    return params  # type: ignore[no-any-return]


# The official packages' names: the classes themselves, so that what an instrument puts in the place of a method is seen
# by every client.
RerankResource = Rerank
AsyncRerankResource = AsyncRerank
