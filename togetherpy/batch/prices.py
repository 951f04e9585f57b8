"""What tokens cost, by the service's own list.

In: the models that `models.list` names. Out: US dollars for an answer's usage.
The rule: a price that is not known is not guessed; a model that is listed without one, or at nothing, has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.types.models import ModelObject

_MILLION = 1_000_000


class Prices:
    """Of each model, for a token of input and one of output."""

    def __init__(self, models: Iterable[ModelObject]) -> None:
        self._known: dict[str, tuple[float, float]] = {}
        for model in models:
            price = model.pricing
            if model.id and price is not None and (price.input or price.output):
                self._known[model.id] = (price.input or 0.0) / _MILLION, (price.output or 0.0) / _MILLION

    def __contains__(self, model: object) -> bool:
        return model in self._known

    def cost(self, model: Any, prompt_tokens: float, completion_tokens: float) -> float | None:
        """US dollars; None where there is no price."""
        known = self._known.get(model)
        return None if known is None else known[0] * prompt_tokens + known[1] * completion_tokens

    def of_usage(self, model: Any, usage: Mapping[str, Any]) -> float | None:
        """The same for what an answer says it took."""
        prompt, completion = (usage.get(name) or 0 for name in ("prompt_tokens", "completion_tokens"))
        return self.cost(model, prompt, completion)
