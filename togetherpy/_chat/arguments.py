"""What a user of chat completions may have meant otherwise: arguments of a wrong type, misspelt ones, misplaced ones.

In: the keyword arguments of a call. Out: an exception or a warning that names the argument.
The rule: values are never shown. What the server is to judge (ranges, what goes with which model) is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from togetherpy._core.config import check_mapping, hide
from togetherpy._core.names import Names

_NO_NUMBER = (str, bytes, bool, list, tuple, dict, set)


def check_arguments(method: str, params: dict[str, Any], stream: object) -> None:
    """Raises TypeError for what cannot be meant; warns of what was probably meant otherwise."""
    if stream is not None and type(stream) is not bool:
        raise TypeError(f"stream must be a bool, not {type(stream).__name__}")
    if "extra_headers" in params:
        params["extra_headers"] = hide(params["extra_headers"])
    check_names(method, params)
    for name, value in params.items():
        check = _CHECKS.get(name)
        if check is not None and value is not None:
            check(value, name)


def check_names(method: str, params: dict[str, Any]) -> None:
    """The same of the names alone."""
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
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        _refuse(value, name, "a str or a list of str")


def _format(value: Any, name: str) -> None:
    if isinstance(value, type) or hasattr(value, "__origin__"):
        kind = getattr(value, "__name__", str(value))
        raise TypeError(f"{name}={kind} is a type: use parse(response_format={kind}), whose answer has it in .parsed")
    if isinstance(value, (str, bytes, list, tuple)):
        _refuse(value, name, 'a dict such as {"type": "json_object"}')


def _refuse(value: Any, name: str, wanted: str) -> NoReturn:
    raise TypeError(f"{name} must be {wanted}, not {type(value).__name__}")


_CHECKS: dict[str, Callable[[Any, str], None] | None] = {
    "messages": None,
    "model": None,
    "max_tokens": _number,
    "stop": _texts,
    "temperature": _number,
    "top_p": _number,
    "top_k": _number,
    "repetition_penalty": _number,
    "presence_penalty": _number,
    "frequency_penalty": _number,
    "min_p": _number,
    "logit_bias": _object,
    "seed": _number,
    "logprobs": None,
    "echo": _yes_or_no,
    "n": _whole_number,
    "safety_model": None,
    "tool_choice": None,
    "function_call": None,
    "reasoning": None,
    "reasoning_effort": None,
    "chat_template_kwargs": _object,
    "compliance": None,
    "context_length_exceeded_behavior": None,
    "stream_options": _object,
    "top_logprobs": _number,
    "parallel_tool_calls": _yes_or_no,
    "max_completion_tokens": _number,
    "user": None,
    "metadata": _object,
    "timeout": None,
    "max_retries": None,
    "extra_headers": check_mapping,
    "extra_query": check_mapping,
    "extra_body": check_mapping,
    "response_format": _format,
    "tools": None,
    "response_type": None,
    "stream": None,
}
"""Every argument that is known, and what looks at its value."""

_OF_RUN_TOOLS = ("max_turns", "on_step", "raise_errors")
_OTHER_SERVERS = (
    *("chat_template", "max_input_tokens", "min_tokens", "models", "reasoning_format", "repeat_penalty", "user_id"),
)
"""Fields that other servers of this protocol take and that look like misspelt ones of ours."""
_CREATE = Names(
    _CHECKS, of_others=_OTHER_SERVERS, elsewhere=dict.fromkeys(_OF_RUN_TOOLS, "it is an argument of run_tools()")
)
_RUN_TOOLS = Names((*_CHECKS, *_OF_RUN_TOOLS), of_others=_OTHER_SERVERS)
