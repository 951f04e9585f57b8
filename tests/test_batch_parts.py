"""The parts of `togetherpy.batch`, each by itself."""

import io
import json
import os
import random
import sys
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.clients import Loop
from support.processes import PYTHON, run

from togetherpy import error as errors
from togetherpy._core.wire import Headers
from togetherpy.batch import descriptors, plot, settle
from togetherpy.batch.identity import Digests, digest
from togetherpy.batch.jobs.bar import Bar
from togetherpy.batch.jobs.report import Jobs, JobState
from togetherpy.batch.output import Output, read_output
from togetherpy.batch.plot import Sample, Samples
from togetherpy.batch.prices import Prices
from togetherpy.batch.progress import Progress, Rates, Standing
from togetherpy.batch.rows import Form, read_lines, unfinished
from togetherpy.batch.tally import Tally
from togetherpy.batch.template import Template
from togetherpy.batch.verdict import Verdict, judge
from togetherpy.types.models import ModelObject, PricingObject

# Identity


def test_a_digest_is_the_same_everywhere() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    code = "from togetherpy.batch.identity import digest; print(digest(b'x', b'y'))"
    assert int(run(*PYTHON, "-c", code, PYTHONHASHSEED="1").stdout) == digest(b"x", b"y")


def test_digests_are_a_set() -> None:
    chance, ours, theirs = random.Random(3), Digests(), set[int]()
    for _ in range(5000):
        number = chance.getrandbits(64) if chance.random() < 0.5 else chance.randrange(50) << 50
        assert ours.add(number) == (number not in theirs)
        theirs.add(number)
        if chance.random() < 0.2:
            gone = chance.choice(sorted(theirs))
            ours.discard(gone)
            ours.discard(gone)
            theirs.discard(gone)
    assert len(ours) == len(theirs)
    assert all(number in ours for number in theirs)
    assert 1 not in ours


def test_digests_take_eight_bytes_each() -> None:
    ours = Digests()
    for number in range(200_000):
        ours.add(digest(b"%d" % number))
    taken = sum(sys.getsizeof(bucket) for bucket in ours._buckets)
    assert taken / len(ours) < 12


# One header field


@pytest.mark.parametrize("name", ["x-request-id", "cf-ray", "server", "ray", "x-request", ""])
def test_a_field_is_found_without_taking_the_others_apart(name: str) -> None:
    lines = "\r\nServer: \t a\r\nX-Request-ID: 7 \r\nX-REQUEST-ID: 8\r\nCF-Ray:5"
    found = Headers(lines).peek(name)
    assert found == {"x-request-id": "7", "cf-ray": "5", "server": "a"}.get(name)
    assert Headers({"server": "a", "x-request-id": "7", "cf-ray": "5"}).peek(name) == found


# Templates


@pytest.mark.parametrize(
    ("template", "columns", "prompt"),
    [
        ("{a}", b'{"a": "x"}', "x"),
        ("{{{a}}}", b'{"a": "\\u00e9\\n"}', "{é\n}"),
        ("{a} {b}", b'{"a": 1.50, "b": {"c": [null]}}', '1.50 {"c": [null]}'),
        ("{ä} and {a}", '{"ä": true, "a": ""}'.encode(), "true and "),
    ],
)
def test_a_template(template: str, columns: bytes, prompt: str) -> None:
    import msgspec

    assert Template(template).fill(msgspec.json.decode(columns, type=dict[str, msgspec.Raw])) == prompt


# The end of a run


def line(key: str, index: int, text: str = "") -> bytes:
    row = {"id": f"row_{digest(key.encode(), text.encode()):016x}", "custom_id": key, "index": index, "text": text}
    return json.dumps(row).encode() + b"\n"


def test_later_lines_win(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    foreign = b"# somebody's note\n"
    path.write_bytes(line("a", 0, "old") + line("b", 1) + foreign + line("a", 0, "new") + line("c", 2))
    path.chmod(0o640)
    assert settle.settle(str(path)) == 1
    assert path.read_bytes() == line("b", 1) + foreign + line("a", 0, "new") + line("c", 2)
    assert path.stat().st_mode & 0o777 == 0o640
    before = path.stat().st_ino
    assert settle.settle(str(path)) == 0
    assert path.stat().st_ino == before  # untouched


def test_into_the_order_of_the_input(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    order = list(range(500))
    random.Random(5).shuffle(order)
    path.write_bytes(b"".join(line(f"k{index}", index) for index in order) + line("k7", 7, "again"))
    assert settle.settle(str(path), sort=True) == 1
    indexes = [found.index for _, found in read_output(str(path)) if found is not None]
    assert indexes == list(range(500))
    assert line("k7", 7, "again") in path.read_bytes()


def test_a_failed_rewrite_leaves_the_output_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(before := line("a", 0) + line("a", 0, "new"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("togetherpy.batch.settle.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        settle.settle(str(path))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("tail", [0, 1, 100, 65535, 65536, 65537, 200_000])
def test_half_a_line_of_any_length_is_cut_off(tmp_path: Path, tail: int) -> None:
    path = tmp_path / "out.jsonl"
    whole = line("a", 0) + line("b", 1)
    path.write_bytes(whole + line("c", 2, "x" * 300_000)[:tail])
    output = Output(str(path))
    output.mend()
    output.write(line("d", 3))
    output.close()
    assert path.read_bytes() == whole + line("d", 3)


# Verdicts


def status(number: int, **facts: Any) -> errors.APIStatusError:
    error = errors.class_for_status(number)("no")
    error.status_code = number
    for name, value in facts.items():
        setattr(error, name, value)
    return error


def connection(phase: str, kind: type[errors.APIConnectionError] = errors.APIConnectionError) -> Exception:
    error = kind("gone")
    error.phase = phase
    return error


def unusable(body: bytes) -> Exception:
    error = errors.APIResponseError("odd")
    error.body = body
    return error


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (status(429), Verdict.LIMITED),
        (status(429, code="insufficient_quota"), Verdict.SYSTEMIC),
        (status(429, headers={"x-should-retry": "false"}), Verdict.FINAL),
        (status(503), Verdict.CAPACITY),
        (status(529), Verdict.CAPACITY),
        (status(500), Verdict.TRANSIENT),
        (status(502), Verdict.TRANSIENT),
        (status(501), Verdict.FINAL),
        (status(408), Verdict.TRANSIENT),
        (status(409), Verdict.TRANSIENT),
        (status(400), Verdict.FINAL),
        (status(400, code="model_not_available"), Verdict.SYSTEMIC),
        (status(400, param="model"), Verdict.SYSTEMIC),
        (status(400, headers={"x-should-retry": "true"}), Verdict.TRANSIENT),
        (status(413), Verdict.FINAL),
        (status(422), Verdict.FINAL),
        (status(401), Verdict.SYSTEMIC),
        (status(402), Verdict.SYSTEMIC),
        (status(403), Verdict.SYSTEMIC),
        (status(404), Verdict.SYSTEMIC),
        (connection("connecting"), Verdict.UNREACHABLE),
        (connection("sent"), Verdict.TRANSIENT),
        (connection("committed"), Verdict.TRANSIENT),
        (connection("sent", errors.APITimeoutError), Verdict.TRANSIENT),
        (unusable(b""), Verdict.TRANSIENT),
        (unusable(b"<html>"), Verdict.TRANSIENT),
        (unusable(b'{"choi'), Verdict.FINAL),
        (errors.ParseError("no"), Verdict.FINAL),
        (TypeError("no"), Verdict.FINAL),
    ],
)
def test_what_a_failure_means(error: Exception, verdict: Verdict) -> None:
    assert judge(error) is verdict


# Progress


def standing(**facts: int | None) -> Standing:
    usual: dict[str, Any] = {
        "rows": 60,
        "skipped": 10,
        "good": 38,
        "failed": 2,
        "tokens": 4000,
        "in_flight": 8,
        "limit": 16,
        "total": 100,
    }
    return Standing(**{**usual, **facts})


def test_a_line_of_progress() -> None:
    said = standing().line(5.0, 500.0)
    assert said == "50/100 rows, 2 failed, 8 in flight (limit 16), 5.0 rows/s, 500 tokens/s, ETA 0:00:10"
    assert standing(total=None).line(0.0, 0.0).startswith("50 rows, ")
    assert "\x1b" not in said
    assert "\x1b[31m2 failed\x1b[0m" in standing().line(5.0, 500.0, color=True)


def test_rates_are_those_of_late() -> None:
    rates = Rates()
    assert rates.add(0.0, standing(good=0, failed=0, tokens=0)) == (0.0, 0.0)
    assert rates.add(10.0, standing(good=100, failed=0, tokens=1000)) == (10.0, 100.0)
    for second in range(11, 61):
        last = rates.add(float(second), standing(good=100, failed=0, tokens=1000))
    assert last == (0.0, 0.0)


def test_rows_that_were_finished_before_make_no_rate() -> None:
    rates = Rates()
    rates.add(0.0, standing(good=0, failed=0, skipped=0))
    assert rates.add(1.0, standing(good=5, failed=0, skipped=1000))[0] == 5.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_has_one_line(no_color: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("togetherpy.batch.progress._make_bar", lambda _stream: None)
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Terminal()
    progress = Progress(standing, screen)
    loop = Loop()

    async def show() -> None:
        progress.begin()
        progress.show()
        progress.end()

    loop.run(show())
    loop.stop()
    assert screen.getvalue().count("\r\x1b[K") == 2
    assert screen.getvalue().count("\n") == 1
    assert ("\x1b[31m" in screen.getvalue()) == (not no_color)


def test_a_stream_that_cannot_be_written_to_stops_nothing() -> None:
    screen = io.StringIO()
    progress = Progress(standing, screen)
    screen.close()
    progress.show()


def test_a_bar_where_there_is_one() -> None:
    tqdm = pytest.importorskip("tqdm")
    assert tqdm
    screen = Terminal()
    progress = Progress(standing, screen)
    progress.show()
    progress.end()
    assert "50/100" in screen.getvalue()
    assert "2 failed, 8 in flight (limit 16)" in screen.getvalue()


def jobs(done: float) -> Jobs:
    """Of two jobs with 50 rows each, and one that is queued."""
    usual: dict[str, Any] = {"rows": 50, "model": "m", **dict.fromkeys(("input_file_id", "output_file_id"))}
    usual |= dict.fromkeys(("error_file_id", "error"))
    states = [
        JobState(chunk=1, status="COMPLETED", progress=0, final=True, job_id="a", **usual),
        JobState(chunk=2, status="IN_PROGRESS", progress=done, final=False, job_id="b", **usual),
        JobState(chunk=3, status="QUEUED", progress=0, final=False, job_id=None, **usual),
    ]
    return Jobs(directory="d", input="i", rows=150, refused=0, jobs=states)


@pytest.mark.parametrize("terminal", [False, True])
def test_all_jobs_are_one_bar(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    with Bar() as bar:
        bar.show(jobs(10))
        bar.show(jobs(50))
    said = screen.getvalue()
    assert "75/150" in said
    assert "1 of 3 jobs have ended, 1 queued" in said
    if not terminal:
        assert len(said.splitlines()) == 2
    with Bar(shown=False) as bar:
        bar.show(jobs(10))
    assert screen.getvalue() == said


# Summary and drawing


def test_latencies_to_two_percent() -> None:
    tally = Tally()
    for number in range(1, 1001):
        tally.settled(good=True, seconds=number / 100, billed=0, usage=None)
    found = tally.latency()
    assert found == pytest.approx({"p50": 5.0, "p95": 9.5, "p99": 9.9}, rel=0.03)
    assert Tally().latency() == {}


def test_a_drawing_of_any_length_is_short() -> None:
    samples = Samples()
    for number in range(50_000):
        samples.add(Sample(number * 0.25, number * 3, 8 + number % 5, number // 100))
    assert len(samples.taken) < plot.MOST
    drawing = plot.svg(samples.taken)
    assert len(drawing) < 100_000
    assert len(list(ET.fromstring(drawing).iter())) > 6
    ET.fromstring(plot.svg([]))


def test_prices_that_are_none() -> None:
    prices = Prices(
        [
            ModelObject(id="paid", pricing=PricingObject(input=1.0, output=3.0)),
            ModelObject(id="free", pricing=PricingObject(input=0.0, output=0.0)),
            ModelObject(id="none"),
        ]
    )
    assert [name in prices for name in ("paid", "free", "none", "unknown")] == [True, False, False, False]
    assert prices.cost("paid", 1_000_000, 1_000_000) == pytest.approx(4.0)
    assert prices.of_usage("free", {"prompt_tokens": 5}) is None


# Open files


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], list[Any]]:
    resource = pytest.importorskip("resource")

    def pretend(soft: int, hard: int) -> list[Any]:
        raised: list[Any] = []
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda _, to: raised.append(to))
        return raised

    return pretend


def test_open_files_are_raised_or_the_ceiling_lowered(limits: Callable[[int, int], list[Any]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert limits(1024, 4096) == []
        assert descriptors.affordable(256) == 256
        raised = limits(256, 4096)
        assert descriptors.affordable(256) == 256
        assert raised == [(320, 4096)]
    limits(100, 200)
    with pytest.warns(RuntimeWarning, match="going on with 136"):
        assert descriptors.affordable(256) == 136


# Processes


FORK = """
import os, signal, sys
from togetherpy import Together
from togetherpy.testing import LocalServer

def ask(client):
    return sum(one.error is None for one in client.chat.completions.map(["a", "b", "c"], model="m"))

with LocalServer() as server, Together(api_key="k", base_url=server.base_url) as client:
    assert ask(client) == 3
    child = os.fork()
    if not child:
        os._exit(0 if ask(client) == 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert ask(client) == 3
    begun = client.chat.completions.map([str(number) for number in range(100)], model="m", ordered=True)
    next(begun)
    child = os.fork()
    if not child:
        signal.alarm(20)
        try:
            list(begun)
        except RuntimeError as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(begun)) == 99
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork() -> None:
    done = run(sys.executable, "-c", FORK)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_a_map_that_was_left_open_does_not_hold_the_program() -> None:
    code = """
from togetherpy import Together
from togetherpy.testing import LocalServer
server = LocalServer().start()
server.reply(body={"choices": [{"message": {"content": "x"}}]})
server.reply(delay=3600, times=None)
results = Together(api_key="k", base_url=server.base_url).chat.completions.map(["a"] * 10, model="m")
print(next(results).index in range(10))
"""
    done = run(sys.executable, "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_many_digests_at_once_are_what_they_are_one_by_one() -> None:
    numbers = [digest(b"%d" % number) for number in range(2000)]
    many, one_by_one = Digests(), Digests()
    one_by_one.add(numbers[0])
    many.add(numbers[0])
    many.extend([*numbers, *numbers[:10]])
    for number in numbers:
        one_by_one.add(number)
    assert (len(many), list(many)) == (2000, list(one_by_one))
    assert all(number in many for number in numbers)
    assert digest(b"another") not in many


@pytest.mark.parametrize("form", [Form(), Form(text=True), Form(template=Template("{prompt}"))])
def test_finished_rows_are_known_without_being_made(form: Form) -> None:
    lines = [
        b'{"prompt": "a"}\n',
        b'{"custom_id": "x", "body": {"messages": []}, "prompt": "b"}\n',
        b'{"custom_id": 7, "body": null, "messages": [{}], "prompt": "b"}\n',
        b'{"custom_id": ["x"], "prompt": "b"}\n',
        b'{"custom_id": "none"}\n',
        b"\n",
        b"no JSON\n",
        b"\xff\n",
    ]
    rows = list(read_lines(lines, form))
    assert list(unfinished(lines, form, Digests())) == rows
    finished = Digests()
    finished.extend(row.number for row in rows[:5])
    assert list(unfinished(lines, form, finished)) == [None] * 5 + rows[5:]
