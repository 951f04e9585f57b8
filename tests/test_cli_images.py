"""`togetherpy images`: files on disk, real PNGs."""

import os
import stat
import struct
from pathlib import Path

import pytest
from support.command import KEY, Command
from support.processes import COMMAND
from support.scripted import refusing_port
from support.terminal import terminal


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_it_is_named_after_the_prompt_and_never_written_over(command: Command) -> None:
    for name in ("a-lake-at-dawn.png", "a-lake-at-dawn-2.png", "a-lake-at-dawn-3.png"):
        found = command("images", "A lake,", "at dawn!", "--size", "32x16", "--seed", 7)
        assert (found.status, found.out, found.err) == (0, f"{name}\n", "")
        assert size_of(Path(name).read_bytes()) == (32, 16)
    sent = command.server.requests[0].json
    assert (sent["prompt"], sent["width"], sent["height"], sent["seed"]) == ("A lake, at dawn!", 32, 16, 7)


@pytest.mark.parametrize("prompt", ["../../etc/passwd", "/", "...", "\u5bcc\u58eb\u5c71", "-n", "a\x1b[2J\nb"])
def test_no_prompt_leads_out_of_the_folder(command: Command, prompt: str) -> None:
    assert command("images", "--size", "8x8", "--", prompt).status == 0
    (name,) = names()
    assert name.endswith(".png")
    assert name.removesuffix(".png").replace("-", "x").isidentifier()


@pytest.mark.parametrize(
    ("output", "made"),
    [("out.png", ["out-1.png", "out-2.png"]), ("folder", ["folder/x-2.png", "folder/x.png"])],
)
def test_several(command: Command, output: str, made: list[str]) -> None:
    Path("folder").mkdir()
    found = command("images", "x", "-n", 2, "-o", output, "--size", "8x8")
    assert sorted(found.out.splitlines()) == made
    assert len({Path(name).read_bytes() for name in made}) == 2


def test_json(command: Command) -> None:
    found = command("images", "x", "--json", "--size", "8x8").json
    assert (found["model"], found["prompt"]) == ("black-forest-labs/FLUX.1-schnell", "x")
    (image,) = found["images"]
    assert image["path"] == "x.png"
    assert image["url"].startswith("http://127.0.0.1")


def test_an_image_in_the_answer_is_stored_by_what_it_is(command: Command) -> None:
    command.server.reply(body={"data": [{"index": 0, "b64_json": "/9j/4AAQ"}]})
    found = command("images", "x", "--json")
    assert found.json["images"] == [{"index": 0, "path": "x.jpg"}]
    assert Path("x.jpg").read_bytes() == b"\xff\xd8\xff\xe0\x00\x10"


def test_standard_output_takes_one(command: Command) -> None:
    found = command("images", "x", "-o", "-", "--size", "8x8")
    assert size_of(found.data) == (8, 8)
    assert names() == []
    command("images", "x", "-o", "-", "-n", 2).failed("standard output takes one image")


def test_a_terminal_takes_none(command: Command) -> None:
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": command.server.base_url}
    with terminal(*COMMAND, "images", "x", "-o", "-", **variables) as process:
        assert "and is no terminal; -o names" in process.rest()
        assert process.status == 1
    assert command.server.requests == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-o", "there.png"), "there.png is there already; --force"),
        (("-o", "there.png", "-n", "1"), "there.png is there already; --force"),
        (("-o", "one.png", "-n", "2"), "one-2.png is there already; --force"),
        (("-o", "none/x.png"), "no folder none"),
        (("-o", "there.png/x.png"), "no folder there.png"),
    ],
)
def test_what_cannot_be_written_is_said_before_it_is_paid_for(
    command: Command, words: tuple[str, ...], said: str
) -> None:
    for name in ("there.png", "one-2.png"):
        Path(name).write_text("mine")
    command("images", "x", *words).failed(said)
    assert command.server.requests == []
    assert Path("there.png").read_text() == Path("one-2.png").read_text() == "mine"


def test_force_writes_over(command: Command) -> None:
    Path("there.png").write_text("mine")
    assert command("images", "x", "-o", "there.png", "--force", "--size", "8x8").out == "there.png\n"
    assert size_of(Path("there.png").read_bytes()) == (8, 8)


def test_an_image_that_cannot_be_stored_any_more_is_still_told_of(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("togetherpy.cli._images.store", full)
    found = command("images", "x", "--size", "8x8")
    found.failed("the image: x.png: No space left on device It is still at http://127.0.0.1")


def test_one_that_cannot_be_had_keeps_no_other_from_being_stored(command: Command) -> None:
    png = {"b64_json": "iVBORw0KGgo="}
    with refusing_port() as port:
        lost = {"url": f"http://127.0.0.1:{port}/lost.png"}
        command.server.reply(body={"data": [png, lost, png]}, times=2)
        found = command("images", "x", "-n", 3, "--max-retries", 0)
        assert (found.status, found.out) == (1, "x.png\nx-2.png\n")
        assert found.err.startswith("togetherpy: error: image 2 of 3: Cannot connect")
        assert found.err.endswith(f" It is still at {lost['url']}\n")
        found = command("images", "x", "-n", 3, "--max-retries", 0, "--json")
    assert found.status == 1
    first, second, third = found.json["images"]
    assert (first["path"], second["url"], third["path"]) == ("x-3.png", lost["url"], "x-4.png")
    assert second["error"].startswith("Cannot connect")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("words", [("images", "x"), ("speak", "x"), ("embed", "x"), ("files", "download", "file-1")])
def test_no_file_takes_the_place_of_a_device_or_a_pipe(command: Command, words: tuple[str, ...]) -> None:
    os.mkfifo("pipe")
    command(*words, "-o", "pipe", "--force").failed("pipe: is a device or a pipe")
    assert command.server.requests == []
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


@pytest.mark.parametrize(("path", "said"), [("", "must not be empty"), ("none/", "there is no folder none/")])
def test_paths_that_are_none(command: Command, path: str, said: str) -> None:
    found = command("images", "x", "-o", path)
    assert found.status == 2
    assert f"argument -o/--output: {said}" in found.err
    assert names() == []


@pytest.mark.parametrize("size", ["10", "0x10", "10x", "axb", "1e3x10"])
def test_sizes_that_are_none(command: Command, size: str) -> None:
    found = command("images", "x", "--size", size)
    assert found.status == 2
    assert "argument --size: must be a width and a height" in found.err


def test_an_answer_without_images(command: Command) -> None:
    command.server.reply(body={"data": []})
    command("images", "x").failed("no image")
