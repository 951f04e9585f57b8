"""Fine-tuning: jobs that make a model of one's own out of another.

In: the id of a file that was uploaded for "fine-tune", or of a job. Out: FinetuneResponses, events, models.
The rule: a job that was made is paid for, so making one is not tried again unless it certainly was not made.
Facts: the OpenAPI document, and both official packages. No list has pages.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack, cast

from togetherpy._core.expected import JSON, Download
from togetherpy._core.steps import Steps, arun, run
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, checked, mapped, raw
from togetherpy.resources._lists import listing_of
from togetherpy.resources._signature import takes
from togetherpy.resources._training import prepared, priced
from togetherpy.types._listing import Listing
from togetherpy.types.finetune import (
    FinetuneCheckpoint,
    FinetuneDeleteResponse,
    FinetuneDownloadResult,
    FinetuneEvent,
    FinetuneParams,
    FinetunePriceEstimationParams,
    FinetunePriceEstimationResponse,
    FinetuneResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from togetherpy._core.download import AsyncBinaryStream, BinaryStream
    from togetherpy.types._options import CallOptions
    from togetherpy.types.files import OnDownload
    from togetherpy.types.finetune import FinetuneList, FinetuneListEvents

_JOB = JSON[FinetuneResponse](FinetuneResponse)
_CREATE = Endpoint("fine_tuning.create", "POST", "/fine-tunes", _JOB, once=True, names="the ids, the model's name")
_LIST = Endpoint("fine_tuning.list", "GET", "/fine-tunes", listing_of(FinetuneResponse), names="")
_RETRIEVE = Endpoint("fine_tuning.retrieve", "GET", "/fine-tunes/{id}", _JOB)
_CANCEL = Endpoint("fine_tuning.cancel", "POST", "/fine-tunes/{id}/cancel", _JOB)
_DELETE = Endpoint(
    "fine_tuning.delete", "DELETE", "/fine-tunes/{id}", JSON[FinetuneDeleteResponse](FinetuneDeleteResponse)
)
_EVENTS = Endpoint("fine_tuning.list_events", "GET", "/fine-tunes/{id}/events", listing_of(FinetuneEvent))
_CHECKPOINTS = Endpoint(
    "fine_tuning.list_checkpoints", "GET", "/fine-tunes/{id}/checkpoints", listing_of(FinetuneCheckpoint)
)
_PRICE = Endpoint(
    "fine_tuning.estimate_price",
    "POST",
    "/fine-tunes/estimate-price",
    JSON[FinetunePriceEstimationResponse](FinetunePriceEstimationResponse),
    names="the ids, the model's name",
)
_CONTENT: Endpoint[Any] = Endpoint(
    "fine_tuning.download", "GET", "/finetune/download", Download(), redirects=True, names="the id"
)


class FineTuning(Resource):
    """`client.fine_tuning`"""

    _plain_only = ("download",)

    @takes("FinetuneParams", "finetune")
    def create(self, **params: Unpack[FinetuneParams]) -> FinetuneResponse:
        """Begins a job. What is left out is as the API has it; names that are not listed are sent as they are.

        training_file, validation_file: ids of files that were uploaded with purpose="fine-tune".
        model: the model to begin with; or from_checkpoint: an earlier job's id, or its model's name, perhaps with ":"
            and a step. from_hf_model, hf_model_revision, hf_api_token, hf_output_repo_name: from and to the Hugging
            Face Hub.
        n_epochs, n_evals, n_checkpoints: how often the data are gone through, the model is tried, and kept.
        batch_size: an integer or "max". learning_rate, warmup_ratio, max_grad_norm, weight_decay, random_seed, packing,
            max_seq_length: of the training.
        lr_scheduler: {"lr_scheduler_type": "linear" or "cosine", "lr_scheduler_args": {...}}; or flat:
            lr_scheduler_type, min_lr_ratio, scheduler_num_cycles.
        training_type: {"type": "Full"}, or {"type": "Lora", "lora_r": ..., "lora_alpha": ...}; or flat: lora=True or
            False, lora_r, lora_alpha (twice lora_r if it is left out), lora_dropout, lora_trainable_modules.
        training_method: {"method": "sft", "train_on_inputs": ...} or {"method": "dpo", "dpo_beta": ...}; or flat:
            "sft" or "dpo", and train_on_inputs, dpo_beta, dpo_normalize_logratios_by_length, rpo_alpha, simpo_gamma.
        suffix: up to 40 characters at the end of the new model's name. wandb_*: for Weights & Biases.

        It is tried again only where the job certainly was not made: nothing was sent, or the server said 408, 409, 429
        or 503. After a lost connection, a time limit or another status from 500 on it is not: look with `list()`.

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came;
                `maybe_billed` says whether there may be a job.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_CREATE, prepared(params))

    @takes("FinetunePriceEstimationParams", "finetune")
    def estimate_price(self, **params: Unpack[FinetunePriceEstimationParams]) -> FinetunePriceEstimationResponse:
        """What a job would cost. Parameters as of `create`; `training_type` may be "lora" or "full".

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            And what `list` raises.
        """
        return self._call(_PRICE, priced(params))

    @takes("CallOptions", "_options")
    def list(self, **options: Unpack[CallOptions]) -> FinetuneList:
        """All jobs: a list, whose `data` is itself.

        Raises:
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_LIST, checked("list", options))

    @takes("CallOptions", "_options")
    def retrieve(self, id: str, **options: Unpack[CallOptions]) -> FinetuneResponse:
        """How far a job has got.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such job. And what `list` raises.
        """
        return self._call(_RETRIEVE.at(id=id), checked("retrieve", options))

    @takes("CallOptions", "_options")
    def cancel(self, id: str, **options: Unpack[CallOptions]) -> FinetuneResponse:
        """Ends a job that is not complete.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such job. And what `list` raises.
        """
        return self._call(_CANCEL.at(id=id), checked("cancel", options))

    @takes("CallOptions", "_options")
    def delete(self, id: str, force: bool | None = None, **options: Unpack[CallOptions]) -> FinetuneDeleteResponse:
        """Deletes a job. `force`: the API takes it, and makes nothing of it any more.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such job. And what `list` raises.
        """
        return self._call(_DELETE.at(id=id), {"force": force, **checked("delete", options)})

    @takes("CallOptions", "_options")
    def list_events(self, id: str, **options: Unpack[CallOptions]) -> FinetuneListEvents:
        """What happened in a job: a list, whose `data` is itself.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such job. And what `list` raises.
        """
        return self._call(_EVENTS.at(id=id), checked("list_events", options))

    @takes("CallOptions", "_options")
    def list_checkpoints(self, id: str, **options: Unpack[CallOptions]) -> Listing[FinetuneCheckpoint]:
        """The states of the model that a job has kept, the newest first: a list, whose `data` is itself.

        Raises:
            TypeError, ValueError: an id that cannot be one; nothing was sent.
            NotFoundError: there is no such job. And what `list` raises.
        """
        found = self._call(_CHECKPOINTS.at(id=id), checked("list_checkpoints", options))
        named: Listing[FinetuneCheckpoint] = mapped(found, partial(_named, id), raw=self._raw)
        return named

    @takes("CallOptions", "_options")
    def content(
        self,
        ft_id: str,
        *,
        checkpoint: str | None = None,
        checkpoint_step: int | None = None,
        **options: Unpack[CallOptions],
    ) -> BinaryStream:
        """The compressed model that came of a job, as its bytes arrive: iterate, or `save(path)`.

        checkpoint: "merged", "adapter" or "model_output_path". checkpoint_step: the step of a state in between.

        Raises:
            NotFoundError: there is no such job. And what `list` raises; while reading, StreamInterruptedError.
        """
        params = {"ft_id": ft_id, "checkpoint": checkpoint, "checkpoint_step": checkpoint_step}
        opened: BinaryStream = self._call(_CONTENT, {**params, **checked("content", options)})
        return opened

    @takes("CallOptions", "_options")
    def download(
        self,
        id: str,
        *,
        output: str | os.PathLike[str] | None = None,
        checkpoint_step: int | None = None,
        checkpoint_type: str = "default",
        progress_callback: OnDownload | None = None,
        **options: Unpack[CallOptions],
    ) -> FinetuneDownloadResult:
        """Downloads the compressed model that came of a job. It gets its name when all of it is there.

        id: of the job; with ":" and a step for a state in between.
        output: the path of the file, or a folder; else the model's name with ".tar.zst" or ".tar.gz".
        checkpoint_type: of a Lora job "merged" (the default) or "adapter"; of a full one there is the default alone.
        progress_callback: is called with a FileDownloadProgress, in bytes, whenever some have come.

        When the connection breaks, the download goes on where it broke, `max_retries` times without a byte more.

        Raises:
            OSError: the file cannot be written. TypeError, ValueError: what cannot be meant; nothing was downloaded.
            NotFoundError: there is no such job. And what `list` raises.
            StreamInterruptedError: not all of it came.
        """
        return run(_download(self, id, output, checkpoint_step, checkpoint_type, progress_callback, options))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawFineTuning: ...


class AsyncFineTuning(AsyncResource, like=FineTuning):
    """`client.fine_tuning` of an AsyncTogether."""

    _plain_only = ("download",)

    @takes("FinetuneParams", "finetune")
    async def create(self, **params: Unpack[FinetuneParams]) -> FinetuneResponse:
        """Begins a job. What is left out is as the API has it; names that are not listed are sent as they are.

        The rest: `FineTuning.create`.
        """
        return await self._call(_CREATE, prepared(params))

    @takes("FinetunePriceEstimationParams", "finetune")
    async def estimate_price(self, **params: Unpack[FinetunePriceEstimationParams]) -> FinetunePriceEstimationResponse:
        """What a job would cost. Parameters as of `create`; `training_type` may be "lora" or "full".

        The rest: `FineTuning.estimate_price`.
        """
        return await self._call(_PRICE, priced(params))

    @takes("CallOptions", "_options")
    async def list(self, **options: Unpack[CallOptions]) -> FinetuneList:
        """All jobs: a list, whose `data` is itself. The rest: `FineTuning.list`."""
        return await self._call(_LIST, checked("list", options))

    @takes("CallOptions", "_options")
    async def retrieve(self, id: str, **options: Unpack[CallOptions]) -> FinetuneResponse:
        """How far a job has got. The rest: `FineTuning.retrieve`."""
        return await self._call(_RETRIEVE.at(id=id), checked("retrieve", options))

    @takes("CallOptions", "_options")
    async def cancel(self, id: str, **options: Unpack[CallOptions]) -> FinetuneResponse:
        """Ends a job that is not complete. The rest: `FineTuning.cancel`."""
        return await self._call(_CANCEL.at(id=id), checked("cancel", options))

    @takes("CallOptions", "_options")
    async def delete(
        self, id: str, force: bool | None = None, **options: Unpack[CallOptions]
    ) -> FinetuneDeleteResponse:
        """Deletes a job. `force`: the API takes it, and makes nothing of it any more. The rest: `FineTuning.delete`."""
        return await self._call(_DELETE.at(id=id), {"force": force, **checked("delete", options)})

    @takes("CallOptions", "_options")
    async def list_events(self, id: str, **options: Unpack[CallOptions]) -> FinetuneListEvents:
        """What happened in a job: a list, whose `data` is itself. The rest: `FineTuning.list_events`."""
        return await self._call(_EVENTS.at(id=id), checked("list_events", options))

    @takes("CallOptions", "_options")
    async def list_checkpoints(self, id: str, **options: Unpack[CallOptions]) -> Listing[FinetuneCheckpoint]:
        """The states of the model that a job has kept, the newest first: a list, whose `data` is itself.

        The rest: `FineTuning.list_checkpoints`.
        """
        found = await self._call(_CHECKPOINTS.at(id=id), checked("list_checkpoints", options))
        named: Listing[FinetuneCheckpoint] = mapped(found, partial(_named, id), raw=self._raw)
        return named

    @takes("CallOptions", "_options")
    async def content(
        self,
        ft_id: str,
        *,
        checkpoint: str | None = None,
        checkpoint_step: int | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncBinaryStream:
        """The compressed model that came of a job, as its bytes arrive: iterate, or `save(path)`.

        The rest: `FineTuning.content`.
        """
        params = {"ft_id": ft_id, "checkpoint": checkpoint, "checkpoint_step": checkpoint_step}
        opened: AsyncBinaryStream = await self._call(_CONTENT, {**params, **checked("content", options)})
        return opened

    @takes("CallOptions", "_options")
    async def download(
        self,
        id: str,
        *,
        output: str | os.PathLike[str] | None = None,
        checkpoint_step: int | None = None,
        checkpoint_type: str = "default",
        progress_callback: OnDownload | None = None,
        **options: Unpack[CallOptions],
    ) -> FinetuneDownloadResult:
        """Downloads the compressed model that came of a job. It gets its name when all of it is there.

        The rest: `FineTuning.download`.
        """
        return await arun(_download(self, id, output, checkpoint_step, checkpoint_type, progress_callback, options))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawFineTuning: ...


def _named(job: str, found: Listing[FinetuneCheckpoint]) -> Listing[FinetuneCheckpoint]:
    for one in found:
        between = "intermediate" in str(getattr(one, "checkpoint_type", "")).lower()
        if isinstance(cast(object, one), FinetuneCheckpoint) and one.name is None:
            one.name = f"{job}:{one.step}" if between else job
    return Listing(sorted(found, key=lambda one: str(getattr(one, "created_at", "")), reverse=True))


def _download(
    resource: Resource,
    job: str,
    output: str | os.PathLike[str] | None,
    step: int | None,
    kind: str,
    tell: OnDownload | None,
    options: Any,
) -> Steps[FinetuneDownloadResult]:
    from togetherpy.resources._saving import fetch
    from togetherpy.resources.files import target

    kind = str(getattr(kind, "value", kind)).lower()
    if kind not in ("default", "merged", "adapter"):
        raise ValueError(f"checkpoint_type must be one of default, merged, adapter, not {kind!r}")
    if isinstance(cast(object, job), str) and ":" in job:
        job, _, between = job.partition(":")
        if step is not None or not between.isdecimal():
            raise ValueError("a step is said once: as checkpoint_step=..., or as a number after the id's colon")
        step = int(between)
    options = checked("download", options)
    found: FinetuneResponse = yield partial(resource._call, _RETRIEVE.at(id=job), dict(options))  # pyright: ignore[reportPrivateUsage]
    full = getattr(found.training_type, "type", None) in ("Full", "")
    if full and kind != "default":
        raise ValueError(f"{job} is a full training, of which there is no {kind} model")
    checkpoint = "model_output_path" if full else "merged" if kind == "default" else kind
    default = (found.output_name or job).replace("/", "--")

    def name(headers: Mapping[str, str]) -> Path:
        return target(output, default + (".tar.gz" if "x-tar" in headers.get("content-type", "") else ".tar.zst"))

    params = {"ft_id": job, "checkpoint_step": step, "checkpoint": checkpoint, **options}
    path, size = yield from fetch(resource, _CONTENT, params, name, tell)
    return FinetuneDownloadResult(object="local", id=job, checkpoint_step=step, filename=str(path.resolve()), size=size)


if TYPE_CHECKING:

    class RawFineTuning:
        @raw(FineTuning.create)
        def create(self) -> None: ...
        @raw(FineTuning.estimate_price)
        def estimate_price(self) -> None: ...
        @raw(FineTuning.list)
        def list(self) -> None: ...
        @raw(FineTuning.retrieve)
        def retrieve(self) -> None: ...
        @raw(FineTuning.cancel)
        def cancel(self) -> None: ...
        @raw(FineTuning.delete)
        def delete(self) -> None: ...
        @raw(FineTuning.list_events)
        def list_events(self) -> None: ...
        @raw(FineTuning.list_checkpoints)
        def list_checkpoints(self) -> None: ...
        @raw(FineTuning.content)
        def content(self) -> None: ...

    class AsyncRawFineTuning:
        @raw(AsyncFineTuning.create)
        def create(self) -> None: ...
        @raw(AsyncFineTuning.estimate_price)
        def estimate_price(self) -> None: ...
        @raw(AsyncFineTuning.list)
        def list(self) -> None: ...
        @raw(AsyncFineTuning.retrieve)
        def retrieve(self) -> None: ...
        @raw(AsyncFineTuning.cancel)
        def cancel(self) -> None: ...
        @raw(AsyncFineTuning.delete)
        def delete(self) -> None: ...
        @raw(AsyncFineTuning.list_events)
        def list_events(self) -> None: ...
        @raw(AsyncFineTuning.list_checkpoints)
        def list_checkpoints(self) -> None: ...
        @raw(AsyncFineTuning.content)
        def content(self) -> None: ...


FineTuningResource = FineTuning
AsyncFineTuningResource = AsyncFineTuning
