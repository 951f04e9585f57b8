"""What type checkers must complain of in structured output and tools: one row, one mistake.

In: clients. Out: nothing. The rule: every row is marked as an error, and a mark without an error is an error itself.
Nothing here is run.
"""

# What follows from a mistake is of no interest beside the mistake.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import msgspec

from togetherpy import Together, tool
from togetherpy.types.chat_completions import UserMessage
from togetherpy.types.common import ToolCalls

MODEL = "openai/gpt-oss-20b"
HELLO: list[UserMessage] = [{"role": "user", "content": "Hello"}]


class Lake(msgspec.Struct):
    name: str


@tool
def double(x: int) -> int:
    return 2 * x


def calls(client: Together) -> None:
    parse, run_tools = client.chat.completions.parse, client.chat.completions.run_tools
    parse(model=MODEL, messages=HELLO)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    parse(model=MODEL, messages=HELLO, response_format={"type": "json_object"})  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    parse(model=MODEL, response_format=Lake)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    parse(model=MODEL, messages=HELLO, response_format=Lake, tools=[7])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    run_tools(model=MODEL, messages=HELLO)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_tools(model=MODEL, messages=HELLO, tools=[{"type": "function"}])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    run_tools(model=MODEL, messages=HELLO, tools=[double], stream=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_tools(model=MODEL, messages=HELLO, tools=[double], max_turns="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def values(client: Together, call: ToolCalls) -> None:
    answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Lake)
    print(answer.choices[0].message.parsed.name)  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    print(answer.choices[0].message.parse)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    double("4")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    call.parse(Lake("x"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
