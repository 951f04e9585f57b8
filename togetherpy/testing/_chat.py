"""Chat completions: the parameters of a request go in; a `Completion`, to be sent whole or in chunks, comes out.

The rule: a completion is made once, token by token; the plain answer and the stream are two views of it.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

from . import _logprobs, _text
from ._answer import DONE, sse_event
from ._check import check_length, schema_of
from ._json import as_dict, as_list, to_json
from ._pattern import text_for_pattern
from ._schema import Maker

PER_MESSAGE = 4  # tokens a message costs besides its text


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a tool; its arguments are the choice's tokens."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: the tokens of its text, or of a tool call's arguments, and why they ended."""

    index: int
    tokens: tuple[str, ...]
    finish_reason: str
    seed: int
    call: Call | None

    def message(self) -> dict[str, Any]:
        """The message of a plain answer."""
        text = "".join(self.tokens)
        if self.call is None:
            return {"role": "assistant", "content": text, "tool_calls": []}
        function = {"name": self.call.name, "arguments": text}
        call = {"id": self.call.id, "type": "function", "index": 0, "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}

    def chunks(self, logprobs: int) -> list[dict[str, Any]]:
        """What a stream says of this choice, chunk by chunk; the last one has no token but the reason of the end."""
        if self.call is None:
            chunks = [self._text_chunk(token, logprobs) for token in self.tokens]
        else:
            named = {"id": self.call.id, "type": "function", "function": {"name": self.call.name, "arguments": ""}}
            fragments: list[dict[str, Any]] = [{"function": {"arguments": token}} for token in self.tokens]
            chunks = [self._chunk(tool_calls=[{"index": 0, **part}]) for part in (named, *fragments)]
        return [*chunks, {**self._chunk(), "finish_reason": self.finish_reason, "seed": self.seed}]

    def _text_chunk(self, token: str, logprobs: int) -> dict[str, Any]:
        chunk = self._chunk(token, _logprobs.token_id(token))
        if logprobs:
            chunk["logprobs"] = _logprobs.logprob(token)
            chunk["top_logprobs"] = _logprobs.top_logprobs(token, logprobs)
        return chunk

    def _chunk(
        self, text: str = "", token_id: int | None = None, tool_calls: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        delta = {"token_id": token_id, "role": "assistant", "content": text, "tool_calls": tool_calls}
        return {
            "index": self.index,
            "text": text,
            "logprobs": None,
            "finish_reason": None,
            "seed": None,
            "delta": delta,
        }


@dataclass(frozen=True, slots=True)
class Completion:
    """Everything about one answer but its framing. `base`: id, created and model; `logprobs`: how many were asked."""

    base: Mapping[str, Any]
    prompt: list[dict[str, Any]]
    choices: tuple[Choice, ...]
    usage: Mapping[str, int]
    logprobs: int

    def response(self) -> dict[str, Any]:
        """The body of a plain answer."""
        choices = [
            {
                "index": choice.index,
                "finish_reason": choice.finish_reason,
                "seed": choice.seed,
                "logprobs": _logprobs.part(choice.tokens, self.logprobs) if choice.call is None else None,
                "message": choice.message(),
            }
            for choice in self.choices
        ]
        return {
            **self.base,
            "object": "chat.completion",
            "prompt": self.prompt,
            "choices": choices,
            "usage": self.usage,
        }

    def events(self) -> list[bytes]:
        """The events of a stream, [DONE] included; the choices take turns."""
        turns = zip_longest(*(choice.chunks(self.logprobs) for choice in self.choices))
        chunks = [self._event([chunk], None) for turn in turns for chunk in turn if chunk is not None]
        return [*chunks, self._event([], self.usage), DONE]

    def _event(self, choices: list[dict[str, Any]], usage: Mapping[str, int] | None) -> bytes:
        return sse_event({**self.base, "object": "chat.completion.chunk", "choices": choices, "usage": usage})


Answers = Callable[[list[dict[str, Any]]], str | None]
"""Messages -> what is said to them; None: what comes of itself."""


def complete(params: dict[str, Any], *, identity: str, created: int, answers: Answers = lambda _: None) -> Completion:
    """The completion for checked parameters.

    Raises:
        RequestError: the answer would not fit the context, or the schema admits no value.
    """
    messages: list[Any] = params["messages"]
    asked = sum(len(_text.tokens(_text.content_text(m.get("content")))) + PER_MESSAGE for m in messages)
    check_length(asked, params.get("max_tokens"))
    said = cast(object, answers(messages))
    if said is not None and not isinstance(said, str):
        raise TypeError(f"answers must return a text or None, not {type(said).__name__}")
    choices = tuple(_choose(params, index, said) for index in range(params.get("n") or 1))
    made = sum(len(choice.tokens) for choice in choices)
    usage = {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}
    base = {"id": identity, "created": created, "model": params["model"]}
    logprobs = params.get("logprobs") or 0
    return Completion(base, _echo(messages, logprobs) if params.get("echo") else [], choices, usage, logprobs)


def _choose(params: dict[str, Any], index: int, said: str | None) -> Choice:
    messages, seed = params["messages"], params.get("seed")
    rng = _text.chance(messages, seed, index)
    own_seed = rng.getrandbits(64) if seed is None else seed  # more than 63 bits, as the service gives them
    function, call = _chosen_function(params) if said is None else None, None
    if function is None:
        text, reason = _before_stop(_content(params, rng) if said is None else said, params.get("stop") or []), "stop"
    else:
        call, reason = Call(f"call_{rng.getrandbits(96):024x}", function["name"]), "tool_calls"
        text = _made(function.get("parameters") or {"type": "object"}, rng, messages)
    tokens, limit = _text.tokens(text), params.get("max_tokens")
    if limit is not None and len(tokens) > limit:
        tokens, reason = tokens[:limit], "length"
    return Choice(index, tuple(tokens), reason, own_seed, call)


def _chosen_function(params: dict[str, Any]) -> dict[str, Any] | None:
    """The function to call, if any: the one named, else one that the user's words point to, else the first."""
    functions: list[dict[str, Any]] = [tool["function"] for tool in as_list(params.get("tools")) or []]
    choice, role = params.get("tool_choice") or "auto", params["messages"][-1]["role"]
    if not functions or choice == "none" or role == "tool" or (choice == "auto" and role != "user"):
        return None
    named = as_dict(choice)
    if named is not None:
        return next(function for function in functions if function["name"] == named["function"]["name"])
    said = {word.lower() for word in _text.words(_text.last_user_text(params["messages"]))}
    return max(functions, key=lambda function: len(said & set(function["name"].lower().split("_"))))


def _content(params: dict[str, Any], rng: random.Random) -> str:
    messages = params["messages"]
    form = params.get("response_format") or {"type": "text"}
    schema = schema_of(form)
    if form["type"] == "json_schema" or (form["type"] == "json_object" and schema is not None):
        return _made(schema or {}, rng, messages)
    if form["type"] == "json_object":
        said = " ".join(_text.words(_text.last_user_text(messages)))
        return to_json({"topic": said, "answer": _text.answer(messages, rng), "sources": []}).decode()
    if form["type"] == "regex":
        return text_for_pattern(form["pattern"], rng)
    return _text.answer(messages, rng)


def _made(schema: dict[str, Any], rng: random.Random, messages: list[Any]) -> str:
    return to_json(Maker(schema, rng, _text.words(_text.last_user_text(messages))).make()).decode()


def _before_stop(text: str, stop: str | list[str]) -> str:
    stops = [stop] if isinstance(stop, str) else stop
    return text[: min((found for found in map(text.find, stops) if found >= 0), default=len(text))]


def _echo(messages: list[Any], logprobs: int) -> list[dict[str, Any]]:
    text = _text.prompt_text(messages)
    return [{"text": text, "logprobs": _logprobs.part(_text.tokens(text), logprobs)}]
