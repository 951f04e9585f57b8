"""What a stream brings besides chunks."""

import json
from typing import Any

import pytest

from togetherpy import InternalServerError
from togetherpy._chat.aside import Aside, is_error_list, is_reason, lacks_choices
from togetherpy._core.wire import Headers


def aside() -> Aside:
    return Aside(200, Headers({}), ())


@pytest.mark.fault("D9")
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("listed", [False, True])
def test_an_error_without_data_before_it(indent: int | None, listed: bool) -> None:
    error: Any = {"error": {"message": "no room", "code": 503}}
    seen, stray = aside(), bytearray()
    for line in json.dumps([error] if listed else error, indent=indent).splitlines(keepends=True):
        stray += line.encode()
        seen.look(stray)
    assert isinstance(seen.failure, InternalServerError)
    assert "no room" in str(seen.failure)
    assert not stray


def test_a_whole_answer_where_events_were_to_come() -> None:
    seen = aside()
    seen.look(bytearray(b'{"choices": [{"message": {"content": "hi"}}]}'), last=True)
    error = seen.no_stream()
    assert error is not None
    assert error.partial.choices[0].message.content == "hi"
    assert aside().no_stream() is None


@pytest.mark.fault("B16")
def test_the_reason_among_events_without_choices() -> None:
    seen = aside()
    assert seen.no_choices() is None
    for data in (b'{"id": "x"}', b'{"status": "failed", "detail": "no room"}'):
        seen.see(data)
    assert "no room" in str(seen.no_choices())


@pytest.mark.parametrize(
    ("raw", "reason", "listed", "lacks"),
    [
        (b'{"choices": [], "error": null}', False, False, False),
        (b'{"choices": [{}], "detail": "x"}', False, False, False),
        (b'{"error": "x"}', True, False, True),
        (b'[{"message": "x"}]', True, True, False),
        (b"[1, 2]", False, False, False),
        (b'{"choices": null}', False, False, True),
        (b"no JSON", False, False, False),
    ],
)
def test_what_json_is(raw: bytes, reason: bool, listed: bool, lacks: bool) -> None:
    assert (is_reason(raw), is_error_list(raw), lacks_choices(raw)) == (reason, listed, lacks)
