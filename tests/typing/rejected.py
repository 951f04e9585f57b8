"""What type checkers must complain of: one row, one mistake.

In: clients. Out: nothing. The rule: every row is marked as an error, and a mark without an error is an error itself,
so a row fails when a checker no longer sees the mistake. Nothing here is run.
"""

# What follows from a mistake is of no interest beside the mistake.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import togetherpy
from togetherpy import AsyncTogether, Timeout, Together, types
from togetherpy.types import chat_completions
from togetherpy.types.chat_completions import UserMessage

MODEL = "openai/gpt-oss-20b"
HELLO: list[UserMessage] = [{"role": "user", "content": "Hello"}]


def calls(client: Together) -> None:
    create = client.chat.completions.create
    create(messages=HELLO)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    create(model=MODEL)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    create(MODEL, HELLO)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    create(model=7, messages=HELLO)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    create(model=MODEL, messages="Hello")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    create(model=MODEL, messages=[7])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    create(model=MODEL, messages=HELLO, temperature="hot")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    create(model=MODEL, messages=HELLO, stop=7)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    create(model=MODEL, messages=HELLO, stream="yes")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    create(model=MODEL, messages=HELLO, timeout=(1, 2, 3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    create(model=MODEL, messages=HELLO, timeout="5")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    create(model=MODEL, messages=HELLO, max_token=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    create(model=MODEL, messages=HELLO, extra_headers={"X-A": 5})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


def areas(client: Together) -> None:
    client.models.list(dedicated="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.models.list(further=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.models.retrieve()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.models.retrieve(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.models.with_raw_response.retrieve(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.models.with_raw_response.create()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(client.no_such_area)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def values(client: Together) -> None:
    response = client.chat.completions.create(model=MODEL, messages=HELLO)
    print(response.choises)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    for pair in response:
        print(pair.choices)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    print(stream.choices)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(togetherpy.Togethr)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(types.ChatCompletionParms)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(chat_completions.Tolls)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Together("key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Together(api_key=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Together(timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Together(transport="threads")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Timeout(total="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Timeout().total = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


async def asynchronous(client: AsyncTogether) -> None:
    AsyncTogether(transport="curio")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    response = client.chat.completions.create(model=MODEL, messages=HELLO)
    print(response.choices)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    for chunk in stream:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        del chunk
    with client:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
