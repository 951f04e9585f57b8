"""What fine-tuning says, and under the same roof what it takes.

In: JSON. Out: Structs. The rule: every field of an answer is optional, and new
words compare as strings do.
Facts: the OpenAPI document, and both official packages, whose flat parameters are taken beside the API's objects.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

from typing import Any

import msgspec

from togetherpy.types._listing import Listing
from togetherpy.types._model import Open
from togetherpy.types.common import OpenEnum
from togetherpy.types.finetune_params import FinetuneParams, FinetunePriceEstimationParams

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


class TrainingType(Open, kw_only=True):
    """What of a model is trained: "Full", or "Lora" with the rest."""

    type: str | None = None
    """"Full" or "Lora"."""
    lora_r: int | None = None
    """The rank of a LoRA."""
    lora_alpha: float | None = None
    """The scale of a LoRA; left out it is twice `lora_r`."""
    lora_dropout: float | None = None
    """The dropout of a LoRA, 0 to 1."""
    lora_trainable_modules: str | None = None
    """The modules that a LoRA is for, separated by commas."""


class TrainingMethod(Open, kw_only=True):
    """How it is trained: "sft" or "dpo", with its settings."""

    method: str | None = None
    """"sft" or "dpo"."""
    train_on_inputs: bool | str | None = None
    """Whether what the user says is learnt, too; or "auto"."""
    dpo_beta: float | None = None
    """How near to the reference DPO stays."""
    dpo_normalize_logratios_by_length: bool | None = None
    """Whether DPO divides by the length."""
    dpo_reference_free: bool | None = None
    """Whether DPO does without a reference."""
    rpo_alpha: float | None = None
    """The weight of the likelihood in RPO."""
    simpo_gamma: float | None = None
    """The margin of SimPO."""


class LRScheduler(Open, kw_only=True):
    """How the learning rate changes."""

    lr_scheduler_type: str | None = None
    """"linear" or "cosine"."""
    lr_scheduler_args: dict[str, Any] | None = None
    """Its settings: `min_lr_ratio`, `num_cycles`."""


class FinetuneProgress(Open, kw_only=True):
    """How long a job will take."""

    estimate_available: bool | None = None
    """Whether there is an estimate."""
    seconds_remaining: float | None = None
    """Seconds until the end."""


class FinetuneEvent(Open, kw_only=True):
    """One thing that happened in a job."""

    object: str | None = None
    """What kind of object it is, in the server's word."""
    created_at: str | None = None
    """When it happened, in ISO 8601."""
    level: str | None = None
    """How serious it is, such as "info"."""
    message: str | None = None
    """What happened, in words."""
    type: str | None = None
    """Such as "job_start", "epoch_complete", "job_complete"; version 1 of the official package has them in capitals."""
    step: int | None = None
    """The step of the training."""
    total_steps: int | None = None
    """Steps of the whole training."""
    param_count: int | None = None
    """Parameters of the model."""
    token_count: int | None = None
    """Tokens of the data."""
    checkpoint_path: str | None = None
    """Where the state is that was kept."""
    model_path: str | None = None
    """Where the model is."""
    wandb_url: str | None = None
    """The run's page at Weights & Biases."""
    hash: str | None = None
    """The server's mark for the event."""


class FinetuneResponse(Open, kw_only=True):
    """One job. The times are as the server writes them (ISO 8601)."""

    id: str | None = None
    """What `retrieve`, `cancel`, `download` and the others take."""
    status: FinetuneJobStatus | None = None
    """How far it has got."""
    model: str | None = None
    """The model that it began with."""
    output_name: str | None = msgspec.field(default=None, name="model_output_name")
    """The name of the model that comes of it."""
    adapter_output_name: str | None = None
    """The name of the adapter that comes of a LoRA."""
    training_file: str | None = None
    """The id of a file that was uploaded with purpose="fine-tune"."""
    validation_file: str | None = None
    """The id of a file that the model is tried on, likewise."""
    created_at: str | None = None
    """When it was made."""
    updated_at: str | None = None
    """When it last changed."""
    started_at: str | None = None
    """When it began to run."""
    user_id: str | None = None
    """Whose it is."""
    job_id: str | None = None
    """The server's own number of it."""
    n_epochs: int | None = None
    """How often the data are gone through."""
    n_checkpoints: int | None = None
    """How many states of the model are kept."""
    n_evals: int | None = None
    """How often the model is tried."""
    batch_size: int | str | None = None
    """Rows in a step: an integer, or "max"."""
    learning_rate: float | None = None
    """The learning rate at its highest."""
    lr_scheduler: LRScheduler | None = None
    """How the learning rate changes."""
    warmup_ratio: float | None = None
    """The part of the steps in which the learning rate rises."""
    max_grad_norm: float | None = None
    """Gradients are cut to this norm."""
    weight_decay: float | None = None
    """The weight decay."""
    eval_steps: int | None = None
    """Steps between two evaluations."""
    training_type: TrainingType | None = None
    """What of the model is trained."""
    training_method: TrainingMethod | None = None
    """How it is trained."""
    train_on_inputs: bool | str | None = None
    """Whether what the user says is learnt, too; or "auto"."""
    multimodal_params: dict[str, Any] | None = None
    """Settings for images."""
    from_checkpoint: str | None = None
    """What it began with instead of a model."""
    from_hf_model: str | None = None
    """A model of the Hugging Face Hub to begin with."""
    hf_model_revision: str | None = None
    """Its revision."""
    suffix: str | None = None
    """Up to 40 characters at the end of the new model's name."""
    random_seed: int | None = None
    """An integer for a repeatable training."""
    packing: bool | None = None
    """Whether short rows share a sequence."""
    max_seq_length: int | None = None
    """Most tokens of a sequence."""
    events: list[FinetuneEvent] | None = None
    """What happened so far."""
    progress: FinetuneProgress | None = None
    """How long it will take."""
    token_count: int | None = None
    """Tokens of the data."""
    param_count: int | None = None
    """Parameters of the model."""
    total_price: float | None = None
    """What it costs, in the server's unit."""
    total_steps: int | None = None
    """Steps of the whole training."""
    steps_completed: int | None = None
    """Steps so far."""
    epochs_completed: int | None = None
    """Epochs so far."""
    evals_completed: int | None = None
    """Evaluations so far."""
    queue_depth: int | None = None
    """Jobs that come before it."""
    owner_address: str | None = None
    """The owner, as the server calls it."""
    early_stopped: bool | None = None
    """Whether it stopped because the model got no better."""
    wandb_base_url: str | None = None
    """Where Weights & Biases is."""
    wandb_project_name: str | None = None
    """The project there."""
    wandb_name: str | None = None
    """The run's name there."""
    wandb_entity: str | None = None
    """Whose run it is there."""
    wandb_url: str | None = None
    """The run's page at Weights & Biases."""
    training_file_num_lines: int | None = msgspec.field(default=None, name="TrainingFileNumLines")
    """Lines of the training file."""
    training_file_size: int | None = msgspec.field(default=None, name="TrainingFileSize")
    """Bytes of the training file."""

    @property
    def x_model_output_name(self) -> str | None:
        """`output_name`, as version 3 of the official package calls it."""
        return self.output_name


class FinetuneCheckpoint(Open, kw_only=True):
    """A state of a model that a job has kept."""

    checkpoint_type: str | None = None
    """What kind of state it is."""
    step: int | None = None
    """The step of the training at which it was kept."""
    created_at: str | None = None
    """When, in ISO 8601."""
    path: str | None = None
    """Where it is."""
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
    """Whether there is an estimate."""
    unavailable_reason: str | None = None
    """Why there is none."""
    estimated_total_price: float | None = None
    """The price."""
    user_limit: float | None = None
    """What the account may spend."""
    estimated_train_token_count: float | None = None
    """Tokens of the training."""
    estimated_eval_token_count: float | None = None
    """Tokens of the evaluations."""
    allowed_to_proceed: bool | None = None
    """Whether the account has as much."""


class FinetuneDeleteResponse(Open, kw_only=True):
    """A job that was deleted."""

    message: str | None = None
    """What the server says."""


class FinetuneDownloadResult(Open, kw_only=True):
    """A model that was downloaded to this machine."""

    object: str | None = None
    """What kind of object it is, in the server's word."""
    id: str | None = None
    """Of the job."""
    checkpoint_step: int | None = None
    """The step of the state that it is; None for the end."""
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
