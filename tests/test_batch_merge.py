"""Results of the Batch APIs of Together, OpenAI and Groq, merged into the output of a run, which goes on with it."""

import gzip
import json
import os
import signal
import subprocess
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from support.batches import Runner, asked, prompts, read_rows, write_rows
from support.processes import COMMAND, environment, run
from support.testing_helpers import eventually

from togetherpy import batch
from togetherpy.batch import BatchError, merging, result_files
from togetherpy.batch.lock import Lock
from togetherpy.batch.source import FileSource
from togetherpy.testing import LocalServer


def body(text: str = "fine", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    return {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": usage, **more}


def answer(name: Any, text: str = "fine") -> dict[str, Any]:
    return {"id": "br_1", "custom_id": name, "response": {"status_code": 200, "body": body(text)}}


def refusal(name: Any, code: str = "batch_expired") -> dict[str, Any]:
    return {"custom_id": name, "error": {"message": "not done", "code": code}}


def merged(folder: Path, count: int, *files: list[Any], **options: Any) -> batch.MergeSummary:
    """Of `count` prompts and these files' lines, into out.jsonl."""
    source = write_rows(folder / "in.jsonl", prompts(count))
    paths = [write_rows(folder / f"f{number}.jsonl", lines) for number, lines in enumerate(files)]
    return batch.merge(source, paths, folder / "out.jsonl", **options)


def codes(path: Path) -> dict[str, str | None]:
    """What each row failed with."""
    rows = read_rows(path)
    found = {row["custom_id"]: row["error"] and row["error"]["code"] for row in rows}
    assert len(found) == len(rows)
    return found


def texts(path: Path) -> dict[str, str]:
    """What each row was answered."""
    rows = [row for row in read_rows(path) if row["error"] is None]
    return {row["custom_id"]: row["response"]["body"]["choices"][0]["message"]["content"] for row in rows}


def without_times(path: Path) -> list[dict[str, Any]]:
    return [{**row, "finished_at": None} for row in read_rows(path)]


def test_each_row_of_the_input_has_one_line_in_its_order(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{**row, "kept": 1} for row in prompts(4)])
    done = write_rows(tmp_path / "o.jsonl", [answer("c2"), answer("c0"), answer("other")])
    failed = write_rows(tmp_path / "e.jsonl", [refusal("c1")])
    summary = batch.merge(source, [done, failed], tmp_path / "out.jsonl")
    assert list(codes(tmp_path / "out.jsonl").items()) == [
        ("c0", None),
        ("c1", "batch_expired"),
        ("c2", None),
        ("c3", "missing"),
    ]
    rows = read_rows(tmp_path / "out.jsonl")
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert [row["attempts"] for row in rows] == [1, 1, 1, 0]
    assert all(row["columns"] == {"kept": 1} for row in rows)
    assert rows[0]["response"]["body"] == body()
    assert (summary.rows, summary.succeeded, summary.failed, summary.unasked, summary.exit_code) == (4, 2, 2, 1, 3)
    assert summary.failures == {"batch_expired": 1, "missing": 1}
    assert summary.complaints == ['custom_id "other" is in the files and not in the input']
    assert (summary.prompt_tokens, summary.completion_tokens, summary.total_tokens) == (4, 2, 6)


OPENAI = {"id": "batch_req_1", "custom_id": "c0"}
FORMS = {
    "together": ({"id": "br_1", "custom_id": "c0", "response": {"status_code": 200, "body": body()}}, None),
    "together, its error file": (refusal("c0", "500"), ("500", "not done", 500)),
    "openai": ({**OPENAI, "response": {"status_code": 200, "request_id": "r", "body": body()}, "error": None}, None),
    "openai, its error file": (
        {
            **OPENAI,
            "response": {
                "status_code": 400,
                "request_id": "r",
                "body": {
                    "error": {"message": "bad", "type": "invalid_request_error", "param": "messages", "code": None}
                },
            },
            "error": None,
        },
        ("http_400", "bad", 400),
    ),
    "openai, expired": (
        {**OPENAI, "response": None, "error": {"code": "batch_expired", "message": "not in time"}},
        ("batch_expired", "not in time", None),
    ),
    "groq": (
        {**OPENAI, "response": {"status_code": 429, "body": {"error": {"message": "slow", "code": "rate"}}}},
        ("rate", "slow", 429),
    ),
    "a text for an error": ({"custom_id": "c0", "error": "why not"}, ("error", "why not", None)),
    "a body that is a text": (
        {"custom_id": "c0", "response": {"status_code": 502, "body": "Bad gateway"}},
        ("http_502", "Bad gateway", 502),
    ),
    "a status alone": (
        {"custom_id": "c0", "response": {"status_code": 500}},
        ("http_500", "the server gave no answer", 500),
    ),
    "choices beside an error": (
        {
            "custom_id": "c0",
            "response": {"status_code": 200, "body": body()},
            "error": {"code": "late", "message": "m"},
        },
        ("late", "m", None),
    ),
    "choices with another status": (
        {"custom_id": "c0", "response": {"status_code": 400, "body": body(error="no")}, "error": None},
        ("http_400", "no", 400),
    ),
    "no choices": (
        {"custom_id": "c0", "response": {"status_code": 200, "body": {"choices": [], "detail": "empty"}}},
        ("answer", "no choices, but empty", None),
    ),
    "nothing": ({"custom_id": "c0", "response": None, "error": None}, ("answer", "the server gave no answer", None)),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_of_the_services(form: str, tmp_path: Path) -> None:
    line, failure = FORMS[form]
    summary = merged(tmp_path, 1, [line])
    (row,) = read_rows(tmp_path / "out.jsonl")
    if failure is None:
        assert row["error"] is None
        assert row["response"]["body"] == body()
    else:
        assert tuple(row["error"][name] for name in ("code", "message", "http_status")) == failure
    assert (summary.succeeded, summary.failed) == ((1, 0) if failure is None else (0, 1))
    if row["response"] is not None:
        assert row["response"]["request_id"] == line["response"].get("request_id")


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ([answer("c0", "a")], [refusal("c0")], "a"),
        ([refusal("c0")], [answer("c0", "a")], "a"),
        ([answer("c0", "a")], [answer("c0", "b")], "b"),
        ([answer("c0", "a"), answer("c0", "b"), refusal("c0")], [], "b"),
        ([refusal("c0", "first")], [refusal("c0", "then")], "then"),
        ([refusal("c0", "first"), refusal("c0", "then")], [], "then"),
    ],
)
def test_a_success_goes_before_a_failure_and_later_before_earlier(
    first: list[Any], second: list[Any], wins: str, tmp_path: Path
) -> None:
    summary = merged(tmp_path, 1, first, second)
    assert texts(tmp_path / "out.jsonl").get("c0", codes(tmp_path / "out.jsonl")["c0"]) == wins
    assert summary.duplicates == len(first) + len(second) - 1


def test_what_is_no_result_is_said_with_its_line_and_stops_nothing(tmp_path: Path) -> None:
    lines = [
        b"\xef\xbb\xbf" + json.dumps(answer("c0")).encode(),
        b"not JSON",
        b"[1]",
        b"",
        json.dumps(answer("c1")).encode() + b"\r",
        b'{"custom_id": "c2"}',
        b'{"error": "of nobody"}',
        b'{"custom_id": "c2", "response": "text"}',
        b"[" * 5000,
        answer("c2"),
    ]
    source = write_rows(tmp_path / "in.jsonl", prompts(5))
    file = write_rows(tmp_path / "o.jsonl", lines)
    file.write_bytes(file.read_bytes() + json.dumps(answer("c3")).encode() + b'\n{"custom_id": "c4", "resp')
    summary = batch.merge(source, file, tmp_path / "out.jsonl")
    found = codes(tmp_path / "out.jsonl")
    assert found == {"c0": None, "c1": None, "c2": None, "c3": None, "c4": "missing"}
    assert [complaint.partition(": ")[0] for complaint in summary.complaints] == [
        f"{file}, line {number}" for number in (2, 3, 6, 7, 8, 9, 12)
    ]
    assert summary.invalid == 7
    said = [complaint.partition(": ")[2] for complaint in summary.complaints]
    assert (said[2], said[3], said[-1]) == (
        "it has neither response nor error",
        "it has no custom_id",
        "it is cut off",
    )


def test_a_whole_last_line_without_its_end_counts(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(1))
    (tmp_path / "o.jsonl").write_text(json.dumps(answer("c0")))
    assert batch.merge(source, tmp_path / "o.jsonl", tmp_path / "out.jsonl").succeeded == 1


def test_thousands_of_bad_lines_are_counted_and_some_said(tmp_path: Path) -> None:
    summary = merged(tmp_path, 1, [b"bad"] * 3000 + [answer(f"x{number}") for number in range(3000)])
    assert (summary.invalid, summary.unasked, len(summary.complaints)) == (3000, 3000, 40)


def test_compressed_files_and_a_damaged_one(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl.gz"
    source.write_bytes(gzip.compress(write_rows(tmp_path / "i", prompts(300)).read_bytes()))
    first = gzip.compress(write_rows(tmp_path / "o", [answer(f"c{number}") for number in range(100)]).read_bytes())
    noisy = [answer(f"c{number}", os.urandom(200).hex()) for number in range(100, 300)]
    second = gzip.compress(write_rows(tmp_path / "o", noisy).read_bytes())
    (tmp_path / "a.jsonl.gz").write_bytes(first)
    (tmp_path / "b.jsonl.gz").write_bytes(second[: len(second) // 2])
    files = [tmp_path / "b.jsonl.gz", tmp_path / "a.jsonl.gz"]
    summary = batch.merge(source, files, tmp_path / "out.jsonl")
    assert 150 < summary.succeeded < 250
    assert summary.failures == {"missing": 300 - summary.succeeded}
    assert any(complaint.startswith(f"{files[0]}: it is damaged") for complaint in summary.complaints)
    assert not [name for name in os.listdir(tmp_path) if "tmp" in name]


@pytest.mark.skipif(os.name == "nt", reason="pipes as Unix has them")
def test_a_pipe(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(50))
    content = write_rows(tmp_path / "o", [answer(f"c{number}") for number in reversed(range(50))]).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    assert batch.merge(source, tmp_path / "pipe", tmp_path / "out.jsonl").succeeded == 50
    writer.join()


def test_without_an_input_all_rows_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    one = write_rows(tmp_path / "1", [answer("b"), refusal("z"), answer(7)])
    other = write_rows(tmp_path / "2", [answer("a"), refusal("b")])
    summary = batch.merge(None, [one, other], tmp_path / "out.jsonl")
    assert list(codes(tmp_path / "out.jsonl").items()) == [
        ("b", None),
        ("z", "batch_expired"),
        (7, None),
        ("a", None),
    ]
    assert (summary.rows, summary.succeeded, summary.failed, summary.unasked) == (4, 3, 1, 0)
    source = write_rows(tmp_path / "in.jsonl", prompts(1))
    with pytest.raises(batch.BatchError, match=r"the input was not a file and is 'in.jsonl'"):
        batch.merge(source, one, tmp_path / "out.jsonl")


def test_ids_are_compared_as_they_are_meant_and_bodies_kept_as_they_are(tmp_path: Path) -> None:
    source = write_rows(
        tmp_path / "in.jsonl",
        [
            b'{"custom_id": "\\u00e9", "prompt": "x"}',
            '{"custom_id": "ü", "prompt": "x"}'.encode(),
            b'{"custom_id": 7, "prompt": "x"}',
            b'{"prompt": "x"}',
            b'{"custom_id": "bad", "prompt": "x"}',
        ],
    )
    strange = b'{ "choices":[{"message":{"content":"\\ud800 \\u00e9"}}],  "x":1.50e3, "n": 99999999999999999999'
    strange += b', "p": -Infinity}'
    files = write_rows(
        tmp_path / "o",
        [
            '{"custom_id": "é", "response": {"status_code": 200, "body": %s}}'.encode() % strange,
            b'{"custom_id": "\\u00fc", "response": {"status_code": 200, "body": %b}}' % strange,
            b'{"custom_id": 7, "response": {"status_code": 200, "body": %b}}' % strange,
            b'{"custom_id": "row-3", "response": {"status_code": 200, "body": %b}}' % strange,
            b'{"custom_id": "bad", "response": {"status_code": 200, "body": {"choices": [{"t": "\xff\\ud800"}]}}}',
        ],
    )
    summary = batch.merge(source, files, tmp_path / "out.jsonl")
    assert (summary.succeeded, summary.failed) == (5, 0)
    assert (tmp_path / "out.jsonl").read_bytes().count(b'"body":' + strange) == 4
    assert len((tmp_path / "out.jsonl").read_bytes().decode().splitlines()) == 5


def test_a_number_may_have_become_a_text(tmp_path: Path) -> None:
    rows = [{"custom_id": name, "prompt": "x"} for name in (7, "7", 8)]
    file = write_rows(tmp_path / "o", [answer("7", "of the text"), answer("8", "of the number")])
    batch.merge(write_rows(tmp_path / "in", rows), file, tmp_path / "out.jsonl")
    assert texts(tmp_path / "out.jsonl") == {"7": "of the text", 8: "of the number"}


def test_rows_that_could_not_be_asked_say_so(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [b"{", {"custom_id": "a"}, {"custom_id": "b", "prompt": "x"}])
    batch.merge(source, write_rows(tmp_path / "o", [answer("x")]), tmp_path / "out.jsonl")
    rows = read_rows(tmp_path / "out.jsonl")
    assert [row["error"]["code"] for row in rows] == ["invalid_row", "invalid_row", "missing"]
    assert rows[0]["error"]["message"].startswith("line 1: ")


def test_other_inputs(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "o", [answer("row-1"), answer("c1"), answer("c0")])
    lines = tmp_path / "in.txt"
    lines.write_text("one\ntwo\n")
    assert batch.merge(lines, file, tmp_path / "1", text=True).succeeded == 1
    rows = [{"custom_id": "c0", "word": "x"}, {"custom_id": "c2"}]
    made = batch.merge(write_rows(tmp_path / "in", rows), file, tmp_path / "2", template="Say {word}")
    assert (made.succeeded, codes(tmp_path / "2")) == (1, {"c0": None, "c2": "invalid_row"})
    given = batch.merge([*prompts(2), *prompts(1)], file, tmp_path / "3")
    assert (given.rows, codes(tmp_path / "3")) == (3, {"c0": None, "c1": None, "row-2": "invalid_row"})


def test_answers_that_the_output_has_already_stay(tmp_path: Path) -> None:
    merged(tmp_path, 4, [answer("c0", "old"), answer("c1", "old"), refusal("c2", "why")])
    summary = merged(tmp_path, 4, [answer("c0", "new"), refusal("c1"), answer("c3", "new")])
    assert texts(tmp_path / "out.jsonl") == {"c0": "old", "c1": "old", "c3": "new"}
    assert codes(tmp_path / "out.jsonl")["c2"] == "why"  # which says more than that it is missing now
    assert (summary.kept, summary.succeeded, summary.failed) == (2, 3, 1)


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    merged(tmp_path, 9, [answer("c0"), answer("c5")])
    before = (tmp_path / "out.jsonl").read_bytes()
    merged(tmp_path, 9, [answer("c0"), answer("c5")])
    assert (tmp_path / "out.jsonl").read_bytes() == before


def test_failures_apart_and_the_order_of_the_input(tmp_path: Path) -> None:
    merged(tmp_path, 3, [answer("c2")], errors=tmp_path / "bad.jsonl")
    merged(tmp_path, 3, [answer("c0")], errors=tmp_path / "bad.jsonl", sort=True)
    assert list(texts(tmp_path / "out.jsonl")) == ["c0", "c2"]
    assert codes(tmp_path / "bad.jsonl") == {"c1": "missing"}


def test_outputs_of_runs_can_be_merged(tmp_path: Path) -> None:
    merged(tmp_path, 3, [answer("c0", "a"), refusal("c1")])
    os.rename(tmp_path / "out.jsonl", tmp_path / "part.jsonl")
    os.unlink(tmp_path / "out.jsonl.meta.json")
    source = tmp_path / "in.jsonl"
    batch.merge(source, [tmp_path / "part.jsonl", write_rows(tmp_path / "o", [answer("c2")])], tmp_path / "out.jsonl")
    assert codes(tmp_path / "out.jsonl") == {"c0": None, "c1": "batch_expired", "c2": None}


def test_what_cannot_be_merged_is_refused_and_nothing_touched(tmp_path: Path) -> None:
    source, file = write_rows(tmp_path / "in", prompts(2)), write_rows(tmp_path / "o", [answer("c0")])
    twice = write_rows(tmp_path / "twice", [*prompts(1), *prompts(1)])
    foreign = write_rows(tmp_path / "foreign", [{"a": 1}])
    out = tmp_path / "out.jsonl"
    for given, files, output, why in [
        (source, [file], file, "is one of the files to merge"),
        (source, [file], source, "is the input"),
        (source, [tmp_path / "none"], out, f"cannot read {tmp_path / 'none'}: No such file"),
        (tmp_path / "none", [file], out, "cannot read"),
        (twice, [file], out, "comes twice"),
        (source, [file], foreign, "no output of a batch"),
    ]:
        with pytest.raises(batch.BatchError, match=why):
            batch.merge(given, files, output)
    with pytest.raises(ValueError, match="nothing to merge"):
        batch.merge(source, [], out)
    with pytest.raises(ValueError, match="has results, not what was asked"):
        batch.merge(file, [file], out)
    with Lock(os.path.realpath(out)), pytest.raises(batch.BatchError, match="another run is writing"):
        batch.merge(source, [file], out)
    assert read_rows(source) == prompts(2)
    assert read_rows(file) == [answer("c0")]
    assert read_rows(foreign) == [{"a": 1}]
    assert not read_rows(out) if out.exists() else True


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_run_asks_exactly_what_failed(kind: str, tmp_path: Path) -> None:
    expired = [refusal(f"c{number}") for number in range(1, 40, 4)]
    merged(tmp_path, 40, [answer(f"c{number}", "paid") for number in range(0, 40, 2)], expired)
    with LocalServer() as server:
        # With parameters that no file of results names.
        summary = Runner(kind, server)(tmp_path / "in.jsonl", tmp_path / "out.jsonl", system="Be brief.", max_tokens=5)
        assert sorted(asked(server)) == sorted(f"question {number}" for number in range(1, 40, 2))
    assert (summary.rows, summary.skipped, summary.succeeded, summary.failed) == (40, 20, 40, 0)
    found = texts(tmp_path / "out.jsonl")
    assert {name for name, text in found.items() if text == "paid"} == {f"c{number}" for number in range(0, 40, 2)}
    assert len(found) == len(read_rows(tmp_path / "out.jsonl")) == 40
    # What was asked live is known now, and merging once more takes nothing away.
    with LocalServer() as server, pytest.raises(batch.BatchError, match="temperature was None and is 1"):
        Runner(kind, server)(tmp_path / "in.jsonl", tmp_path / "out.jsonl", temperature=1)
    merged(tmp_path, 40, [answer("c1", "late")])
    assert texts(tmp_path / "out.jsonl") == found
    with LocalServer() as server:
        Runner(kind, server)(tmp_path / "in.jsonl", tmp_path / "out.jsonl", system="Be brief.", max_tokens=5)
        assert server.requests == []


def test_whatever_part_of_the_output_is_written_both_go_on(tmp_path: Path) -> None:
    lines = [answer("c1"), refusal("c2"), answer("c3")]
    merged(tmp_path, 4, lines)
    out = tmp_path / "out.jsonl"
    whole, expected = out.read_bytes(), without_times(out)
    for length in range(0, len(whole), 29):
        out.write_bytes(whole[:length])
        merged(tmp_path, 4, lines)
        assert without_times(out) == expected
    with LocalServer() as server:
        for length in range(0, len(whole), 229):
            out.write_bytes(whole[:length])
            assert Runner("sync", server)(tmp_path / "in.jsonl", out).succeeded == 4
            assert codes(out) == {"c0": None, "c1": None, "c2": None, "c3": None}


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
def test_killed_at_several_points_it_goes_on(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(12_000))
    file = write_rows(tmp_path / "o.jsonl", [answer(f"c{number}") for number in range(0, 12_000, 2)])
    out = tmp_path / "out.jsonl"
    words = [*COMMAND, "batch", "merge", str(source), str(file), "-o", str(out)]
    killed = 0
    for size in (1, 100_000, 1_000_000):
        with subprocess.Popen(words, env=environment(), stderr=subprocess.DEVNULL) as process:
            eventually(lambda size=size: (out.exists() and out.stat().st_size >= size) or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
            killed += process.wait(60) == -signal.SIGKILL
    assert killed
    result = run(*words)
    assert result.returncode == 3, result.stderr
    assert [row["index"] for row in read_rows(out)] == list(range(12_000))
    assert len(texts(out)) == 6_000
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "o.jsonl", "out.jsonl", "out.jsonl.meta.json"]


def test_memory_does_not_grow_with_the_bodies(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(1500))
    file = write_rows(tmp_path / "o.jsonl", [answer(f"c{number}", "x" * 20_000) for number in range(1500)])
    batch.merge(source, file, tmp_path / "before.jsonl")  # what is loaded once is loaded
    tracemalloc.start()
    try:
        batch.merge(source, file, tmp_path / "out.jsonl")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6_000_000 < file.stat().st_size / 4


def command(*words: Any) -> tuple[int, str]:
    result = run(*COMMAND, "batch", "merge", *map(str, words), TOGETHER_API_KEY="")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return result.returncode, result.stderr


def test_the_command(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(3))
    file = write_rows(tmp_path / "o.jsonl", [answer("c0"), answer("c1"), answer("x"), b"torn"])
    code, said = command(source, file, "-o", tmp_path / "out.jsonl")
    assert code == 3
    bad, unasked, whole, again = said.splitlines()
    assert bad.startswith(f"togetherpy: {file}, line 4: ")
    assert unasked == 'togetherpy: custom_id "x" is in the files and not in the input'
    assert whole.startswith("togetherpy: 3 rows: 2 answered, 1 failed (1 missing); results nobody asked for: 1; ")
    assert whole.endswith("; lines that are no result: 1")
    assert again.endswith(f"togetherpy batch run {source} -o {tmp_path / 'out.jsonl'} --model M")
    write_rows(file, [answer("c2")])
    code, said = command(source, file, "-o", tmp_path / "out.jsonl")
    assert (code, said) == (0, "togetherpy: 3 rows: 3 answered (2 of them before), 0 failed\n")
    assert command("--no-input", file, "-o", tmp_path / "all.jsonl") == (
        0,
        "togetherpy: 1 rows: 1 answered, 0 failed\n",
    )
    assert command(file, file, "-o", tmp_path / "more.jsonl")[0] == 2
    assert command(source, "-o", tmp_path / "more.jsonl")[0] == 2
    assert command(source, tmp_path / "none", "-o", tmp_path / "more.jsonl")[0] == 1
    assert not (tmp_path / "more.jsonl").exists()


def test_more_files_than_may_be_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_files, "_MAX_OPEN", 3)
    source = write_rows(tmp_path / "in.jsonl", prompts(10))
    files = [write_rows(tmp_path / f"{n}.jsonl", [answer(f"c{n}"), answer(f"c{9 - n}")]) for n in range(10)]
    files[5].rename(files[5].with_suffix(".gz"))
    files[5] = files[5].with_suffix(".gz")
    files[5].write_bytes(gzip.compress(files[5].read_bytes()))
    with result_files.ResultFiles(map(str, files), str(tmp_path)) as found:
        assert len(found._open) == 3
    assert batch.merge(source, files, tmp_path / "out.jsonl").succeeded == 10


@pytest.mark.parametrize(("owner", "name"), [(merging, "line_of"), (FileSource, "check")])
def test_a_run_waits_for_the_end_of_a_merge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(4))
    file, out = write_rows(tmp_path / "o.jsonl", [answer(f"c{number}") for number in range(3)]), tmp_path / "out.jsonl"

    def ended(*_: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, ended)
        with pytest.raises(KeyboardInterrupt):
            batch.merge(source, file, out)
    with LocalServer() as server:
        run_again = Runner("sync", server)
        with pytest.raises(BatchError, match="call the same merge again first"):
            run_again(source, out)
        assert not server.requests
        assert batch.merge(source, file, out).succeeded == 3
        assert run_again(source, out).skipped == 3
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, ended)
            with pytest.raises(KeyboardInterrupt):
                batch.merge(source, file, tmp_path / "other.jsonl")
        assert run_again(source, tmp_path / "other.jsonl", force=True).succeeded == 4
        assert run_again(source, tmp_path / "other.jsonl").skipped == 4
