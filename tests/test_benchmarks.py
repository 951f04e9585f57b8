"""The benchmarks measure what they say: their fixtures, their server, and what happens when a contender fails."""

from __future__ import annotations

import json
import re
import socket
import sys
import zlib
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import __main__ as command
from benchmarks import (
    cases,
    environments,
    fixtures,
    limits,
    meter,
    plot,
    report,
    runner,
    scenarios,
    server,
    table,
    worker,
)
from benchmarks.ask import Tally, ask
from benchmarks.contenders import _floor
from benchmarks.runner import Result

STREAM_CRC, ANSWER_CRC = 3562394777, 3190527841
CONTENDERS = runner.all_contenders()


@pytest.fixture(scope="module")
def served():
    with server.running() as served:
        yield served


@pytest.fixture
def address(served):
    return served.http


# Fixtures: the same every time, of the service's shape, and saying what they are said to say.


def test_fixtures_are_the_same_every_time_and_everywhere():
    assert fixtures.stream(50) == fixtures.stream(50)
    assert zlib.crc32(b"".join(fixtures.stream(50).pieces)) == STREAM_CRC
    assert zlib.crc32(fixtures.answer(120).pieces[0]) == ANSWER_CRC


@pytest.mark.parametrize(
    "made", [fixtures.answer(120), fixtures.answer(32_000), fixtures.structured(), fixtures.logprobs(200)]
)
def test_plain_answers_are_json(made):
    body = json.loads(made.pieces[0])
    choice = body["choices"][0]
    tokens = choice["logprobs"]["tokens"] if choice["logprobs"] else []
    assert made.says.chars == len(choice["message"]["content"]) + len(tokens)
    assert made.says.total_tokens == body["usage"]["total_tokens"]
    assert made.pieces[0].startswith(b'{\n  "id"')


def test_the_answer_of_32_kb_has_32_kb():
    assert 32_000 <= len(fixtures.answer(32_000).pieces[0]) < 34_000


@pytest.mark.parametrize("made", [fixtures.stream(200), fixtures.tool_calls(200)])
def test_streams_are_events_of_json(made):
    *events, done = made.pieces
    assert done == b"data: [DONE]\n\n"
    assert all(event.startswith(b"data: {") and event.endswith(b"}\n\n") for event in events)
    chunks = [json.loads(event[6:]) for event in events]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    fragments = [call["function"]["arguments"] for delta in deltas for call in delta["tool_calls"] or []]
    assert made.says.chars == sum(len(delta["content"]) for delta in deltas) + len("".join(fragments))
    assert len(chunks) == made.says.chunks == 200
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == made.says.total_tokens
    assert 250 < sum(map(len, events)) / len(events) < 400


def test_the_prompt_has_the_size_asked_for():
    assert 990_000 < len(ask(1_000_000)["messages"][1]["content"].encode()) <= 1_000_022
    assert ask() == ask(0)


# Cases and contenders name what exists.


@pytest.mark.parametrize("case", cases.CASES.values(), ids=lambda case: case.name)
def test_a_case_names_what_there_is(case):
    outside = ("imported", "imported_client", "first_answer", "started", "installed")
    assert case.op in worker.OPS or case.op in outside
    assert not case.needs or any(runner.takes_part(contender, case) for contender in CONTENDERS.values())
    assert case.serves.split("-")[0] in scenarios.MAKERS
    assert not case.warms or case.warms.split("-")[0] in scenarios.MAKERS
    assert case.count % case.at_once == 0
    if small := cases.quick(case):
        says = scenarios.scenario(small.serves).says
        assert says.chunks == (small.units if small.unit == "chunk" else 1)


def test_limits_name_what_there_is():
    for limit in limits.LIMITS:
        assert limit.case in cases.CASES
        assert limit.who in CONTENDERS
        assert not limit.other or limit.other in CONTENDERS
        assert not limit.than or limit.than in cases.CASES
    assert set(plot.PANELS) <= set(cases.CASES)
    assert set(plot.GROWTH) <= set(cases.CASES)


@pytest.mark.parametrize("contender", CONTENDERS.values(), ids=CONTENDERS)
def test_a_contender_has_the_names_of_all(contender):
    assert contender.ROLE in ("ours", "peer", "bare", "floor")
    assert isinstance(contender.REQUIRES, list)
    assert hasattr(contender, "connect") == hasattr(contender, "answer") == hasattr(contender, "stream")
    assert hasattr(contender, "aconnect") == hasattr(contender, "aanswer") == hasattr(contender, "aclose")


# The server and the floor.


@pytest.mark.parametrize("name", ["short", "answer-32000", "burst-50", "tools-50", "segments-50", "single-50"])
def test_the_server_serves_what_a_scenario_says(address, name):
    client = CONTENDERS["floor"].connect(f"{address}/{name}")
    read = CONTENDERS["floor"].answer if name in ("short", "answer-32000") else CONTENDERS["floor"].stream
    for _ in range(2):
        assert read(client, ask(100_000)) == scenarios.scenario(name).says
    client.socket.close()


def test_a_chunk_per_segment_is_a_read_each(address):
    host, port, head = _floor.address(f"{address}/single-100")
    with socket.create_connection((host, port)) as sock:
        sock.sendall(_floor.request(head, ask()))
        reads = 0
        while not sock.recv(65_536).endswith(b"\r\n0\r\n\r\n"):
            reads += 1
    assert reads > 80


def test_an_unknown_scenario_is_a_404_and_the_server_lives_on(address):
    host, port, head = _floor.address(f"{address}/nothing-1")
    with socket.create_connection((host, port)) as sock:
        for _ in range(2):
            sock.sendall(_floor.request(head, ask()))
            assert sock.recv(65_536).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("size", [1, 2, 7, 1_000, 1_000_000])
def test_the_floor_reads_the_same_for_any_split(size):
    wire = scenarios.scenario("burst-20").segments[0]
    body, events = _floor.Body(), _floor.Events()
    chunks = [c for at in range(0, len(wire), size) for c in events.feed(body.feed(wire[at : at + size]))]
    assert body.ended
    assert len(chunks) == 20
    assert chunks[-1].usage.total_tokens == scenarios.scenario("burst-20").says.total_tokens


def test_bodies_of_other_sizes_than_announced_do_not_stall_the_server(address):
    """A request in many small segments, its head split as well, is still one request."""
    host, port, head = _floor.address(f"{address}/short")
    request = _floor.request(head, ask())
    with socket.create_connection((host, port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(request), 50):
            sock.sendall(request[at : at + 50])
        assert sock.recv(65_536).startswith(b"HTTP/1.1 200 ")


# The runner, the command and what goes wrong.


def broken() -> ModuleType:
    module = ModuleType("broken")
    module.ROLE, module.REQUIRES, module.IMPORT = "peer", [], "import no_such_module_at_all"
    module.connect = module.answer = module.stream = print
    return module


def test_a_run_of_the_command_gives_figures(capsys, tmp_path):
    file = tmp_path / "run.json"
    wanted = ["call-short", "stream-burst", "first-answer", "import", "tls-call"]
    assert command.main([*wanted, "--contenders", "bare", "floor", "--quick", "--json", str(file)]) == 0
    run = json.loads(file.read_text())
    assert list(run["results"]) == ["import", "first-answer", "call-short", "stream-burst", "tls-call"]
    for by_name in run["results"].values():
        for result in by_name.values():
            assert 0 < result["cpu"][0] < 60
            assert 1e6 < result["peak"] < 1e9
    assert "call-short: plain call" in capsys.readouterr().out


def test_a_contender_that_fails_is_told_and_the_others_go_on(monkeypatch, capsys):
    monkeypatch.setattr(runner, "all_contenders", lambda: {"broken": broken(), "floor": CONTENDERS["floor"]})
    monkeypatch.setattr(cases, "quick", lambda case: case)
    monkeypatch.setattr(environments, "make", lambda requires, directory: environments.current())
    assert command.main(["import", "--rounds", "1"]) == 1
    out = capsys.readouterr().out
    assert "  failed: ModuleNotFoundError: No module named 'no_such_module_at_all'" in out
    assert re.search(r"floor( +[0-9.]+ ms){4}", out)


def test_a_contender_that_cannot_be_installed_is_told(monkeypatch, capsys, tmp_path):
    missing = broken()
    missing.REQUIRES = [str(tmp_path / "no-such-1.0-py3-none-any.whl")]
    monkeypatch.setattr(runner, "all_contenders", lambda: {"missing": missing})
    assert command.main(["call-short", "--rounds", "1", "--envs", str(tmp_path / "envs")]) == 1
    assert "failed: cannot be installed: " in capsys.readouterr().out


def test_a_client_that_drops_something_gets_no_figure(served, monkeypatch):
    case = cases.quick(cases.CASES["call-short"])
    monkeypatch.setattr(runner, "scenario", lambda name: scenarios.Scenario((), Tally(1, 1, "stop", 1)))
    where = {"floor": environments.current()}
    results = runner.run([case], {"floor": CONTENDERS["floor"]}, where, served, 1, lambda text: None)
    assert results["call-short"]["floor"].failed.startswith("ValueError: read [1, ")


def test_cases_that_are_compared_run_in_turn(monkeypatch):
    done = []
    monkeypatch.setattr(runner, "_measure", lambda case, name, *_: done.append((case.name, name)))
    batches = cases.batches(cases.select(["call-short", "call-json", "call-parse"]))
    assert [[case.name for case in batch] for batch in batches] == [["call-short"], ["call-json", "call-parse"]]
    two = {name: CONTENDERS[name] for name in ("togetherpy", "openai")}
    where = dict.fromkeys(two, environments.current())
    results = runner.run(batches[1], two, where, "", 2, lambda text: None)
    first = [("call-json", "togetherpy"), ("call-json", "openai"), ("call-parse", "togetherpy")]
    second = [("call-parse", "togetherpy"), ("call-json", "openai"), ("call-json", "togetherpy")]
    assert [one for one in done if one != ("call-parse", "openai")] == first + second
    assert list(results) == ["call-json", "call-parse"]


def test_as_many_rounds_as_asked_for_but_of_costly_cases(monkeypatch):
    done = []
    monkeypatch.setattr(runner, "_measure", lambda case, *_: done.append(case.name))
    here = {"togetherpy": environments.current()}
    for name in ("call-short", "calls-1000"):
        runner.run(cases.select([name]), {"togetherpy": CONTENDERS["togetherpy"]}, here, "", 7, lambda text: None)
    assert done == ["call-short"] * 7 + ["calls-1000"]


def test_a_limits_other_case_runs_with_it():
    for limit in limits.LIMITS:
        assert limit.than in ("", cases.CASES[limit.case].beside)


def test_a_process_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(runner, "SECONDS", 0.2)
    with pytest.raises(runner.FailedError, match="took more than"):
        runner.run_process([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_process_that_prints_no_figures_is_told():
    with pytest.raises(runner.FailedError, match="printed 'hello' where its figures were to be"):
        runner._told("hello")


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_there_are_no_fewer_rounds_than_one(rounds, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["call-short", "--quick", "--rounds", rounds])
    assert "is not a whole number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["no-such"], ["call-short", "--contenders", "no-such"]])
def test_an_unknown_name_gets_one_line_and_exit_code_2(arguments, capsys):
    assert command.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "unknown" in err
    assert ("call-short" in err) != ("together_1" in err)


def test_the_peak_is_this_process_own():
    output = runner.run_process(
        [sys.executable, "-P", "-c", runner.IMPORTED.format(statement="import json", root=str(environments.ROOT))]
    )
    assert json.loads(output)["peak"] < 40e6
    assert meter.resident() <= meter.peak()


# What is made of the figures.


RESULTS = {
    "call-short": {
        "togetherpy": Result([1e-4, 3e-4, 2e-4], [1e-4] * 3, 20_000_000),
        "together": Result([2e-3, 6e-3, 5e-3], [4e-3] * 3, 60_000_000),
        "bare": Result([1e-4, 1e-4, 1e-4], [1e-4] * 3, 18_000_000),
        "floor": Result([1e-5, 1e-5, 1e-5], [1e-5] * 3, 15_000_000),
        "groq": Result(failed="it | broke"),
    },
    "installed": {"togetherpy": Result(packages=3, bytes=1_200_000, bytes_compiled=2_000_000)},
}
ROLES = {name: contender.ROLE for name, contender in CONTENDERS.items()}


def test_limits_are_judged_by_the_median_of_the_rounds_ratios():
    words = {(v.limit.case, v.limit.other, v.limit.what): (v.figure(), v.word) for v in limits.judge(RESULTS)}
    assert words["call-short", "together", "cpu"] == ("1/20.0", "met")
    assert words["call-short", "bare", "cpu"] == ("2.00 x", "MISSED")
    assert words["installed", "", "bytes"] == ("1.2 MB", "met")
    assert [v.word for v in limits.judge({"import": {}})] == ["not measured"]


def test_the_table_puts_the_cheapest_first_and_the_failed_last():
    rows = table.rows(cases.CASES["call-short"], RESULTS["call-short"], ROLES)
    assert [row[0] for row in rows] == ["floor", "bare", "togetherpy", "together", "groq"]
    assert rows[2] == ("togetherpy", "100 us", "200 us", "300 us", "100 us", "20.0 MB", "0.0 MB", "0.04", "20.00")
    assert rows[-1] == ("groq", "failed: it | broke")


def test_the_report_holds_what_the_run_gave_and_the_plot_is_xml(tmp_path):
    (tmp_path / "README.md").write_text((report.HERE / "README.md").read_text())
    run = {
        "machine": {"cpu": "A CPU", "cores": 2, "system": "Linux 6", "python": "CPython 3.11"},
        "rounds": 5,
        "contenders": {n: {"role": ROLES[n], "requires": ["x"], "packages": {"x": "1"}} for n in CONTENDERS},
        "results": {case: {n: asdict(r) for n, r in by_name.items()} for case, by_name in RESULTS.items()},
    }
    for _ in range(2):
        report.write(run, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.count("### call-short") == 1
    assert "failed: it \\| broke" in text
    assert "| `call-short` | `togetherpy` | at most 1/12 of together | 1/20.0 | met |" in text
    assert ElementTree.fromstring((tmp_path / "plot.svg").read_text()).tag.endswith("svg")
    growth = dict.fromkeys(plot.GROWTH, RESULTS["call-short"])
    ElementTree.fromstring(plot.picture(growth, ROLES))
