"""A light and fast client for the Together AI API, and for servers that speak the same protocol.

    from togetherpy import Together

    client = Together()  # reads the key from the environment variable TOGETHER_API_KEY
    response = client.chat.completions.create(
        model="openai/gpt-oss-20b",
        messages=[{"role": "user", "content": "How deep is Lake Kivu?"}],
    )
    print(response.text)

Where to go on:

    Together, AsyncTogether     the client, and the same for `async` programs; help(Together) has its arguments
    client.chat.completions     create (stream=True streams), parse (answers in your own types), run_tools, map
    client.completions, embeddings, images, rerank, audio, files, batches, fine_tuning, models
    togetherpy.batch            many requests, from file to file, gone on with after a kill
    TogetherError               every exception is one; togetherpy.error has them all
    Timeout, Hooks, tool        limits of a call; being told of calls; functions as tools
    togetherpy.testing          LocalServer, a server on your machine for tests
    togetherpy.types            what answers are made of

help(client.chat.completions.create) explains every parameter. Importing this opens no socket, starts no thread, prints
nothing, and loads each part when it is first used. The handbook is in the repository, beside the code.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from togetherpy._version import __version__

__title__ = "togetherpy"

if TYPE_CHECKING:
    from types import NoneType

    from togetherpy import batch as batch
    from togetherpy import client as client
    from togetherpy import constants as constants
    from togetherpy import contrib as contrib
    from togetherpy import error as error
    from togetherpy import hooks as hooks
    from togetherpy import resources as resources
    from togetherpy import tools as tools
    from togetherpy import types as types
    from togetherpy import utils as utils
    from togetherpy._chat.accumulate import accumulate
    from togetherpy._chat.parsed_stream import AsyncParsedStream, ParsedStream
    from togetherpy._chat.stream import AsyncStream, Stream
    from togetherpy._together import install_as_together
    from togetherpy._types import NOT_GIVEN, NotGiven, Omit, not_given, omit
    from togetherpy.client import AsyncTogether, Together
    from togetherpy.constants import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT
    from togetherpy.error import (
        APIConnectionError,
        APIError,
        APIResponseError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConflictError,
        DownloadError,
        FileTypeError,
        InstanceError,
        InternalServerError,
        InvalidRequestError,
        JSONError,
        MaxTurnsError,
        NoTextError,
        NotFoundError,
        ParseError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        ResponseError,
        ServiceUnavailableError,
        StreamInterruptedError,
        StreamTimeoutError,
        TogetherError,
        TogetherException,
        ToolCallError,
        UnprocessableEntityError,
    )
    from togetherpy.hooks import Hooks
    from togetherpy.tools import tool
    from togetherpy.types._model import Open as BaseModel
    from togetherpy.types._options import RequestOptions
    from togetherpy.types._response import (
        APIResponse,
        APIStreamResponse,
        AsyncAPIResponse,
        RateLimit,
        RateLimits,
        ResponseInfo,
    )
    from togetherpy.types._timeout import Timeout

    AsyncClient = AsyncTogether
    Client = Together
    version: str = __version__

_HOME = {  # the others live in togetherpy.error
    "Together": "togetherpy.client",
    "AsyncTogether": "togetherpy.client",
    "Client": "togetherpy.client:Together",
    "AsyncClient": "togetherpy.client:AsyncTogether",
    "NOT_GIVEN": "togetherpy._types",
    "NotGiven": "togetherpy._types",
    "Omit": "togetherpy._types",
    "not_given": "togetherpy._types",
    "omit": "togetherpy._types",
    "DEFAULT_MAX_RETRIES": "togetherpy.constants",
    "DEFAULT_TIMEOUT": "togetherpy.constants",
    "BaseModel": "togetherpy.types._model:Open",
    "NoneType": "types",
    "version": "togetherpy._version:__version__",
    "RequestOptions": "togetherpy.types._options",
    "install_as_together": "togetherpy._together",
    "AsyncParsedStream": "togetherpy._chat.parsed_stream",
    "AsyncStream": "togetherpy._chat.stream",
    "ParsedStream": "togetherpy._chat.parsed_stream",
    "Stream": "togetherpy._chat.stream",
    "APIResponse": "togetherpy.types._response",
    "AsyncAPIResponse": "togetherpy.types._response",
    "APIStreamResponse": "togetherpy.types._response",
    "Hooks": "togetherpy.hooks",
    "RateLimit": "togetherpy.types._response",
    "RateLimits": "togetherpy.types._response",
    "ResponseInfo": "togetherpy.types._response",
    "accumulate": "togetherpy._chat.accumulate",
    "Timeout": "togetherpy.types._timeout",
    "tool": "togetherpy.tools",
}
_MODULES = (
    "batch",
    "client",
    "constants",
    "contrib",
    "error",
    "hooks",
    "resources",
    "testing",
    "tools",
    "types",
    "utils",
)
__all__ = [
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseError",
    "APIResponseValidationError",
    "APIStatusError",
    "APIStreamResponse",
    "APITimeoutError",
    "AsyncAPIResponse",
    "AsyncClient",
    "AsyncParsedStream",
    "AsyncStream",
    "AsyncTogether",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "Client",
    "ConflictError",
    "DownloadError",
    "FileTypeError",
    "Hooks",
    "InstanceError",
    "InternalServerError",
    "InvalidRequestError",
    "JSONError",
    "MaxTurnsError",
    "NoTextError",
    "NoneType",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "ParseError",
    "ParsedStream",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "RateLimits",
    "RequestOptions",
    "RequestTimeoutError",
    "ResponseError",
    "ResponseInfo",
    "ServiceUnavailableError",
    "Stream",
    "StreamInterruptedError",
    "StreamTimeoutError",
    "Timeout",
    "Together",
    "TogetherError",
    "TogetherException",
    "ToolCallError",
    "UnprocessableEntityError",
    "__title__",
    "__version__",
    "accumulate",
    "batch",
    "client",
    "constants",
    "error",
    "hooks",
    "install_as_together",
    "not_given",
    "omit",
    "resources",
    "tool",
    "tools",
    "types",
    "version",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"togetherpy.{name}")
        if name not in __all__:
            raise AttributeError(f"module 'togetherpy' has no attribute {name!r}")
        module, _, attribute = _HOME.get(name, "togetherpy.error").partition(":")
        value = getattr(importlib.import_module(module), attribute or name)
        globals()[name] = value  # the next look-up does not come here; two threads store the same object
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
