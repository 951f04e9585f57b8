"""Who is served now, and when: a key and a model go in; a `Leave`, or the service's refusal, comes out.

The rule: above a limit is a 429, at or below it but without capacity a 503, each in the service's words and with its
headers. How long answers take is chance, but the same for the same seed.
"""

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ._check import RequestError
from ._limits import Limits, Meter, Quota, TooMuch

Latency = float | tuple[float, float]

USUAL = {
    "x-inference-version": "v2",
    "retry-after": "2",  # on a success too, as the service does: a client must not take it for a wish
    "x-ratelimit": "false",
    "x-ratelimit-limit": "100",
    "x-ratelimit-remaining": "199",
    "x-ratelimit-reset": "2",
    "x-ratelimit-limit-tokens": "33333",
    "x-ratelimit-remaining-tokens": "33333",
}
"""What the service says of limits that nobody comes near."""

_NO_ROOM = 2  # seconds that a 503 asks to wait
_SIGMAS = 1.6449  # standard deviations from the median to the 95th percentile


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave to be served: `delay` seconds before the answer begins, `spend` when its tokens are known, then `told`
    for the headers, and `done` at its last byte, or when its client has gone."""

    delay: float = 0.0
    spend: Callable[[float], None] = lambda tokens: None
    told: Callable[[], Mapping[str, str]] = lambda: USUAL
    done: Callable[[], None] | None = None


class Rates:
    """The limits of every key and model, and the time that answers take."""

    def __init__(self, limits: Limits, latency: Latency | None = None, seed: int = 0, delay: float = 0.0) -> None:
        self._limits = limits if limits.any() else None
        self._draw = _delays(latency, random.Random(seed))
        self._delay = delay
        self._quotas: dict[tuple[str, str], Quota] = {}
        self._in_flight = 0
        self.free = Leave(delay)
        """For what is not limited."""

    def enter(self, key: str, model: str) -> Leave:
        """Leave to be served. Raises RequestError: not now."""
        limits = self._limits
        if limits is None:
            return self.free if self._draw is None else Leave(self._delay + self._draw())
        quota = self._quotas.get((key, model))
        if quota is None:
            quota = self._quotas[key, model] = Quota(limits)
        now = time.monotonic()
        if limits.capacity is not None and self._in_flight >= limits.capacity:
            headers = {**_headers(quota, now), "retry-after": str(_NO_ROOM)}
            raise RequestError(503, "Service unavailable", kind="service_unavailable", headers=headers)
        too_much = quota.enter(now)
        if too_much is not None:
            raise _refusal(too_much, limits, quota, now)
        self._in_flight += 1
        delay = self._delay if self._draw is None else self._delay + self._draw()
        return Leave(delay, quota.spend, lambda: _headers(quota, time.monotonic()), lambda: self._done(quota))

    def _done(self, quota: Quota) -> None:
        self._in_flight -= 1
        quota.leave()


def _delays(latency: Latency | None, chance: random.Random) -> Callable[[], float] | None:
    """Draws seconds. One number is always that; (median, 95th percentile) is log-normal, with its long tail."""
    if latency is None:
        return None
    pair = (latency, latency) if isinstance(latency, int | float) else latency
    if len(pair) != 2 or not 0 <= pair[0] <= pair[1] < math.inf:
        raise ValueError(f"latency is seconds, or (median, 95th percentile) in that order, not {latency!r}")
    median, p95 = pair
    if median in (0, p95):
        return lambda: p95
    middle, sigma = math.log(median), math.log(p95 / median) / _SIGMAS
    return lambda: chance.lognormvariate(middle, sigma)


def _refusal(too_much: TooMuch, limits: Limits, quota: Quota, now: float) -> RequestError:
    meter = {"requests": quota.requests, "tokens": quota.tokens}.get(too_much)
    wait = str(1 if meter is None else max(1, math.ceil(meter.wait())))
    headers = {**_headers(quota, now), "x-ratelimit": "true", "retry-after": wait, "x-ratelimit-reset": wait}
    what = {"requests": "request rate", "tokens": "token rate", "concurrency": "concurrency"}[too_much]
    dynamic = limits.dynamic and too_much != "concurrency"
    kind = f"dynamic_{too_much.removesuffix('s')}_limited" if dynamic else "rate_limit"
    allowed = [
        *([] if quota.requests is None else [f"{quota.requests.rate * 60:.10g} RPM ({quota.requests.rate:.10g} QPS)"]),
        *([] if quota.tokens is None else [f"{quota.tokens.rate * 60:.10g} TPM ({quota.tokens.rate:.10g} TPS)"]),
        *([] if limits.concurrency is None else [f"{limits.concurrency} at once"]),
    ]
    message = (
        f"Request was rejected due to {what} limiting. Your rate limits are {' and '.join(allowed)}. "
        "See details: https://docs.together.ai/docs/rate-limits"
    )
    return RequestError(429, message, kind if dynamic else None, kind=kind, headers=headers)


def _headers(quota: Quota, now: float) -> dict[str, str]:
    """What the service says of its limits, each by both of its names; of what is not limited, the usual."""
    fields = dict(USUAL)
    for meter, limit, remaining, others in (
        (quota.requests, "x-ratelimit-limit", "x-ratelimit-remaining", ()),
        (
            quota.tokens,
            "x-tokenlimit-limit",
            "x-tokenlimit-remaining",
            ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"),
        ),
    ):
        if meter is not None:
            most, left = f"{meter.rate:.10g}", str(max(0, int(meter.left(now) + 1e-6)))
            fields |= {limit: most, remaining: left} | dict(zip(others, (most, left), strict=False))
            if meter.dynamic:
                fields |= {f"{limit}-dynamic": most, f"{remaining}-dynamic": left}
    meters = [meter for meter in (quota.requests, quota.tokens) if meter is not None]
    reset = str(max((_reset(meter) for meter in meters), default=2))
    return fields | {"retry-after": reset, "x-ratelimit-reset": reset}


def _reset(meter: Meter) -> int:
    """Seconds until all of it is there again."""
    return math.ceil(max(0.0, meter.missing) / meter.rate - 1e-6)
