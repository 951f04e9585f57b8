"""The simulator of the batch controller: that it counts right, and what the controller reaches in small runs."""

import sys
from pathlib import Path
from random import Random

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import __main__ as command
from benchmarks.services import MODELS, Latency, Service
from benchmarks.simulate import Outcome, Simulation
from togetherpy.testing._limits import Limits


def simulate(name: str, rows: int, processes: int = 1, seed: int = 1, share: int = 1) -> Outcome:
    return Simulation(MODELS[name](), rows, processes, seed, share).run()


def test_a_seed_gives_the_same_outcome_every_time() -> None:
    name = "50 a second, 2 s"
    assert simulate(name, 3000) == simulate(name, 3000) != simulate(name, 3000, seed=2)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs_to_its_end(name: str) -> None:
    outcome = simulate(name, 400, processes=2)
    assert outcome.seconds > 0
    assert 0 < outcome.goodput < 1.2
    assert sum(outcome.shares) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("name", "rows", "goodput"),
    [
        ("no limit, 0.3 s", 30_000, 0.9),
        ("50 a second, 0.3 s", 10_000, 0.9),
        ("the same, and says what remains", 10_000, 0.9),
        ("64 at once, 0.3 s", 20_000, 0.85),
        ("50 a second, 2 s", 20_000, 0.88),
    ],
)
def test_it_comes_near_the_best_with_few_refusals(name: str, rows: int, goodput: float) -> None:
    outcome = simulate(name, rows)
    assert outcome.goodput > goodput
    assert outcome.refused < 20
    assert outcome.reached < 60


def test_eight_processes_on_one_key_share_it() -> None:
    outcome = simulate("50 a second, 2 s", 30_000, processes=8)
    assert outcome.goodput > 0.9
    assert outcome.refused < 20
    assert outcome.shares[0] > 0.5
    assert outcome.shares[-1] < 2


@pytest.mark.parametrize("name", ["50 a second, 2 s", "dynamic from 10 a second, 0.3 s"])
def test_eight_processes_that_know_of_one_another_do_as_much_as_one(name: str) -> None:
    alone = simulate(name, 20_000)
    shared = simulate(name, 20_000, processes=8, share=8)
    assert alone.seconds / shared.seconds > 0.85
    assert shared.early < 600
    assert shared.refused < 30
    assert shared.early < simulate(name, 5_000, processes=8).early


def test_the_best_possible() -> None:
    second = Latency(1.0, 1.0)
    assert Service(second).possible(0, 256) == 256
    assert Service(second, Limits(rpm=600)).possible(0, 256) == 10
    assert Service(second, Limits(concurrency=20)).possible(0, 256) == 20
    assert Service(second, capacity=lambda now: 5).possible(0, 256) == 5
    assert Service(second, Limits(rpm=600), neighbour=lambda now: 4).possible(0, 256) == 6
    assert Service(second, Limits(rpm=600, dynamic=True)).possible(1e6, 256) == 200


def test_latencies_are_what_they_are_said_to_be() -> None:
    latency, random = Latency(2.0, 8.0), Random(1)
    times = sorted(latency.draw(random) for _ in range(20_000))
    assert times[10_000] == pytest.approx(2.0, rel=0.05)
    assert times[19_000] == pytest.approx(8.0, rel=0.05)
    assert sum(times) / len(times) == pytest.approx(latency.mean, rel=0.05)


def test_a_neighbour_takes_from_the_same_key() -> None:
    alone, beside = (Service(Latency(1, 1), Limits(rpm=600), neighbour=lambda now, n=n: n) for n in (0.0, 8.0))
    served = [sum(service.arrive(at / 10)[0] == 200 for at in range(100)) for service in (alone, beside)]
    assert served[0] > 95
    assert 15 < served[1] < 90


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["simulate", "no limit, 0.3 s", "--rows", "500"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.count("|") for line in lines] == [9, 9, 9, 9]
    assert command.main(["simulate", "no such service"]) == 2
    assert "known: no limit, 0.3 s; " in capsys.readouterr().err
