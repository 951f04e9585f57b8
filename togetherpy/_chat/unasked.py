"""A stream of events in answer to a call that asked for none -> the exception that holds what it brought.

In: the whole body, and the reader of such events. Out: an APIError, not yet raised.
The rule: it was paid for, so it is not asked for again, and nothing of it is lost.
"""

from __future__ import annotations

from typing import Any

from togetherpy._core.config import Secret
from togetherpy._core.errors import request_id, unusable
from togetherpy._core.wire import Reply
from togetherpy.error import APIError, APIStatusError
from togetherpy.types._response import ResponseInfo


def unasked_stream(events: Any, reply: Reply, secrets: tuple[Secret, ...]) -> APIError:
    """The error that one of the events names, or else one that says to use `stream=True`; what came is in `.partial`.

    `events`: what a call with `stream=True` expects.
    """
    head = ResponseInfo(
        status_code=reply.status, headers=reply.headers, request_id=request_id(reply.headers, None), attempts=1
    )
    reader = events.reader(head, secrets)
    try:
        reader.feed(reply.body)
        for _ in reader.chunks():
            pass
        reader.end()
        for _ in reader.chunks():  # what the end itself adds
            pass
    except APIStatusError as error:
        return error.with_traceback(None)
    except APIError:
        pass  # that it is damaged is not what the caller must know first
    failure = unusable(reply, "with a stream of events, which was not asked for; use stream=True", secrets)
    failure.partial = reader.accumulator.response()
    return failure
