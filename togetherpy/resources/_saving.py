"""Downloads of resources.

In: an endpoint whose body is left open. Out: the steps that make a file of it.
The rule: what every download shares; which file it becomes is its resource's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from togetherpy._core.saving import Fetch
from togetherpy._core.steps import Steps
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import Resource
from togetherpy.types.files import FileDownloadProgress, OnDownload


def fetch(
    resource: Resource,
    endpoint: Endpoint[Any],
    params: dict[str, Any],
    name: Callable[[Mapping[str, str]], Path],
    tell: OnDownload | None,
) -> Steps[tuple[Path, int]]:
    """The path of the file and the bytes in it. `name`: the path, by the answer's header fields."""
    loop: Any = resource._loop  # pyright: ignore[reportPrivateUsage]
    retries = params.get("max_retries")

    def reach(fields: dict[str, str]) -> Any:
        headers: dict[str, str | None] = {**(params.get("extra_headers") or {}), **fields}
        return loop.call(endpoint, {**params, "extra_headers": headers})

    found = Fetch(
        reach,
        lambda seconds: loop.shared.transport().sleep(seconds),
        retries=loop.config.max_retries if retries is None else retries,
        tell=None if tell is None else lambda there, size: tell(FileDownloadProgress(there, size)),
    )
    return found.steps(name)
