"""`togetherpy models`: the models that there are.

In: what to look for. Out: a table, or JSON. The rule: a model is shown as the server describes it; what it does not say
is left blank.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from togetherpy.cli._options import add_connection, add_json, connect, describe
from togetherpy.cli._screen import Screen, complain

if TYPE_CHECKING:
    from togetherpy.types.models import ModelObject, PricingObject

_HEAD = ("ID", "TYPE", "CONTEXT", "PRICE")


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy models` of a parser."""
    describe(
        parser,
        """\
Lists the models that there are: what --model takes, what it is for, how many tokens a prompt and its answer may have
together, and what a million tokens cost in US dollars (of input / of output).""",
        {1: "failed, or no model is like that; why stands on standard error"},
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="WORD",
        help="only models of this type, or whose name holds this; may be repeated",
    )
    add_json(parser, "print all that is known of them, as JSON")
    add_connection(parser)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy models`."""
    with connect(options) as client:
        models = client.models.list()
    words: list[str] = options.filter
    chosen = sorted((model for model in models if _is_like(model, words)), key=lambda model: (model.id or "").lower())
    if options.json:
        screen.json([model.to_dict() for model in chosen])
    elif chosen:
        screen.table([_HEAD, *map(_row, chosen)])
    if not chosen:
        complain(
            f"none of {len(models)} models is like {' and '.join(words)}" if words else "the server names no model"
        )
    return 0 if chosen else 1


def _is_like(model: ModelObject, words: Iterable[str]) -> bool:
    names = " ".join(filter(None, (model.id, model.display_name, model.organization))).lower()
    return all(word.lower() in names or word.lower() == model.type for word in words)


def _row(model: ModelObject) -> tuple[str, ...]:
    context = "" if model.context_length is None else str(model.context_length)
    return model.id or "", model.type or "", context, _price(model.pricing)


def _price(pricing: PricingObject | None) -> str:
    if pricing is None or (pricing.input is None and pricing.output is None):
        return ""
    if not pricing.input and not pricing.output:
        return f"{_number(pricing.hourly)} an hour" if pricing.hourly else ""
    return f"{_number(pricing.input)} / {_number(pricing.output)}"


def _number(value: object) -> str:
    return f"{value or 0:g}" if value is None or isinstance(value, (int, float)) else str(value)
