"""`togetherpy.batch.run` and `arun`: inputs, lines, resuming, and what is refused."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.answers import completion
from support.batches import KEY, Runner, asked, prompts, read_rows, write_rows
from support.processes import run as run_process

from togetherpy import APIConnectionError, Together, batch
from togetherpy.batch import BatchError, BatchSummary, StalledError, SystemicError
from togetherpy.batch.envelope import line_of
from togetherpy.batch.lock import Lock
from togetherpy.batch.rows import Form, read_lines
from togetherpy.testing import LocalServer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, server: LocalServer) -> Runner:
    return Runner(request.param, server)


def counts(summary: BatchSummary) -> tuple[int, int, int, int]:
    return summary.rows, summary.succeeded, summary.failed, summary.skipped


def by_index(path: Path) -> list[dict[str, Any]]:
    return sorted(read_rows(path), key=lambda row: row["index"])


# Inputs


def test_every_form_of_a_row(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    said = [{"role": "user", "content": "one"}]
    rows = [
        {"custom_id": "a", "body": {"messages": said, "temperature": 0.1, "model": "own"}},
        {"custom_id": "b", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": said}},
        {"messages": said, "label": 1, "deep": {"x": [1, None]}},
        {"prompt": "two", "source": "Ünïcode \u2028"},
        {"custom_id": None, "prompt": "three", "messages": None},
    ]
    out = tmp_path / "out.jsonl"
    summary = run(write_rows(tmp_path / "in.jsonl", rows), out, temperature=0.7, max_tokens=5)
    assert counts(summary) == (5, 5, 0, 0)
    lines = by_index(out)
    assert [line["custom_id"] for line in lines] == ["a", "b", "row-2", "row-3", "row-4"]
    assert [line["columns"] for line in lines[:4]] == [
        {},
        {},
        {"label": 1, "deep": {"x": [1, None]}},
        {"source": "Ünïcode \u2028"},
    ]
    sent = sorted((request.json for request in server.requests), key=lambda body: body["temperature"])
    assert [body["temperature"] for body in sent] == [0.1, 0.7, 0.7, 0.7, 0.7]
    assert {body["model"] for body in sent} == {"own", "m"}
    assert {body["max_tokens"] for body in sent} == {5}


def test_a_line(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    choice = b'{"finish_reason":"stop", "message": {"content": "\\ud83d \\u00e9"}}'
    body = b'{ "id": "x",\n  "choices": [ ' + choice + b' ],"new":1.50 }\r\n'
    server.reply(body=body, headers={"x-request-id": "req-7"})
    out = tmp_path / "out.jsonl"
    run([{"custom_id": 7, "prompt": "x", "k": 1}], out)
    raw = out.read_bytes()
    assert body.replace(b"\n", b" ").replace(b"\r", b" ") in raw
    assert raw.count(b"\n") == 1
    line = json.loads(raw)
    assert list(line) == [
        "id",
        "custom_id",
        "response",
        "error",
        "index",
        "attempts",
        "seconds",
        "finished_at",
        "columns",
    ]
    assert (line["custom_id"], line["error"], line["index"], line["attempts"]) == (7, None, 0, 1)
    assert line["response"]["status_code"] == 200
    assert line["response"]["request_id"] == "req-7"
    assert line["finished_at"].endswith("Z")


@pytest.mark.fault("I15")
def test_a_failed_line(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    error = {"message": "too long", "type": "invalid_request_error", "param": "max_tokens", "code": "bad"}
    server.reply(status=400, body={"error": error})
    out = tmp_path / "out.jsonl"
    assert counts(run([{"prompt": "x"}], out)) == (1, 0, 1, 0)
    (line,) = read_rows(out)
    assert line["response"] is None
    assert {**line["error"], "message": ""} == {**error, "message": "", "http_status": 400}
    assert "too long" in line["error"]["message"]


@pytest.mark.parametrize(
    "body", [b'{"id": "x"}', b'{"choices": []}', b'{"choices": null}', b'{"error": null, "status": 400}']
)
def test_an_answer_without_choices_is_no_success(run: Runner, server: LocalServer, tmp_path: Path, body: bytes) -> None:
    server.reply(body=body)
    out = tmp_path / "out.jsonl"
    assert run([{"prompt": "x"}], out).exit_code == 3
    (line,) = read_rows(out)
    assert line["error"]["message"]
    assert line["response"]["body"] == json.loads(body)  # it may have been paid for


@pytest.mark.fault("I10")
def test_bad_lines_are_failed_rows(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    rows: list[Any] = [
        {"prompt": "good"},
        b"{not json",
        b"[1]",
        b"\xff\xfe",
        {"other": 1},
        {"prompt": 5},
        {"body": 5},
        {"url": "/v1/embeddings", "body": {}},
        {"custom_id": {"a": 1}, "prompt": "x"},
        {"body": {"messages": [], "extra_headers": {"Authorization": "other"}}},
        b'{"custom_id": "\xff", "prompt": "x"}',
        b'{"prompt": "x", "note": "\xff"}',
        {"body": {"model": ["m"], "messages": [{"role": "user", "content": "x"}]}},
        b'{"prompt": "\\ud83d"}',
        b"",
        {"prompt": "good, too"},
    ]
    out = tmp_path / "out.jsonl"
    summary = run(write_rows(tmp_path / "in.jsonl", rows), out)
    assert counts(summary) == (15, 2, 13, 0)
    assert sorted(asked(server)) == ["good", "good, too"]
    lines = by_index(out)
    for number, line in zip(range(2, 15), lines[1:14], strict=True):
        assert line["error"]["code"] == "invalid_row"
        assert f"line {number}:" in line["error"]["message"]
    assert lines[14]["error"] is None


def test_text(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    lines = [f"question {number} \u2028 \x0c end" for number in range(10_000)]
    data = "\ufeff" + "\r\n".join(line if number % 100 else f"\r\n   \r\n{line}" for number, line in enumerate(lines))
    source, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_bytes(data.encode())
    server.reply(body=completion("x"), times=None)
    summary = run(source, out, text=True, max_tokens=1)
    assert counts(summary) == (10_000, 10_000, 0, 0)
    assert sorted(asked(server)) == sorted(lines)
    assert [row["index"] for row in by_index(out)] == list(range(10_000))


def test_gzip(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl"
    source.write_bytes(gzip.compress(b'{"prompt": "packed"}\n{"prompt": "last"}'))
    assert counts(run(source, out)) == (2, 2, 0, 0)
    source.write_bytes(source.read_bytes()[:-12])
    with pytest.raises(BatchError, match=r"in\.jsonl\.gz"):
        run(source, out)


def test_a_template_and_a_system_prompt(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    rows = [{"text": "Tag", "to": "English", "n": 3}, {"text": "x"}]
    out = tmp_path / "out.jsonl"
    template = "Translate {text} into {to} {{{n}}}"
    assert counts(run(rows, out, template=template, system="Be short.")) == (2, 1, 1, 0)
    (request,) = server.requests
    assert request.json["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Translate Tag into English {3}"},
    ]
    good, bad = by_index(out)
    assert good["columns"] == rows[0]
    assert "'to'" in bad["error"]["message"]


def test_a_rows_own_system_prompt_is_the_only_one(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    said = [{"role": "system", "content": "own"}, {"role": "user", "content": "x"}]
    run([{"messages": said}], tmp_path / "out.jsonl", system="for all")
    assert server.requests[0].json["messages"] == said


@pytest.mark.parametrize("template", ["no column", "{}", "{0}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{a", "a}"])
def test_templates_that_are_none(template: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="template"):
        batch.run([], tmp_path / "out.jsonl", template=template)


def test_an_async_iterable(server: LocalServer, tmp_path: Path) -> None:
    async def rows() -> AsyncIterator[Any]:
        for row in prompts(20):
            await asyncio.sleep(0)
            yield row

    assert counts(Runner("async", server)(rows(), tmp_path / "out.jsonl")) == (20, 20, 0, 0)
    with pytest.raises(TypeError, match="arun"):
        Runner("sync", server)(rows(), tmp_path / "out2.jsonl")


def test_a_large_row(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    big = "x" * 30_000_000
    server.reply(body=completion("x"), times=None)
    out = tmp_path / "out.jsonl"
    summary = run(write_rows(tmp_path / "in.jsonl", [{"prompt": "a"}, {"prompt": big}, {"prompt": "b"}]), out)
    assert counts(summary) == (3, 3, 0, 0)
    assert {len(text) for text in asked(server)} == {1, 30_000_000}


# Resuming


def test_finished_rows_are_not_sent_again(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(50)), tmp_path / "out.jsonl"
    first = run(source, out, limit=20)
    assert counts(first) == (20, 20, 0, 0)
    before = out.read_bytes()
    assert counts(run(source, out)) == (50, 50, 0, 20)
    assert out.read_bytes().startswith(before)
    assert sorted(asked(server)) == sorted(row["prompt"] for row in prompts(50))
    assert counts(run(source, out)) == (50, 50, 0, 50)
    assert len(server.requests) == 50


@pytest.mark.fault("I9")
def test_failed_rows_are_sent_again_and_stand_there_once(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(5)), tmp_path / "out.jsonl"
    server.reply(status=422, body={"error": {"message": "no"}}, times=2)
    assert counts(run(source, out)) == (5, 3, 2, 0)
    assert counts(run(source, out)) == (5, 5, 0, 3)
    rows = read_rows(out)
    assert sorted(row["custom_id"] for row in rows) == [f"c{number}" for number in range(5)]
    assert all(row["error"] is None for row in rows)


@pytest.mark.fault("I8")
def test_changed_rows_run_again(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = prompts(5)
    run(write_rows(source, rows), out)
    rows[2]["prompt"] = "something else"
    assert counts(run(write_rows(source, rows), out)) == (5, 5, 0, 4)
    assert asked(server)[5:] == ["something else"]
    assert len(read_rows(out)) == 5
    assert counts(run(source, out)) == (5, 5, 0, 5)


def test_a_row_that_was_changed_and_changed_back(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    """And each time the run was killed, so that both answers stand in the output."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    first, second = [{"custom_id": "a", "prompt": "first"}], [{"custom_id": "a", "prompt": "second, changed"}]
    run(write_rows(source, first), out)
    kept = out.read_bytes()
    run(write_rows(source, second), out)
    out.write_bytes(kept + out.read_bytes())
    assert counts(run(write_rows(source, first), out)) == (1, 1, 0, 0)
    assert asked(server) == ["first", "second, changed", "first"]
    assert len(read_rows(out)) == 1


def test_rows_may_come_to_an_input_and_go(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    run(write_rows(source, prompts(5)), out)
    assert counts(run(write_rows(source, prompts(5, start=3)), out)) == (5, 5, 0, 2)
    assert sorted(row["custom_id"] for row in read_rows(out)) == [f"c{number}" for number in range(8)]


def test_keys_are_the_same_after_a_resume_and_others_after_a_restart(
    run: Runner, server: LocalServer, tmp_path: Path
) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(1)), tmp_path / "out.jsonl"
    server.reply(status=422)
    run(source, out)
    run(source, out)
    run(source, out, restart=True)
    first, second, third = (request.headers["idempotency-key"] for request in server.requests)
    assert first == second != third


@pytest.mark.fault("I3")
@pytest.mark.parametrize("cut", [1, 2, 40, "all but the first byte"])
def test_a_torn_line_is_cut_off(run: Runner, server: LocalServer, tmp_path: Path, cut: Any) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(3)), tmp_path / "out.jsonl"
    run(source, out)
    data = out.read_bytes()
    last = len(data.split(b"\n")[-2])
    out.write_bytes(data[: -(cut if isinstance(cut, int) else last)])
    again = 0 if cut == 1 else 1  # a line that lacks only its end is whole
    assert counts(run(source, out)) == (3, 3, 0, 3 - again)
    assert len(server.requests) == 3 + again
    assert len({row["custom_id"] for row in read_rows(out)}) == len(read_rows(out)) == 3


def test_a_torn_first_line(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(1)), tmp_path / "out.jsonl"
    run(source, out)
    out.write_bytes(out.read_bytes()[:30])
    assert counts(run(source, out)) == (1, 1, 0, 0)
    assert len(read_rows(out)) == 1


def test_errors_in_a_file_of_their_own(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out, errors = write_rows(tmp_path / "in.jsonl", prompts(4)), tmp_path / "o.jsonl", tmp_path / "e.jsonl"
    server.reply(status=422, times=2)
    assert counts(run(source, out, errors=errors)) == (4, 2, 2, 0)
    assert (len(read_rows(out)), len(read_rows(errors))) == (2, 2)
    server.reply(status=422)
    assert counts(run(source, out, errors=errors)) == (4, 3, 1, 2)
    assert (len(read_rows(out)), len(read_rows(errors))) == (3, 1)


def test_sorted(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(60)), tmp_path / "out.jsonl"
    server.reply(delay=0.2)
    server.reply(status=422)
    run(source, out)
    assert [row["index"] for row in read_rows(out)] != list(range(60))
    run(source, out, sort=True)
    assert [row["index"] for row in read_rows(out)] == list(range(60))


def test_only_texts(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(3)), tmp_path / "out.txt"
    for text in ("one", "two\nlines \\", ""):
        server.reply(body=completion(text))
    run(source, out, only_text=True, concurrency=1)
    assert out.read_text() == "one\ntwo\\nlines \\\\\n\n"
    run(source, out, only_text=True)
    assert len(server.requests) == 3


# What is refused


@pytest.mark.fault("I8")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "other"}, r"model was 'm' and is 'other'"),
        ({"temperature": 0.5}, r"temperature was None and is 0\.5"),
        ({"system": "x"}, "system was None"),
        ({"text": True}, "text was False"),
        ({"extra_headers": {"x-secret": "s3cr3t"}}, "extra_headers"),
    ],
)
def test_other_parameters_are_refused(
    run: Runner, server: LocalServer, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(1)), tmp_path / "out.jsonl"
    run(source, out)
    with pytest.raises(BatchError, match=words) as caught:
        run(source, out, **change)
    assert "s3cr3t" not in str(caught.value)
    assert len(server.requests) == 1
    assert counts(run(source, out, force=True, **change))[0] == 1
    run(source, out, restart=True, **change)
    assert "s3cr3t" not in (tmp_path / "out.jsonl.meta.json").read_text()


@pytest.mark.fault("I8")
def test_another_input_is_refused(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    run(write_rows(tmp_path / "in.jsonl", prompts(1)), out)
    with pytest.raises(BatchError, match=r"the input was 'in.jsonl' and is 'other.jsonl'"):
        run(write_rows(tmp_path / "other.jsonl", prompts(1)), out)


@pytest.mark.fault("I4")
def test_two_runs_on_one_output(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(1)), tmp_path / "out.jsonl"
    link = tmp_path / "link.jsonl"
    link.symlink_to(out)
    with Lock(str(out)):
        for name in (out, link):
            with pytest.raises(BatchError, match="another run"):
                run(source, name)
    run(source, out)
    assert not (tmp_path / "out.jsonl.lock").exists()
    errors = tmp_path / "errors.jsonl"
    with Lock(str(errors)), pytest.raises(BatchError, match="another run"):
        run(source, out, errors=errors)


@pytest.mark.parametrize("way", ["same", "symlink", "hard link", "dots"])
def test_the_input_is_no_output(run: Runner, server: LocalServer, tmp_path: Path, way: str) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(1))
    out = tmp_path / "out.jsonl"
    if way == "symlink":
        out.symlink_to(source)
    elif way == "hard link":
        os.link(source, out)
    else:
        out = source if way == "same" else tmp_path / "x" / ".." / "in.jsonl"
        (tmp_path / "x").mkdir()
    before = source.read_bytes()
    with pytest.raises(BatchError, match="is the input"):
        run(source, out, restart=True)
    assert source.read_bytes() == before


def test_a_file_of_somebody_else_is_not_touched(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(1)), tmp_path / "notes.txt"
    out.write_text("my notes, without a line end")
    with pytest.raises(BatchError, match="no output of a batch"):
        run(source, out)
    assert out.read_text() == "my notes, without a line end"


@pytest.mark.fault("I7")
def test_a_custom_id_twice_in_a_file(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [*prompts(5), {"custom_id": "c2", "prompt": "again"}])
    with pytest.raises(BatchError, match='"c2" of line 6'):
        run(source, tmp_path / "out.jsonl")
    assert server.requests == []


@pytest.mark.fault("I7")
def test_a_custom_id_twice_in_a_stream(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert counts(run([*prompts(3), *prompts(1)], out)) == (4, 3, 1, 0)
    (bad,) = [row for row in read_rows(out) if row["error"]]
    assert (bad["index"], bad["custom_id"]) == (3, "row-3")
    assert "c0" in bad["error"]["message"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"stall": 0}, "stall"),
        ({"limit": -1}, "limit"),
        ({"stream": True}, "stream"),
        ({"messages": []}, "messages"),
        ({"max_retries": "2"}, "max_retries"),
        ({"rpm": -3}, "rpm"),
        ({"tpm": "9"}, "tpm"),
        ({"share": 7}, "share"),
        ({"max_cost": float("nan")}, "max_cost"),
        ({"max_cost": -1}, "max_cost"),
        ({"model": ""}, "model"),
    ],
)
def test_arguments_that_cannot_be_meant(run: Runner, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        run([], tmp_path / "out.jsonl", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_finish_reason_that_nobody_knows(run: Runner, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="'lenght' is no finish reason that is known: .*length"):
        run(prompts(1), tmp_path / "out.jsonl", fail_on="lenght,stop")


def test_an_output_that_would_have_to_be_compressed(run: Runner, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="compress it afterwards"):
        run(prompts(1), tmp_path / "out.jsonl.gz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("report", ["summary", "plot"])
@pytest.mark.parametrize("name", ["in.jsonl", "out.jsonl", "link", "out.jsonl.meta.json", "errors.jsonl"])
def test_a_report_takes_no_other_files_place(run: Runner, tmp_path: Path, report: str, name: str) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(2))
    (tmp_path / "link").symlink_to(source)
    before = source.read_bytes()
    with pytest.raises(BatchError, match=f"the {report} .* another file of this run"):
        run(source, tmp_path / "out.jsonl", errors=tmp_path / "errors.jsonl", **{report: tmp_path / name})
    assert source.read_bytes() == before
    assert run.server.requests == []


def test_a_report_that_cannot_be_written_is_refused_first(run: Runner, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="no such folder"):
        run(prompts(2), tmp_path / "out.jsonl", plot=tmp_path / "none" / "p.svg")
    assert run.server.requests == []


def test_other_parameters_when_nothing_is_answered_yet(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(3)), tmp_path / "out.jsonl"
    assert counts(run(source, out, timeout=[])) == (3, 0, 3, 0)
    assert {(row["attempts"], row["seconds"]) for row in read_rows(out)} == {(0, 0.0)}  # nothing was sent
    summary = run(source, out, model="m")
    assert counts(summary) == (3, 3, 0, 0)
    assert len(read_rows(out)) == 3
    with pytest.raises(BatchError, match="model was 'm' and is 'm2'"):
        run(source, out, model="m2")


def test_a_closed_client(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    client = Together(api_key=KEY, base_url=server.base_url)
    client.close()
    with pytest.raises(APIConnectionError, match="closed"):
        run(prompts(1), tmp_path / "out.jsonl", client=client)
    assert server.requests == []


@pytest.mark.fault("I7")
def test_a_custom_id_twice_however_it_is_escaped(run: Runner, tmp_path: Path) -> None:
    rows = [b'{"custom_id": "a\\u00e9", "prompt": "x"}', '{"custom_id": "aé", "prompt": "y"}'.encode()]
    with pytest.raises(BatchError, match="of line 2 comes twice"):
        run(write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")


@pytest.mark.parametrize("given", [5, b"in.jsonl", {"prompt": "x"}, None])
def test_what_is_no_input(run: Runner, tmp_path: Path, given: Any) -> None:
    with pytest.raises(TypeError, match="input"):
        run(given, tmp_path / "out.jsonl")


def test_an_input_that_is_not_there(run: Runner, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"none\.jsonl: No such file"):
        run(tmp_path / "none.jsonl", tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


# Failures


@pytest.mark.fault("I13")
def test_401_in_the_middle_stops_and_can_be_gone_on_with(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(1000)), tmp_path / "out.jsonl"
    for _ in range(10):
        server.reply(body=completion("fine"))
    server.reply(status=401, body={"error": {"message": "revoked"}}, times=None)
    with pytest.raises(SystemicError, match="revoked") as caught:
        run(source, out)
    assert len(server.requests) < 60
    summary = caught.value.summary
    assert summary is not None
    assert (summary.succeeded, summary.exit_code) == (10, 1)
    assert "revoked" in str(summary.stopped)
    server.reset()
    assert counts(run(source, out)) == (1000, 1000, 0, 10)


@pytest.mark.fault("I12")
def test_a_poisoned_row(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(3)), tmp_path / "out.jsonl"
    server.reply(status=500, times=3)
    summary = run(source, out, max_retries=2, concurrency=1)
    assert counts(summary) == (3, 2, 1, 0)
    assert summary.retries == {"500": 2}
    (bad,) = [row for row in read_rows(out) if row["error"]]
    assert (bad["custom_id"], bad["attempts"], bad["error"]["http_status"]) == ("c0", 3, 500)


def test_a_stalled_run_can_be_gone_on_with(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(3)), tmp_path / "out.jsonl"
    server.reply(status=503, times=None)
    with pytest.raises(StalledError) as caught:
        run(source, out, stall=0.3)
    assert caught.value.exit_code == 4
    server.reset()
    assert counts(run(source, out)) == (3, 3, 0, 0)


def test_a_server_that_dies_and_comes_back(tmp_path: Path) -> None:
    server = LocalServer(delay=0.01).start()
    seen = 0

    def rows() -> Iterator[Any]:
        nonlocal seen, server
        for row in prompts(60):
            seen += 1
            if seen == 30:
                port = server.port
                server.close()
                server = LocalServer(port=port)
                yield row
                server.start()
            else:
                yield row

    with Together(api_key=KEY, base_url=server.base_url) as client:
        summary = batch.run(rows(), tmp_path / "out.jsonl", client=client, model="m", concurrency=4)
    server.close()
    assert counts(summary) == (60, 60, 0, 0)
    assert len({row["custom_id"] for row in read_rows(tmp_path / "out.jsonl")}) == 60


def test_a_server_that_was_never_there(run: Runner, tmp_path: Path) -> None:
    run.server.close()
    with pytest.raises(SystemicError, match="refused"):
        run(prompts(50), tmp_path / "out.jsonl", max_retries=0)


def test_the_clock_set_back(run: Runner, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(2_000_000_000, 0, -100_000))
    monkeypatch.setattr("togetherpy.batch.filerun.time.time", lambda: float(next(times)))
    out = tmp_path / "out.jsonl"
    summary = run(prompts(20), out)
    assert counts(summary) == (20, 20, 0, 0)
    assert all(row["seconds"] >= 0 for row in read_rows(out))
    assert summary.seconds > 0


def test_fail_on(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    answer = completion("cut")
    answer["choices"][0]["finish_reason"] = "length"
    server.reply(body=answer)
    out = tmp_path / "out.jsonl"
    assert counts(run(prompts(1), out, fail_on="length,content_filter")) == (1, 0, 1, 0)
    (line,) = read_rows(out)
    assert line["error"]["code"] == "length"
    assert line["response"]["body"]["choices"][0]["message"]["content"] == "cut"
    assert counts(run(prompts(1), out)) == (1, 1, 0, 0)


def test_a_bound_of_tokens(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    server.reply(body=completion("x"), times=None)  # of three tokens each
    with pytest.raises(BatchError, match="tokens are used") as caught:
        run(prompts(100), tmp_path / "out.jsonl", max_total_tokens=30, concurrency=1)
    assert caught.value.summary is not None
    assert caught.value.summary.total_tokens == 30
    assert len(server.requests) == 10


def test_a_bound_of_cost(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    server.reply(body=[{"id": "m", "pricing": {"input": 1.0, "output": 2.0}}, {"id": "free", "pricing": {"input": 0}}])
    server.reply(body=completion("x"), times=None)  # a token in, two out: five millionths
    with pytest.raises(BatchError, match="spent") as caught:
        run(prompts(100), tmp_path / "out.jsonl", max_cost=0.000024, concurrency=1)
    assert caught.value.summary is not None
    assert caught.value.summary.cost == pytest.approx(0.000025)
    assert len(server.requests) == 6  # the list of models among them
    server.reset()
    server.reply(body=[{"id": "free", "pricing": {"input": 0}}])
    with pytest.raises(BatchError, match="no price for free"):
        run(prompts(1), tmp_path / "out2.jsonl", max_cost=1, model="free")


def test_a_summary_and_a_drawing(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    server.reply(status=500)
    summary = run(
        prompts(40), tmp_path / "out.jsonl", summary=tmp_path / "s.json", plot=tmp_path / "p.svg", concurrency=2
    )
    written = json.loads((tmp_path / "s.json").read_text())
    assert written["rows"] == summary.rows == 40
    assert written["retries"] == {"500": 1}
    assert written["total_tokens"] == summary.prompt_tokens + summary.completion_tokens > 0
    assert list(written["latency"]) == ["p50", "p95", "p99"]
    assert list(written["limits"]) == ["m"]
    drawing = (tmp_path / "p.svg").read_text()
    assert drawing.startswith("<svg")
    assert drawing.count("<polyline") == 3


# The disk


@pytest.mark.fault("I5")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a file that is always full is Linux's")
def test_a_full_disk(run: Runner, server: LocalServer) -> None:
    with pytest.raises(BatchError, match="No space left") as caught:
        run(prompts(50), "/dev/full", concurrency=1)
    assert caught.value.summary is not None
    assert caught.value.summary.succeeded == 0
    assert caught.value.summary.maybe_billed == len(server.requests) == 1  # its answer is lost


def test_an_output_that_cannot_be(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "out.jsonl", tmp_path):
        with pytest.raises(BatchError, match="cannot write"):
            run(prompts(1), path)
    assert server.requests == []


def test_fsync(run: Runner, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("togetherpy.batch.output.os.fsync", synced.append)
    run(prompts(5), tmp_path / "out.jsonl", fsync=True)
    assert len(synced) >= 5


def test_what_the_callers_iterable_raises_comes_after_what_is_finished(run: Runner, tmp_path: Path) -> None:
    def rows() -> Iterator[Any]:
        yield from prompts(3)
        raise LookupError("the database is gone")

    out = tmp_path / "out.jsonl"
    with pytest.raises(LookupError, match="database"):
        run(rows(), out)
    assert len(read_rows(out)) == 3


def test_cancelling_ends_it_and_it_can_be_gone_on_with(server: LocalServer, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    async def main() -> None:
        with Together(api_key=KEY, base_url=server.base_url) as client:
            going = asyncio.create_task(batch.arun(prompts(100), out, client=client, model="m"))
            while not server.requests:
                await asyncio.sleep(0.001)
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going

    server.reply(delay=60)
    asyncio.run(main())
    assert not (tmp_path / "out.jsonl.lock").exists()
    server.reset()
    assert Runner("async", server)(prompts(100), out).succeeded == 100


PEAK = """
import re, sys
from togetherpy import Together, batch
client = Together(api_key="k", base_url="http://127.0.0.1:9/v1")
summary = batch.run(sys.argv[1], sys.argv[2], client=client, model="m")
assert summary.skipped == summary.rows == int(sys.argv[3])
print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read()).group(1))
"""


@pytest.mark.fault("I11")
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory_does_not_grow_with_finished_rows(tmp_path: Path) -> None:
    peaks: list[int] = []
    for count in (1_000, 100_000):
        source, out = tmp_path / f"{count}.jsonl", tmp_path / f"{count}.out.jsonl"
        write_rows(source, prompts(count))
        with source.open("rb") as rows, out.open("wb") as lines:
            for row in read_lines(rows, Form()):
                lines.write(
                    line_of(
                        row,
                        status=200,
                        request_id=None,
                        body=b'{"choices":[{}]}',
                        failure=None,
                        attempts=1,
                        seconds=0.1,
                        finished_at=0.0,
                    )
                )
        done = run_process(sys.executable, "-c", PEAK, str(source), str(out), str(count))
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 6_000  # kilobytes, for 100,000 rows


# Models


def test_where_no_row_has_a_model_nothing_is_begun(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    body = {"messages": [{"role": "user", "content": "x"}]}
    out = tmp_path / "out.jsonl"
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": "x"}, {"body": body}, b"{", {"messages": []}])
    with pytest.raises(
        ValueError, match=r"no row of .*in\.jsonl can be sent: it names no model, and no model is given"
    ):
        run(source, out, model=None)
    assert not out.exists()
    with pytest.raises(BatchError, match="row 0: it names no model") as caught:
        run([{"prompt": "x"}, {"body": {**body, "model": "m"}}], out, model=None)  # the others are not known yet
    assert caught.value.summary is not None
    assert server.requests == []
    assert run(source, tmp_path / "whole.jsonl").failed == 2


def test_a_row_without_a_model_among_others_fails(run: Runner, server: LocalServer, tmp_path: Path) -> None:
    own = {"body": {"messages": [{"role": "user", "content": "x"}], "model": "own"}}
    for given in (write_rows(tmp_path / "in.jsonl", [{"prompt": "x"}, own]), [own, {"prompt": "x"}]):
        out = tmp_path / f"{len(server.requests)}.jsonl"
        summary = run(given, out, model=None)
        assert counts(summary) == (2, 1, 1, 0)
        (bad,) = [row for row in read_rows(out) if row["error"]]
        assert "names no model" in bad["error"]["message"]
    assert {request.json["model"] for request in server.requests} == {"own"}


def test_an_input_without_rows_needs_no_model(run: Runner, tmp_path: Path) -> None:
    assert run(write_rows(tmp_path / "in.jsonl", []), tmp_path / "out", model=None).rows == 0
