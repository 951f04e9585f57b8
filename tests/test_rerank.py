"""client.rerank: documents sorted, in every form in which they are given and come back."""

from collections.abc import Callable
from typing import Any

import pytest
from support.answers import answer
from support.scripted import ScriptedServer, request, send

from togetherpy import APIResponse, APIResponseError, BadRequestError, InternalServerError, NotFoundError
from togetherpy.testing import LocalServer
from togetherpy.types.rerank import RerankChoicesData, RerankDocument, RerankResponse

Maker = Callable[..., Any]
TEXTS = ["the giant panda eats bamboo", "a llama lives in Peru", "animals that live in Peru: the llama"]
ASK: dict[str, Any] = {"model": "m", "query": "Which animals live in Peru?", "documents": TEXTS}
RESULT = {"index": 0, "relevance_score": 0.5}


def rerank(caller: Any, **params: Any) -> Any:
    return caller.area("rerank").create(**{**ASK, **params})


def test_the_best_comes_first(client: Maker) -> None:
    with LocalServer() as server:
        found = rerank(client(server))
        sent = server.requests[-1]
    assert type(found) is RerankResponse
    assert [one.index for one in found.results] == [2, 1, 0]
    scores = [one.relevance_score for one in found.results]
    assert scores == sorted(scores, reverse=True)
    assert found.results[0].document is None
    assert found.usage.total_tokens > 0
    assert (sent.method, sent.path, sent.json) == ("POST", "/v1/rerank", ASK)


def test_top_n_and_documents(client: Maker) -> None:
    with LocalServer() as server:
        (best,) = rerank(client(server), top_n=1, return_documents=True).results
    document = best.document
    assert (document.text, document["text"], document.get("title", "none")) == (TEXTS[2], TEXTS[2], "none")
    assert dict(document) == {"text": TEXTS[2]}
    assert "text" in document


def test_objects_and_the_fields_that_count(client: Maker) -> None:
    documents = [{"title": "Peru", "text": "bamboo"}, {"title": "Panda", "text": "animals live in Peru"}]
    with LocalServer() as server:
        caller = client(server)
        assert [one.index for one in rerank(caller, documents=documents).results] == [1, 0]
        assert [one.index for one in rerank(caller, documents=documents, rank_fields=["title"]).results] == [0, 1]
        assert server.requests[-1].json["documents"] == documents


def test_documents_of_an_iterator(client: Maker) -> None:
    with LocalServer() as server:
        found = rerank(client(server), documents=iter(TEXTS), top_n=None)
        assert len(found.results) == 3
        assert server.requests[-1].json == ASK


@pytest.mark.parametrize(
    ("params", "expected", "said"),
    [
        ({"documents": "one text"}, TypeError, "documents must be a list"),
        ({"documents": {"a": 1}}, TypeError, "documents must be a list"),
        ({"documents": 5}, TypeError, "documents must be a list"),
        ({"documents": []}, ValueError, "documents is empty"),
        ({"documents": iter(())}, ValueError, "documents is empty"),
        ({"documents": ["a", "\ud800"]}, ValueError, r"documents\[1\]"),
        ({"documents": None}, TypeError, "create\\(\\) needs documents"),
        ({"query": None}, TypeError, "create\\(\\) needs query"),
        ({"model": None}, TypeError, "create\\(\\) needs model"),
        ({"model": 5}, TypeError, "model must be a str"),
        ({"api_key": "k"}, TypeError, "api_key"),
    ],
)
def test_what_cannot_be_sent(client: Maker, params: dict[str, Any], expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said):
        rerank(client(base_url="http://127.0.0.1:9/v1"), **params)


def test_names_that_are_not_known_are_sent(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        rerank(caller, max_chunks_per_doc=3, extra_body={"more": 1})
        assert server.requests[-1].json == {**ASK, "max_chunks_per_doc": 3, "more": 1}
        with pytest.warns(UserWarning, match="return_documents"):
            rerank(caller, return_document=True)


def test_errors(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        with pytest.raises(NotFoundError):
            rerank(caller, model="no-such")
        with pytest.raises(BadRequestError, match="top_n"):
            rerank(caller, top_n=0)


@pytest.mark.parametrize(
    "body", [{"error": {"message": "m", "code": 500}}, {"object": "error", "message": "m", "code": 500}]
)
def test_an_error_in_a_200(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server, pytest.raises(InternalServerError):
        rerank(client(server))


@pytest.mark.parametrize("body", [{}, {"results": None}, [], "x", b"<html>", b""])
def test_what_is_no_answer(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server, pytest.raises(APIResponseError):
        rerank(client(server))


def test_odd_answers_are_kept(client: Maker) -> None:
    body = {"results": [{**RESULT, "document": "as text", "new": 1}, {"index": "2", "relevance_score": 1}, None]}
    with ScriptedServer([request, send(answer(body))]) as server:
        found = rerank(client(server))
    first, second, third = found.results
    assert (first.document, first.new, second.index, second.relevance_score, third) == ("as text", 1, "2", 1.0, None)
    assert found.to_dict() == body


def test_objects_may_come_back_with_all_their_fields(client: Maker) -> None:
    body = {"results": [{**RESULT, "document": {"title": "t", "text": None}}]}
    with ScriptedServer([request, send(answer(body))]) as server:
        (only,) = rerank(client(server)).results
    assert (only.document.title, only.document["title"], only.document.text) == ("t", "t", None)
    assert (type(only), type(only.document)) == (RerankChoicesData, RerankDocument)


def test_raw_answers(client: Maker) -> None:
    with LocalServer() as server:
        raw = client(server).area("rerank").with_raw_response.create(**ASK)
        assert type(raw) is APIResponse
        assert raw.json()["results"][0]["index"] == raw.parse().results[0].index == 2


def test_retries_and_hooks_are_those_of_every_call(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        def on_retry(self, event: Any) -> None:
            seen.append(event)

        def on_response(self, event: Any) -> None:
            seen.append(event)

    usage = {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}
    body = {"id": "r", "model": "n", "results": [RESULT], "usage": usage}
    with ScriptedServer([request, send(answer({}, 503)), request, send(answer(body))]) as server:
        rerank(client(server, max_retries=1, hooks=Seen()))
    retried, answered = seen
    assert (retried.reason, answered.endpoint, answered.operation, answered.model) == ("503", "rerank", None, "m")
    assert (answered.response_id, answered.response_model, answered.usage.total_tokens) == ("r", "n", 7)
