"""What the server remembers of a request; values only."""

import json
from dataclasses import dataclass
from typing import Any

from ._http import Headers


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as the server received it.

    Attributes:
        method: as sent, "POST".
        path: the target before "?", as sent: "/v1/chat/completions".
        query: the target after "?", not decoded; "" when there is none.
        headers: lookup ignores case.
        body: the body's bytes, without chunked framing.
        connection: the number of the connection it came over, counted from 1.
        time: when it was complete, in seconds of `time.monotonic()`.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    connection: int
    time: float

    @property
    def json(self) -> Any:
        """The body, parsed; None when it is empty. Raises ValueError when it is not JSON."""
        return json.loads(self.body) if self.body else None
