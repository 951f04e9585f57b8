"""What a user may have meant otherwise: arguments of a wrong type, misspelt ones, and those that belong elsewhere.

In: the keyword arguments of a call. Out: an exception or a warning that names the argument.
The rule: the API grows, so a name that is not known goes into the body; a key never does. Values are never shown. What
the server is to judge (ranges, what goes with which model) is left to it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from togetherpy._core.caller import warn_caller
from togetherpy._core.config import check_mapping, hide

_OF_RUN_TOOLS = ("max_turns", "on_step", "raise_errors")
_OTHER_SERVERS = frozenset(
    ["chat_template", "max_input_tokens", "min_tokens", "models", "reasoning_format", "repeat_penalty", "user_id"]
)
"""Fields that other servers of this protocol take and that look like misspelt ones of ours."""
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
    """The same of the names alone; one that is warned of moves to `extra_body`, where nobody looks again."""
    for name in params.keys() - _CHECKS.keys():
        if params[name] is not None:
            _judge(method, name, params)


def _judge(method: str, name: str, params: dict[str, Any]) -> None:
    where, meant = _verdict(method, name)
    if where:
        params.clear()  # a traceback with local variables must not show a key
        raise TypeError(f"{method}() takes no {name}=...: {where}")
    if meant:
        warn_caller(f"{method}() sends {name}=... in the request's body as it is; did you mean {meant}?")
        check_mapping(params.get("extra_body"), "extra_body")
        params["extra_body"] = {name: params.pop(name), **(params.get("extra_body") or {})}


@functools.lru_cache(maxsize=1024)
def _verdict(method: str, name: str) -> tuple[str, str | None]:
    """Where a name that is not known belongs, "" for the body; and what may have been meant."""
    from togetherpy._core.misplaced import near_miss, near_miss_of_elsewhere, where_it_belongs

    own = (*_OF_RUN_TOOLS,) if method == "run_tools" else ()
    where = where_it_belongs(name) or ("it is an argument of run_tools()" if name in _OF_RUN_TOOLS else "")
    if where or name in _OTHER_SERVERS:
        return where, None
    return "", near_miss(name, (*_CHECKS, *own)) or near_miss_of_elsewhere(name)


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
