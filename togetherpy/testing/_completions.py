"""Completions of a prompt: the parameters of a request go in; an answer, to be sent whole or in chunks, comes out.

The rule: the text is what a chat would say to the prompt; only its form is another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from . import _logprobs, _text
from ._answer import DONE, sse_event
from ._chat import Answers, Choice, Completion, complete
from ._check import CHAT_RULES, check_model, check_rules, integer, wrong

_NOT_OF_PROMPTS = ("tools", "response_format")
_RULES = {name: rule for name, rule in CHAT_RULES.items() if name not in _NOT_OF_PROMPTS}
_ECHO_RULES = {**_RULES, "max_tokens": integer(0)}  # nothing but the prompt: how programs ask for its log probabilities


@dataclass(frozen=True, slots=True)
class PromptCompletion:
    """Everything about one answer but its framing."""

    prompt: str
    echo: bool
    chat: Completion

    @property
    def usage(self) -> Mapping[str, int]:
        """The tokens that it took."""
        return self.chat.usage

    def response(self) -> dict[str, Any]:
        """The body of a plain answer."""
        logprobs = self.chat.logprobs
        choices = [
            {
                "index": choice.index,
                "text": "".join(choice.tokens),
                "finish_reason": choice.finish_reason,
                "seed": choice.seed,
                "logprobs": _logprobs.part(choice.tokens, logprobs),
            }
            for choice in self.chat.choices
        ]
        echoed = {"text": self.prompt, "logprobs": _logprobs.part(_text.tokens(self.prompt), logprobs)}
        return {
            **self.chat.base,
            "object": "text.completion",
            "prompt": [echoed] if self.echo else [],
            "choices": choices,
            "usage": self.usage,
        }

    def events(self) -> list[bytes]:
        """The events of a stream, [DONE] included; the choices take turns."""
        turns = zip_longest(*(self._chunks(choice) for choice in self.chat.choices))
        chunks = [chunk for turn in turns for chunk in turn if chunk is not None]
        return [*chunks, self._event([], None, self.usage), DONE]

    def _chunks(self, choice: Choice) -> list[bytes]:
        tokens: list[str | None] = [*choice.tokens, None]
        chunks = choice.chunks(self.chat.logprobs)
        return [self._event([chunk], token) for chunk, token in zip(chunks, tokens, strict=True)]

    def _event(self, choices: list[Any], token: str | None, usage: Mapping[str, int] | None = None) -> bytes:
        logprob = _logprobs.logprob(token) if token is not None and self.chat.logprobs else 0
        said = None if token is None else {"id": _logprobs.token_id(token), "text": token, "logprob": logprob}
        token_part = {} if said is None else {"token": {**said, "special": False}}
        base = {**self.chat.base, "object": "completion.chunk", "choices": choices, "usage": usage}
        return sse_event({**base, **token_part})


def check_completion(params: dict[str, Any], knows: Callable[[str], bool]) -> None:
    """Raises RequestError for the first thing that is wrong."""
    check_model(params, knows)
    if not isinstance(params.get("prompt"), str):
        raise wrong("prompt", "a string")
    check_rules(params, _ECHO_RULES if params.get("echo") else _RULES)


def complete_prompt(
    params: dict[str, Any], *, identity: str, created: int, answers: Answers = lambda _: None
) -> PromptCompletion:
    """The completion for checked parameters.

    Raises:
        RequestError: the answer would not fit the context.
    """
    prompt = params["prompt"]
    others = {name: value for name, value in params.items() if name not in (*_NOT_OF_PROMPTS, "prompt", "echo")}
    messages = [{"role": "user", "content": prompt}]
    chat = complete({**others, "messages": messages}, identity=identity, created=created, answers=answers)
    return PromptCompletion(prompt, bool(params.get("echo")), chat)
