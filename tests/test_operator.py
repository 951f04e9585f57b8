"""ChatOp: one operator on every form of a table, against a server on this machine."""

import base64
import datetime
import decimal
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from support.answers import completion
from support.processes import PYTHON, run
from support.testing_helpers import eventually

from togetherpy.batch import ChatOp
from togetherpy.testing import LocalServer

PIXEL = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    with LocalServer() as server:
        monkeypatch.setenv("TOGETHER_API_KEY", "k")
        monkeypatch.setenv("TOGETHER_BASE_URL", server.base_url)
        yield server


def sent(server: LocalServer) -> list[Any]:
    """What the last messages said."""
    return [request.json["messages"][-1]["content"] for request in server.requests]


def test_a_list_in_its_order(server: LocalServer) -> None:
    op = ChatOp(model="m", prompt="q", system="short", temperature=0.5, concurrency=4)
    found = op.map_list([f"n{index}" for index in range(20)])
    assert len(found) == 20
    assert [set(row) for row in found] == [{"answer", "error", "usage", "attempts"}] * 20
    by_question = {request.json["messages"][1]["content"]: request for request in server.requests}
    assert set(by_question) == {f"n{index}" for index in range(20)}
    assert all(f"n{index}" in row["answer"] for index, row in enumerate(found))
    assert all(row["error"] is None and row["attempts"] == 1 and row["usage"]["total_tokens"] > 0 for row in found)
    body = by_question["n3"].json
    assert (body["model"], body["temperature"]) == ("m", 0.5)
    assert body["messages"][0] == {"role": "system", "content": "short"}


def test_items_of_a_list_may_be_rows_or_messages(server: LocalServer) -> None:
    own = [{"role": "system", "content": "own"}, {"role": "user", "content": "b"}]
    ChatOp(model="m", prompt="q", system="for all").map_list([{"q": "a", "other": object()}, own])
    assert sorted(sent(server)) == ["a", "b"]
    assert [request.json["messages"][0]["content"] for request in server.requests if len(request.json["messages"]) == 2]
    assert own in [request.json["messages"] for request in server.requests]


def test_rows_keep_what_they_have_and_are_not_changed(server: LocalServer) -> None:
    rows: list[dict[str, Any]] = [{"q": "a", "id": 1}, {"q": "b", "error": "an old one", "id": 2}]
    before = [dict(row) for row in rows]
    one, two = ChatOp(model="m", prompt="q").map_partition(iter(rows))
    assert rows == before
    assert (one["id"], one["error"], one["attempts"]) == (1, None, 1)
    assert (two["id"], two["error"], two["answer_error"], two["attempts"]) == (2, "an old one", None, 1)


def test_rows_between_processes_are_a_list(server: LocalServer) -> None:
    found = ChatOp(model="m", prompt="q").map_partition([{"q": "a"}, {"q": "b"}])
    assert next(found)["q"] == "a"
    assert [row["q"] for row in pickle.loads(pickle.dumps(found))] == ["b"]


def test_the_output_needs_a_name_of_its_own(server: LocalServer) -> None:
    with pytest.raises(ValueError, match="column 'answer' already"):
        ChatOp(model="m", prompt="q")({"q": ["a"], "answer": ["x"]})
    assert server.requests == []


def test_a_dict_of_columns(server: LocalServer) -> None:
    batch = {"q": ["a", "b"], "id": [1, 2]}
    out = ChatOp(model="m", prompt="q", output="said")(batch)
    assert set(out) == {"q", "id", "said", "error", "usage", "attempts"}
    assert set(batch) == {"q", "id"}
    assert out["id"] is batch["id"]
    assert out["attempts"] == [1, 1]
    assert ChatOp(model="m", prompt="q")({"q": []})["answer"] == []


def test_cells_may_be_numpy_arrays_of_dicts(server: LocalServer) -> None:
    parts = np.array([{"type": "text", "text": "look", "image_url": None}, None], dtype=object)
    parts[1] = {"type": "image_url", "text": None, "image_url": {"url": PIXEL, "detail": None}}
    messages = np.empty(2, dtype=object)
    messages[0] = np.array([{"role": "user", "content": "a", "tool_calls": None}], dtype=object)
    messages[1] = np.array([{"role": "user", "content": parts}], dtype=object)
    out = ChatOp(model="m", messages="m")({"m": messages, "n": np.arange(2)})
    assert list(out["error"]) == [None, None]
    assert all(isinstance(out[name], np.ndarray) for name in out)
    bodies = [request.json["messages"] for request in server.requests]
    url = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    assert [{"role": "user", "content": "a"}] in bodies
    looked = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url}}]
    assert [{"role": "user", "content": looked}] in bodies
    assert messages[1][0]["content"][1]["image_url"]["url"] == PIXEL


@pytest.mark.parametrize(
    ("cell", "urls"),
    [
        (PIXEL, ["data:image/png;base64,iVBORw0KGgoAAAAAAAAAAA=="]),
        ("https://x.test/a.jpg", ["https://x.test/a.jpg"]),
        ([b"\xff\xd8\xff", "https://x.test/a"], ["data:image/jpeg;base64,/9j/", "https://x.test/a"]),
        ({"bytes": b"GIF89a", "path": None}, ["data:image/gif;base64,R0lGODlh"]),
        (np.array([b"RIFF\1\1\1\1WEBP"], dtype=object), ["data:image/webp;base64,UklGRgEBAQFXRUJQ"]),
        (None, []),
    ],
)
def test_images(server: LocalServer, cell: Any, urls: list[str]) -> None:
    [row] = ChatOp(model="m", prompt="q", images="i").map_partition([{"q": "what?", "i": cell}])
    assert row["error"] is None
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    assert sent(server) == [[{"type": "text", "text": "what?"}, *parts] if urls else "what?"]


def test_a_template_of_columns(server: LocalServer) -> None:
    op = ChatOp(model="m", template="{n}: {text} {{}}")
    op({"n": np.array([1, 2]), "text": np.array(["a", "b"])})
    assert sorted(sent(server)) == ["1: a {}", "2: b {}"]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (None, "'q' is null"),
        (float("nan"), "'q' is null"),
        (5, "neither a text nor a list of messages"),
        ([], "neither a text nor a list of messages"),
        (["x"], "neither a text nor a list of messages"),
        ("\ud800", "surrogate"),
        ([{"role": "user", "content": object()}], "no JSON form"),
    ],
)
def test_a_row_that_cannot_be_asked_does_not_raise(server: LocalServer, cell: Any, reason: str) -> None:
    bad, good = ChatOp(model="m", prompt="q").map_list([{"q": cell}, "fine"])
    assert (bad["answer"], bad["usage"]) == (None, None)
    assert bad["error"].startswith("invalid_row: ")
    assert reason in bad["error"]
    assert good["error"] is None


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), "a"),
        ("Köln".encode(), "Köln"),
        ([np.str_("a")], None),
        (b"\x89PNG\r\n", None),
        (np.datetime64("NaT", "s"), None),
        (np.float32("nan"), None),
    ],
)
def test_texts_of_other_kinds(server: LocalServer, cell: Any, said: str | None) -> None:
    [row] = ChatOp(model="m", prompt="q").map_list([{"q": cell}])
    assert (row["error"] is None) is (said is not None)
    assert sent(server) == ([] if said is None else [said])


def test_bytes_that_are_no_text_say_where_images_go(server: LocalServer) -> None:
    for op in (ChatOp(model="m", prompt="q"), ChatOp(model="m", template="{q}")):
        [row] = op.map_list([{"q": PIXEL}])
        assert row["error"].endswith("bytes that are no text; a column of images goes to images=...")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
        (np.datetime64("2026-01-02T03:00:00", "ns"), "2026-01-02T03:00:00.000000000"),
        (np.timedelta64(3, "D"), "3 days"),
        (np.datetime64("NaT", "s"), "null"),
        (np.int64(3), "3"),
        (decimal.Decimal("1.50"), "1.50"),
        (b"bytes", "bytes"),
        (np.array([1, 2]), "[1,2]"),
    ],
)
def test_cells_of_a_template(server: LocalServer, cell: Any, said: str) -> None:
    [row] = ChatOp(model="m", template="<{q}>").map_list([{"q": cell}])
    assert row["error"] is None
    assert sent(server) == [f"<{said}>"]


class Named(NamedTuple):
    q: Any
    id: int = 1


def test_rows_that_are_no_dicts(server: LocalServer) -> None:
    """Tuples with names, as Spark's rows are; texts; and what is neither, which does not raise."""
    op = ChatOp(model="m", prompt="q")
    items: Any = [Named("a"), "b", None, 5]
    named, text, nothing, number = op.map_partition(items)
    assert (named["q"], named["id"], named["error"]) == ("a", 1, None)
    assert (text["q"], text["error"]) == ("b", None)
    assert nothing["error"] == "invalid_row: its column 'q' is null"
    assert number["error"].startswith("invalid_row: its column 'q' is neither a text")
    both: Any = [None]
    assert next(ChatOp(model="m", template="{a}{b}").map_partition(both))["error"].startswith("invalid_row: ")


def test_messages_may_be_tuples_with_names(server: LocalServer) -> None:
    class Message(NamedTuple):
        role: str
        content: str
        name: str | None = None

    op = ChatOp(model="m", messages="m")
    [row] = op.map_partition([{"m": [Message("system", "s"), Message("user", "a")]}])
    assert row["error"] is None
    said = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]
    assert [request.json["messages"] for request in server.requests] == [said]


def test_columns_called_as_ours_are_and_as_ours_would_be(server: LocalServer) -> None:
    op = ChatOp(model="m", prompt="q")
    assert op.columns(["error", "answer_error"]) == ("answer", "answer_answer_error", "usage", "attempts")
    out = op({"q": ["a"], "error": ["x"], "answer_error": ["y"]})
    assert (out["error"], out["answer_error"], out["answer_answer_error"]) == (["x"], ["y"], [None])


def test_a_column_that_is_not_there_is_said_in_each_row(server: LocalServer) -> None:
    out = ChatOp(model="m", prompt="q")({"Q": ["a", "b"]})
    assert out["error"] == ["invalid_row: it has no column 'q'"] * 2
    assert server.requests == []


def test_refused_rows_fail_alone(server: LocalServer) -> None:
    server.reply(status=400, body={"error": {"message": "too long"}})
    found = ChatOp(model="m", prompt="q", concurrency=1).map_list(["a", "b"])
    assert "too long" in found[0]["error"]
    assert found[0]["error"].startswith("http_400: ")
    assert (found[0]["attempts"], found[1]["error"]) == (1, None)


def test_what_fails_for_all_is_in_every_row_and_not_tried_for_all(server: LocalServer) -> None:
    op = ChatOp(model="no-such/model", prompt="q", concurrency=2)
    found = op.map_list([f"n{index}" for index in range(40)])
    assert all("no-such/model" in row["error"] for row in found)
    sent_before = len(server.requests)
    assert sent_before < 35
    eventually(lambda: op.map_list(["again"]) and len(server.requests) > sent_before)  # later calls try anew


def test_no_key_is_each_rows_error(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    op = ChatOp(model="m", prompt="q")
    monkeypatch.delenv("TOGETHER_API_KEY")
    assert all("TOGETHER_API_KEY" in row["error"] for row in op.map_list(["a", "b"]))
    monkeypatch.setenv("TOGETHER_API_KEY", "late")
    assert op.map_list(["a"])[0]["error"] is None  # it is read where it runs, when it runs
    assert server.requests[-1].headers["Authorization"] == "Bearer late"


class Lake(msgspec.Struct):
    name: str
    depth: float | None = None


@dataclass
class Sea:
    name: str
    islands: list[str]


@pytest.mark.parametrize("to", [Lake, Sea])
def test_answers_of_a_type_are_dicts(server: LocalServer, to: Any) -> None:
    op = pickle.loads(pickle.dumps(ChatOp(model="m", prompt="q", response_format=to)))
    [row] = op.map_list(["which?"])
    assert row["error"] is None
    assert isinstance(row["answer"]["name"], str)
    assert server.requests[0].json["response_format"]["json_schema"]["name"] == to.__name__


def test_an_answer_that_does_not_fit_is_in_the_error(server: LocalServer) -> None:
    server.reply(body=completion("no lake at all"))
    [row] = ChatOp(model="m", prompt="q", response_format=Lake).map_list(["which?"])
    assert row["answer"] is None
    assert "does not fit Lake" in row["error"]
    assert "no lake at all" in row["error"]
    assert row["usage"]["total_tokens"] > 0  # it was paid for


def test_it_is_configuration_and_nothing_else(server: LocalServer) -> None:
    op = ChatOp(model="m", prompt="q", store="somewhere")
    fresh = pickle.dumps(op)
    assert len(fresh) < 1000
    assert not os.path.exists("somewhere")
    plain = ChatOp(model="m", prompt="q")
    before = pickle.dumps(plain)
    plain.map_list(["a"])
    assert pickle.dumps(plain) == before
    assert "k" not in repr(plain).replace("ChatOp(model='m', prompt='q', output='answer')", "")


def test_fresh_copies_share_their_connections(server: LocalServer) -> None:
    frozen = pickle.dumps(ChatOp(model="m", prompt="q", concurrency=1))
    for index in range(5):
        pickle.loads(frozen).map_list([f"n{index}"])
    assert server.connections == 1


def test_two_threads_may_call_one_object_and_share_its_ceiling(server: LocalServer) -> None:
    op = ChatOp(model="m", prompt="q", concurrency=3)
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.map(op.map_list, ([f"a{i}" for i in range(30)], [f"b{i}" for i in range(30)]))
    assert all(f"a{i}" in row["answer"] for i, row in enumerate(one))
    assert all(f"b{i}" in row["answer"] for i, row in enumerate(two))
    assert server.connections <= 3


def test_rows_are_read_as_there_is_room(server: LocalServer) -> None:
    read = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal read
        for index in range(1000):
            read += 1
            yield {"q": f"n{index}"}

    found = ChatOp(model="m", prompt="q", concurrency=2).map_partition(rows())
    next(found)
    assert read <= 8
    found.close()
    ChatOp(model="m", prompt="q", concurrency=2).map_list(["later"])
    assert len(server.requests) <= 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"prompt": "a", "template": "{b}"}, "one of prompt"),
        ({"template": "no column"}, "names no column"),
        ({"stream": True}, "stream"),
        ({"api_key": "k"}, "TOGETHER_API_KEY"),
        ({"n": 2}, "one answer a row"),
        ({"concurrency": 0}, "concurrency"),
        ({"share": 0}, "share"),
        ({"rpm": 0}, "rpm"),
        ({"response_format": 5}, "a type is wanted"),
        ({"model": 5}, "model"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_written(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        ChatOp(**{"model": "m", **arguments})


def test_it_imports_no_engine() -> None:
    program = """
import pickle, sys
from togetherpy.batch import ChatOp
op = pickle.loads(pickle.dumps(ChatOp(model="m", prompt="q")))
assert "asyncio" not in sys.modules and "urllib3" not in sys.modules
from togetherpy.testing import LocalServer
with LocalServer() as server:
    import os
    os.environ.update(TOGETHER_API_KEY="k", TOGETHER_BASE_URL=server.base_url)
    assert op({"q": ["a"]})["error"] == [None]
engines = {"numpy", "pandas", "pyarrow", "ray", "daft", "dask", "polars", "pyspark"}
assert not engines & set(sys.modules), engines & set(sys.modules)
"""
    done = run(*PYTHON, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_has_a_pool_of_its_own(server: LocalServer) -> None:
    op = ChatOp(model="m", prompt="q")
    op.map_list(["parent"])
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if op.map_list(["child"])[0]["error"] is None else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert op.map_list(["parent again"])[0]["error"] is None
    assert sorted(sent(server)) == ["child", "parent", "parent again"]


def test_share_divides_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "k")
    with LocalServer(delay=0.05) as server:
        monkeypatch.setenv("TOGETHER_BASE_URL", server.base_url)
        op = ChatOp(model="m", prompt="q", concurrency=16, share=8, rpm=480_000)
        op.map_list([f"n{index}" for index in range(30)])
        assert server.connections == 2
        from togetherpy.batch import limits

        [limit] = [one for place, one in limits._limits.items() if place[0].startswith(server.base_url[:-3])]
        assert (limit.ceiling, limit._requests.rate) == (2, 1000.0)
