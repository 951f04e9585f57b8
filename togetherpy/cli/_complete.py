"""`togetherpy complete`: a text goes on.

In: a prompt. Out: the text as it arrives. The rule: nothing is added to what the model writes but, on a terminal, the
end of the last line.
"""

from __future__ import annotations

import argparse
from typing import Any

from togetherpy.cli._input import text_of
from togetherpy.cli._options import CHAT_MODEL, add_connection, add_json, add_model, connect, describe, positive
from togetherpy.cli._screen import Screen, complain


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy complete` of a parser."""
    describe(
        parser,
        """\
Lets a model go on with a text, as it is: no roles, no system prompt, as `client.completions.create` does. What it
writes is shown as it arrives.""",
    )
    parser.set_defaults(run=run)
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help="the text; standard input if there is none, or -")
    add_model(parser, CHAT_MODEL)
    parser.add_argument("--max-tokens", type=positive, default=256, metavar="N", help="default: %(default)s")
    parser.add_argument("-t", "--temperature", type=float, metavar="X", help="0 to 2")
    parser.add_argument("--top-p", type=float, metavar="X", help="0 to 1")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--stop", action="append", metavar="TEXT", help="end before this; may be repeated")
    parser.add_argument("--echo", action="store_true", help="show the prompt too")
    parser.add_argument("--usage", action="store_true", help="say on standard error how many tokens it took")
    add_json(parser)
    add_connection(parser)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy complete`."""
    prompt = text_of(options.prompt, "the prompt")
    names = ("model", "max_tokens", "temperature", "top_p", "seed", "stop")
    params: dict[str, Any] = {"prompt": prompt, **{name: getattr(options, name) for name in names}}
    with connect(options) as client:
        if options.json:
            screen.json(client.completions.create(**params, echo=options.echo or None))
            return 0
        if options.echo:
            screen.write(prompt)
        reason = usage = None
        with client.completions.create(stream=True, **params) as stream:
            for chunk in stream:
                usage = chunk.usage or usage
                for choice in chunk.choices or ():
                    screen.write(choice.text or (choice.delta and choice.delta.content) or "")
                    reason = choice.finish_reason or reason
    screen.end()
    if reason == "length":
        complain(f"it ends after --max-tokens {options.max_tokens}")
    if options.usage and usage is not None:
        complain(f"{usage.prompt_tokens} tokens of prompt, {usage.completion_tokens} of answer")
    return 0
