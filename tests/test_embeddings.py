"""client.embeddings: texts in, vectors out, by one request or by many."""

import base64
import copy
import logging
import math
import pickle
import struct
import threading
from array import array
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from support.answers import answer
from support.scripted import ScriptedServer, request, send

from togetherpy import (
    APIResponse,
    APIResponseError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
)
from togetherpy.testing import LocalServer
from togetherpy.types.embeddings import EmbeddingChoicesData, EmbeddingResponse

Maker = Callable[..., Any]
TEXTS = [f"text number {number}" for number in range(10)]
NOWHERE = "http://127.0.0.1:9/v1"
USAGE = {"prompt_tokens": 3, "total_tokens": 3}


def embed(caller: Any, given: Any = TEXTS, **params: Any) -> Any:
    return caller.area("embeddings").create(**{"model": "m", "input": given, **params})


def packed(*floats: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()


def body(*embeddings: Any, **fields: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": place, "embedding": one} for place, one in enumerate(embeddings)]
    return {"object": "list", "model": "m", "data": data, **fields}


def test_a_text(client: Maker) -> None:
    with LocalServer() as server:
        found = embed(client(server), "one text")
        sent = server.requests[-1]
    (only,) = found.data
    assert (type(found), type(only), type(only.embedding)) == (EmbeddingResponse, EmbeddingChoicesData, list)
    assert (only.index, only.object, found.object, found.model) == (0, "embedding", "list", "m")
    assert math.isclose(math.hypot(*only.embedding), 1, abs_tol=1e-6)
    assert found.usage.total_tokens > 0
    assert (sent.method, sent.path, sent.json) == ("POST", "/v1/embeddings", {"model": "m", "input": "one text"})


@pytest.mark.parametrize("given", [TEXTS, tuple(TEXTS), dict.fromkeys(TEXTS).keys(), numpy.array(TEXTS)])
def test_texts_of_any_iterable(client: Maker, given: Any) -> None:
    with LocalServer() as server:
        caller = client(server)
        found = embed(caller, given)
        assert server.requests[-1].json["input"] == TEXTS
        assert [one.index for one in found.data] == list(range(10))


def test_an_iterator_is_read_once(client: Maker) -> None:
    with LocalServer() as server:
        embed(client(server), (text for text in TEXTS))
        assert server.requests[-1].json["input"] == TEXTS


def test_equal_texts_have_equal_vectors(client: Maker) -> None:
    with LocalServer() as server:
        one, other, again = embed(client(server), ["a", "b", "a"]).data
    assert one.embedding == again.embedding != other.embedding


def test_base64_is_the_same_floats(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        plain, short = (embed(caller, encoding_format=form, dimensions=5).data[0] for form in ("float", "base64"))
        assert server.requests[-1].json["encoding_format"] == "base64"
    assert type(short.embedding) is array
    assert short.embedding.typecode == "f"
    assert list(short.embedding) == plain.embedding
    assert len(plain.embedding) == 5
    assert short.to_dict() == plain.to_dict()
    assert pickle.loads(pickle.dumps(short)) == copy.deepcopy(short) == short


def test_bytes_are_read_the_lowest_first(client: Maker) -> None:
    with ScriptedServer([request, send(answer(body("AACAPwAAAMA=")))]) as server:
        assert list(embed(client(server)).data[0].embedding) == [1.0, -2.0]


@pytest.mark.parametrize("form", ["float", "base64"])
def test_numpy_when_asked(client: Maker, form: str) -> None:
    with LocalServer() as server:
        found = embed(client(server), encoding_format=form)
    whole = found.numpy()
    assert (whole.shape, whole.dtype) == ((10, 64), numpy.float32)
    assert whole[3].tolist() == list(found.data[3].embedding) == found.data[3].numpy().tolist()


@pytest.mark.parametrize(
    ("given", "expected", "said"),
    [
        ("", ValueError, "input is empty"),
        ([], ValueError, "input is empty"),
        (iter(()), ValueError, "input is empty"),
        (["a", ""], ValueError, r"input\[1\] is empty"),
        ([[1], []], ValueError, r"input\[1\] is empty"),
        (["a", None], TypeError, r"input\[1\] must be a str, not NoneType"),
        (["a", b"b"], TypeError, r"input\[1\] must be a str, not bytes"),
        (["a", "\ud800"], ValueError, r"input\[1\] holds a lone surrogate \(U\+D800 at index 0\)"),
        (["a", object()], TypeError, r"input\[1\]"),
        (b"bytes", TypeError, "input must be a str or a list of str, not bytes"),
        ({"a": 1}, TypeError, "input must be"),
        (5, TypeError, "input must be"),
        (None, TypeError, "needs input"),
    ],
)
def test_nothing_to_embed(client: Maker, given: Any, expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said):
        embed(client(base_url=NOWHERE), given)


@pytest.mark.parametrize(
    ("params", "expected", "said"),
    [
        ({"model": None}, TypeError, "needs model"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_tokens": "9"}, TypeError, "batch_tokens must be an int"),
        ({"batch_size": 5, "concurrency": 0}, ValueError, "concurrency must be at least 1"),
        ({"api_key": "k"}, TypeError, "api_key"),
    ],
)
def test_what_cannot_be_meant(client: Maker, params: dict[str, Any], expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said):
        embed(client(base_url=NOWHERE), **params)


def test_tokens_are_one_input(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        assert len(embed(caller, [1, 2, 3], batch_size=2).data) == 1
        assert len(embed(caller, [[1, 2], [3]], batch_tokens=2, concurrency=1).data) == 2
        assert [one.json["input"] for one in server.requests] == [[1, 2, 3], [[1, 2]], [[3]]]


def test_names_that_are_not_known(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        embed(caller, input_type="query", extra_body={"truncate": True})
        assert server.requests[-1].json == {"model": "m", "input": TEXTS, "input_type": "query", "truncate": True}
        with pytest.warns(UserWarning, match="encoding_format"):
            embed(caller, encoding_fromat="float")


def test_errors(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        with pytest.raises(NotFoundError):
            embed(caller, model="no-such")
        with pytest.raises(BadRequestError, match="dimensions"):
            embed(caller, dimensions=0)


@pytest.mark.parametrize("said", [{"error": {"message": "m", "code": 500}}, {"object": "error", "code": 500}])
def test_an_error_in_a_200(client: Maker, said: Any) -> None:
    with ScriptedServer([request, send(answer(said))]) as server, pytest.raises(InternalServerError):
        embed(client(server))


@pytest.mark.parametrize("said", [{}, {"data": None}, [], "x", b"<html>", b""])
def test_what_is_no_answer(client: Maker, said: Any) -> None:
    with ScriptedServer([request, send(answer(said))]) as server, pytest.raises(APIResponseError):
        embed(client(server))


def test_odd_embeddings_are_kept_and_lose_no_other(client: Maker, caplog: pytest.LogCaptureFixture) -> None:
    odd = body([1.5, 2], "no base64!", "AAAA", None, [], ["x"], packed(0.5))
    odd["data"][0]["new"] = 1
    odd["data"].append(None)
    with ScriptedServer([request, send(answer(odd))]) as server, caplog.at_level(logging.WARNING, "togetherpy"):
        found = embed(client(server))
    *rows, last = found.data
    assert [one.embedding for one in rows[:6]] == [[1.5, 2.0], "no base64!", "AAAA", None, [], ["x"]]
    assert list(rows[6].embedding) == [0.5]
    assert (rows[0].new, last) == (1, None)
    assert rows[0].numpy().tolist() == [1.5, 2.0]
    for row in rows[1:4]:
        with pytest.raises(ValueError, match=rf"data\[{row.index}\] has no embedding"):
            row.numpy()


def test_numbers_that_are_none(client: Maker) -> None:
    with ScriptedServer([request, send(answer(b'{"data": [{"embedding": [NaN, 1]}]}'))]) as server:
        (only,) = embed(client(server)).data
    assert math.isnan(only.embedding[0])


def test_raw_answers(client: Maker) -> None:
    with LocalServer() as server:
        raw = client(server).area("embeddings").with_raw_response
        found = raw.create(model="m", input=TEXTS, batch_size=10)
        assert type(found) is APIResponse
        assert found.json()["data"][0]["embedding"] == found.parse().data[0].embedding
        with pytest.raises(TypeError, match="this input takes 2; leave batch_size out"):
            raw.create(model="m", input=TEXTS, batch_size=5)


def test_retries_and_hooks_are_those_of_every_call(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        def on_retry(self, event: Any) -> None:
            seen.append(event)

        def on_response(self, event: Any) -> None:
            seen.append(event)

    steps = [request, send(answer({}, 503)), request, send(answer(body([1.0], id="e", usage=USAGE)))]
    with ScriptedServer(steps) as server:
        embed(client(server, max_retries=1, hooks=Seen()))
    retried, answered = seen
    assert (retried.reason, answered.endpoint, answered.operation) == ("503", "embeddings", "embeddings")
    assert (answered.response_id, answered.usage.prompt_tokens) == ("e", 3)


class TestManyRequests:
    def test_they_are_joined_in_order(self, client: Maker) -> None:
        with LocalServer() as server:
            caller = client(server)
            whole = embed(caller)
            joined = embed(caller, batch_size=3, concurrency=4, encoding_format=None)
            sizes = sorted(len(one.json["input"]) for one in server.requests[1:])
            assert set(server.requests[1].json) == {"model", "input"}
        assert sizes == [1, 3, 3, 3]
        assert [one.index for one in joined.data] == list(range(10))
        assert [one.embedding for one in joined.data] == [one.embedding for one in whole.data]
        assert (joined.usage, joined.model, joined.object) == (whole.usage, "m", "list")

    def test_they_are_cut_by_tokens(self, client: Maker) -> None:
        texts = ["a" * 40, "b" * 40, "c" * 400, "d"]
        with LocalServer() as server:
            found = embed(client(server), texts, batch_tokens=20, concurrency=1)
            assert [len(one.json["input"]) for one in server.requests] == [2, 1, 1]
        assert len(found.data) == 4

    def test_so_many_are_under_way_at_a_time(self, client: Maker) -> None:
        together, ready = threading.Barrier(3), [request]

        def meet(_: Any) -> None:
            together.wait(30)  # broken, and the test with it, if there are never three

        conversation = [*ready, meet, send(answer(body([1.0]), connection="close"))]
        with ScriptedServer(*[conversation] * 3) as server:
            found = embed(client(server), ["a", "b", "c"], batch_size=1, concurrency=3)
        assert len(found.data) == 3

    def test_the_row_at_fault_is_found_and_the_rest_kept(self, client: Maker) -> None:
        texts = [*TEXTS[:7], "x" * 10, *TEXTS[7:]]
        with (
            Refusing("x" * 10) as server,
            pytest.raises(BadRequestError, match=r"^input\[7\]: .*10 embeddings that came are in \.partial") as failed,
        ):
            embed(client(server), texts, batch_size=4, concurrency=1)
        assert (failed.value.index, failed.value.status_code) == (7, 400)
        kept = failed.value.partial
        assert isinstance(kept, EmbeddingResponse)
        assert [one.index for one in kept.data or ()] == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]

    def test_so_it_is_in_the_only_piece(self, client: Maker) -> None:
        with Refusing("c") as server:
            with pytest.raises(BadRequestError, match=r"^input\[2\]: ") as failed:
                embed(client(server), ["a", "b", "c", "d"], batch_size=100)
            assert [one.index for one in failed.value.partial.data] == [0, 1, 3]  # type: ignore[union-attr, attr-defined]
            found = embed(client(server), ["a", "b"], batch_size=100)
            assert found.id is not None
            assert [one.index for one in found.data] == [0, 1]

    @pytest.mark.parametrize("odd", [5, {"a": 1}, "x"])
    def test_odd_data_costs_only_its_own_rows(self, client: Maker, odd: Any) -> None:
        with LocalServer() as server:
            server.reply(body={"object": "list", "data": odd})
            with pytest.raises(APIResponseError, match="0 embeddings came for 2 inputs") as failed:
                embed(client(server), ["a", "b", "c", "d"], batch_size=2, concurrency=1)
        assert [one.index for one in failed.value.partial.data] == [2, 3]  # type: ignore[union-attr, attr-defined]

    def test_what_all_share_ends_the_work(self, client: Maker) -> None:
        with LocalServer() as server:
            server.reply(status=401, body={"error": {"message": "m"}}, times=None)
            with pytest.raises(AuthenticationError, match=r"input\[0\]") as failed:
                embed(client(server), batch_size=1, concurrency=1)
            assert len(server.requests) == 1
        assert failed.value.partial.data == []  # type: ignore[union-attr]

    def test_a_request_that_is_always_refused_is_given_up(self, client: Maker) -> None:
        with LocalServer() as server:
            with pytest.raises(BadRequestError, match="So failed"):
                embed(client(server), [f"{n}" for n in range(1000)], batch_size=100, dimensions=-1, concurrency=1)
            assert len(server.requests) < 40

    def test_a_failure_costs_only_its_own_rows(self, client: Maker) -> None:
        with LocalServer() as server:
            server.reply(status=500, body={"error": {"message": "m"}})
            with pytest.raises(InternalServerError, match=r"input\[0\] to input\[4\]") as failed:
                embed(client(server, max_retries=0), batch_size=5, concurrency=1)
        assert [one.index for one in failed.value.partial.data] == [5, 6, 7, 8, 9]  # type: ignore[union-attr, attr-defined]

    def test_an_answer_with_too_few(self, client: Maker) -> None:
        with LocalServer() as server:
            server.reply(body=body([1.0]))
            with pytest.raises(APIResponseError, match=r"input\[0\] to input\[4\]: 1 embeddings came for 5") as failed:
                embed(client(server), batch_size=5, concurrency=1)
        assert len(failed.value.partial.data) == 6  # type: ignore[union-attr, attr-defined]

    def test_rows_of_an_answer_come_by_their_index(self, client: Maker) -> None:
        mixed = body([2.0], [1.0])
        for place, one in enumerate(reversed(mixed["data"])):
            one["index"] = place
        with LocalServer() as server:
            server.reply(body=mixed, times=2)
            found = embed(client(server), ["a", "b", "c", "d"], batch_size=2, concurrency=1)
        assert [one.embedding for one in found.data] == [[1.0], [2.0], [1.0], [2.0]]
        assert [one.index for one in found.data] == [0, 1, 2, 3]


class Refusing:
    """A server that embeds all texts but one."""

    def __init__(self, text: str) -> None:
        self._server = LocalServer()
        self._text = text

    def __enter__(self) -> Any:
        from togetherpy.testing import _api, _embeddings
        from togetherpy.testing._check import RequestError

        def check(params: Any, knows: Any) -> None:
            if self._text in params["input"]:
                raise RequestError(400, "a text is too long")
            _embeddings.check_embeddings(params, knows)

        self._usual = _api._MAKERS["/v1/embeddings"]
        _api._MAKERS["/v1/embeddings"] = (check, _embeddings.embed)
        return self._server.__enter__()

    def __exit__(self, *_: object) -> None:
        from togetherpy.testing import _api

        _api._MAKERS["/v1/embeddings"] = self._usual
        self._server.__exit__(None, None, None)
