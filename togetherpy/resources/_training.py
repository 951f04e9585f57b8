"""Parameters of fine-tuning, as the API wants them.

In: the keyword arguments of a call. Out: the fields of its body.
The rule: what the API knows goes as it is; the flat parameters of the official packages become the API's objects.
Facts: both official packages. They send `wandb_api_key` as `wandb_key`, and so is it done here; what they look up first
to send it along (limits of a model, the price), the API knows by itself.
"""

from __future__ import annotations

from typing import Any, cast

from togetherpy._core.names import Names, require
from togetherpy.types.finetune import FinetuneParams, FinetunePriceEstimationParams

_NAMES = Names((*FinetuneParams.__annotations__, "verbose", "model_limits"), of_others=("wandb_key",))
_PRICE_NAMES = Names(FinetunePriceEstimationParams.__annotations__)
_OF_LORA = ("lora_r", "lora_alpha", "lora_dropout", "lora_trainable_modules")
_OF_DPO = ("dpo_beta", "dpo_normalize_logratios_by_length", "dpo_reference_free", "rpo_alpha", "simpo_gamma")


def prepared(given: Any) -> dict[str, Any]:
    """The parameters as they are sent: the flat ones in the API's objects."""
    _NAMES.check("create", given)
    require("create", given, "training_file")
    params: dict[str, Any] = dict(given)
    for name in ("verbose", "model_limits"):  # of the official packages themselves
        params.pop(name, None)
    if (params.get("model") is None) == (params.get("from_checkpoint") is None):
        raise ValueError("create() needs one of model=... and from_checkpoint=...")
    params["wandb_key"] = params.pop("wandb_api_key", None) or params.get("wandb_key")
    params["training_type"] = _training_type(params)
    params["training_method"] = _training_method(params)
    params["lr_scheduler"] = _scheduler(params)
    train_vision = params.pop("train_vision", None)
    if train_vision is not None:
        params.setdefault("multimodal_params", {"train_vision": train_vision})
    return params


def priced(given: Any) -> dict[str, Any]:
    """The same of a question for the price."""
    _PRICE_NAMES.check("estimate_price", given)
    require("estimate_price", given, "training_file")
    params: dict[str, Any] = dict(given)
    params["training_type"] = _training_type(params)
    params["training_method"] = _training_method(params)
    return params


def _taken(params: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those that were given, which are flat no more."""
    return {name: value for name in names if (value := params.pop(name, None)) is not None}


def _training_type(params: dict[str, Any]) -> Any:
    given, lora, flat = params.get("training_type"), params.pop("lora", None), _taken(params, _OF_LORA)
    if isinstance(given, str):
        kinds = {"lora": True, "full": False}
        if given.lower() not in kinds:
            raise ValueError(f'training_type must be "lora", "full" or an object, not {given!r}')
        lora, given = kinds[given.lower()], None
    if given is not None:
        return given
    if lora is False:
        return {"type": "Full"}
    if not flat:
        return None  # which is Lora, with the API's own settings, or as the job had it that is gone on from
    if "lora_r" in flat:
        flat.setdefault("lora_alpha", 2 * flat["lora_r"])
    return {"type": "Lora", **flat}


def _training_method(params: dict[str, Any]) -> Any:
    given = params.get("training_method")
    if given is not None and not isinstance(given, str):
        return cast(object, given)
    inputs, dpo = params.pop("train_on_inputs", None), _taken(params, _OF_DPO)
    if given == "dpo":
        if inputs is not None:
            raise ValueError('train_on_inputs goes with training_method="sft" alone')
        if dpo.get("simpo_gamma"):
            dpo.update(dpo_reference_free=True, dpo_normalize_logratios_by_length=True)
        return {"method": given, **dpo}
    if given not in (None, "sft"):
        raise ValueError(f'training_method must be "sft", "dpo" or an object, not {given!r}')
    for name, value in dpo.items():
        if value:
            raise ValueError(f'{name} goes with training_method="dpo" alone')
    if given is None and inputs is None:
        return None
    return {"method": "sft", "train_on_inputs": "auto" if inputs is None else inputs}


def _scheduler(params: dict[str, Any]) -> Any:
    given = params.get("lr_scheduler")
    flat = _taken(params, ("lr_scheduler_type", "min_lr_ratio", "scheduler_num_cycles"))
    if given is not None or not flat:
        return given
    kind = flat.pop("lr_scheduler_type", "cosine")
    cycles = flat.pop("scheduler_num_cycles", None)
    if kind == "cosine":
        flat = {"min_lr_ratio": 0.0, "num_cycles": 0.5 if cycles is None else cycles, **flat}
    return {"lr_scheduler_type": kind, "lr_scheduler_args": flat}
