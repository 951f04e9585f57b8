"""What a user calls: one file per area of the API.

The rule: each class is loaded when it is first used, under its name in either version of the official package.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.resources.audio import AsyncAudio, AsyncAudioResource, Audio, AudioResource
    from togetherpy.resources.batches import AsyncBatches, AsyncBatchesResource, Batches, BatchesResource
    from togetherpy.resources.chat import AsyncChat, AsyncChatResource, Chat, ChatResource
    from togetherpy.resources.files import AsyncFiles, AsyncFilesResource, Files, FilesResource
    from togetherpy.resources.finetune import AsyncFineTuning, AsyncFineTuningResource, FineTuning, FineTuningResource
    from togetherpy.resources.models import AsyncModels, AsyncModelsResource, Models, ModelsResource

_HOME = {
    "AsyncAudio": "audio",
    "AsyncAudioResource": "audio",
    "AsyncBatches": "batches",
    "AsyncBatchesResource": "batches",
    "AsyncChat": "chat",
    "AsyncChatResource": "chat",
    "AsyncFiles": "files",
    "AsyncFilesResource": "files",
    "AsyncFineTuning": "finetune",
    "AsyncFineTuningResource": "finetune",
    "AsyncModels": "models",
    "AsyncModelsResource": "models",
    "Audio": "audio",
    "AudioResource": "audio",
    "Batches": "batches",
    "BatchesResource": "batches",
    "Chat": "chat",
    "ChatResource": "chat",
    "Files": "files",
    "FilesResource": "files",
    "FineTuning": "finetune",
    "FineTuningResource": "finetune",
    "Models": "models",
    "ModelsResource": "models",
}
__all__ = [
    "AsyncAudio",
    "AsyncAudioResource",
    "AsyncBatches",
    "AsyncBatchesResource",
    "AsyncChat",
    "AsyncChatResource",
    "AsyncFiles",
    "AsyncFilesResource",
    "AsyncFineTuning",
    "AsyncFineTuningResource",
    "AsyncModels",
    "AsyncModelsResource",
    "Audio",
    "AudioResource",
    "Batches",
    "BatchesResource",
    "Chat",
    "ChatResource",
    "Files",
    "FilesResource",
    "FineTuning",
    "FineTuningResource",
    "Models",
    "ModelsResource",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        from togetherpy.types._lazy import public_name

        value = globals()[name] = public_name(__name__, name, _HOME)  # the next look-up does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
