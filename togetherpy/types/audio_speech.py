"""What speech and its transcription take and say.

In: keyword arguments, or JSON. Out: TypedDicts, or Structs. The rule: every field of an answer is optional.
Facts: the OpenAPI document, and both official packages.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

from collections.abc import Mapping, Sequence
from typing import IO, Any, Protocol, Required

from togetherpy.types._model import Open
from togetherpy.types._options import CallOptions
from togetherpy.types.common import OpenEnum

__all__ = [
    "AudioLanguage",
    "AudioResponseEncoding",
    "AudioResponseFormat",
    "AudioSpeakerSegment",
    "AudioSpeechParams",
    "AudioSpeechStreamChunk",
    "AudioTimestampGranularities",
    "AudioTranscriptionParams",
    "AudioTranscriptionResponse",
    "AudioTranscriptionResponseFormat",
    "AudioTranscriptionSegment",
    "AudioTranscriptionWord",
]


class AudioResponseFormat(OpenEnum):
    """How speech is written."""

    MP3 = "mp3"
    WAV = "wav"
    RAW = "raw"


class AudioResponseEncoding(OpenEnum):
    """What the samples of raw speech are."""

    PCM_F32LE = "pcm_f32le"
    PCM_S16LE = "pcm_s16le"
    PCM_MULAW = "pcm_mulaw"
    PCM_ALAW = "pcm_alaw"


class AudioLanguage(OpenEnum):
    """What is spoken. Others may come."""

    EN = "en"
    DE = "de"
    FR = "fr"
    ES = "es"
    HI = "hi"
    IT = "it"
    JA = "ja"
    KO = "ko"
    NL = "nl"
    PL = "pl"
    PT = "pt"
    RU = "ru"
    SV = "sv"
    TR = "tr"
    ZH = "zh"


class AudioTranscriptionResponseFormat(OpenEnum):
    """How much a transcription says."""

    JSON = "json"
    VERBOSE_JSON = "verbose_json"


class AudioTimestampGranularities(OpenEnum):
    """What of a transcription has times."""

    SEGMENT = "segment"
    WORD = "word"


class AudioSpeechParams(CallOptions, total=False):
    """What `audio.speech.create` takes, and what every call does."""

    model: "Required[str]"
    input: "Required[str]"
    voice: "str | None"
    response_format: "str | None"
    response_encoding: "str | None"
    sample_rate: "int | None"
    bit_rate: "int | None"
    language: "str | None"
    extra_params: "Mapping[str, Any] | None"


class PathLike(Protocol):
    """A path, as `os.PathLike[str]` describes it."""

    def __fspath__(self) -> str:
        """It as text."""
        ...


AudioFile = str | PathLike | bytes | IO[bytes] | tuple[str, bytes | IO[bytes]]
"""A path, a URL that the server can reach, bytes, an open binary file, or a name and one of the last two."""


class AudioTranscriptionParams(CallOptions, total=False):
    """What `audio.transcriptions.create` and `audio.translations.create` take, and what every call does."""

    file: "Required[AudioFile]"
    model: "str | None"
    language: "str | None"
    prompt: "str | None"
    response_format: "str | None"
    temperature: "float | None"
    timestamp_granularities: "str | Sequence[str] | None"
    diarize: "bool | None"
    min_speakers: "int | None"
    max_speakers: "int | None"


class AudioSpeechStreamChunk(Open, kw_only=True):
    """A piece of speech as it is streamed."""

    object: str | None = None
    model: str | None = None
    b64: str | None = None
    """Its samples, in base64."""

    @property
    def audio(self) -> bytes:
        """Its samples.

        Raises:
            ValueError: `b64` is no base64.
        """
        from binascii import a2b_base64

        return a2b_base64(self.b64 or "", strict_mode=True)


class AudioTranscriptionWord(Open, kw_only=True):
    """One word, and when it is said, in seconds."""

    id: int | None = None
    word: str | None = None
    start: float | None = None
    end: float | None = None
    speaker_id: str | None = None


class AudioTranscriptionSegment(Open, kw_only=True):
    """A part of what is said, and when, in seconds."""

    id: int | None = None
    start: float | None = None
    end: float | None = None
    text: str | None = None


class AudioSpeakerSegment(Open, kw_only=True):
    """What one speaker says without a break."""

    id: int | None = None
    speaker_id: str | None = None
    start: float | None = None
    end: float | None = None
    text: str | None = None
    words: list[AudioTranscriptionWord] | None = None


class AudioTranscriptionResponse(Open, kw_only=True):
    """What is said. All but `text` is there with response_format="verbose_json", or with diarize=True."""

    text: str | None = None
    id: str | None = None
    task: str | None = None
    language: str | None = None
    duration: float | None = None
    """Seconds."""
    segments: list[AudioTranscriptionSegment] | None = None
    words: list[AudioTranscriptionWord] | None = None
    """With timestamp_granularities="word", or with diarize=True."""
    speaker_segments: list[AudioSpeakerSegment] | None = None
    """With diarize=True."""


# The official packages' names.
AudioTranscriptionVerboseResponse = AudioTranscriptionResponse
AudioTranslationResponse = AudioTranslationVerboseResponse = AudioTranscriptionResponse
TranscriptionCreateResponse = TranslationCreateResponse = AudioTranscriptionResponse
AudioSpeechRequest = SpeechCreateParams = AudioSpeechParams
AudioTranscriptionRequest = AudioTranslationRequest = AudioTranscriptionParams
