"""What the API sends and receives.

The rule: each name is loaded when it is first used; a program that names a client has not yet asked for one.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.types.audio_speech import (
        AudioLanguage,
        AudioResponseEncoding,
        AudioResponseFormat,
        AudioSpeechRequest,
        AudioSpeechStreamChunk,
        AudioTimestampGranularities,
        AudioTranscriptionRequest,
        AudioTranscriptionResponse,
        AudioTranscriptionResponseFormat,
        AudioTranscriptionVerboseResponse,
        AudioTranslationRequest,
        AudioTranslationResponse,
        AudioTranslationVerboseResponse,
    )
    from togetherpy.types.batch import (
        BatchCreateParams,
        BatchCreateResponse,
        BatchEndpoint,
        BatchJob,
        BatchJobStatus,
        BatchListResponse,
    )
    from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse
    from togetherpy.types.chat_params import ChatCompletionParams, ChatCompletionRequest
    from togetherpy.types.chat_params import ToolCallParam as ToolChoiceParam
    from togetherpy.types.chat_params import ToolParam as ToolsParam
    from togetherpy.types.common import FinishReason, ObjectType, UsageData
    from togetherpy.types.common import LogprobsPart as LogProbs
    from togetherpy.types.common import ToolCalls as ToolChoice
    from togetherpy.types.files import (
        FileDeleteResponse,
        FileList,
        FileObject,
        FilePurpose,
        FileResponse,
        FileType,
    )
    from togetherpy.types.finetune import (
        FinetuneCheckpoint,
        FinetuneDeleteResponse,
        FinetuneDownloadResult,
        FinetuneEvent,
        FinetuneJobStatus,
        FinetuneList,
        FinetuneListEvents,
        FinetuneParams,
        FinetunePriceEstimationResponse,
        FinetuneProgress,
        FinetuneRequest,
        FinetuneResponse,
        FineTuningCancelResponse,
        FineTuningDeleteResponse,
        FineTuningEstimatePriceResponse,
        FineTuningListCheckpointsResponse,
        FineTuningListEventsResponse,
        FineTuningListResponse,
        TrainingMethod,
        TrainingType,
    )
    from togetherpy.types.models import ModelObject

_HOME = {
    "AudioLanguage": "audio_speech",
    "AudioResponseEncoding": "audio_speech",
    "AudioResponseFormat": "audio_speech",
    "AudioSpeechRequest": "audio_speech",
    "AudioSpeechStreamChunk": "audio_speech",
    "AudioTimestampGranularities": "audio_speech",
    "AudioTranscriptionRequest": "audio_speech",
    "AudioTranscriptionResponse": "audio_speech",
    "AudioTranscriptionResponseFormat": "audio_speech",
    "AudioTranscriptionVerboseResponse": "audio_speech",
    "AudioTranslationRequest": "audio_speech",
    "AudioTranslationResponse": "audio_speech",
    "AudioTranslationVerboseResponse": "audio_speech",
    "BatchCreateParams": "batch",
    "BatchCreateResponse": "batch",
    "BatchEndpoint": "batch",
    "BatchJob": "batch",
    "BatchJobStatus": "batch",
    "BatchListResponse": "batch",
    "ChatCompletionChunk": "chat_completions",
    "ChatCompletionMessage": "chat_completions",
    "ChatCompletionParams": "chat_params",
    "ChatCompletionRequest": "chat_params",
    "ChatCompletionResponse": "chat_completions",
    "FileDeleteResponse": "files",
    "FileList": "files",
    "FileObject": "files",
    "FilePurpose": "files",
    "FileResponse": "files",
    "FileType": "files",
    "FineTuningCancelResponse": "finetune",
    "FineTuningDeleteResponse": "finetune",
    "FineTuningEstimatePriceResponse": "finetune",
    "FineTuningListCheckpointsResponse": "finetune",
    "FineTuningListEventsResponse": "finetune",
    "FineTuningListResponse": "finetune",
    "FinetuneCheckpoint": "finetune",
    "FinetuneDeleteResponse": "finetune",
    "FinetuneDownloadResult": "finetune",
    "FinetuneEvent": "finetune",
    "FinetuneJobStatus": "finetune",
    "FinetuneList": "finetune",
    "FinetuneListEvents": "finetune",
    "FinetuneParams": "finetune",
    "FinetunePriceEstimationResponse": "finetune",
    "FinetuneProgress": "finetune",
    "FinetuneRequest": "finetune",
    "FinetuneResponse": "finetune",
    "FinishReason": "common",
    "LogProbs": "common:LogprobsPart",
    "ModelObject": "models",
    "ObjectType": "common",
    "ToolChoice": "common:ToolCalls",  # of an answer; version 3's name for what version 1 calls ToolCalls
    "ToolChoiceParam": "chat_params:ToolCallParam",
    "ToolsParam": "chat_params:ToolParam",
    "TrainingMethod": "finetune",
    "TrainingType": "finetune",
    "UsageData": "common",
}
__all__ = [
    "AudioLanguage",
    "AudioResponseEncoding",
    "AudioResponseFormat",
    "AudioSpeechRequest",
    "AudioSpeechStreamChunk",
    "AudioTimestampGranularities",
    "AudioTranscriptionRequest",
    "AudioTranscriptionResponse",
    "AudioTranscriptionResponseFormat",
    "AudioTranscriptionVerboseResponse",
    "AudioTranslationRequest",
    "AudioTranslationResponse",
    "AudioTranslationVerboseResponse",
    "BatchCreateParams",
    "BatchCreateResponse",
    "BatchEndpoint",
    "BatchJob",
    "BatchJobStatus",
    "BatchListResponse",
    "ChatCompletionChunk",
    "ChatCompletionMessage",
    "ChatCompletionParams",
    "ChatCompletionRequest",
    "ChatCompletionResponse",
    "FileDeleteResponse",
    "FileList",
    "FileObject",
    "FilePurpose",
    "FileResponse",
    "FileType",
    "FineTuningCancelResponse",
    "FineTuningDeleteResponse",
    "FineTuningEstimatePriceResponse",
    "FineTuningListCheckpointsResponse",
    "FineTuningListEventsResponse",
    "FineTuningListResponse",
    "FinetuneCheckpoint",
    "FinetuneDeleteResponse",
    "FinetuneDownloadResult",
    "FinetuneEvent",
    "FinetuneJobStatus",
    "FinetuneList",
    "FinetuneListEvents",
    "FinetuneParams",
    "FinetunePriceEstimationResponse",
    "FinetuneProgress",
    "FinetuneRequest",
    "FinetuneResponse",
    "FinishReason",
    "LogProbs",
    "ModelObject",
    "ObjectType",
    "ToolChoice",
    "ToolChoiceParam",
    "ToolsParam",
    "TrainingMethod",
    "TrainingType",
    "UsageData",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        from togetherpy.types._lazy import public_name

        value = globals()[name] = public_name(__name__, name, _HOME)  # the next look-up does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
