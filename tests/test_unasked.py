"""A stream that nobody asked for."""

import pytest
from support.answers import DONE, HELLO, chunk, event

from togetherpy import APIResponseError, ServiceUnavailableError
from togetherpy._chat.unasked import unasked_stream
from togetherpy._core.wire import Headers, Reply
from togetherpy.resources.chat.completions import endpoint_for


def failure(body: bytes) -> BaseException:
    events = endpoint_for(None, True, None).answer
    return unasked_stream(events, Reply(200, Headers({"content-type": "text/event-stream"}), body), ())


@pytest.mark.fault("B15")
@pytest.mark.parametrize(("body", "text"), [(HELLO, "Hello world"), (event(chunk("Hel")), "Hel"), (HELLO[:-20], None)])
def test_what_it_brought_is_kept(body: bytes, text: str | None) -> None:
    error = failure(body)
    assert isinstance(error, APIResponseError)
    assert "use stream=True" in str(error)
    if text is not None:
        assert error.partial is not None
        assert error.partial.choices[0].message.content == text


@pytest.mark.fault("B16")
def test_the_error_in_it() -> None:
    error = failure(event(chunk("ab")) + event({"error": {"message": "busy", "code": 503}}) + DONE)
    assert isinstance(error, ServiceUnavailableError)
    assert error.partial is not None
