"""Images made from words, and from other images.

In: a prompt. Out: an ImageResponse, whose images can be read and stored.
The rule: what is asked and answered is as both official packages (1.5.35, 3.1.1) and the OpenAPI document have it; the
API has no other way of editing an image than to name it in `image_url` or `reference_images`. The place of an image is
asked without the key, wherever it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast

from togetherpy._core.config import Secret
from togetherpy._core.decode import errors
from togetherpy._core.expected import JSON, Whole
from togetherpy._core.names import Names, require
from togetherpy._core.wire import Endpoint, Reply
from togetherpy.resources._base import AsyncResource, Resource, mapped, raw
from togetherpy.resources._signature import takes
from togetherpy.types._model import Open
from togetherpy.types.images import AsyncImageResponse, ImageParams, ImageResponse

if TYPE_CHECKING:
    from togetherpy.types.images import AsyncImageChoicesData, ImageChoicesData

A = TypeVar("A", ImageResponse, AsyncImageResponse)
_NO_PICTURE = ("text/", "application/json", "application/xml")


class _Picture(Whole):
    """The bytes of an image."""

    accept = "image/*,*/*;q=0.8"

    __slots__ = ()

    def value(self, reply: Reply, secrets: tuple[Secret, ...]) -> Any:
        """They, if they are some and of no page that says something else."""
        kind = reply.headers.get("content-type", "")
        if not reply.body:
            return errors().unusable(reply, "its body is empty", secrets)
        if kind.lower().startswith(_NO_PICTURE):
            return errors().unusable(reply, f"its body is no image but {kind}", secrets)
        return reply.body


_GENERATE = Endpoint("images.generate", "POST", "/images/generations", JSON[ImageResponse](ImageResponse, needs="data"))
_AGENERATE = Endpoint(
    "images.generate", "POST", "/images/generations", JSON[AsyncImageResponse](AsyncImageResponse, needs="data")
)
_CONTENT = Endpoint("images.content", "GET", "/", _Picture(), redirects=True, names="the URL")
_NAMES = Names(ImageParams.__annotations__, of_others=("size", "quality", "style", "user", "image_base64", "prompts"))


class Images(Resource):
    """`client.images`"""

    @takes("ImageParams", "images")
    def generate(self, **params: Unpack[ImageParams]) -> ImageResponse:
        """Makes images: `answer.data[0].save("lake.png")`, or `.bytes()`, `.url` and `.b64_json`.

        An AsyncTogether's is an AsyncImageResponse, whose images' `save` and `bytes` are awaited.

        model: name of a model for images.
        prompt: what is to be seen.
        n: how many images, >= 1.
        width, height: pixels.
        steps: how many steps the model makes, >= 1; more take longer.
        seed: integer for repeatable images.
        negative_prompt: what is not to be seen.
        guidance_scale: how closely the prompt is followed; 1 to 5 is loosely, 8 to 10 closely.
        response_format: "url" (the usual), or "base64" for the images themselves in the answer.
        output_format: "jpeg" (the usual) or "png".
        image_url: an image to begin with, for models that can edit one.
        reference_images: URLs of images that the new one is to be like.
        image_loras: LoRAs to make it with: {"path": URL, "scale": 1.0}.
        disable_safety_checker: images are not looked at before they are handed out.

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        answer = self._call(_GENERATE, _prepared(params))
        settled: ImageResponse = mapped(answer, Home(self._loop).settle, raw=self._raw)
        return settled

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawImages: ...


class AsyncImages(AsyncResource, like=Images):
    """`client.images` of an AsyncTogether."""

    @takes("ImageParams", "images")
    async def generate(self, **params: Unpack[ImageParams]) -> AsyncImageResponse:
        """Makes images: `answer.data[0].save("lake.png")`, or `.bytes()`, `.url` and `.b64_json`.

        The rest: `Images.generate`.
        """
        answer = await self._call(_AGENERATE, _prepared(params))
        settled: AsyncImageResponse = mapped(answer, AsyncHome(self._loop).settle, raw=self._raw)
        return settled

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawImages: ...


if TYPE_CHECKING:

    class RawImages:
        @raw(Images.generate)
        def generate(self) -> None: ...

    class AsyncRawImages:
        @raw(AsyncImages.generate)
        def generate(self) -> None: ...


def _prepared(params: Any) -> dict[str, Any]:
    """The parameters as they are sent."""
    checked: dict[str, Any] = _NAMES.check("generate", params)
    require("generate", checked, "model", "prompt")
    return checked


class _Home:
    """What images are read and stored by. It knows no client, so that an image keeps none alive."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    def settle(self, answer: A) -> A:
        """An answer whose images know this."""
        images: Any = answer.data
        for image in cast("list[object]", images) if isinstance(images, list) else ():
            if isinstance(image, Open):
                vars(image)["home"] = self
        return answer


class Home(_Home):
    """By blocking calls."""

    def bytes(self, image: ImageChoicesData) -> bytes:
        """The bytes of an image."""
        here = held(image)
        if here is not None:
            return here
        found: bytes = self._loop.call(_CONTENT, _keyless(), url=Secret(image.url))
        return found

    def save(self, image: ImageChoicesData, path: str | Path) -> Path:
        """Stores an image."""
        return _stored(self.bytes(image), path)


class AsyncHome(_Home):
    """For asyncio."""

    async def bytes(self, image: AsyncImageChoicesData) -> bytes:
        """The bytes of an image."""
        here = held(image)
        if here is not None:
            return here
        found: bytes = await self._loop.call(_CONTENT, _keyless(), url=Secret(image.url))
        return found

    async def save(self, image: AsyncImageChoicesData, path: str | Path) -> Path:
        """Stores an image."""
        return _stored(await self.bytes(image), path)


def held(image: ImageChoicesData | AsyncImageChoicesData) -> bytes | None:
    """The bytes of an image that is in its answer; None for one that is to be fetched.

    Raises:
        ValueError: it is nowhere, or no base64.
    """
    text: Any = image.b64_json
    url: Any = image.url
    if text is None and isinstance(url, str) and url.startswith("data:"):
        text = url.partition(",")[2]
    if text is None and isinstance(url, str):
        return None
    where = f"data[{image.index or 0}]"
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{where} has no image: neither b64_json nor url")
    from binascii import Error, a2b_base64

    try:
        # Some servers send it as a data URL, some in lines.
        return a2b_base64("".join(text.rpartition(",")[2].split()), strict_mode=True)
    except (Error, ValueError):
        raise ValueError(f"{where}.b64_json is no base64") from None


def _keyless() -> dict[str, Any]:
    return {"extra_headers": {"Authorization": None}}


def _stored(data: bytes, path: str | Path) -> Path:
    from togetherpy._core.saving import Unfinished

    with Unfinished(path) as file:
        file.write(data)
        file.finish()
    return file.path


# The official packages' names: the classes themselves, so that what an instrument puts in the place of a method is seen
# by every client.
ImagesResource = Images
AsyncImagesResource = AsyncImages
