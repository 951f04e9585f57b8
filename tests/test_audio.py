"""client.audio: speech whole and in pieces, and what is written down of it."""

import base64
import io
import json
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.answers import DONE as DONE_EVENT
from support.answers import SSE, answer, chunked, error_body, event
from support.clients import failure
from support.scripted import ScriptedServer, close, request, send

from togetherpy import (
    APIResponseError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    StreamInterruptedError,
)
from togetherpy.resources.audio._answers import AudioResponse
from togetherpy.testing import LocalServer
from togetherpy.types.audio_speech import AudioSpeechStreamChunk, AudioTranscriptionResponse

Maker = Callable[..., Any]
SAY: dict[str, Any] = {"model": "canopylabs/orpheus", "input": "How deep is the lake?", "voice": "tara"}
SAMPLES = os.urandom(20_000)


def speech(caller: Any) -> Any:
    return caller.area("audio.speech")


def heard(caller: Any, task: str = "transcriptions") -> Any:
    return caller.area(f"audio.{task}")


def piece(data: bytes, **fields: Any) -> bytes:
    return event({"object": "audio.tts.chunk", "model": "m", "b64": base64.b64encode(data).decode(), **fields})


EVENTS = piece(SAMPLES[:9_000]) + piece(SAMPLES[9_000:]) + DONE_EVENT


def frames(path: Path) -> tuple[int, int, int, bytes]:
    with wave.open(str(path)) as opened:
        return (
            opened.getnchannels(),
            opened.getsampwidth(),
            opened.getframerate(),
            opened.readframes(opened.getnframes()),
        )


# Speech


def test_speech_is_a_real_file(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        made = speech(caller).create(**SAY)
        assert server.requests[-1].json == SAY
        assert speech(caller).create(**SAY).content == made.content
        assert speech(caller).create(**{**SAY, "input": "Another text."}).content != made.content
    assert type(made) is AudioResponse
    assert made.content_type == "audio/wav"
    assert (made.read(), len(made), b"".join(made)) == (made.content, len(made.content), made.content)
    for name in ("save", "stream_to_file", "write_to_file"):
        getattr(made, name)(tmp_path / name)
        assert (tmp_path / name).read_bytes() == made.content
    channels, width, rate, samples = frames(tmp_path / "save")
    assert (channels, width, rate, len(samples)) == (1, 2, 24_000, 2 * len(SAY["input"]) * 1_200)


def test_what_an_asynchronous_answer_gives_may_be_awaited(tmp_path: Path) -> None:
    async def main() -> None:
        with LocalServer() as server:
            async with server.async_client() as client:
                made = await client.audio.speech.create(**SAY)
                assert await made.read() == made.content  # type: ignore[misc]
                await made.write_to_file(tmp_path / "a.wav")

    import asyncio

    asyncio.run(main())
    assert frames(tmp_path / "a.wav")


def test_samples_become_a_file(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        made = speech(client(server)).create(**SAY, response_format="raw")
    made.save(tmp_path / "a.wav")
    made.save(tmp_path / "a.raw")
    made.save(tmp_path / "b", response_format="wav")
    assert (tmp_path / "a.raw").read_bytes() == made.content
    assert frames(tmp_path / "a.wav") == frames(tmp_path / "b") == (1, 2, 24_000, made.content)


def test_samples_of_another_kind(client: Maker, tmp_path: Path) -> None:
    with ScriptedServer([request, send(answer(SAMPLES, content_type="application/octet-stream"))]) as server:
        made = speech(client(server)).create(
            model="cartesia/sonic", input="x", voice="v", response_format="raw", sample_rate=8_000
        )
    made.save(tmp_path / "a.wav")
    raw = (tmp_path / "a.wav").read_bytes()
    # Format 3 is floating point, 32 bits of which are 4 bytes.
    assert (raw[20:22], raw[24:28], raw[34:36], raw[44:]) == (
        b"\x03\0",
        (8_000).to_bytes(4, "little"),
        b"\x20\0",
        SAMPLES,
    )


def test_a_stream(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        whole = speech(caller).create(**SAY, response_format="raw").content
        chunks = caller.pieces(speech(caller).create(**SAY, stream=True))
        assert server.requests[-1].json == {**SAY, "stream": True}
        assert server.requests[-1].headers["accept"].startswith("text/event-stream")
        assert [type(one) for one in chunks] == [AudioSpeechStreamChunk] * 11
        assert b"".join(one.audio for one in chunks) == whole
        assert b"".join(caller.pieces(speech(caller).create(**SAY, stream=True).iter_bytes())) == whole
        assert caller.finish(speech(caller).create(**SAY, stream=True).read()) == whole
        caller.finish(speech(caller).create(**SAY, stream=True).stream_to_file(tmp_path / "a.wav"))
        caller.finish(speech(caller).create(**SAY, stream=True).save(tmp_path / "a.pcm"))
    assert (tmp_path / "a.pcm").read_bytes() == whole
    assert frames(tmp_path / "a.wav") == (1, 2, 24_000, whole)


@pytest.mark.parametrize(
    "sent",
    [
        SSE + chunked(EVENTS),
        SSE + chunked(*(EVENTS[start : start + 7] for start in range(0, len(EVENTS), 7))),
        answer(EVENTS, content_type="application/octet-stream"),
        SSE + chunked(EVENTS.removesuffix(DONE_EVENT)),
        SSE + chunked(event({"data": {"b64": base64.b64encode(SAMPLES).decode()}}), DONE_EVENT),
        answer(SAMPLES, content_type="application/octet-stream"),
    ],
)
def test_forms_of_a_stream(client: Maker, sent: bytes) -> None:
    with ScriptedServer([request, send(sent)]) as server:
        caller = client(server)
        assert caller.finish(speech(caller).create(**SAY, stream=True).read()) == SAMPLES


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([send(SSE + chunked(piece(b"ab"), end=False)), close], StreamInterruptedError),
        ([send(SSE + chunked(b": ping\n\n"))], StreamInterruptedError),
        ([send(SSE + chunked(piece(b"ab"), event(error_body(code=500))))], InternalServerError),
        ([send(SSE + chunked(piece(b"ab"), event({"b64": "no base64!"})))], APIResponseError),
        ([send(SSE + chunked(piece(b"ab"), event("{")))], APIResponseError),
        ([send(answer({"x": 1}))], APIResponseError),
        ([send(answer(error_body(code=500)))], InternalServerError),
    ],
)
def test_streams_that_fail(client: Maker, tmp_path: Path, sent: Any, expected: type[Exception]) -> None:
    with ScriptedServer([request, *sent], [request, *sent]) as server:
        caller = client(server)
        failure(expected, lambda: caller.pieces(speech(caller).create(**SAY, stream=True)))
    with ScriptedServer([request, *sent]) as server:
        caller = client(server)
        failure(expected, lambda: caller.finish(speech(caller).create(**SAY, stream=True).save(tmp_path / "a")))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (answer(b"", content_type="audio/wav"), APIResponseError),
        (answer({"text": "no audio"}), APIResponseError),
        (answer(error_body(code=500)), InternalServerError),
        (answer(error_body(), 400), BadRequestError),
    ],
)
def test_answers_that_hold_no_audio(client: Maker, sent: bytes, expected: type[Exception]) -> None:
    with ScriptedServer([request, send(sent)]) as server:
        failure(expected, lambda: speech(client(server)).create(**SAY))


def test_what_cannot_be_spoken(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        caller = speech(client(server))
        failure(NotFoundError, lambda: caller.create(**{**SAY, "model": "no-such"}))
        failure(BadRequestError, lambda: caller.create(**SAY, response_format="mp3"))
        failure(BadRequestError, lambda: caller.create(**SAY, response_format="wav", stream=True))
        failure(BadRequestError, lambda: caller.create(model="m", input="x"))
        for params in ({"model": "m"}, {"input": "x"}):
            with pytest.raises(TypeError, match=r"create\(\) needs"):
                caller.create(**params)
        made = caller.create(**SAY)
    with pytest.raises(FileNotFoundError):
        made.save(tmp_path / "none" / "a.wav")


# Transcriptions and translations


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    with LocalServer() as server, server.client() as client:
        client.audio.speech.create(**SAY).save(tmp_path / "said.wav")
    return tmp_path / "said.wav"


@pytest.mark.parametrize("task", ["transcriptions", "translations"])
def test_every_kind_of_file(client: Maker, spoken: Path, task: str) -> None:
    content = spoken.read_bytes()
    with LocalServer() as server, spoken.open("rb") as opened:
        caller = heard(client(server), task)
        for file in (spoken, str(spoken), content, opened, io.BytesIO(content), ("b.wav", content)):
            found = caller.create(file=file)
            assert type(found) is AudioTranscriptionResponse
            assert (found.text, found.segments) == (SAY["input"], None)
            body = server.requests[-1].body
            assert b"Content-Type: audio/wav" in body
            assert b"openai/whisper-large-v3" in body
        assert b'filename="b.wav"' in body
        assert server.requests[0].path == f"/v1/audio/{task}"
        found = caller.create(file="https://example.com/a.mp3")
        assert found.text == "This is what is said at https://example.com/a.mp3."
        assert b"filename" not in server.requests[-1].body


@pytest.mark.parametrize(("start", "name"), [(b"ID3", "mp3"), (b"fLaC", "flac"), (b"OggS", "ogg"), (b"what", "wav")])
def test_bytes_get_a_name(client: Maker, start: bytes, name: str) -> None:
    with LocalServer() as server:
        heard(client(server)).create(file=start + b"x")
        assert f'filename="audio.{name}"'.encode() in server.requests[-1].body


def test_verbose_and_diarized_answers(client: Maker, spoken: Path) -> None:
    with LocalServer() as server:
        caller = heard(client(server))
        verbose = caller.create(
            file=spoken, response_format="verbose_json", timestamp_granularities=["word", "segment"], temperature=0.5
        )
        diarized = caller.create(file=spoken, diarize=True, min_speakers=1, language="fr")
        body = server.requests[-1].body
    assert (verbose.duration, verbose.language, verbose.segments[0].text) == (2.0, "en", SAY["input"])
    assert [one.word for one in verbose.words] == SAY["input"].split()
    assert (verbose.words[1].start, verbose.words[1].end, verbose.words[1].speaker_id) == (0.4, 0.8, None)
    assert (diarized.language, diarized.speaker_segments[0].speaker_id) == ("fr", "SPEAKER_00")
    assert diarized.speaker_segments[0].words[0].speaker_id == "SPEAKER_00"
    assert b'name="diarize"\r\n\r\ntrue' in body
    assert b'name="min_speakers"\r\n\r\n1' in body


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (answer({"text": "a", "words": "none", "new": 1}), "a"),
        (answer(b"1\n00:00 --> 00:01\na\n", content_type="text/plain; charset=utf-8"), "1\n00:00 --> 00:01\na\n"),
        (answer({"text": None}), None),
    ],
)
def test_odd_answers(client: Maker, sent: bytes, text: str | None) -> None:
    with ScriptedServer([request, send(sent)]) as server:
        assert heard(client(server)).create(file=b"x").text == text


@pytest.mark.parametrize("body", ["x", b"<html>", b"", b"[]"])
def test_what_is_no_answer(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        failure(APIResponseError, lambda: heard(client(server)).create(file=b"x"))


def test_files_that_cannot_be_heard(client: Maker, tmp_path: Path) -> None:
    caller = heard(client(base_url="http://127.0.0.1:9/v1"))
    (tmp_path / "empty.wav").touch()
    with pytest.raises(FileNotFoundError):
        caller.create(file=tmp_path / "none.wav")
    with pytest.raises(IsADirectoryError):
        caller.create(file=tmp_path)
    for empty in (tmp_path / "empty.wav", b"", io.BytesIO()):
        with pytest.raises(ValueError, match="empty"):
            caller.create(file=empty)
    for wrong in (None, 5, io.StringIO("x"), (5, b"x")):
        with pytest.raises(TypeError, match="file"):
            caller.create(file=wrong)


def test_errors(client: Maker) -> None:
    with LocalServer() as server:
        for task in ("transcriptions", "translations"):
            caller = heard(client(server), task)
            failure(NotFoundError, lambda caller=caller: caller.create(file=b"x", model="no-such"))
            failure(BadRequestError, lambda caller=caller: caller.create(file=b"x", response_format="xml"))


def test_retries_send_the_same_form(client: Maker, spoken: Path) -> None:
    script = [request, send(answer(error_body(), 503)), request, send(answer({"text": "a"}))]
    with ScriptedServer(script) as server, spoken.open("rb") as opened:
        assert heard(client(server, max_retries=1)).create(file=opened).text == "a"
        assert server.requests[0].body == server.requests[1].body


def test_raw_answers_and_hooks(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        def on_response(self, event: Any) -> None:
            seen.append((event.endpoint, event.model))

        def on_stream_end(self, event: Any) -> None:
            seen.append((event.endpoint, event.error))

    with LocalServer() as server:
        caller = client(server, hooks=Seen())
        raw = speech(caller).with_raw_response.create(**SAY)
        assert (raw.status_code, raw.parse().content) == (200, raw.content)
        stream = speech(caller).with_raw_response.create(**SAY, stream=True)
        assert caller.pieces(stream.parse())
        assert heard(caller).with_raw_response.create(file=b"x").json()["text"]
        assert json.loads(heard(caller, "translations").with_raw_response.create(file=b"x").content)["text"]
    assert [one[0] for one in seen] == ["audio.speech", "audio.speech", "audio.transcriptions", "audio.translations"]
    assert seen[1] == ("audio.speech", None)


def test_left_early(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server, max_connections=1)
        stream = speech(caller).create(**SAY, stream=True)
        caller.finish(stream.close())
        assert caller.finish(speech(caller).create(**SAY, stream=True).read())
