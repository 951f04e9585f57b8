"""`togetherpy embed`"""

import json
import os
from pathlib import Path

import numpy
import pytest
from support.command import Command

from togetherpy.testing._embeddings import vector


def rows_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def row(index: int, text: str) -> dict[str, object]:
    return {"index": index, "text": text, "embedding": vector(text)}


def test_texts_to_lines(command: Command) -> None:
    found = command("embed", "a b", "ü", "-m", "some/model", "--dimensions", 8)
    assert (found.status, found.err) == (0, "")
    assert [(one["index"], one["text"]) for one in rows_of(found.out)] == [(0, "a b"), (1, "ü")]
    assert rows_of(found.out)[1]["embedding"] == vector("ü", 8)
    sent = command.server.requests[0].json
    assert (sent["model"], sent["input"], sent["dimensions"]) == ("some/model", ["a b", "ü"], 8)


@pytest.mark.parametrize("words", [(), ("-",), ("--file", "-"), ("--file", "in.txt")])
def test_lines_to_lines(command: Command, words: tuple[str, ...]) -> None:
    lines = b"\xef\xbb\xbfone\r\ntwo  \nthree"
    Path("in.txt").write_bytes(lines)
    found = command("embed", *words, stdin=lines)
    assert rows_of(found.out) == [row(0, "one"), row(1, "two  "), row(2, "three")]


def test_a_column_of_json_lines(command: Command) -> None:
    Path("in.jsonl").write_text('{"text": "x", "id": 1}\n{"text": "y"}\n')
    assert rows_of(command("embed", "--file", "in.jsonl", "--column", "text").out) == [row(0, "x"), row(1, "y")]
    command("embed", "--file", "in.jsonl", "--column", "name").failed("line 1 of in.jsonl has no text in 'name'")
    command("embed", "--column", "x", stdin=b"[]\n").failed("line 1 of standard input has no text in 'x'")
    command("embed", "--column", "x", stdin=b"{]\n").failed("line 1 of standard input is not JSON")


def test_json_is_one_document(command: Command) -> None:
    assert command("embed", "a", "b", "--json").json == [row(0, "a"), row(1, "b")]


@pytest.mark.parametrize("words", [("-o", "v.npy"), ("-o", "v.bin", "--format", "npy"), ("--format", "npy")])
def test_numpy_reads_the_file(command: Command, words: tuple[str, ...]) -> None:
    texts = [f"text {number}" for number in range(11)]
    found = command("embed", *texts, *words, "--batch-size", 1)
    assert found.status == 0
    if "-o" not in words:
        Path("v.npy").write_bytes(found.data)
    read = numpy.load(words[1] if "-o" in words else "v.npy")
    assert read.dtype == numpy.float32
    assert numpy.array_equal(read, numpy.array([vector(text) for text in texts], numpy.float32))


def test_many_are_sent_some_at_a_time(command: Command) -> None:
    found = command("embed", "-o", "v.jsonl", "--batch-size", 2, stdin=b"".join(b"%d\n" % n for n in range(19)))
    assert found.status == 0
    assert rows_of(Path("v.jsonl").read_text()) == [row(number, str(number)) for number in range(19)]
    assert max(len(request.json["input"]) for request in command.server.requests) == 2
    assert found.err.endswith("v.jsonl: 19 rows\n")
    assert "8/19 rows\n" in found.err


@pytest.mark.parametrize("name", ["v.jsonl", "v.npy"])
def test_a_failure_loses_nothing_that_came(command: Command, name: str) -> None:
    answer = {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}
    command.server.reply(body=answer, times=4)
    command.server.reply(status=401, body={"error": {"message": "no"}}, times=None)
    found = command("embed", "-o", name, "--batch-size", 1, stdin=b"a\nb\nc\nd\ne\n")
    assert (found.status, found.out) == (1, "")
    assert f"{name} has the first 4 of 5 rows\n" in found.err
    if name == "v.npy":
        assert numpy.load(name).tolist() == [[1.0, 2.0]] * 4
    else:
        assert [one["text"] for one in rows_of(Path(name).read_text())] == ["a", "b", "c", "d"]


def test_an_answer_that_lacks_one_is_no_success(command: Command) -> None:
    command.server.reply(body={"data": [{"index": 0, "embedding": [1.0]}, {"index": 1}]})
    found = command("embed", "a", "b")
    assert found.status == 1
    assert rows_of(found.out) == [{"index": 0, "text": "a", "embedding": [1.0]}]
    assert "sent 1 embeddings of 2 texts" in found.err


def test_lengths_that_differ_make_no_numpy_file(command: Command) -> None:
    command.server.reply(body={"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]})
    found = command("embed", "a", "b", "-o", "v.npy")
    assert found.status == 1
    assert "row 1 has 2 numbers, and the first one 1" in found.err
    assert numpy.load("v.npy").shape == (1, 1)


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        ((), b"", "standard input is empty"),
        ((), b"a\n\nb\n", "line 2 of standard input is empty"),
        ((), b"a\0b", "holds zero bytes"),
        ((), b"\x93NUMPY", "is not UTF-8 text"),
        ((), None, "standard input is closed"),
        (("--file", "none.txt"), b"", "none.txt: No such file"),
        (("--file", "."), b"", ".: Is a directory"),
        (("a", "--file", "x"), b"", "not both"),
        (("a", ""), b"", "input[1] is empty"),
        (("a", "--json", "-o", "x.npy"), b"", "--json"),
        (("a", "-o", "."), b"", "is a folder"),
        (("a", "-o", "none/x.npy"), b"", "no folder none"),
        (("a", "-o", "there.npy"), b"", "there.npy is there already; --force"),
    ],
)
def test_bad_input_sends_nothing(command: Command, words: tuple[str, ...], stdin: bytes | None, said: str) -> None:
    Path("there.npy").write_text("mine")
    command("embed", *words, stdin=stdin).failed(said)
    assert command.server.requests == []
    assert Path("there.npy").read_text() == "mine"


def test_force_writes_over(command: Command) -> None:
    Path("there.npy").write_text("mine")
    assert command("embed", "a", "-o", "there.npy", "--force").status == 0
    assert numpy.load("there.npy").shape == (1, 64)


@pytest.mark.parametrize("name", ["there.npy", "there.jsonl"])
def test_what_was_there_is_kept_until_something_has_come(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Path(name).write_text("mine")
    command.server.reply(status=401, body={"error": {"message": "no"}}, times=None)
    command("embed", "a", "-o", name, "--force").failed("401")
    assert command("embed", "a", "-o", f"new-{name}").status == 1
    monkeypatch.setenv("TOGETHER_API_KEY", "")
    command("embed", "a", "-o", name, "--force").failed("TOGETHER_API_KEY is not set")
    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(command: Command, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    command("embed", "a", "-o", "x.npy").failed("cannot be written to")
    assert command.server.requests == []
