"""The models that there are.

In: an id, or nothing. Out: ModelObjects.
The rule: the API sends an array, other servers of the protocol an object with the array in "data"; either is a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from togetherpy._core.expected import JSON, ListOf
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, checked, raw
from togetherpy.resources._signature import takes
from togetherpy.types.models import ModelObject

if TYPE_CHECKING:
    import builtins

    from togetherpy.types._options import CallOptions

_LIST = Endpoint("models.list", "GET", "/models", ListOf[ModelObject](ModelObject), names="")
_RETRIEVE = Endpoint("models.retrieve", "GET", "/models/{model}", JSON[ModelObject](ModelObject))


class Models(Resource):
    """`client.models`"""

    @takes("CallOptions", "_options")
    def list(self, dedicated: bool | None = None, **options: Unpack[CallOptions]) -> builtins.list[ModelObject]:
        """The models that can be used.

        dedicated: only those that can be run on a dedicated endpoint (True) or that cannot (False).

        Raises:
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_LIST, {"dedicated": dedicated, **checked("list", options)})

    @takes("CallOptions", "_options")
    def retrieve(self, id: str, **options: Unpack[CallOptions]) -> ModelObject:
        """One model.

        id: its name, such as "meta-llama/Llama-3.3-70B-Instruct-Turbo".

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such model, or the server does not say. And what `list` raises.
        """
        return self._call(_RETRIEVE.at(model=id), checked("retrieve", options))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawModels: ...


class AsyncModels(AsyncResource, like=Models):
    """`client.models` of an AsyncTogether."""

    @takes("CallOptions", "_options")
    async def list(self, dedicated: bool | None = None, **options: Unpack[CallOptions]) -> builtins.list[ModelObject]:
        """The models that can be used. The rest: `Models.list`."""
        return await self._call(_LIST, {"dedicated": dedicated, **checked("list", options)})

    @takes("CallOptions", "_options")
    async def retrieve(self, id: str, **options: Unpack[CallOptions]) -> ModelObject:
        """One model. The rest: `Models.retrieve`."""
        return await self._call(_RETRIEVE.at(model=id), checked("retrieve", options))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawModels: ...


# Their names in version 3 of the official package.
ModelsResource = Models
AsyncModelsResource = AsyncModels

if TYPE_CHECKING:

    class RawModels:
        @raw(Models.list)
        def list(self) -> None: ...
        @raw(Models.retrieve)
        def retrieve(self) -> None: ...

    class AsyncRawModels:
        @raw(AsyncModels.list)
        def list(self) -> None: ...
        @raw(AsyncModels.retrieve)
        def retrieve(self) -> None: ...
