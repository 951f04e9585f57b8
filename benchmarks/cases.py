"""What is measured: each case is named by what it exercises. The limits that togetherpy sets itself are in `limits`.

In: nothing. Out: `CASES`, by name, and `select`, which turns names of cases or groups into cases.
Rule: a case says all that a worker needs to know: the operation, the scenario served, how often and how many at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Case:
    name: str
    group: str
    about: str
    unit: str  # what the CPU time is divided by
    op: str  # the name of a measure in `worker`, or in `runner` for what needs a process each time
    needs: str = ""  # the function of a contender without which it takes no part
    serves: str = "short"
    warms: str = ""  # what is served to the unmeasured operations before, where it is not the same
    count: int = 1  # operations in a round; a tenth of them is done before, unmeasured
    units: int = 1  # units in one operation
    at_once: int = 1
    prompt: int = 0
    tls: bool = False
    rounds: int = 0  # at most this many; 0: as many as are asked for
    roles: tuple[str, ...] = ("ours", "peer", "bare", "floor")
    beside: str = ""  # the case that it is compared with: they run round by round in turn


def _start() -> list[Case]:
    return [
        Case("import", "start", "the package imported, and nothing of it by name", "import", "imported", count=5),
        Case("import-client", "start", "the client's class imported", "import", "imported_client", count=5,
             beside="import"),
        Case("construct", "start", "a client made, nothing sent", "client", "construct", "answer", count=50,
             roles=("ours", "peer")),
        Case("first-answer", "start", "a new process to its first answer over http, all its CPU", "process",
             "first_answer", "answer", count=3, beside="start-imports"),
        Case("start-imports", "start", "a new process that imports urllib3 and msgspec and ends", "process", "started",
             "IMPORT_STACK", count=3),
    ]  # fmt: skip


def _plain() -> list[Case]:
    base = Case("", "plain", "", "call", "repeat", "answer", count=400)
    shared = ("ours", "peer")
    return [
        replace(base, name="call-short", about="plain call, short answer, warm connection"),
        replace(base, name="call-32k", about="plain call, answer of 32 kB", serves="answer-32000", count=200),
        replace(base, name="call-prompt-1m", about="plain call, prompt of 1 MB", prompt=1_000_000, count=20),
        replace(base, name="call-logprobs", about="plain call, log probabilities of 2,000 tokens",
                serves="logprobs-2000", count=20),
        replace(base, name="call-json", about="plain call, the answer a small JSON object", serves="json"),
        replace(base, name="call-parse", about="the same answer as an object of the user's own type", serves="json",
                needs="parse", beside="call-json"),
        replace(base, name="call-own-type", about="plain call, short answer, two of its fields, into the user's type",
                needs="answer_own"),
        replace(base, name="call-hooks", about="plain call, short answer, with hooks", needs="answer_hooks"),
        replace(base, name="call-16-threads", about="plain calls of 16 threads on one client", op="threads",
                at_once=16, count=320, roles=shared),
    ]  # fmt: skip


def _stream() -> list[Case]:
    base = Case("", "stream", "", "chunk", "repeat", "stream", count=10, units=1000)
    gathered = replace(base, name="accumulate-100k", about="100,000 chunks made into one answer, by the client's own "
                       "helper where it has one", needs="accumulate", count=1, units=100_000, rounds=1)  # fmt: skip
    return [
        replace(base, name="stream-burst", about="stream of 1,000 chunks in one burst", serves="burst-1000"),
        replace(base, name="stream-1400", about="stream of 1,000 chunks in segments of 1,400 bytes, 2 ms apart",
                serves="segments-1000", count=4),
        replace(base, name="stream-single", about="stream of 1,000 chunks, a segment each, 1 ms apart",
                serves="single-1000", count=2),
        replace(base, name="stream-tools", about="stream of 1,000 chunks of two tool calls", serves="tools-1000"),
        replace(base, name="stream-own-type", about="stream of 1,000 chunks in one burst, two fields of each into the "
                "user's own type", serves="burst-1000", needs="stream_own", beside="stream-burst"),
        replace(base, name="stream-hooks", about="stream of 1,000 chunks in one burst, with hooks", serves="burst-1000",
                needs="stream_hooks", beside="stream-burst"),
        replace(gathered, serves="burst-100000", warms="burst-100"),
    ]  # fmt: skip


def _async() -> list[Case]:
    call = Case("", "async", "", "call", "flight", "aanswer", serves="delayed-20")
    drip = Case("", "async", "", "chunk", "flight", "astream", rounds=3)
    return [
        replace(call, name="inflight-32", about="32 calls in flight, answered after 20 ms", at_once=32, count=640),
        replace(call, name="inflight-256", about="256 calls in flight, answered after 20 ms", at_once=256, count=1024,
                rounds=3),
        replace(call, name="inflight-1000", about="1,000 calls in flight, answered after 20 ms", at_once=1000,
                count=2000, rounds=1),
        replace(drip, name="async-burst", about="stream of 1,000 chunks in one burst, on an event loop",
                serves="burst-1000", count=10, units=1000),
        replace(drip, name="drip-100", about="100 streams dripping 100 chunks each, 20 to 60 ms apart",
                serves="drip-100-40", at_once=100, count=100, units=100, warms="burst-20"),
        # 100 tokens a second, as fast models have them: more chunks than any client here reads one by one.
        replace(drip, name="drip-500", about="500 streams dripping 100 chunks each, 5 to 15 ms apart",
                serves="drip-100-10", at_once=500, count=500, units=100, warms="burst-20"),
        # Fewer than the slowest peer can read: every chunk is a wake-up of its own.
        replace(drip, name="drip-500-slow", about="500 streams dripping 50 chunks each, 125 to 375 ms apart",
                serves="drip-50-250", at_once=500, count=500, units=50, warms="burst-20"),
    ]  # fmt: skip


def _tls() -> list[Case]:
    """What encryption adds, and what opening many connections under it takes."""
    base = Case("", "tls", "", "call", "repeat", "answer", count=400, tls=True)
    burst = replace(base, unit="chunk", needs="stream", serves="burst-1000", count=10, units=1000)
    flight = replace(base, op="flight", needs="aanswer", serves="delayed-20")
    return [
        replace(base, name="tls-call", about="plain call, short answer, under TLS"),
        replace(burst, name="tls-burst", about="stream of 1,000 chunks in one burst, under TLS"),
        replace(flight, name="tls-async-call", about="the plain call on an event loop, under TLS", serves="short"),
        replace(burst, name="tls-async-burst", about="the burst on an event loop, under TLS", op="flight",
                needs="astream"),
        replace(flight, name="tls-inflight-256", about="256 calls in flight under TLS, answered after 20 ms",
                at_once=256, count=1024, rounds=3),
        # Answered after all have asked, so that no connection is there for a second call.
        replace(flight, name="tls-cold-500", about="500 calls at once, each on a new connection, under TLS",
                serves="delayed-3000", at_once=500, count=500, warms="short", rounds=3),
    ]  # fmt: skip


def _embeddings() -> list[Case]:
    base = Case("", "embeddings", "", "answer", "repeat", count=5, roles=("ours", "peer"))
    return [
        replace(base, name="embed-floats", about="1,000 embeddings of 1,024 floats, as numbers", needs="embed",
                serves="floats-1000"),
        replace(base, name="embed-base64", about="the same as base64", needs="embed_packed", serves="base64-1000"),
    ]  # fmt: skip


def _growth() -> list[Case]:
    """Cost as the work grows: the unit is the same, so its cost and the peak memory are to stay flat."""
    base = Case("", "growth", "", "", "repeat", rounds=1)
    chunks = replace(base, about="one stream, ever longer", unit="chunk", needs="stream")
    prompt = replace(base, about="one call, its prompt ever longer", unit="kB", needs="answer")
    calls = replace(base, about="one client, ever more calls", unit="call", needs="answer")
    few = ("ours", "bare", "floor")
    return [
        *(replace(chunks, name=f"chunks-{n}", serves=f"burst-{n}", warms="burst-100", units=n,
                  count=max(1, 10_000 // n)) for n in (100, 1_000, 10_000, 100_000)),
        *(replace(prompt, name=f"prompt-{n}k", prompt=n * 1000, units=n, count=max(5, min(100, 5_000 // n)))
          for n in (1, 10, 100, 1_000, 10_000)),
        replace(calls, name="calls-1000", count=1_000),
        replace(calls, name="calls-10000", count=10_000, roles=few),
        replace(calls, name="calls-100000", count=100_000, roles=("ours",)),
        replace(chunks, name="streams-10000", about="memory after 10,000 streams of 10 chunks", unit="stream",
                serves="burst-10", count=10_000),
    ]  # fmt: skip


INSTALLED = Case("installed", "size", "bytes and packages that pip installs", "install", "installed", rounds=1)

CASES = {
    case.name: case
    for case in (*_start(), *_plain(), *_stream(), *_async(), *_tls(), *_embeddings(), *_growth(), INSTALLED)
}
GROUPS = sorted({case.group for case in CASES.values()})


def select(names: list[str]) -> list[Case]:
    """The cases of these names or groups, all of them for no name. Raises KeyError with the first unknown name."""
    for name in names:
        if name not in CASES and name not in GROUPS:
            raise KeyError(name)
    return [case for case in CASES.values() if not names or case.name in names or case.group in names]


def batches(chosen: list[Case]) -> list[list[Case]]:
    """Cases that are compared with one another together, and each of the others by itself."""
    found: dict[str, list[Case]] = {}
    for case in chosen:
        found.setdefault(case.beside or case.name, []).append(case)
    return list(found.values())


def quick(case: Case) -> Case | None:
    """The same case made small enough to see that it works, or None for one that is only about being large."""
    if case.op == "installed" or case.group == "growth":
        return None
    kind, *numbers = case.serves.split("-")
    if case.needs in ("stream", "stream_own", "stream_hooks", "astream", "accumulate"):
        numbers[0], units = "20", 20
        if kind == "drip":
            numbers[1] = "5"
    else:
        units = case.units
        if kind in ("floats", "base64"):
            numbers[0] = "20"
    at_once = min(case.at_once, 32)
    small = replace(case, serves="-".join([kind, *numbers]), units=units, at_once=at_once, count=max(2, at_once))
    return replace(small, prompt=min(case.prompt, 100_000), rounds=1)
