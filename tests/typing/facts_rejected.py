"""What type checkers must complain of in raw responses, own response types and hooks: one row, one mistake.

In: clients. Out: nothing. The rule: every row is marked as an error, and a mark without an error is an error itself.
Nothing here is run.
"""

# What follows from a mistake is of no interest beside the mistake.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import msgspec

from togetherpy import Hooks, Together, accumulate
from togetherpy.hooks import RequestEvent
from togetherpy.types.chat_completions import UserMessage

MODEL = "openai/gpt-oss-20b"
HELLO: list[UserMessage] = [{"role": "user", "content": "Hello"}]


class Id(msgspec.Struct):
    id: str


def calls(client: Together) -> None:
    create = client.chat.completions.create
    create(model=MODEL, messages=HELLO, response_type="dict")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    create(model=MODEL, messages=HELLO, response_type=Id("x"))  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    accumulate([7])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType, reportCallIssue]


def values(client: Together) -> None:
    create, raw = client.chat.completions.create, client.chat.completions.with_raw_response.create
    print(create(model=MODEL, messages=HELLO, response_type=Id).choices)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    stream = create(model=MODEL, messages=HELLO, response_type=Id, stream=True)
    stream.text_deltas()  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    stream.get_final_response()  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    answer = raw(model=MODEL, messages=HELLO)
    print(answer.choices)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    answer.status_code = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    print(raw(model=MODEL, messages=HELLO, stream=True).content)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


class Mistaken(Hooks):
    def on_request(self, event: RequestEvent) -> None:
        print(event.body)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        event.attempt = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
