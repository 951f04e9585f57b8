"""What the server keeps between requests, by path: files, batches.

In: a path. Out: what answers each method there.
The rule: ids and states follow from the order of requests alone, so that a program sees the same at every run.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from ._files import Files
from ._told import Told, Way

Ask = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]
_ID = "([^/]+)"


class Kept:
    """All that is kept."""

    def __init__(self, ask: Ask) -> None:
        """`ask`: what the server's own models answer to a path and parameters: status and body."""
        files = self._files = Files()
        self._ways: dict[re.Pattern[str], dict[str, Callable[..., Told]]] = {
            re.compile("/v1/files"): {"GET": files.list, "POST": files.describe},
            re.compile("/v1/files/upload"): {"POST": files.take},
            re.compile(f"/v1/files/{_ID}/content"): {"GET": files.content},
            re.compile(f"/v1/files/{_ID}/preprocess"): {"POST": files.preprocess},
            re.compile(f"/v1/files/{_ID}"): {"GET": files.retrieve, "DELETE": files.delete},
            re.compile(f"/signed/{_ID}"): {"PUT": files.put},
        }

    def find(self, path: str) -> Mapping[str, Way] | None:
        """The methods of a path; None for one that is not of what is kept."""
        for pattern, ways in self._ways.items():
            match = pattern.fullmatch(path)
            if match is not None:
                parts = tuple(map(unquote, match.groups()))
                keyed = not path.startswith("/signed/")
                return {method: Way(told, parts, keyed) for method, told in ways.items()}
        return None
