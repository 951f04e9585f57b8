"""What images send and bring.

In: keyword arguments, or JSON. Out: a TypedDict, or Structs.
The rule: every field of an answer is optional. An image knows, outside of its fields, by what its bytes are come by.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

import builtins
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Required, TypedDict

from togetherpy.types._model import Open
from togetherpy.types._options import CallOptions

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "AsyncImageChoicesData",
    "AsyncImageResponse",
    "ImageChoicesData",
    "ImageLora",
    "ImageParams",
    "ImageResponse",
]


class ImageLora(TypedDict, total=False):
    """A LoRA that an image is made with."""

    path: "Required[str]"
    """Its URL."""
    scale: "Required[float]"
    """How much of it; 1 is usual."""


class ImageParams(CallOptions, total=False):
    """What `images.generate` takes, and what every call does."""

    model: "Required[str]"
    prompt: "Required[str]"
    n: "int | None"
    width: "int | None"
    height: "int | None"
    steps: "int | None"
    seed: "int | None"
    negative_prompt: "str | None"
    guidance_scale: "float | None"
    response_format: "str | None"
    output_format: "str | None"
    image_url: "str | None"
    reference_images: "Sequence[str] | None"
    image_loras: "Iterable[ImageLora] | None"
    disable_safety_checker: "bool | None"


class _Image(Open, kw_only=True, dict=True):
    """What both kinds of images are."""

    index: int | None = None
    type: str | None = None
    """"url" or "b64_json"."""
    url: str | None = None
    """Where the image is, for some time."""
    b64_json: str | None = None
    """The image itself, as base64."""
    revised_prompt: str | None = None
    timings: Any = None

    def _home(self) -> Any:
        """What reads and stores images."""
        home = self.__dict__.get("home")
        if home is None:
            raise ValueError(
                "this image came from no client, for it was copied or built; it has only its url or b64_json"
            )
        return home


class ImageChoicesData(_Image, kw_only=True):
    """One of the `n` images."""

    def bytes(self) -> builtins.bytes:
        """The image: a PNG, JPEG ... An image with a `url` is fetched, each time; the key does not go there.

        Raises:
            ValueError: there is no image in it. APIError: it could not be fetched.
        """
        found: builtins.bytes = self._home().bytes(self)
        return found

    def save(self, path: "str | Path") -> "Path":
        """Stores the image under this name, where a file may be already, as a whole or not at all; the path.

        Raises:
            OSError: it cannot be stored. ValueError, APIError: as of `bytes`.
        """
        found: Path = self._home().save(self, path)
        return found


class AsyncImageChoicesData(_Image, kw_only=True):
    """One of the `n` images, of an AsyncTogether."""

    async def bytes(self) -> builtins.bytes:
        """The image: a PNG, JPEG ... An image with a `url` is fetched, each time; the key does not go there.

        Raises:
            ValueError: there is no image in it. APIError: it could not be fetched.
        """
        found: builtins.bytes = await self._home().bytes(self)
        return found

    async def save(self, path: "str | Path") -> "Path":
        """Stores the image under this name, where a file may be already, as a whole or not at all; the path.

        Raises:
            OSError: it cannot be stored. ValueError, APIError: as of `bytes`.
        """
        found: Path = await self._home().save(self, path)
        return found


class ImageResponse(Open, kw_only=True):
    """The images."""

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    data: list[ImageChoicesData] | None = None


class AsyncImageResponse(Open, kw_only=True):
    """The images, of an AsyncTogether."""

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    data: list[AsyncImageChoicesData] | None = None


# The official packages' names.
ImageRequest = ImageGenerateParams = ImageParams
ImageFile = ImageResponse
ImageDataB64 = ImageDataURL = ImageChoicesData
