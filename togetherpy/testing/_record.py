"""What the server remembers of a request; values only."""

import json
from dataclasses import dataclass
from typing import Any

from ._http import Headers


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as the server received it."""

    method: str
    """As sent, "POST"."""
    path: str
    """The target before "?", as sent: "/v1/chat/completions"."""
    query: str
    """The target after "?", not decoded; "" when there is none."""
    headers: Headers
    """Looking one up ignores case."""
    body: bytes
    """The body's bytes, without chunked framing."""
    connection: int
    """The number of the connection that it came over, counted from 1."""
    time: float
    """When it was complete, in seconds of `time.monotonic()`."""

    @property
    def json(self) -> Any:
        """The body, parsed; None when it is empty. Raises ValueError when it is not JSON."""
        return json.loads(self.body) if self.body else None
