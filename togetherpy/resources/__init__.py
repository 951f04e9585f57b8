"""What a user calls: one file per area of the API.

The rule: each class is loaded when it is first used, under its name in either version of the official package.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.resources.audio import AsyncAudio, AsyncAudioResource, Audio, AudioResource
    from togetherpy.resources.batches import AsyncBatches, AsyncBatchesResource, Batches, BatchesResource
    from togetherpy.resources.chat import AsyncChat, AsyncChatResource, Chat, ChatResource
    from togetherpy.resources.completions import (
        AsyncCompletions,
        AsyncCompletionsResource,
        Completions,
        CompletionsResource,
    )
    from togetherpy.resources.embeddings import AsyncEmbeddings, AsyncEmbeddingsResource, Embeddings, EmbeddingsResource
    from togetherpy.resources.files import AsyncFiles, AsyncFilesResource, Files, FilesResource
    from togetherpy.resources.finetune import AsyncFineTuning, AsyncFineTuningResource, FineTuning, FineTuningResource
    from togetherpy.resources.images import AsyncImages, AsyncImagesResource, Images, ImagesResource
    from togetherpy.resources.models import AsyncModels, AsyncModelsResource, Models, ModelsResource
    from togetherpy.resources.rerank import AsyncRerank, AsyncRerankResource, Rerank, RerankResource

_HOME = {
    "AsyncAudio": "audio",
    "AsyncAudioResource": "audio",
    "AsyncBatches": "batches",
    "AsyncBatchesResource": "batches",
    "AsyncChat": "chat",
    "AsyncChatResource": "chat",
    "AsyncCompletions": "completions",
    "AsyncCompletionsResource": "completions",
    "AsyncEmbeddings": "embeddings",
    "AsyncEmbeddingsResource": "embeddings",
    "AsyncFiles": "files",
    "AsyncFilesResource": "files",
    "AsyncFineTuning": "finetune",
    "AsyncFineTuningResource": "finetune",
    "AsyncImages": "images",
    "AsyncImagesResource": "images",
    "AsyncModels": "models",
    "AsyncModelsResource": "models",
    "AsyncRerank": "rerank",
    "AsyncRerankResource": "rerank",
    "Audio": "audio",
    "AudioResource": "audio",
    "Batches": "batches",
    "BatchesResource": "batches",
    "Chat": "chat",
    "ChatResource": "chat",
    "Completions": "completions",
    "CompletionsResource": "completions",
    "Embeddings": "embeddings",
    "EmbeddingsResource": "embeddings",
    "Files": "files",
    "FilesResource": "files",
    "FineTuning": "finetune",
    "FineTuningResource": "finetune",
    "Images": "images",
    "ImagesResource": "images",
    "Models": "models",
    "ModelsResource": "models",
    "Rerank": "rerank",
    "RerankResource": "rerank",
}
__all__ = [
    "AsyncAudio",
    "AsyncAudioResource",
    "AsyncBatches",
    "AsyncBatchesResource",
    "AsyncChat",
    "AsyncChatResource",
    "AsyncCompletions",
    "AsyncCompletionsResource",
    "AsyncEmbeddings",
    "AsyncEmbeddingsResource",
    "AsyncFiles",
    "AsyncFilesResource",
    "AsyncFineTuning",
    "AsyncFineTuningResource",
    "AsyncImages",
    "AsyncImagesResource",
    "AsyncModels",
    "AsyncModelsResource",
    "AsyncRerank",
    "AsyncRerankResource",
    "Audio",
    "AudioResource",
    "Batches",
    "BatchesResource",
    "Chat",
    "ChatResource",
    "Completions",
    "CompletionsResource",
    "Embeddings",
    "EmbeddingsResource",
    "Files",
    "FilesResource",
    "FineTuning",
    "FineTuningResource",
    "Images",
    "ImagesResource",
    "Models",
    "ModelsResource",
    "Rerank",
    "RerankResource",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        from togetherpy.types._lazy import public_name

        value = globals()[name] = public_name(__name__, name, _HOME)  # the next look-up does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
