"""`python -m benchmarks scale`: it measures what it multiplies, and multiplies right."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import __main__ as command
from benchmarks.scale import command as scale
from benchmarks.scale import measured, model
from benchmarks.scale.measured import Measured
from benchmarks.scale.model import Job, Line, Shared, lines, verdict

JOB = Job(
    rows=1e6, workers=10, prompt=100, completion=100, rpm=60_000, tpm=math.inf, latency=1.0, concurrency=0, stores=1,
    ram=1e9, disk=1e9, days=1,
)  # fmt: skip
GOT = Measured(
    row_cpu=400e-6, kept_cpu=100e-6, worker_bytes=30e6, flight_bytes=1e3, row_bytes=1000, entry_cpu=3e-6,
    entry_bytes=20, look_cpu=2e-6, claim_cpu=1e-8, untold=Shared(10, 5, 0.9), told=Shared(10, 0, 0.9),
)  # fmt: skip


def found(job: Job = JOB, got: Measured = GOT) -> dict[str, Line]:
    return {line.what: line for line in lines(job, got)}


def test_a_small_run_measures_and_gives_the_whole_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Measured] = []

    def measure(job: Job, quick: bool) -> Measured:
        kept.append(measured.measure(job, quick))
        return kept[0]

    monkeypatch.setattr(scale, "measure", measure)
    assert command.main(["scale", "--quick", "--rows", "2e6", "--workers", "20", "--rpm", "6000"]) == 0
    out = capsys.readouterr().out.splitlines()
    table = [line for line in out if line.startswith("|")]
    assert {line.count("|") for line in table} == {6}
    assert [line.split(" | ")[0] for line in table[2:]] == [f"| {what}" for what in found()]
    assert out[-1].startswith(("Breaks first: ", "Then: ", "Nothing breaks. "))
    [got] = kept
    assert 10e-6 < got.row_cpu < 0.1
    assert 1e6 < got.worker_bytes < 1e9
    assert 400 < got.row_bytes < 10_000
    assert 8 < got.entry_bytes < 1000
    assert min(got.entry_cpu, got.look_cpu, got.claim_cpu) > 0
    assert got.told.workers == got.untold.workers == 20
    assert 0.5 < got.told.rate < 1.5
    assert got.told.refused == 0


def test_time_is_what_the_limits_and_what_is_in_flight_allow() -> None:
    assert found()["time by the service's limits"].total == "16.7 min"
    assert found(replace(JOB, tpm=6_000_000))["time by the service's limits"].total == "33.3 min"
    assert JOB.flight / JOB.seconds > JOB.rate  # enough, if nothing is said
    few = replace(JOB, concurrency=256, workers=1000)
    assert (few.each, few.flight) == (1, 1000)  # as ChatOp(concurrency=256, share=1000) has it
    assert model.pace(few) == pytest.approx(1000 / few.seconds)
    assert model.pace(JOB) == 1000


def test_each_cost_is_for_all_and_for_a_worker() -> None:
    by = found()
    assert by["CPU, asking"].each == "40.0 s"
    assert by["CPU, asking"].room == pytest.approx(1000 / 40)
    assert by["CPU, store: are there news?"].each == "1.8 s"  # of nine others, for each of 10^5 rows
    assert by["CPU, store: reading news"].each == "2.7 s"
    assert by["store, on disk"].total == "1.0 GB"
    assert by["store, in memory"].each == "20.0 MB"
    assert by["store, in memory"].room == pytest.approx(50)
    assert by["store, read by all while it grows"].total == "10.0 MB/s"
    assert by["memory, asking"].each.startswith("30.")
    assert by["429s, share=N"].total == "5.0 k"
    assert by["429s, share=N"].room == pytest.approx(6)


def test_several_stores_are_smaller_ones_and_none_costs_nothing() -> None:
    by = found(replace(JOB, stores=10))
    assert by["store, in memory"].each == "2.0 MB"
    assert by["CPU, store: reading news"].room == math.inf  # each worker is alone with its own
    assert by["store, read by all while it grows"].room == math.inf
    assert not [what for what in found(replace(JOB, stores=0)) if "store" in what]


def test_what_breaks_first_is_what_has_the_least_room() -> None:
    assert next(verdict([*lines(JOB, GOT)])).startswith(
        "Nothing breaks. Nearest: 429s, share=N; there is room for 6.0 "
    )
    tight = replace(JOB, ram=10e6, days=0.001)
    said = list(verdict([*lines(tight, GOT)]))
    assert [one.split(": ")[0] for one in said[:3]] == ["Breaks first", "Then", "Then"]
    assert "time by the service's limits" in said[0]
    assert any("memory, asking" in one for one in said)


@pytest.mark.parametrize("arguments", [["--rows", "0"], ["--workers", "0"], ["--workers", "2", "--stores", "3"]])
def test_what_cannot_be_meant_is_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["scale", *arguments])
