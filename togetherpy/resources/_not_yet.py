"""The parts of the API that this client does not have yet.

In: the name of an attribute that a client does not have. Out: the AttributeError to raise.
The rule: what users of the API look for is answered by a sentence. A part that is made is a real attribute, which comes
before this; its line goes then.
"""

from __future__ import annotations

_NOT_YET = {
    "beta": "what is being tried out",
    "code_interpreter": "running code",
    "endpoints": "dedicated endpoints",
    "evals": "evaluations",
    "evaluation": "evaluations",
    "hardware": "the hardware for endpoints",
    "jobs": "jobs",
    "videos": "videos",
}
"""By the names that the official packages give them."""


def missing(client: object, name: str) -> AttributeError:
    """What to raise for an attribute that `client` does not have."""
    kind = type(client).__name__
    said = f"{kind!r} object has no attribute {name!r}"
    if name in _NOT_YET:
        said = (
            f"togetherpy has no client.{name} ({_NOT_YET[name]}) yet; "
            "use the official client for it, or client.get(...) and client.post(...)"
        )
    return AttributeError(said, name=name, obj=client)
