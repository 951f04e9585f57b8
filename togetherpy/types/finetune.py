"""What fine-tuning takes and says.

In: keyword arguments, or JSON. Out: TypedDicts, or Structs. The rule: every field of an answer is optional, and new
words compare as strings do.
Facts: the OpenAPI document, and both official packages, whose flat parameters are taken beside the API's objects.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

from collections.abc import Mapping
from typing import Any, Required

import msgspec

from togetherpy.types._listing import Listing
from togetherpy.types._model import Open
from togetherpy.types._options import CallOptions
from togetherpy.types.common import OpenEnum

__all__ = [
    "DownloadCheckpointType",
    "FinetuneCheckpoint",
    "FinetuneDeleteResponse",
    "FinetuneDownloadResult",
    "FinetuneEvent",
    "FinetuneJobStatus",
    "FinetuneList",
    "FinetuneListEvents",
    "FinetuneParams",
    "FinetunePriceEstimationParams",
    "FinetunePriceEstimationResponse",
    "FinetuneProgress",
    "FinetuneResponse",
    "LRScheduler",
    "TrainingMethod",
    "TrainingType",
]


class FinetuneJobStatus(OpenEnum):
    """How far a job has got. Other strings may come and compare as strings do."""

    STATUS_PENDING = "pending"
    STATUS_QUEUED = "queued"
    STATUS_RUNNING = "running"
    STATUS_COMPRESSING = "compressing"
    STATUS_UPLOADING = "uploading"
    STATUS_CANCEL_REQUESTED = "cancel_requested"
    STATUS_CANCELLED = "cancelled"
    STATUS_ERROR = "error"
    STATUS_USER_ERROR = "user_error"
    STATUS_COMPLETED = "completed"


COMPLETED_STATUSES = [
    FinetuneJobStatus.STATUS_ERROR,
    FinetuneJobStatus.STATUS_USER_ERROR,
    FinetuneJobStatus.STATUS_COMPLETED,
    FinetuneJobStatus.STATUS_CANCELLED,
]
"""Those after which no other comes."""


class DownloadCheckpointType(OpenEnum):
    """What of a job is downloaded."""

    DEFAULT = "default"
    MERGED = "merged"
    ADAPTER = "adapter"


class _Job(CallOptions, total=False):
    training_file: "Required[str]"
    validation_file: "str | None"
    model: "str | None"
    from_checkpoint: "str | None"
    n_epochs: "int | None"
    n_evals: "int | None"
    training_type: "str | Mapping[str, Any] | None"
    training_method: "str | Mapping[str, Any] | None"


class FinetunePriceEstimationParams(_Job, total=False):
    """What `fine_tuning.estimate_price` takes, and what every call does."""


class FinetuneParams(_Job, total=False):
    """What `fine_tuning.create` takes, and what every call does."""

    n_checkpoints: "int | None"
    batch_size: "int | str | None"
    gradient_accumulation_steps: "int | None"
    packing: "bool | None"
    max_seq_length: "int | None"
    learning_rate: "float | None"
    lr_scheduler: "Mapping[str, Any] | None"
    lr_scheduler_type: "str | None"
    min_lr_ratio: "float | None"
    scheduler_num_cycles: "float | None"
    warmup_ratio: "float | None"
    max_grad_norm: "float | None"
    weight_decay: "float | None"
    random_seed: "int | None"
    lora: "bool | None"
    lora_r: "int | None"
    lora_alpha: "float | None"
    lora_dropout: "float | None"
    lora_trainable_modules: "str | None"
    multimodal_params: "Mapping[str, Any] | None"
    train_vision: "bool | None"
    train_on_inputs: "bool | str | None"
    dpo_beta: "float | None"
    dpo_normalize_logratios_by_length: "bool | None"
    dpo_reference_free: "bool | None"
    rpo_alpha: "float | None"
    simpo_gamma: "float | None"
    early_stopping_enabled: "bool | None"
    early_stopping_patience: "int | None"
    early_stopping_min_delta: "float | None"
    early_stopping_warmup_evals: "int | None"
    suffix: "str | None"
    wandb_api_key: "str | None"
    wandb_base_url: "str | None"
    wandb_project_name: "str | None"
    wandb_name: "str | None"
    wandb_entity: "str | None"
    from_hf_model: "str | None"
    hf_model_revision: "str | None"
    hf_api_token: "str | None"
    hf_output_repo_name: "str | None"


class TrainingType(Open, kw_only=True):
    """What of a model is trained: "Full", or "Lora" with the rest."""

    type: str | None = None
    lora_r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float | None = None
    lora_trainable_modules: str | None = None


class TrainingMethod(Open, kw_only=True):
    """How it is trained: "sft" or "dpo", with its settings."""

    method: str | None = None
    train_on_inputs: bool | str | None = None
    dpo_beta: float | None = None
    dpo_normalize_logratios_by_length: bool | None = None
    dpo_reference_free: bool | None = None
    rpo_alpha: float | None = None
    simpo_gamma: float | None = None


class LRScheduler(Open, kw_only=True):
    """How the learning rate changes."""

    lr_scheduler_type: str | None = None
    lr_scheduler_args: dict[str, Any] | None = None


class FinetuneProgress(Open, kw_only=True):
    """How long a job will take."""

    estimate_available: bool | None = None
    seconds_remaining: float | None = None


class FinetuneEvent(Open, kw_only=True):
    """One thing that happened in a job."""

    object: str | None = None
    created_at: str | None = None
    level: str | None = None
    message: str | None = None
    type: str | None = None
    """Such as "job_start", "epoch_complete", "job_complete"; version 1 of the official package has them in capitals."""
    step: int | None = None
    total_steps: int | None = None
    param_count: int | None = None
    token_count: int | None = None
    checkpoint_path: str | None = None
    model_path: str | None = None
    wandb_url: str | None = None
    hash: str | None = None


class FinetuneResponse(Open, kw_only=True):
    """One job. The times are as the server writes them (ISO 8601)."""

    id: str | None = None
    status: FinetuneJobStatus | None = None
    model: str | None = None
    output_name: str | None = msgspec.field(default=None, name="model_output_name")
    """The name of the model that comes of it."""
    adapter_output_name: str | None = None
    training_file: str | None = None
    validation_file: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    started_at: str | None = None
    user_id: str | None = None
    job_id: str | None = None
    n_epochs: int | None = None
    n_checkpoints: int | None = None
    n_evals: int | None = None
    batch_size: int | str | None = None
    learning_rate: float | None = None
    lr_scheduler: LRScheduler | None = None
    warmup_ratio: float | None = None
    max_grad_norm: float | None = None
    weight_decay: float | None = None
    eval_steps: int | None = None
    training_type: TrainingType | None = None
    training_method: TrainingMethod | None = None
    train_on_inputs: bool | str | None = None
    multimodal_params: dict[str, Any] | None = None
    from_checkpoint: str | None = None
    from_hf_model: str | None = None
    hf_model_revision: str | None = None
    suffix: str | None = None
    random_seed: int | None = None
    packing: bool | None = None
    max_seq_length: int | None = None
    events: list[FinetuneEvent] | None = None
    progress: FinetuneProgress | None = None
    token_count: int | None = None
    param_count: int | None = None
    total_price: float | None = None
    total_steps: int | None = None
    steps_completed: int | None = None
    epochs_completed: int | None = None
    evals_completed: int | None = None
    queue_depth: int | None = None
    owner_address: str | None = None
    early_stopped: bool | None = None
    wandb_base_url: str | None = None
    wandb_project_name: str | None = None
    wandb_name: str | None = None
    wandb_entity: str | None = None
    wandb_url: str | None = None
    training_file_num_lines: int | None = msgspec.field(default=None, name="TrainingFileNumLines")
    training_file_size: int | None = msgspec.field(default=None, name="TrainingFileSize")

    @property
    def x_model_output_name(self) -> str | None:
        """`output_name`, as version 3 of the official package calls it."""
        return self.output_name


class FinetuneCheckpoint(Open, kw_only=True):
    """A state of a model that a job has kept."""

    checkpoint_type: str | None = None
    step: int | None = None
    created_at: str | None = None
    path: str | None = None
    name: str | None = None
    """What `from_checkpoint` and `download` take: the job's id, of a state in between with ":" and the step. It is made
    here."""

    @property
    def type(self) -> str | None:
        """`checkpoint_type`, as version 1 of the official package calls it."""
        return self.checkpoint_type

    @property
    def timestamp(self) -> str | None:
        """`created_at`, as version 1 of the official package calls it."""
        return self.created_at


class FinetunePriceEstimationResponse(Open, kw_only=True):
    """What a job is going to cost, in US dollars."""

    estimation_available: bool | None = None
    unavailable_reason: str | None = None
    estimated_total_price: float | None = None
    user_limit: float | None = None
    estimated_train_token_count: float | None = None
    estimated_eval_token_count: float | None = None
    allowed_to_proceed: bool | None = None
    """Whether the account has as much."""


class FinetuneDeleteResponse(Open, kw_only=True):
    """A job that was deleted."""

    message: str | None = None


class FinetuneDownloadResult(Open, kw_only=True):
    """A model that was downloaded to this machine."""

    object: str | None = None
    id: str | None = None
    """Of the job."""
    checkpoint_step: int | None = None
    filename: str | None = None
    """The whole path."""
    size: int | None = None
    """Bytes."""


FinetuneList = Listing[FinetuneResponse]
FinetuneListEvents = Listing[FinetuneEvent]
# The names of version 3 of the official package.
FineTuningListResponse = FinetuneList
FineTuningListEventsResponse = FinetuneListEvents
FineTuningListCheckpointsResponse = Listing[FinetuneCheckpoint]
FineTuningCancelResponse = FinetuneResponse
FineTuningDeleteResponse = FinetuneDeleteResponse
FineTuningEstimatePriceResponse = FinetunePriceEstimationResponse
FinetuneRequest = FineTuningCreateParams = FinetuneParams
