"""What a chat request may say: its parameters go in; nothing comes out, or a `RequestError` as the service words it.

The rule: every parameter that the service documents is checked for its type and range; what it does not know, it lets
pass, and null stands for absent.
"""

from collections.abc import Callable
from typing import Any

MAX_TOKENS = 131072  # prompt and answer together
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class RequestError(Exception):
    """A request the service refuses: HTTP status, message, the error's `code` and `kind` (its "type")."""

    def __init__(
        self, status: int, message: str, code: str | None = None, *, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.kind = kind


def _bad(message: str) -> RequestError:
    return RequestError(400, message)


def check_chat(params: dict[str, Any], knows: Callable[[str], bool]) -> None:
    """Check a whole chat request; `knows` tells whether a model name exists.

    Raises:
        RequestError: the first thing that is wrong.
    """
    model = params.get("model")
    if not isinstance(model, str) or not model:
        raise _bad("Input validation error: `model` is required and must be a string.")
    if not knows(model):
        raise RequestError(
            404,
            f"Unable to access model {model}. Please visit https://api.together.ai/models to view the list of "
            "supported models.",
            "model_not_available",
        )
    _check_messages(params.get("messages"))


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise _bad("Input validation error: `messages` is required and must be a list with at least one message.")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise _bad(f"Input validation error: `messages[{number}].role` must be one of {', '.join(ROLES)}.")
