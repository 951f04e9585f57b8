"""A first answer: how long each part of it takes, or why there is none.

In: a Patient. Out: a check of the answer, which also tells of the clock.
The rule: it is a call as a program makes it, tried once. The list of models costs nothing; a model that was named is
asked for one token.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from togetherpy.cli.doctor import advice
from togetherpy.cli.doctor.patient import NotingClient, Patient
from togetherpy.cli.doctor.report import Check, failed, milliseconds, ok
from togetherpy.error import APIResponseError, APIStatusError, APITimeoutError, TogetherError

_NAMES = {
    "client": "client",
    "dns": "DNS",
    "tcp": "TCP",
    "proxy": "proxy",
    "tls": "TLS",
    "first_byte": "first byte",
    "rest": "rest",
}
_WRONG_CLOCK = 120.0
"""Seconds; caches on the way may give an older answer's date."""


def check_answer(patient: Patient) -> Check:
    """Whether a call is answered, and how long that takes."""
    from togetherpy._transport.probe import parts

    with patient.client() as client:
        begun = time.monotonic()
        try:
            response = _ask(client, patient.model)
        except TogetherError as error:
            clock, notes = _clock(error.headers)
            return failed("answer", str(error), *_hints(patient, client, error), *notes, **_facts(error), **clock)
        end = time.monotonic()
        seconds = {**parts([("use", begun), *client.marks], end), "total": end - begun}
    taken = ", ".join(f"{_NAMES[name]} {milliseconds(value)}" for name, value in seconds.items() if name in _NAMES)
    clock, notes = _clock(response.headers)
    value = response.parse()
    brought = f"{len(value)} models" if patient.model is None else f"{patient.model} answers"
    return ok(
        "answer",
        f"{response.status_code} after {milliseconds(seconds['total'])}: {taken}; {brought}",
        *notes,
        status=response.status_code,
        request_id=response.request_id,
        seconds=seconds,
        **clock,
    )


def _ask(client: NotingClient, model: str | None) -> Any:
    raw = client.with_raw_response
    if model is None:
        return raw.models.list()
    return raw.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=1)


def _facts(error: TogetherError) -> dict[str, Any]:
    return {"status": error.http_status, "error": type(error).__name__, "request_id": error.request_id}


def _hints(patient: Patient, client: NotingClient, error: TogetherError) -> list[str]:
    if isinstance(error, APIStatusError):
        if error.status_code == 404:
            return _not_found(patient, client)
        if error.status_code == 400:
            return _other_model(patient, client)
        return advice.of_status(patient, error)
    if isinstance(error, APIResponseError):
        return advice.of_no_json(patient, error)
    if isinstance(error, APITimeoutError):
        return [f"Connecting works, so {patient.server} is slow, or something on the way holds the answer back."]
    return []


def _not_found(patient: Patient, client: NotingClient) -> list[str]:
    """Whether another path of the same server answers, or another model is meant."""
    if patient.model is not None and (near := _other_model(patient, client)):
        return near
    origin = patient.config.origin
    start = f"{origin.scheme}://{origin.authority}"
    before, version, _ = origin.path.partition("/v1")
    likely = [f"{before}/v1", "/v1"] if version else [f"{origin.path}/v1", "/v1"]
    for path in likely:
        if path != origin.path and _answers(client, f"{start}{path}"):
            return [f"base_url should be {start}{path} ({patient.url_source}): there the models are listed."]
    return [f"There is no such path on {patient.server}; base_url usually ends with /v1."]


def _answers(client: NotingClient, url: str) -> bool:
    with client.with_options(base_url=url) as other:
        try:
            other.models.list()
        except TogetherError as error:
            return error.http_status not in (None, 404)
        return True


def _other_model(patient: Patient, client: NotingClient) -> list[str]:
    """Names like that of a model that there is not."""
    from difflib import get_close_matches

    if patient.model is None:
        return []
    try:
        names = [model.id for model in client.models.list() if isinstance(model.id, str)]
    except TogetherError:
        return []
    if patient.model in names:
        return []
    near = get_close_matches(patient.model, names, 3, 0.5)
    meant = f": did you mean {' or '.join(near)}?" if near else "; `togetherpy models` shows which there are."
    return [f"{patient.server} lists {len(names)} models, and none is called {patient.model}{meant}"]


def _clock(headers: Mapping[str, str]) -> tuple[dict[str, float], list[str]]:
    """How far this machine's clock is ahead of the server's, in seconds, if it says; and what to do about it."""
    from email.utils import parsedate_to_datetime

    try:
        ahead = time.time() - parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return {}, []
    where = "ahead of" if ahead > 0 else "behind"
    said = f"This machine's clock is {abs(ahead):.0f} s {where} the server's. Set it: certificates are good for a time."
    return {"clock_ahead": ahead}, [said] if abs(ahead) > _WRONG_CLOCK else []
