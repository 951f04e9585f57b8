"""Images as parts of a message.

In: a path or a URL. Out: the part.
The rule: a file is sent in the request itself, and only if it is an image; what a URL leads to is the server's affair.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def image_part(where: str) -> dict[str, Any]:
    """The part that an image is.

    Raises:
        ValueError: there is no such file, it cannot be read, or it is no image.
    """
    if where.lower().startswith(("http://", "https://", "data:image/")):
        return _part(where)
    try:
        content = Path(where).expanduser().read_bytes()
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"the image {where!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    from togetherpy.batch.cells import data_url

    url = data_url(content)
    if url.startswith("data:image/png") and not content.startswith(b"\x89PNG"):  # what it takes the unknown for
        raise ValueError(f"{where!r} is no image that models take: PNG, JPEG, GIF or WebP")
    return _part(url)


def _part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}
