"""`togetherpy files`, against a server that keeps them."""

from pathlib import Path

import pytest
from support.command import Command

LINES = '{"text": "a"}\n{"text": "b"}\n'


@pytest.fixture
def uploaded(command: Command) -> str:
    Path("lakes.jsonl").write_text(LINES)
    found = command("files", "upload", "lakes.jsonl")
    assert (found.status, found.err) == (0, "")
    return found.out.strip()


def test_list(command: Command, uploaded: str) -> None:
    head, row = command("files", "list").out.splitlines()
    assert head.split() == ["ID", "NAME", "BYTES", "PURPOSE", "CREATED"]
    assert row.split()[:4] == [uploaded, "lakes.jsonl", str(len(LINES)), "fine-tune"]
    (listed,) = command("files", "list", "--json").json
    assert listed == command("files", "show", uploaded).json
    assert listed["id"] == uploaded


def test_an_empty_list(command: Command) -> None:
    found = command("files", "list")
    assert (found.status, found.out, found.err) == (0, "", "the server keeps no files\n")
    assert command("files", "list", "--json").json == []


def test_a_time_that_there_is_not_is_left_blank(command: Command) -> None:
    command.server.reply(body={"data": [{"id": "file-1", "created_at": 10**18}]})
    assert command("files", "list").out.splitlines()[1].split() == ["file-1"]


def test_upload_says_what_it_did(command: Command) -> None:
    Path("a.jsonl").write_text(LINES)
    found = command("files", "upload", "a.jsonl", "--purpose", "batch-api", "--json")
    assert (found.json["filename"], found.json["purpose"]) == ("a.jsonl", "batch-api")


def test_each_file_is_tried_and_each_failure_named(command: Command) -> None:
    Path("good.jsonl").write_text(LINES)
    Path("bad.jsonl").write_text("no JSON\n")
    found = command("files", "upload", "none.jsonl", "bad.jsonl", ".", "good.jsonl")
    assert found.status == 1
    assert len(found.out.splitlines()) == 1
    errors = found.err.splitlines()
    assert len(errors) == 3
    for name, line in zip(("none.jsonl", "bad.jsonl", "."), errors, strict=True):
        assert line.startswith(f"togetherpy: error: {name}: ")
        assert not line.startswith(f"togetherpy: error: {name}: {name}:")


def test_no_check_sends_whatever_it_is(command: Command) -> None:
    Path("bad.jsonl").write_text("no JSON\n")
    assert command("files", "upload", "bad.jsonl", "--no-check").status == 0


def test_check_sends_nothing(command: Command) -> None:
    Path("good.jsonl").write_text(LINES)
    Path("bad.jsonl").write_text("no JSON\n")
    found = command("files", "check", "good.jsonl", "bad.jsonl", "none.jsonl", ".")
    assert (found.status, found.out) == (1, "good.jsonl: good, samples: 2\n")
    assert [line.split(":")[1].strip() for line in found.err.splitlines()] == ["bad.jsonl", "none.jsonl", "."]
    assert command("files", "check", "good.jsonl").status == 0
    report = command("files", "check", "good.jsonl", "bad.jsonl", "--json").json
    assert (report["good.jsonl"]["num_samples"], report["bad.jsonl"]["is_check_passed"]) == (2, False)
    assert command.server.requests == []


@pytest.mark.parametrize(
    ("words", "path"), [((), "{}.jsonl"), (("-o", "x.jsonl"), "x.jsonl"), (("-o", "to"), "to/{}.jsonl")]
)
def test_download(command: Command, uploaded: str, words: tuple[str, ...], path: str) -> None:
    Path("to").mkdir()
    found = command("files", "download", uploaded, *words)
    assert found.status == 0
    made = Path(path.format(uploaded))
    assert Path(found.out.strip()).samefile(made)
    assert made.read_text() == LINES
    command.server.requests.clear()
    command("files", "download", uploaded, *words).failed("is there already; --force")
    assert command.server.requests == []
    assert command("files", "download", uploaded, *words, "--force", "--json").json["size"] == len(LINES)


def test_a_download_that_cannot_be_written(command: Command, uploaded: str) -> None:
    command("files", "download", uploaded, "-o", "none/x").failed("no folder none")
    command("files", "download", "file-none").failed("file-none", "404")
    assert [path.name for path in Path().iterdir()] == ["lakes.jsonl"]


def test_delete(command: Command, uploaded: str) -> None:
    found = command("files", "delete", "file-none", uploaded)
    assert (found.status, found.out) == (1, f"{uploaded}\n")
    assert found.err.startswith("togetherpy: error: file-none: ")
    assert command("files", "list", "--json").json == []


@pytest.mark.parametrize(
    ("words", "said"),
    [((), "required: ACTION"), (("upload",), "required: PATH"), (("upload", "x", "--purpose", "y"), "invalid choice")],
)
def test_wrong_usage(command: Command, words: tuple[str, ...], said: str) -> None:
    found = command("files", *words)
    assert (found.status, found.out) == (2, "")
    assert said in found.err
