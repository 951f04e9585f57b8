"""The command: `python -m benchmarks scale [--rows N] [--workers N] ...`.

In: the job. Out: a Markdown table: what was measured, what it comes to for all and for each worker, and how many times
as much would fit; then what breaks first. Rule: nothing is in the table that this run has not measured or been told.
"""

from __future__ import annotations

import argparse
import math

from benchmarks.scale.measured import measure
from benchmarks.scale.model import Job, lines, verdict

COLUMNS = "| what | measured, or told | all | a worker | room |\n|---|---:|---:|---:|---:|"


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    quick = options.pop("quick")
    job = Job(**options)
    found = list(lines(job, measure(job, quick)))
    print(COLUMNS)
    for line in found:
        room = "" if line.room == math.inf else f"**{line.room:,.2g}**" if line.room < 1 else f"{line.room:,.1f}"
        print(f"| {line.what} | {line.measured} | {line.total} | {line.each} | {room} |")
    print(*verdict(found), sep="\n")
    return 0


def _options(arguments: list[str]) -> dict[str, float]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scale", description="What very many rows cost, and what breaks first."
    )
    add = parser.add_argument
    add("--rows", type=_above_0, default=1e9, metavar="N", help="default: 10^9")
    add("--workers", type=int, default=1000, metavar="N", help="processes, each with one core; default: %(default)s")
    add("--prompt", type=_above_0, default=400, metavar="TOKENS", help="of a row; default: %(default)s")
    add("--completion", type=_above_0, default=200, metavar="TOKENS", help="of a row; default: %(default)s")
    add("--rpm", type=_above_0, default=600_000, help="requests a minute that the service takes; default: %(default)s")
    add("--tpm", type=_above_0, default=math.inf, help="tokens a minute; default: no limit")
    add("--latency", type=_above_0, default=2.0, metavar="S", help="of half of the answers; default: %(default)s")
    add("--concurrency", type=int, default=0, metavar="N", help="in flight, all together; default: what the rate needs")
    add("--stores", type=int, default=1, metavar="N", help="directories, each for a part of the rows; 0: none")
    add("--ram", type=_above_0, default=4e9, metavar="BYTES", help="of a worker; default: 4 GB")
    add("--disk", type=_above_0, default=1e9, metavar="B/S", help="that shared directories give; default: 1 GB/s")
    add("--days", type=_above_0, default=7, help="until it has to be done; default: %(default)s")
    add("--quick", action="store_true", help="measures little: does it run?")
    options = parser.parse_args(arguments)
    if options.workers < 1 or options.concurrency < 0 or options.stores < 0 or options.stores > options.workers:
        parser.error("there are 1 or more workers, and not more stores than workers")
    return vars(options)


def _above_0(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number
