"""The server's voice and ears: speech is a tone in a real WAV file, and what it spoke itself it can write down again.

In: requests. Out: answers.
The rule: equal texts give equal bytes; a text goes along in the file, in the place that WAV has for comments.
"""

import base64
import hashlib
import math
import struct
from typing import Any

from ._answer import DONE, SSE_TYPE, sse_event
from ._check import RequestError
from ._http import Request
from ._json import as_dict, to_json
from ._told import Field, Told, form_of, request_json, tell

RATE = 24_000
PIECE = 4_800
"""Bytes of samples in one event of a stream: a tenth of a second."""
_PER_CHARACTER = RATE // 20
_WORD = 0.4  # seconds
_TYPES = {"wav": "audio/wav", "raw": "application/octet-stream"}


def speak(request: Request) -> Told:
    """A text as speech: a WAV file, samples, or events of them."""
    params = as_dict(request_json(request)) or {}
    for name in ("model", "input", "voice"):
        if not isinstance(params.get(name), str) or not params[name]:
            raise RequestError(400, f"Input validation error: `{name}` must be a non-empty string.")
    _check_model(params["model"])
    text, kind = params["input"], params.get("response_format") or ("raw" if params.get("stream") else "wav")
    if params.get("stream"):
        if kind != "raw":
            raise RequestError(400, "Input validation error: `response_format` must be raw for a stream.")
        return Told(200, b"".join(_events(_samples(text), params["model"])), content_type=SSE_TYPE)
    if kind not in _TYPES:
        raise RequestError(400, f"Input validation error: `response_format` must be one of {', '.join(_TYPES)}.")
    samples = _samples(text)
    return Told(200, samples if kind == "raw" else wav(samples, text), content_type=_TYPES[kind])


def transcribe(request: Request) -> Told:
    """What is said in a file."""
    return _write_down(request, "transcribe")


def translate(request: Request) -> Told:
    """The same; what it says is English anyway."""
    return _write_down(request, "translate")


def wav(samples: bytes, text: str = "") -> bytes:
    """A file of 16-bit samples, with a comment."""
    comment = text.encode() + b"\0"
    comment += b"\0" * (len(comment) % 2)
    said = b"LIST" + struct.pack("<I", 12 + len(comment)) + b"INFOICMT" + struct.pack("<I", len(comment)) + comment
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16)
    body = b"WAVE" + form + (said if text else b"") + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _samples(text: str) -> bytes:
    """A tone whose height comes of the text, and its length, too."""
    step = 2 * math.pi * (220 + hashlib.sha256(text.encode("utf-8", "replace")).digest()[0] * 2) / RATE
    count = min(max(len(text), 4), 200) * _PER_CHARACTER
    return struct.pack(f"<{count}h", *(int(8_000 * math.sin(step * place)) for place in range(count)))


def _events(samples: bytes, model: str) -> list[bytes]:
    pieces = [samples[start : start + PIECE] for start in range(0, len(samples), PIECE)]
    coded = [base64.b64encode(piece).decode() for piece in pieces]
    return [*(sse_event({"object": "audio.tts.chunk", "model": model, "b64": one}) for one in coded), DONE]


def _write_down(request: Request, task: str) -> Told:
    form = form_of(request)
    if "file" not in form or not form["file"].value:
        raise RequestError(400, "Input validation error: `file` is missing.")
    _check_model(form["model"].text if "model" in form else "")
    text, words = _heard(form["file"]), []
    wanted = form["response_format"].text if "response_format" in form else "json"
    diarize = "diarize" in form and form["diarize"].text == "true"
    if wanted not in ("json", "verbose_json"):
        raise RequestError(400, "Input validation error: `response_format` must be one of json, verbose_json.")
    if wanted == "json" and not diarize:
        return tell({"text": text})
    words = [_word(place, word, diarize) for place, word in enumerate(text.split())]
    language = form["language"].text if "language" in form else "en"
    length = round(len(words) * _WORD, 3)
    answer: dict[str, Any] = {"task": task, "language": language, "duration": length, "text": text}
    answer["segments"] = [{"id": 0, "start": 0.0, "end": length, "text": text}]
    if diarize:
        answer["speaker_segments"] = [{**answer["segments"][0], "speaker_id": "SPEAKER_00", "words": words}]
    if diarize or "word" in (form["timestamp_granularities"].text if "timestamp_granularities" in form else ""):
        answer["words"] = words
    return Told(200, to_json(answer))


def _word(place: int, word: str, speaker: bool) -> dict[str, Any]:
    times = {"start": round(place * _WORD, 3), "end": round((place + 1) * _WORD, 3)}
    return {"id": place, "word": word, **times, **({"speaker_id": "SPEAKER_00"} if speaker else {})}


def _heard(file: Field) -> str:
    """The comment in a WAV file; of another what can be said of it."""
    _, found, rest = file.value.partition(b"INFOICMT")
    if found and file.value.startswith(b"RIFF"):
        return rest[4 : 4 + int.from_bytes(rest[:4], "little")].rstrip(b"\0").decode("utf-8", "replace")
    if file.file is None:
        return f"This is what is said at {file.text}."
    return f"This is what is said in {len(file.value)} bytes of {file.file}."


def _check_model(model: str) -> None:
    if "unknown" in model or model.startswith("no-such"):
        raise RequestError(404, f"Unable to access model {model}.", "model_not_available")
