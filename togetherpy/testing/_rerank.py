"""Reranking: a query and documents go in; the documents, the most relevant first, come out.

The rule: a document's score is what part of the query's words it has, a little less for each word beside them; of two
with the same score the first goes first.
"""

from collections.abc import Callable
from typing import Any

from . import _text
from ._check import boolean, check_model, check_rules, integer, wrong
from ._json import as_dict, as_list, to_json
from ._made import Plain, used


def check_rerank(params: dict[str, Any], knows: Callable[[str], bool]) -> None:
    """Raises RequestError for the first thing that is wrong."""
    check_model(params, knows)
    if not isinstance(params.get("query"), str):
        raise wrong("query", "a string")
    documents = as_list(params.get("documents"))
    if not documents or not all(isinstance(one, str | dict) for one in documents):
        raise wrong("documents", "a non-empty list of strings or objects")
    fields = as_list(params.get("rank_fields", []))
    if fields is None or not all(isinstance(one, str) for one in fields):
        raise wrong("rank_fields", "a list of strings")
    check_rules(params, {"top_n": integer(1), "return_documents": boolean})


def rerank(params: dict[str, Any], *, identity: str, created: int) -> Plain:
    """The ranking for checked parameters."""
    query, fields = params["query"], params.get("rank_fields")
    texts = [_ranked_text(one, fields) for one in params["documents"]]
    scores = [(_score(query, text), index) for index, text in enumerate(texts)]
    best = sorted(scores, key=lambda one: (-one[0], one[1]))[: params.get("top_n") or len(scores)]
    results: list[dict[str, Any]] = [{"index": index, "relevance_score": score} for score, index in best]
    for result in results if params.get("return_documents") else ():
        result["document"] = {"text": _whole_text(params["documents"][result["index"]])}
    usage = used(sum(len(_text.tokens(text)) for text in [query, *texts]))
    body = {"id": identity, "object": "rerank", "model": params["model"], "results": results, "usage": usage}
    return Plain(body, usage)


def _whole_text(document: Any) -> str:
    return document if isinstance(document, str) else to_json(document).decode()


def _ranked_text(document: Any, fields: list[str] | None) -> str:
    """What of a document is looked at."""
    values = as_dict(document)
    if values is None:
        return str(document)
    return " ".join(str(values[name]) for name in (fields or values) if values.get(name) is not None)


def _score(query: str, text: str) -> float:
    asked, there = ({word.lower() for word in _text.words(one)} for one in (query, text))
    shared = len(asked & there)
    return round((shared + shared / (1 + len(there))) / (1 + len(asked)), 6)
