"""What a user of chat completions may have meant otherwise: arguments of a wrong type, misspelt ones, misplaced ones.

In: the keyword arguments of a call. Out: an exception or a warning that names the argument.
The rule: values are never shown. What the server is to judge (ranges, what goes with which model) is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import msgspec

from togetherpy._core.absent import drop_absent, is_absent
from togetherpy._core.config import check_mapping, hide
from togetherpy._core.names import Names

_NO_NUMBER = (str, bytes, bool, list, tuple, dict, set)


def check_arguments(method: str, params: dict[str, Any], stream: object) -> None:
    """Raises TypeError for what cannot be meant; warns of what was probably meant otherwise."""
    if stream is not None and type(stream) is not bool and not is_absent(stream):
        raise TypeError(f"stream must be a bool, not {type(stream).__name__}")
    drop_absent(params)
    if "extra_headers" in params:
        params["extra_headers"] = hide(params["extra_headers"])
    if not _KNOWN.issuperset(params):
        check_names(method, params)
    check_values(params)


def check_values(params: Mapping[str, Any]) -> None:
    """Raises TypeError for the first value that is of a wrong type."""
    for name, value in params.items():
        # Nearly every value is of a type that is right, and costs no call to find so.
        if name in _RULES and type(value) not in _RULES[name][0]:
            _RULES[name][1](value, name)


def check_names(method: str, params: dict[str, Any]) -> None:
    """The same of the names alone."""
    drop_absent(params)
    (_RUN_TOOLS if method == "run_tools" else _CREATE).check(method, params)


def _whole_number(value: Any, name: str) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        _refuse(value, name, "an int")


def _number(value: Any, name: str) -> None:
    if isinstance(value, _NO_NUMBER):
        _refuse(value, name, "a number")


def _yes_or_no(value: Any, name: str) -> None:
    if isinstance(value, (str, bytes)):
        _refuse(value, name, "a bool")


def _object(value: Any, name: str) -> None:
    if isinstance(value, (str, bytes, bool, list, tuple, int, float)):
        _refuse(value, name, "a dict")


def _texts(value: Any, name: str) -> None:
    if isinstance(value, (bytes, Mapping, msgspec.Struct)) or not isinstance(value, Iterable):
        _refuse(value, name, "a str or a list of str")


def _format(value: Any, name: str) -> None:
    if isinstance(value, type) or hasattr(value, "__args__"):
        kind = getattr(value, "__name__", str(value))
        raise TypeError(f"{name}={kind} is a type: use parse(response_format={kind}), whose answer has it in .parsed")
    if isinstance(value, (str, bytes, list, tuple)):
        _refuse(value, name, 'a dict such as {"type": "json_object"}')


def _refuse(value: Any, name: str, wanted: str) -> NoReturn:
    raise TypeError(f"{name} must be {wanted}, not {type(value).__name__}")


_Rule = tuple[frozenset[type], Callable[[Any, str], None]]
"""The types that are right whatever the value is, and what looks at values of others."""


def _rule(check: Callable[[Any, str], None], *right: type) -> _Rule:
    return frozenset((type(None), *right)), check


_RULES: dict[str, _Rule] = {
    **dict.fromkeys(
        (
            *("max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty"),
            *("presence_penalty", "frequency_penalty", "seed", "top_logprobs"),
        ),
        _rule(_number, int, float),
    ),
    **dict.fromkeys(("logit_bias", "metadata", "chat_template_kwargs", "stream_options"), _rule(_object, dict)),
    **dict.fromkeys(("extra_headers", "extra_query", "extra_body"), _rule(check_mapping, dict)),
    **dict.fromkeys(("echo", "parallel_tool_calls"), _rule(_yes_or_no, bool)),
    "n": _rule(_whole_number, int),
    "stop": _rule(_texts, str, list),
    "response_format": _rule(_format, dict),
}
_KNOWN = frozenset(
    (
        *_RULES,
        *("messages", "model", "tools", "tool_choice", "function_call", "stream", "response_type", "logprobs"),
        *("reasoning", "reasoning_effort", "safety_model", "compliance", "context_length_exceeded_behavior"),
        *("user", "timeout", "max_retries"),
    )
)
_OF_RUN_TOOLS = ("max_turns", "on_step", "raise_errors")
_OTHER_SERVERS = (
    *("chat_template", "max_input_tokens", "min_tokens", "models", "reasoning_format", "repeat_penalty", "user_id"),
)
"""Fields that other servers of this protocol take and that look like misspelt ones of ours."""
_IN_MESSAGES = {
    "prompt": 'a chat takes messages=[{"role": "user", "content": "..."}]',
    "system": 'it is the first of the messages: {"role": "system", "content": "..."}',
}
"""Said by other clients, and by rows of a batch; in a request's body a server would pass over them."""
_CREATE = Names(
    _KNOWN,
    of_others=_OTHER_SERVERS,
    elsewhere=_IN_MESSAGES | dict.fromkeys(_OF_RUN_TOOLS, "it is an argument of run_tools()"),
)
_RUN_TOOLS = Names((*_KNOWN, *_OF_RUN_TOOLS), of_others=_OTHER_SERVERS, elsewhere=_IN_MESSAGES)
