"""The Batch API, under the name that version 1 of the official package gives the module."""

from togetherpy.resources.batches import AsyncBatches as AsyncBatches
from togetherpy.resources.batches import Batches as Batches
