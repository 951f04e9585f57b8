"""`togetherpy speak` and `transcribe`: what the local server says is what it hears."""

from pathlib import Path

import pytest
from support.command import KEY, Command
from support.processes import COMMAND
from support.terminal import terminal

TEXT = "How deep is the lake?"


@pytest.fixture
def wav(command: Command) -> str:
    assert command("speak", TEXT, "-o", "lake.wav").status == 0
    command.server.requests.clear()
    return "lake.wav"


def test_speak_names_the_file_after_the_text(command: Command) -> None:
    for name in ("how-deep-is-the-lake.wav", "how-deep-is-the-lake-2.wav"):
        found = command("speak", TEXT, "--voice", "tara", "-m", "some/model", "--language", "en")
        assert (found.status, found.out, found.err) == (0, f"{name}\n", "")
        assert Path(name).read_bytes().startswith(b"RIFF")
    sent = command.server.requests[0].json
    assert (sent["input"], sent["voice"], sent["model"], sent["language"]) == (TEXT, "tara", "some/model", "en")
    assert sent["response_format"] == "wav"


@pytest.mark.parametrize(
    ("words", "form"),
    [(("-o", "x.raw"), "raw"), (("-o", "x.wav", "--format", "raw"), "raw"), (("-o", "x.data"), "wav")],
)
def test_the_format_is_the_endings_or_the_options(command: Command, words: tuple[str, ...], form: str) -> None:
    assert command("speak", TEXT, *words).out == f"{words[1]}\n"
    assert command.server.requests[0].json["response_format"] == form
    assert Path(words[1]).read_bytes().startswith(b"RIFF") == (form == "wav")


def test_speak_as_json(command: Command) -> None:
    found = command("speak", "x", "--json").json
    assert found == {"path": "x.wav", "format": "wav", "bytes": Path("x.wav").stat().st_size}


@pytest.mark.parametrize("form", ["wav", "raw"])
def test_speak_to_standard_output(command: Command, form: str) -> None:
    found = command("speak", TEXT, "-o", "-", "--format", form)
    assert found.data.startswith(b"RIFF") == (form == "wav")
    assert len(found.data) > 20_000
    assert bool(command.server.requests[0].json.get("stream")) == (form == "raw")  # as it comes
    assert list(Path().iterdir()) == []


def test_a_terminal_takes_no_audio(command: Command) -> None:
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": command.server.base_url}
    with terminal(*COMMAND, "speak", "x", "-o", "-", **variables) as process:
        assert "audio is nothing for a terminal" in process.rest()
        assert process.status == 1
    assert command.server.requests == []


def test_speech_is_not_written_over(command: Command, wav: str) -> None:
    before = Path(wav).read_bytes()
    command("speak", "other", "-o", wav).failed("lake.wav is there already; --force")
    assert command.server.requests == []
    assert command("speak", "other", "-o", wav, "--force").status == 0
    assert Path(wav).read_bytes() != before


def test_text(command: Command, wav: str) -> None:
    found = command("transcribe", wav, "--language", "en", "--prompt", "Lakes.", "-t", 0.25)
    assert (found.status, found.out, found.err) == (0, f"{TEXT}\n", "")
    body = command.server.requests[0].body
    for field, value in (
        ("language", "en"),
        ("prompt", "Lakes."),
        ("temperature", "0.25"),
        ("response_format", "json"),
    ):
        assert f'name="{field}"\r\n\r\n{value}\r\n'.encode() in body


def test_standard_input(command: Command, wav: str) -> None:
    assert command("transcribe", "-", stdin=Path(wav).read_bytes()).out == f"{TEXT}\n"


def test_a_url_is_left_to_the_server(command: Command) -> None:
    url = "https://example.com/a.mp3"
    assert command("transcribe", url).out == f"This is what is said at {url}.\n"


@pytest.mark.parametrize("words", [("--json",), ("--format", "json"), ("-o", "out.json")])
def test_json(command: Command, wav: str, words: tuple[str, ...]) -> None:
    import json

    found = command("transcribe", wav, *words)
    said = json.loads(Path("out.json").read_text()) if words[0] == "-o" else found.json
    assert (said["text"], said["segments"][0]["end"]) == (TEXT, 2.0)


SRT = f"1\n00:00:00,000 --> 00:00:02,000\n{TEXT}\n"
VTT = f"WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{TEXT}\n"


@pytest.mark.parametrize(("form", "expected"), [("srt", SRT), ("vtt", VTT)])
def test_subtitles(command: Command, wav: str, form: str, expected: str) -> None:
    assert command("transcribe", wav, "--format", form).out == expected
    found = command("transcribe", wav, "-o", f"out.{form}")
    assert (found.out, found.err) == ("", f"written: out.{form}\n")
    assert Path(f"out.{form}").read_text() == expected


def test_subtitles_of_long_recordings_and_odd_texts(command: Command, wav: str) -> None:
    segments = [
        {"start": 3599.9996, "end": 3723.0004, "text": " one\n\n --> two "},
        {"start": 360000.0, "end": 360001.5, "text": "three"},
        {"start": None, "end": 2.0, "text": "no time"},
    ]
    command.server.reply(body={"text": "x", "segments": segments})
    assert command("transcribe", wav, "--format", "srt").out == (
        "1\n01:00:00,000 --> 01:02:03,000\none -> two\n\n2\n100:00:00,000 --> 100:00:01,500\nthree\n"
    )


def test_no_times_are_made_up(command: Command, wav: str) -> None:
    command.server.reply(body={"text": "x"})
    command("transcribe", wav, "--format", "vtt").failed("sent no times")


def test_who_says_what(command: Command, wav: str) -> None:
    assert command("transcribe", wav, "--diarize").out == f"SPEAKER_00: {TEXT}\n"


def test_translate(command: Command, wav: str) -> None:
    assert command("transcribe", wav, "--translate").out == f"{TEXT}\n"
    assert command.server.requests[0].path == "/v1/audio/translations"


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("none.wav",), b"", "none.wav"),
        ((".",), b"", "."),
        (("empty.wav",), b"", "empty"),
        (("-",), b"", "empty"),
        (("-",), None, "standard input is closed"),
        (("lake.wav", "-o", "lake.wav"), b"", "is there already"),
        (("lake.wav", "-o", "none/x.srt"), b"", "no folder none"),
    ],
)
def test_bad_input_sends_nothing(
    command: Command, wav: str, words: tuple[str, ...], stdin: bytes | None, said: str
) -> None:
    Path("empty.wav").touch()
    command("transcribe", *words, stdin=stdin).failed(said)
    assert command.server.requests == []
