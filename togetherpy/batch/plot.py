"""Rows a second, the limit and the 429s of a run over time, as an SVG.

In: samples taken while it ran. Out: a file's text, written by hand. The rule: nothing is needed to look at it but a
browser, and its size does not depend on the run's length.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT, MARGIN, GAP = 960, 200, 60, 30
MOST = 1000
"""Samples that are kept; when there are more, every other one goes and they are taken half as often."""
_COLORS = {"rows/s": "#1f77b4", "limit": "#2ca02c", "429s/s": "#d62728"}


class Sample(NamedTuple):
    """How things stood."""

    at: float
    """Seconds from the beginning."""
    rows: int
    limit: int
    limited: int
    """429 answers so far."""


class Samples:
    """At most MOST of them, evenly spread."""

    def __init__(self) -> None:
        self.taken: list[Sample] = []
        self._every = self._skip = 1

    def add(self, sample: Sample) -> None:
        """Keeps it, or not."""
        self._skip -= 1
        if self._skip > 0:
            return
        self._skip = self._every
        self.taken.append(sample)
        if len(self.taken) >= MOST:
            del self.taken[1::2]
            self._every *= 2


def svg(samples: list[Sample]) -> str:
    """Three curves, one above the other, over the same time."""
    pairs = [(one, two) for one, two in pairwise(samples) if two.at > one.at]
    curves = {
        "rows/s": [(two.at, (two.rows - one.rows) / (two.at - one.at)) for one, two in pairs],
        "limit": [(sample.at, float(sample.limit)) for sample in samples],
        "429s/s": [(two.at, (two.limited - one.limited) / (two.at - one.at)) for one, two in pairs],
    }
    end = max((sample.at for sample in samples), default=0.0) or 1.0
    height = 3 * (HEIGHT + GAP) + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13">\n<rect width="{WIDTH}" height="{height}" fill="white"/>'
    ]
    for place, (name, points) in enumerate(curves.items()):
        parts.append(_curve(name, points, end, MARGIN + place * (HEIGHT + GAP)))
    parts.append(_text(MARGIN, height - MARGIN / 2, "0 s") + _text(WIDTH - MARGIN, height - MARGIN / 2, f"{end:.0f} s"))
    return "\n".join([*parts, "</svg>\n"])


def _curve(name: str, points: list[tuple[float, float]], end: float, top: float) -> str:
    most = max((value for _, value in points), default=0.0) or 1.0
    wide = WIDTH - 2 * MARGIN
    drawn = " ".join(f"{MARGIN + at / end * wide:.1f},{top + HEIGHT * (1 - value / most):.1f}" for at, value in points)
    return (
        f'<rect x="{MARGIN}" y="{top}" width="{wide}" height="{HEIGHT}" fill="none" stroke="#ccc"/>'
        f'<polyline points="{drawn}" fill="none" stroke="{_COLORS[name]}" stroke-width="1.5"/>'
        + _text(MARGIN + 6, top + 16, f"{name}, up to {most:.4g}")
    )


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}">{text}</text>'
