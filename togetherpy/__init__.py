"""togetherpy: a light and fast client for the Together AI API.

The rule: public names only, each loaded when it is first used; importing this opens, starts and prints nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from togetherpy._version import __version__

if TYPE_CHECKING:
    from togetherpy import batch as batch
    from togetherpy import contrib as contrib
    from togetherpy import error as error
    from togetherpy import hooks as hooks
    from togetherpy import tools as tools
    from togetherpy import types as types
    from togetherpy._chat.accumulate import accumulate
    from togetherpy._chat.parsed_stream import AsyncParsedStream, ParsedStream
    from togetherpy._chat.stream import AsyncStream, Stream
    from togetherpy.client import AsyncTogether, Together
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
        InternalServerError,
        InvalidRequestError,
        JSONError,
        MaxTurnsError,
        NotFoundError,
        ParseError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
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
    from togetherpy.types._response import APIResponse, APIStreamResponse, RateLimit, RateLimits, ResponseInfo
    from togetherpy.types._timeout import Timeout

    AsyncClient = AsyncTogether
    Client = Together

_HOME = {  # the others live in togetherpy.error
    "Together": "togetherpy.client",
    "AsyncTogether": "togetherpy.client",
    "Client": "togetherpy.client:Together",
    "AsyncClient": "togetherpy.client:AsyncTogether",
    "AsyncParsedStream": "togetherpy._chat.parsed_stream",
    "AsyncStream": "togetherpy._chat.stream",
    "ParsedStream": "togetherpy._chat.parsed_stream",
    "Stream": "togetherpy._chat.stream",
    "APIResponse": "togetherpy.types._response",
    "APIStreamResponse": "togetherpy.types._response",
    "Hooks": "togetherpy.hooks",
    "RateLimit": "togetherpy.types._response",
    "RateLimits": "togetherpy.types._response",
    "ResponseInfo": "togetherpy.types._response",
    "accumulate": "togetherpy._chat.accumulate",
    "Timeout": "togetherpy.types._timeout",
    "tool": "togetherpy.tools",
}
__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseError",
    "APIResponseValidationError",
    "APIStatusError",
    "APIStreamResponse",
    "APITimeoutError",
    "AsyncClient",
    "AsyncParsedStream",
    "AsyncStream",
    "AsyncTogether",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ConflictError",
    "Hooks",
    "InternalServerError",
    "InvalidRequestError",
    "JSONError",
    "MaxTurnsError",
    "NotFoundError",
    "ParseError",
    "ParsedStream",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "RateLimits",
    "RequestTimeoutError",
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
    "__version__",
    "accumulate",
    "batch",
    "error",
    "hooks",
    "tool",
    "tools",
    "types",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        if name in ("batch", "contrib", "error", "hooks", "types", "tools", "resources", "testing"):
            return importlib.import_module(f"togetherpy.{name}")
        if name not in __all__:
            raise AttributeError(f"module 'togetherpy' has no attribute {name!r}")
        module, _, attribute = _HOME.get(name, "togetherpy.error").partition(":")
        value = getattr(importlib.import_module(module), attribute or name)
        globals()[name] = value  # the next look-up does not come here; two threads store the same object
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
