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
    """Who says what."""
    input: "Required[str]"
    """Who says what."""
    voice: "str | None"
    """Who says what."""
    response_format: "str | None"
    """"wav", "mp3" or "raw"; of a stream "raw" alone."""
    response_encoding: "str | None"
    """Of raw samples: "pcm_f32le", "pcm_s16le", "pcm_mulaw" or "pcm_alaw"; some models give pcm_s16le alone."""
    sample_rate: "int | None"
    """In Hz; some models have one of their own."""
    bit_rate: "int | None"
    """Of mp3, bits a second."""
    language: "str | None"
    """Of the text, such as "en"."""
    extra_params: "Mapping[str, Any] | None"
    """More of the model's own parameters."""


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
    """A path; a URL that the server can reach; bytes; an open binary file; or a name and one of the last two."""
    model: "str | None"
    """By default "openai/whisper-large-v3"."""
    language: "str | None"
    """Of the audio, such as "en", or "auto"."""
    prompt: "str | None"
    """A text that goes before, in the same style."""
    response_format: "str | None"
    """"json", or "verbose_json" with times."""
    temperature: "float | None"
    """0 to 1."""
    timestamp_granularities: "str | Sequence[str] | None"
    """"segment", "word", or a list of both: what has times."""
    diarize: "bool | None"
    """Who says what."""
    min_speakers: "int | None"
    """How many there are."""
    max_speakers: "int | None"
    """How many there are."""


class AudioSpeechStreamChunk(Open, kw_only=True):
    """A piece of speech as it is streamed."""

    object: str | None = None
    """What kind of object it is, in the server's word."""
    model: str | None = None
    """The model that speaks."""
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
    """Its number."""
    word: str | None = None
    """The word."""
    start: float | None = None
    """When it begins, in seconds."""
    end: float | None = None
    """When it ends, in seconds."""
    speaker_id: str | None = None
    """Who says it, with diarize=True."""


class AudioTranscriptionSegment(Open, kw_only=True):
    """A part of what is said, and when, in seconds."""

    id: int | None = None
    """Its number."""
    start: float | None = None
    """When it begins, in seconds."""
    end: float | None = None
    """When it ends, in seconds."""
    text: str | None = None
    """What is said."""


class AudioSpeakerSegment(Open, kw_only=True):
    """What one speaker says without a break."""

    id: int | None = None
    """Its number."""
    speaker_id: str | None = None
    """Who speaks."""
    start: float | None = None
    """When it begins, in seconds."""
    end: float | None = None
    """When it ends, in seconds."""
    text: str | None = None
    """What is said."""
    words: list[AudioTranscriptionWord] | None = None
    """Its words."""


class AudioTranscriptionResponse(Open, kw_only=True):
    """What is said. All but `text` is there with response_format="verbose_json", or with diarize=True."""

    text: str | None = None
    """What is said."""
    id: str | None = None
    """The server's id of the answer."""
    task: str | None = None
    """"transcribe" or "translate"."""
    language: str | None = None
    """The language that is spoken."""
    duration: float | None = None
    """Seconds."""
    segments: list[AudioTranscriptionSegment] | None = None
    """Its parts."""
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
