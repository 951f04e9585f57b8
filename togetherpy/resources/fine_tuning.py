"""Fine-tuning, under the name that version 3 of the official package gives the module."""

from togetherpy.resources.finetune import AsyncFineTuning as AsyncFineTuning
from togetherpy.resources.finetune import AsyncFineTuningResource as AsyncFineTuningResource
from togetherpy.resources.finetune import FineTuning as FineTuning
from togetherpy.resources.finetune import FineTuningResource as FineTuningResource
