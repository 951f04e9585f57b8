"""Results as a picture: a panel of bars for each of a few cases, and one of lines for cost as the work grows.

In: the results of a run and the contenders' roles. Out: the text of an SVG file.
Rule: every bar starts at zero and has its figure beside it, with a line from the least to the greatest of the rounds;
a case or a contender that was not measured is left out.
"""

from __future__ import annotations

from html import escape
from math import log10
from statistics import median

from benchmarks.cases import CASES
from benchmarks.runner import Result
from benchmarks.table import seconds

PANELS = (
    "first-answer",
    "construct",
    "call-short",
    "stream-burst",
    "stream-single",
    "inflight-256",
    "drip-500",
)
GROWTH = ("chunks-100", "chunks-1000", "chunks-10000", "chunks-100000")
COLOURS = {"ours": "#0b6e4f", "peer": "#8d99ae", "bare": "#c9a227", "floor": "#d9d9d9"}
WIDTH, COLUMN, ROW, BAR, NAMES, TOP = 980, 490, 17, 11, 132, 26
Results = dict[str, Result]


def picture(results: dict[str, Results], roles: dict[str, str]) -> str:
    panels = [_bars(name, results[name], roles) for name in PANELS if name in results and _told(results[name])]
    if all(name in results for name in GROWTH):
        panels.append(_lines({name: results[name] for name in GROWTH}, roles))
    parts: list[str] = []
    y = 44
    for at in range(0, len(panels), 2):
        pair = panels[at : at + 2]
        parts += [f'<g transform="translate({i * COLUMN},{y})">{body}</g>' for i, (body, _) in enumerate(pair)]
        y += max(height for _, height in pair) + 22
    style = "text{font:11px system-ui,sans-serif;fill:#222}.h{font-weight:600;font-size:12px}.n{text-anchor:end}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">'
        f"<title>CPU time per unit, by case and contender</title><style>{style}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{_legend()}{"".join(parts)}</svg>\n'
    )


def _told(results: Results) -> list[tuple[float, str]]:
    return sorted((median(r.cpu), name) for name, r in results.items() if r.cpu and not r.failed)


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


def _legend() -> str:
    parts = [_text(10, 22, "CPU time per unit: shorter is better", "h")]
    for at, (role, what) in enumerate({"ours": "togetherpy", "peer": "peers", "bare": "http.client + json"}.items()):
        parts.append(f'<rect x="{270 + at * 120}" y="13" width="11" height="11" fill="{COLOURS[role]}"/>')
        parts.append(_text(286 + at * 120, 22, what))
    parts.append(f'<rect x="660" y="13" width="11" height="11" fill="{COLOURS["floor"]}"/>')
    parts.append(_text(676, 22, "floor: a socket and msgspec, no client"))
    return "".join(parts)


def _bars(name: str, results: Results, roles: dict[str, str]) -> tuple[str, int]:
    told = _told(results)
    longest = max(max(results[who].cpu) for _, who in told)
    scale = (COLUMN - NAMES - 90) / longest
    parts = [_text(10, 14, f"{CASES[name].about}, per {CASES[name].unit}", "h")]
    for at, (cpu, who) in enumerate(told):
        y = TOP + at * ROW
        low, high = NAMES + min(results[who].cpu) * scale, NAMES + max(results[who].cpu) * scale
        parts.append(_text(NAMES - 6, y + 9, who, "n"))
        colour = COLOURS[roles[who]]
        parts.append(f'<rect x="{NAMES}" y="{y}" width="{max(cpu * scale, 0.5):.1f}" height="{BAR}" fill="{colour}"/>')
        middle = y + BAR / 2
        parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#222" stroke-width="1"/>')
        parts.append(_text(high + 6, y + 9, seconds(cpu)))
    return "".join(parts), TOP + len(told) * ROW


def _lines(results: dict[str, Results], roles: dict[str, str]) -> tuple[str, int]:
    """Both axes logarithmic: a flat line is a cost per chunk that does not grow."""
    curves = {
        who: [median(r[who].cpu) for r in results.values()]
        for who in next(iter(results.values()))
        if all(who in r and r[who].cpu and not r[who].failed for r in results.values())
    }
    if not curves:
        return "", 0
    height, width = 150, COLUMN - 200
    low = log10(min(map(min, curves.values())))
    high = max(log10(max(map(max, curves.values()))), low + 1)
    parts = [_text(10, 14, "a chunk's cost as one stream grows (both axes logarithmic)", "h")]
    ends: list[tuple[float, str, float]] = []
    for who, values in curves.items():
        at = [(60 + i * width / (len(values) - 1), _height(value, low, high, height)) for i, value in enumerate(values)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
        wide = 2.5 if roles[who] == "ours" else 1.5
        colour = "#999" if roles[who] == "floor" else COLOURS[roles[who]]
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{wide}"/>')
        ends.append((at[-1][1], who, values[-1]))
    above = 0.0
    for y, value in sorted((_height(values[0], low, high, height), values[0]) for values in curves.values()):
        if y - above > 11:  # of lines that begin together only the first is labelled
            parts.append(_text(56, y + 4, seconds(value), "n"))
            above = y
    below = 0.0
    for y, who, value in sorted(ends):
        below = max(y + 4, below + 12)  # labels of lines that meet are put under one another
        parts.append(_text(66 + width, below, f"{who} {seconds(value)}"))
    for i, name in enumerate(results):
        parts.append(_text(60 + i * width / (len(results) - 1) - 12, TOP + height + 16, f"{CASES[name].units:,}"))
    return "".join(parts), TOP + height + 24


def _height(value: float, low: float, high: float, height: float) -> float:
    return TOP + height * (1 - (log10(value) - low) / (high - low))
