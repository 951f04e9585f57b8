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
    """Name of a model for images."""
    prompt: "Required[str]"
    """What is to be seen."""
    n: "int | None"
    """How many images, >= 1."""
    width: "int | None"
    """Pixels."""
    height: "int | None"
    """Pixels."""
    steps: "int | None"
    """How many steps the model makes, >= 1; more take longer."""
    seed: "int | None"
    """Integer for repeatable images."""
    negative_prompt: "str | None"
    """What is not to be seen."""
    guidance_scale: "float | None"
    """How closely the prompt is followed; 1 to 5 is loosely, 8 to 10 closely."""
    response_format: "str | None"
    """"url" (the usual), or "base64" for the images themselves in the answer."""
    output_format: "str | None"
    """"jpeg" (the usual) or "png"."""
    image_url: "str | None"
    """An image to begin with, for models that can edit one."""
    reference_images: "Sequence[str] | None"
    """URLs of images that the new one is to be like."""
    image_loras: "Iterable[ImageLora] | None"
    """LoRAs to make it with: {"path": URL, "scale": 1.0}."""
    disable_safety_checker: "bool | None"
    """Images are not looked at before they are handed out."""


class _Image(Open, kw_only=True, dict=True):
    """What both kinds of images are."""

    index: int | None = None
    """Its number, from 0."""
    type: str | None = None
    """"url" or "b64_json"."""
    url: str | None = None
    """Where the image is, for some time."""
    b64_json: str | None = None
    """The image itself, as base64."""
    revised_prompt: str | None = None
    """The prompt as the model understood it, where the server says it."""
    timings: Any = None
    """How long it took, in the server's words."""

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
    """The server's id of the answer."""
    object: str | None = None
    """What kind of object it is, in the server's word."""
    created: int | None = None
    """Seconds since 1970, UTC."""
    model: str | None = None
    """The model that made them."""
    data: list[ImageChoicesData] | None = None
    """The `n` images."""


class AsyncImageResponse(Open, kw_only=True):
    """The images, of an AsyncTogether."""

    id: str | None = None
    """The server's id of the answer."""
    object: str | None = None
    """What kind of object it is, in the server's word."""
    created: int | None = None
    """Seconds since 1970, UTC."""
    model: str | None = None
    """The model that made them."""
    data: list[AsyncImageChoicesData] | None = None
    """The `n` images."""


# The official packages' names.
ImageRequest = ImageGenerateParams = ImageParams
ImageFile = ImageResponse
ImageDataB64 = ImageDataURL = ImageChoicesData
