"""What a chat request may say: its parameters go in; nothing comes out, or a `RequestError` as the service words it.

The rule: every parameter that the service documents is checked for its type and range; what it does not know, it lets
pass, and null stands for absent.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ._json import as_dict, as_list, is_integer, is_number

MAX_TOKENS = 131_073  # the most that prompt and answer together may have
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
PART_TYPES = ("text", "image_url", "video_url", "audio_url", "input_audio")
INVALID = "invalid_request_error"

Rule = Callable[[Any], str | None]  # a value -> what it should have been, or None when it is right


class RequestError(Exception):
    """A request the service refuses: HTTP status, message, the error's `code` and `kind` (its "type"), and headers
    that go with it."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        kind: str = INVALID,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.kind = kind
        self.headers = headers or {}


def check_chat(params: dict[str, Any], knows: Callable[[str], bool]) -> None:
    """Check a whole chat request; `knows` tells whether a model name exists.

    Raises:
        RequestError: the first thing that is wrong.
    """
    check_model(params, knows)
    _check_messages(as_list(params.get("messages")))
    check_rules(params, CHAT_RULES)
    _check_tool_choice(params)


def check_model(params: dict[str, Any], knows: Callable[[str], bool]) -> None:
    """Check that a request names a model that exists."""
    model = params.get("model")
    if not isinstance(model, str) or not model:
        raise wrong("model", "a non-empty string")
    if not knows(model):
        raise RequestError(404, f"Unable to access model {model}. {_MODEL_HELP}", "model_not_available")


def check_rules(params: dict[str, Any], rules: Mapping[str, Rule]) -> None:
    """Check those parameters that are given."""
    for name, rule in rules.items():
        value = params.get(name)
        wanted = rule(value) if value is not None else None
        if wanted:
            raise wrong(name, wanted)


def check_length(prompt_tokens: int, max_tokens: int | None) -> None:
    """Refuse an answer that would not fit the model's context beside its prompt."""
    if max_tokens is not None and prompt_tokens + max_tokens > MAX_TOKENS:
        raise RequestError(
            422,
            f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {MAX_TOKENS}. "
            f"Given: {prompt_tokens} `inputs` tokens and {max_tokens} `max_new_tokens`",
        )


_MODEL_HELP = "Please visit https://api.together.ai/models to view the list of supported models."


def wrong(name: str, wanted: str) -> RequestError:
    """The refusal of a parameter that should have been something else."""
    return RequestError(400, f"Input validation error: `{name}` must be {wanted}.")


def _check_messages(messages: list[Any] | None) -> None:
    if not messages:
        raise wrong("messages", "a list of at least one message")
    for number, item in enumerate(messages):
        path, message = f"messages[{number}]", as_dict(item)
        if message is None:
            raise wrong(path, "an object")
        if message.get("role") not in ROLES:
            raise wrong(f"{path}.role", f"one of {', '.join(ROLES)}")
        _check_content(path, message)
        if message["role"] == "tool" and not isinstance(message.get("tool_call_id"), str):
            raise wrong(f"{path}.tool_call_id", "a string")


def _check_content(path: str, message: dict[str, Any]) -> None:
    content, parts = message.get("content"), as_list(message.get("content"))
    if isinstance(content, str) or (content is None and message["role"] == "assistant"):
        return
    if parts is None:
        raise wrong(f"{path}.content", "a string or a list of parts")
    for number, item in enumerate(parts):
        part = as_dict(item) or {}
        if part.get("type") not in PART_TYPES:
            raise wrong(f"{path}.content[{number}].type", f"one of {', '.join(PART_TYPES)}")
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise wrong(f"{path}.content[{number}].text", "a string")


def _check_tool_choice(params: dict[str, Any]) -> None:
    choice, tools = params.get("tool_choice"), as_list(params.get("tools")) or []
    if choice is None or choice in ("auto", "none"):
        return
    if choice == "required":
        if not tools:
            raise wrong("tools", 'given when `tool_choice` is "required"')
        return
    function = as_dict((as_dict(choice) or {}).get("function")) or {}
    if function.get("name") not in [tool["function"]["name"] for tool in tools]:
        raise wrong("tool_choice", '"auto", "none", "required" or {"type": "function", ...} naming one of the tools')


def integer(low: int | None = None, high: int | None = None) -> Rule:
    """A rule: such a number, from `low` to `high`."""
    return _ranged(is_integer, "an integer", low, high)


def number(low: float | None = None, high: float | None = None) -> Rule:
    """A rule: such a number, from `low` to `high`."""
    return _ranged(is_number, "a number", low, high)


def _ranged(fits: Callable[[Any], bool], kind: str, low: float | None, high: float | None) -> Rule:
    ends = [f">= {low}"] * (low is not None) + [f"<= {high}"] * (high is not None)
    wanted = " ".join([kind, " and ".join(ends)]).strip()

    def rule(value: Any) -> str | None:
        right = fits(value) and (low is None or value >= low) and (high is None or value <= high)
        return None if right else wanted

    return rule


def boolean(value: Any) -> str | None:
    """A rule: true or false."""
    return None if isinstance(value, bool) else "a boolean"


def _stop(value: Any) -> str | None:
    items = [value] if isinstance(value, str) else as_list(value)
    right = items is not None and all(isinstance(item, str) and item for item in items)
    return None if right else "a non-empty string or a list of them"


def _tools(value: Any) -> str | None:
    tools = as_list(value)
    right = tools is not None and all(map(_is_tool, tools))
    return None if right else "a list of {type, function: {name, description, parameters}}"


def _is_tool(value: Any) -> bool:
    function = as_dict((as_dict(value) or {}).get("function")) or {}
    return isinstance(function.get("name"), str) and isinstance(function.get("parameters"), dict | None)


def _response_format(value: Any) -> str | None:
    form = as_dict(value) or {}
    kind = form.get("type")
    if kind in ("text", "json_object"):
        return None
    if kind == "json_schema":
        return None if schema_of(form) is not None else "accompanied by a schema: {json_schema: {name, schema}}"
    if kind == "regex" and isinstance(form.get("pattern"), str):
        return None
    return "an object whose type is text, json_object, json_schema (with a schema) or regex (with a pattern)"


def schema_of(form: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of a response format, nested as documented or flat as often sent; json_object may have one, too."""
    return as_dict((as_dict(form.get("json_schema")) or form).get("schema"))


def _logit_bias(value: Any) -> str | None:
    biases = as_dict(value)
    return None if biases is not None and all(map(is_number, biases.values())) else "an object of numbers"


CHAT_RULES: dict[str, Rule] = {
    "max_tokens": integer(1),
    "n": integer(1, 128),
    "seed": integer(),
    "top_k": integer(),
    "logprobs": integer(0, 20),
    "temperature": number(0),
    "top_p": number(0, 1),
    "min_p": number(0, 1),
    "repetition_penalty": number(),
    "presence_penalty": number(-2, 2),
    "frequency_penalty": number(-2, 2),
    "stream": boolean,
    "echo": boolean,
    "stop": _stop,
    "tools": _tools,
    "response_format": _response_format,
    "logit_bias": _logit_bias,
}
