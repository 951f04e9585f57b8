"""What togetherpy is to reach, as ratios between two contenders in one run, and a few absolute figures.

In: the results of a run. Out: one `Verdict` per limit. Rule: a limit that was not measured is neither met nor missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks.runner import Result

MB = 1_000_000


@dataclass(frozen=True)
class Limit:
    """`who` is at most `most` times `other` in CPU per unit, in the median of the rounds; with no `other`, `most` of
    `what` in itself."""

    case: str
    who: str
    most: float
    other: str = ""
    what: str = "cpu"
    than: str = ""  # the case that `other` is measured in, where it is not the same


LIMITS = (
    Limit("import-client", "togetherpy", 1.3, "floor", than="import"),  # the floor's import is msgspec's
    Limit("import", "togetherpy", 1 / 10, "together"),
    Limit("first-answer", "togetherpy", 1.2, "togetherpy", than="start-imports"),
    Limit("first-answer", "togetherpy", 1 / 5, "together"),
    Limit("construct", "togetherpy", 1 / 100, "together"),
    Limit("call-short", "togetherpy", 2.2, "floor"),
    Limit("call-short", "togetherpy", 1 / 12, "together"),
    Limit("call-short", "togetherpy", 1, "bare"),
    Limit("call-parse", "togetherpy", 1.3, "togetherpy", than="call-json"),
    Limit("stream-own-type", "togetherpy", 1, "togetherpy", than="stream-burst"),
    Limit("stream-hooks", "togetherpy", 1.1, "togetherpy", than="stream-burst"),
    Limit("stream-burst", "togetherpy", 1.5, "floor"),
    Limit("stream-burst", "togetherpy", 1 / 40, "together"),
    Limit("stream-burst", "togetherpy", 1 / 4, "together_1"),
    Limit("stream-single", "togetherpy", 1.5, "floor"),
    Limit("stream-single", "togetherpy", 1 / 6, "together"),
    Limit("inflight-32", "togetherpy_async", 1 / 12, "together"),
    Limit("inflight-256", "togetherpy_async", 2.5, "floor_async"),
    Limit("inflight-256", "togetherpy_async", 1 / 12, "together"),
    Limit("embed-floats", "togetherpy", 1 / 5, "openai"),
    Limit("embed-base64", "togetherpy", 1 / 5, "openai"),
    Limit("drip-500", "togetherpy_async", 1 / 4, "together"),
    # Nothing else connects for less: the reason why there is no transport to choose.
    Limit("tls-inflight-256", "togetherpy_async", 1, "openai_aiohttp"),
    Limit("tls-cold-500", "togetherpy_async", 1, "openai_aiohttp"),
    Limit("stream-burst", "togetherpy", 30 * MB, what="peak"),
    Limit("stream-single", "togetherpy", 30 * MB, what="peak"),
    Limit("streams-10000", "togetherpy", 30 * MB, what="peak"),
    Limit("installed", "togetherpy", 3, what="packages"),
    Limit("installed", "togetherpy", 2.5 * MB, what="bytes"),
)


@dataclass(frozen=True)
class Verdict:
    limit: Limit
    measured: float | None  # in the limit's own terms: a ratio, bytes or a number

    @property
    def word(self) -> str:
        return "not measured" if self.measured is None else "met" if self.measured <= self.limit.most else "MISSED"

    def sentence(self) -> str:
        limit = self.limit
        return f"{limit.case}: {limit.who} {self.bound()}: {self.figure()}, {self.word}"

    def bound(self) -> str:
        most, other, what = self.limit.most, self.limit.other, self.limit.what
        other += f" in {self.limit.than}" if self.limit.than else ""
        if other:
            return f"at most {f'1/{round(1 / most)}' if most < 1 else f'{most:g} x'} {'of ' if most < 1 else ''}{other}"
        return f"at most {f'{most / MB:g} MB' if most >= MB else f'{most:g}'} {what}"

    def figure(self) -> str:
        if self.measured is None:
            return "-"
        if self.limit.other:
            return f"1/{1 / self.measured:.1f}" if self.limit.most < 1 else f"{self.measured:.2f} x"
        return f"{self.measured / MB:.1f} MB" if self.limit.most >= MB else f"{self.measured:g}"


def judge(results: dict[str, dict[str, Result]]) -> list[Verdict]:
    """Only those limits whose case is among the results."""
    return [Verdict(limit, _measured(limit, results)) for limit in LIMITS if limit.case in results]


def _measured(limit: Limit, results: dict[str, dict[str, Result]]) -> float | None:
    mine = results[limit.case].get(limit.who)
    other = results.get(limit.than or limit.case, {}).get(limit.other)
    if mine is None or mine.failed or (limit.other and (other is None or other.failed)):
        return None
    if other is not None:
        # The two figures of a round are of nearly the same time; the machine may be another one in the next round.
        return median(one / two for one, two in zip(mine.cpu, other.cpu, strict=True))
    return float(getattr(mine, limit.what))
