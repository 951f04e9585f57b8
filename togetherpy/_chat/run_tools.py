"""The loop of `run_tools()`: ask, run the tools that the model calls, tell it what came of it, ask again.

In: functions, and what `create` takes. Out: a ToolRun.
The rule: the conversation is valid at every moment (each tool call in it has its result), so that whatever ends a run,
one can go on from its messages. Everything but calling and waiting is in `_Run`, which both clients share.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any, NoReturn, cast

import msgspec

from togetherpy._chat.arguments import check_names
from togetherpy._core.config import hide
from togetherpy._core.encode import encode_json
from togetherpy.error import APIError, MaxTurnsError, ParseError, ToolCallError
from togetherpy.tools import Tool, as_tool
from togetherpy.types.chat_completions import ChatCompletionResponse
from togetherpy.types.common import ToolCalls
from togetherpy.types.tool_runs import ToolResult, ToolRun, ToolStep

OnStep = Callable[[ToolStep], object] | None
_MAX_TOLD = 2_000
"""Characters of an exception's message that the model is told."""


def run(create: Callable[..., Any], given: dict[str, Any], on_step: OnStep) -> ToolRun:
    """The whole run, one tool after the other."""
    this = _Run(**given, on_step=on_step)
    this.refuse_to_wait()
    while True:
        with this.messages_kept():
            response = create(**this.request())
        calls = this.begin(response)
        step = this.end(response, [_execute(this, call) for call in calls])
        if on_step is not None:
            on_step(step)
        if not calls:
            return this.result(response)


async def arun(create: Callable[..., Any], given: dict[str, Any], on_step: OnStep) -> ToolRun:
    """The whole run; the tools of one answer run at the same time, those that are not async in threads."""
    import asyncio

    this = _Run(**given, on_step=on_step)
    while True:
        with this.messages_kept():
            response = await create(**this.request())
        calls = this.begin(response)
        step = this.end(response, await asyncio.gather(*(_aexecute(this, call) for call in calls)))
        if on_step is not None:
            seen = on_step(step)
            if inspect.isawaitable(seen):
                await seen
        if not calls:
            return this.result(response)


def _execute(this: _Run, call: ToolCalls) -> ToolResult:
    try:
        tool, args, kwargs = this.find(call)
        value = tool.function(*args, **kwargs)
        if inspect.isawaitable(value):
            import asyncio

            value = asyncio.run(_wait(value))
        return this.succeeded(call, value)
    except Exception as error:
        if this.raise_errors:
            raise
        return this.failed(call, error)


async def _aexecute(this: _Run, call: ToolCalls) -> ToolResult:
    import asyncio

    try:
        tool, args, kwargs = this.find(call)
        if tool.is_async:
            value = tool.function(*args, **kwargs)
        else:
            value, error = await asyncio.to_thread(_outcome, tool.function, args, kwargs)
            if error is not None:
                return this.failed(call, error)
        if inspect.isawaitable(value):
            value = await value
        return this.succeeded(call, value)
    except Exception as error:
        return this.failed(call, error)  # those that run beside it come to their end first


def _outcome(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, Exception | None]:
    """What a function returns, or raises: a StopIteration cannot be raised into a Future, and would be waited for."""
    try:
        return function(*args, **kwargs), None
    except Exception as error:
        return None, error


def _as_raised(error: Exception) -> Exception:
    """The exception that a tool raised: Python makes a StopIteration that leaves a coroutine a RuntimeError."""
    cause = error.__cause__
    return cause if isinstance(cause, StopIteration) and str(error) == "coroutine raised StopIteration" else error


async def _wait(value: Awaitable[Any]) -> Any:
    return await value


class _Run:
    """One run, without its calls."""

    def __init__(
        self, tools: Iterable[Any], params: dict[str, Any], max_turns: int, raise_errors: bool, on_step: OnStep
    ) -> None:
        """Raises TypeError and ValueError for what cannot be meant, before anything is sent."""
        check_names("run_tools", params)
        if params.get("stream") or (params.get("n") or 1) != 1:
            raise TypeError("run_tools() takes neither stream=True nor n=...: it needs whole answers, one at a time")
        if params.get("response_type") is not None:
            raise TypeError("run_tools() takes no response_type: it needs the tool calls of each answer")
        if isinstance(cast(Any, max_turns), bool) or not isinstance(cast(Any, max_turns), int) or max_turns < 1:
            raise ValueError(f"max_turns must be an integer >= 1, not {max_turns!r}")
        if not isinstance(cast(Any, raise_errors), bool):
            raise TypeError(f"raise_errors must be a bool, not {type(raise_errors).__name__}")
        if on_step is not None and not callable(cast(Any, on_step)):
            raise TypeError(f"on_step must be a function, not {type(on_step).__name__}")
        self.raise_errors = raise_errors
        self._max_turns = max_turns
        self._tools = _by_name(tools)
        # From here on no variable holds what a traceback with local variables must not show.
        params["extra_headers"] = hide(params.get("extra_headers"))
        messages: Any = params.pop("messages", None)
        self.messages: Any = list(messages) if _is_list(messages) else messages
        self._params = params
        self._steps: list[ToolStep] = []

    def refuse_to_wait(self) -> None:
        """Raises TypeError when there will be something to await where nothing can be."""
        waiting = [tool.name for tool in self._tools.values() if tool.is_async]
        if not waiting:
            return
        import asyncio

        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            raise TypeError(
                f"Together cannot await the tool {waiting[0]} while an event loop runs in its thread; use AsyncTogether"
            )

    def request(self) -> dict[str, Any]:
        """The parameters of the next call."""
        params = {**self._params, "messages": self.messages, "tools": list(self._tools.values())}
        if self._steps and params.get("tool_choice") not in (None, "auto", "none"):
            params["tool_choice"] = "auto"  # a choice that forces a call would never let a run end
        return params

    @contextlib.contextmanager
    def messages_kept(self) -> Generator[None, None, None]:
        """What earlier answers cost is not lost when a later call fails."""
        try:
            yield
        except APIError as error:
            error.messages = self.messages
            raise

    def begin(self, response: ChatCompletionResponse) -> list[ToolCalls]:
        """The calls that the answer asks for; each has an id then.

        Raises:
            MaxTurnsError: there are some, and there has been the last turn.
        """
        message = response.choices[0].message if response.choices else None
        calls = (message.tool_calls if message is not None else None) or []
        if calls and len(self._steps) + 1 >= self._max_turns:
            self._give_up(response)
        for place, call in enumerate(calls):
            # Some servers leave it out, and none takes a result without it.
            call.id = call.id or f"call_{len(self._steps)}_{place}"
        return calls

    def _give_up(self, response: ChatCompletionResponse) -> NoReturn:
        error = MaxTurnsError(
            f"The model still calls tools after {self._max_turns} turns; raise max_turns, or go on from .messages "
            "(its last calls, in .completion, were not run)."
        )
        error.messages, error.steps, error.completion = self.messages, self._steps, response
        raise error

    def end(self, response: ChatCompletionResponse, results: list[ToolResult]) -> ToolStep:
        """Takes an answer and its results into the conversation. Raises a tool's exception, if it is to."""
        if self.raise_errors:
            for result in results:
                if result.error is not None:
                    raise result.error
        if response.choices and response.choices[0].message is not None:
            self.messages.append(response.choices[0].message)
        for result in results:
            self.messages.append({"role": "tool", "tool_call_id": result.call.id, "content": result.content})
        self._steps.append(ToolStep(response=response, results=results))
        return self._steps[-1]

    def result(self, response: ChatCompletionResponse) -> ToolRun:
        """The run, when it is over."""
        return ToolRun(response=response, messages=self.messages, steps=self._steps)

    def find(self, call: ToolCalls) -> tuple[Tool[..., Any], list[Any], dict[str, Any]]:
        """The tool that is called, and its arguments.

        Raises:
            ToolCallError: there is no such tool. ParseError: the arguments do not fit.
        """
        name = call.function.name if call.function is not None else None
        tool = self._tools.get(name or "")
        if tool is None:
            known = list(self._tools)
            error = ToolCallError(f"There is no tool named {name!r}. The tools are: {', '.join(known)}.")
            error.call, error.known = call, known
            raise error
        return tool, *tool.decode(call)

    def succeeded(self, call: ToolCalls, value: Any) -> ToolResult:
        """Raises TypeError or ValueError when the value cannot be told."""
        return ToolResult(call=call, value=value, content=_text(value))

    def failed(self, call: ToolCalls, error: Exception) -> ToolResult:
        """What the model is told: what happened and nothing of where, which is not its business."""
        error = _as_raised(error)
        said = str(error)[:_MAX_TOLD]
        if not isinstance(error, (ToolCallError, ParseError)):
            said = f"{type(error).__name__}: {said}" if said else type(error).__name__
        return ToolResult(call=call, error=error, content=f"Error: {_text(said)}")


def _by_name(tools: Iterable[Any]) -> dict[str, Tool[..., Any]]:
    if callable(tools) or isinstance(tools, (str, bytes, dict)) or not isinstance(cast(Any, tools), Iterable):
        raise TypeError("tools must be a list of functions: tools=[get_weather]")
    found: dict[str, Tool[..., Any]] = {}
    for place, one in enumerate(tools):
        if not callable(one):
            raise TypeError(f"tools[{place}] must be a function that run_tools() can call, not {type(one).__name__}")
        tool = as_tool(one)
        if tool.name in found:
            raise ValueError(f"two tools are named {tool.name}; give one another name: tool(name=...)")
        found[tool.name] = tool
    return found


def _is_list(messages: object) -> bool:
    """Whether these can be messages; if not, `create` says what is wrong."""
    return isinstance(messages, Iterable) and not isinstance(messages, (str, bytes, dict, msgspec.Struct))


def _text(value: Any) -> str:
    """What the model is told that a tool returned: text as it is, all else as JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half a surrogate pair could not be sent
    try:
        encoded = encode_json({"result": value})
    except (TypeError, ValueError) as error:
        raise TypeError(f"the tool returned what cannot be sent as JSON: {error}") from error
    return encoded[len('{"result":') : -1].decode()
