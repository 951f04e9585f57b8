"""The Batch API: a file of requests that are answered within a day, for less.

In: the id of a file that was uploaded for "batch-api", or of a batch. Out: BatchJobs.
The rule: a batch that was made is paid for, so making one is not tried again unless it certainly was not made.
Facts: the OpenAPI document, and both official packages. Version 1's names are there, too. A list is a bare array; that
of other servers, in an object's "data", is taken as well, and a batch that they answer without the "job" around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from togetherpy._core.expected import JSON, ListOf
from togetherpy._core.names import Names, require
from togetherpy._core.wire import Endpoint
from togetherpy.error import APIResponseError
from togetherpy.resources._base import AsyncResource, Resource, checked, mapped, raw
from togetherpy.resources._signature import takes
from togetherpy.types.batch import BatchCreateParams, BatchCreateResponse, BatchJob

if TYPE_CHECKING:
    import builtins

    from togetherpy.types._options import CallOptions

_JOB = JSON[BatchJob](BatchJob)


class _Made(JSON[BatchCreateResponse]):
    """What making a batch answers."""

    __slots__ = ()

    def decoded(self, raw: bytes) -> Any:
        """The answer; a bare batch is its job."""
        answer = super().decoded(raw)
        return answer if "id" not in answer.model_extra else BatchCreateResponse(job=_JOB.decoded(raw))


_CREATE = Endpoint(
    "batches.create", "POST", "/batches", _Made(BatchCreateResponse), once=True, names="the file's id, the model's name"
)
_RETRIEVE = Endpoint("batches.retrieve", "GET", "/batches/{id}", _JOB)
_LIST = Endpoint("batches.list", "GET", "/batches", ListOf[BatchJob](BatchJob), names="")
_CANCEL = Endpoint("batches.cancel", "POST", "/batches/{id}/cancel", _JOB)
_NAMES = Names(BatchCreateParams.__annotations__, of_others=("metadata", "output_expires_after"))
_WINDOW = "24h"


class Batches(Resource):
    """`client.batches`"""

    @takes("BatchCreateParams", "batch")
    def create(self, **params: Unpack[BatchCreateParams]) -> BatchCreateResponse:
        """Has the requests in a file answered.

        input_file_id: a file that was uploaded with purpose="batch-api": lines of `{"custom_id": ..., "body": {...}}`.
        endpoint: where each of them goes: "/v1/chat/completions", "/v1/audio/transcriptions" or
            "/v1/audio/translations".
        completion_window: within which time, such as "24h". model_id: the model. priority: an integer.

        Returns the `job`, and the `warning` that the server may have; the job may be None.

        It is tried again only where the batch certainly was not made: nothing was sent, or the server said 408, 409,
        429 or 503. After a lost connection, a time limit or another status from 500 on it is not: look with `list()`.

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came;
                `maybe_billed` says whether there may be a batch.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_CREATE, _prepared(params))

    @takes("CallOptions", "_options")
    def retrieve(self, id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """How far a batch has got. Asking every 30 to 60 seconds is enough.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such batch. And what `list` raises.
        """
        return self._call(_RETRIEVE.at(id=id), checked("retrieve", options))

    @takes("CallOptions", "_options")
    def list(self, **options: Unpack[CallOptions]) -> builtins.list[BatchJob]:
        """All batches.

        Raises:
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_LIST, checked("list", options))

    @takes("CallOptions", "_options")
    def cancel(self, id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """Ends a batch that is not complete. Requests that were answered are paid for, and their answers are there.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such batch. And what `list` raises.
        """
        return self._call(_CANCEL.at(id=id), checked("cancel", options))

    def create_batch(self, file_id: str, endpoint: str, **options: Unpack[CallOptions]) -> BatchJob:
        """`create(input_file_id=file_id, endpoint=endpoint, completion_window="24h").job`, as version 1 of the official
        package calls it; an answer without a job raises APIResponseError."""
        made = self.create(input_file_id=file_id, endpoint=endpoint, completion_window=_WINDOW, **options)
        job: BatchJob = mapped(made, _job, raw=self._raw)
        return job

    def get_batch(self, batch_job_id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """`retrieve`, as version 1 of the official package calls it."""
        return self.retrieve(batch_job_id, **options)

    def list_batches(self, **options: Unpack[CallOptions]) -> builtins.list[BatchJob]:
        """`list`, as version 1 of the official package calls it."""
        return self.list(**options)

    def cancel_batch(self, batch_job_id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """`cancel`, as version 1 of the official package calls it."""
        return self.cancel(batch_job_id, **options)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawBatches: ...


class AsyncBatches(AsyncResource, like=Batches):
    """`client.batches` of an AsyncTogether."""

    @takes("BatchCreateParams", "batch")
    async def create(self, **params: Unpack[BatchCreateParams]) -> BatchCreateResponse:
        """Has the requests in a file answered. The rest: `Batches.create`."""
        return await self._call(_CREATE, _prepared(params))

    @takes("CallOptions", "_options")
    async def retrieve(self, id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """How far a batch has got. Asking every 30 to 60 seconds is enough. The rest: `Batches.retrieve`."""
        return await self._call(_RETRIEVE.at(id=id), checked("retrieve", options))

    @takes("CallOptions", "_options")
    async def list(self, **options: Unpack[CallOptions]) -> builtins.list[BatchJob]:
        """All batches. The rest: `Batches.list`."""
        return await self._call(_LIST, checked("list", options))

    @takes("CallOptions", "_options")
    async def cancel(self, id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """Ends a batch that is not complete. Requests that were answered are paid for, and their answers are there.

        The rest: `Batches.cancel`.
        """
        return await self._call(_CANCEL.at(id=id), checked("cancel", options))

    async def create_batch(self, file_id: str, endpoint: str, **options: Unpack[CallOptions]) -> BatchJob:
        """`create(...).job`, as version 1 of the official package calls it. The rest: `Batches.create_batch`."""
        made = await self.create(input_file_id=file_id, endpoint=endpoint, completion_window=_WINDOW, **options)
        job: BatchJob = mapped(made, _job, raw=self._raw)
        return job

    async def get_batch(self, batch_job_id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """`retrieve`, as version 1 of the official package calls it. The rest: `Batches.get_batch`."""
        return await self.retrieve(batch_job_id, **options)

    async def list_batches(self, **options: Unpack[CallOptions]) -> builtins.list[BatchJob]:
        """`list`, as version 1 of the official package calls it. The rest: `Batches.list_batches`."""
        return await self.list(**options)

    async def cancel_batch(self, batch_job_id: str, **options: Unpack[CallOptions]) -> BatchJob:
        """`cancel`, as version 1 of the official package calls it. The rest: `Batches.cancel_batch`."""
        return await self.cancel(batch_job_id, **options)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawBatches: ...


def _prepared(params: Any) -> dict[str, Any]:
    _NAMES.check("create", params)
    require("create", params, "input_file_id", "endpoint")
    return dict(params)


def _job(made: BatchCreateResponse) -> BatchJob:
    if made.job is None:
        raise APIResponseError(f"The server made no batch. It says: {made.warning or 'nothing'}")
    return made.job


if TYPE_CHECKING:

    class RawBatches:
        @raw(Batches.create)
        def create(self) -> None: ...
        @raw(Batches.retrieve)
        def retrieve(self) -> None: ...
        @raw(Batches.list)
        def list(self) -> None: ...
        @raw(Batches.cancel)
        def cancel(self) -> None: ...
        @raw(Batches.create_batch)
        def create_batch(self) -> None: ...
        @raw(Batches.get_batch)
        def get_batch(self) -> None: ...
        @raw(Batches.list_batches)
        def list_batches(self) -> None: ...
        @raw(Batches.cancel_batch)
        def cancel_batch(self) -> None: ...

    class AsyncRawBatches:
        @raw(AsyncBatches.create)
        def create(self) -> None: ...
        @raw(AsyncBatches.retrieve)
        def retrieve(self) -> None: ...
        @raw(AsyncBatches.list)
        def list(self) -> None: ...
        @raw(AsyncBatches.cancel)
        def cancel(self) -> None: ...
        @raw(AsyncBatches.create_batch)
        def create_batch(self) -> None: ...
        @raw(AsyncBatches.get_batch)
        def get_batch(self) -> None: ...
        @raw(AsyncBatches.list_batches)
        def list_batches(self) -> None: ...
        @raw(AsyncBatches.cancel_batch)
        def cancel_batch(self) -> None: ...


BatchesResource = Batches
AsyncBatchesResource = AsyncBatches
