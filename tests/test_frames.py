"""ChatOp on the tables of pandas, Arrow and Polars, and on Dask, each where it is installed (extra `engines-test`)."""

import datetime
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from support.answers import completion

from togetherpy.batch import ChatOp
from togetherpy.testing import LocalServer

NEW = ["answer", "error", "usage", "attempts"]


class Lake(msgspec.Struct):
    name: str
    depth: float | None
    tags: list[str]


class Either(msgspec.Struct):
    value: int | str


class Node(msgspec.Struct):
    name: str
    next: "Node | None"


class Count(msgspec.Struct):
    value: int


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    with LocalServer() as server:
        monkeypatch.setenv("TOGETHER_API_KEY", "k")
        monkeypatch.setenv("TOGETHER_BASE_URL", server.base_url)
        yield server


@pytest.fixture
def op() -> ChatOp:
    return ChatOp(model="m", prompt="q")


def test_a_pandas_frame(server: LocalServer, op: ChatOp) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"q": ["a", None, "c"], "when": [datetime.date(2026, 1, 1)] * 3}, index=[7, 7, 9])
    before = frame.copy(deep=True)
    out = op.map_pandas(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(out[["q", "when"]], before)
    assert list(out.columns) == ["q", "when", *NEW]
    assert list(out["error"].isna()) == [True, False, True]
    assert list(out["attempts"]) == [1, 0, 1]
    assert out["attempts"].dtype == "int64"


def test_an_iterator_of_pandas_frames(server: LocalServer, op: ChatOp) -> None:
    pd = pytest.importorskip("pandas")
    found = op.map_pandas(iter([pd.DataFrame({"q": ["a"]}), pd.DataFrame({"q": []}), pd.DataFrame({"q": ["b", "c"]})]))
    assert [len(frame) for frame in found] == [1, 0, 2]


def test_record_batches(server: LocalServer, op: ChatOp) -> None:
    pa = pytest.importorskip("pyarrow")
    batches = [pa.RecordBatch.from_pylist([{"q": "a", "n": 1}]), pa.RecordBatch.from_pylist([{"q": None, "n": 2}])]
    found = list(op.map_arrow(iter(batches)))
    assert all(isinstance(batch, pa.RecordBatch) for batch in found)
    assert [batch.schema for batch in found] == [op.arrow_schema(batch.schema) for batch in batches]
    assert found[0].schema.names == ["q", "n", *NEW]
    assert found[1].to_pylist()[0]["error"] == "invalid_row: its column 'q' is null"
    assert found[0].schema.field("usage").type.field("total_tokens").type == pa.int64()


def test_a_table_of_nested_messages_and_images(server: LocalServer) -> None:
    pa = pytest.importorskip("pyarrow")
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": b"\xff\xd8\xff"}}]
    rows = [
        {"m": [{"role": "system", "content": [{"type": "text", "text": "s"}]}, {"role": "user", "content": parts}]},
        {"m": [{"role": "user", "content": [{"type": "text", "text": "b"}]}]},
    ]
    out = ChatOp(model="m", messages="m").map_arrow(pa.Table.from_pylist(rows))
    assert isinstance(out, pa.Table)
    assert out["error"].to_pylist() == [None, None]
    parts[1] = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/"}}
    assert {"role": "user", "content": parts} in [request.json["messages"][-1] for request in server.requests]


def test_typed_answers_are_structs(server: LocalServer) -> None:
    pa = pytest.importorskip("pyarrow")
    out = ChatOp(model="m", prompt="q", response_format=Lake).map_arrow(pa.Table.from_pylist([{"q": "a"}, {"q": None}]))
    kinds = {"name": pa.string(), "depth": pa.float64(), "tags": pa.list_(pa.string())}
    assert {field.name: field.type for field in out.schema.field("answer").type} == kinds
    assert isinstance(out["answer"].to_pylist()[0]["name"], str)


@pytest.mark.parametrize("to", [Either, Node])
def test_answers_that_arrow_has_no_type_for_are_json(server: LocalServer, to: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    out = ChatOp(model="m", prompt="q", response_format=to).map_arrow(pa.Table.from_pylist([{"q": "a"}]))
    assert isinstance(msgspec.json.decode(out["answer"].to_pylist()[0]), dict)


def test_a_value_that_arrow_cannot_keep_fails_its_row_only(server: LocalServer) -> None:
    pa = pytest.importorskip("pyarrow")
    server.reply(body=completion('{"value": 99999999999999999999}'))
    one = ChatOp(model="m", prompt="q", response_format=Count, concurrency=1)
    bad, good = one.map_arrow(pa.Table.from_pylist([{"q": "a"}, {"q": "b"}])).to_pylist()
    assert bad["answer"] is None
    assert "99999999999999999999" in bad["error"]
    assert good["error"] is None


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("to", [None, Lake, Node])
def test_polars(server: LocalServer, engine: Any, to: Any) -> None:
    pl = pytest.importorskip("polars")
    op = ChatOp(model="m", prompt="q", response_format=to)
    asked = pl.col("q").map_batches(op.map_list, return_dtype=op.polars_dtype(), is_elementwise=True)
    frame = pl.LazyFrame({"q": ["a", None], "n": [1, 2]}).with_columns(asked.alias("said")).unnest("said")
    assert frame.collect_schema().names() == ["q", "n", *NEW]
    assert server.requests == []  # a look at the schema asks nothing
    out = frame.collect(engine=engine)
    assert out["attempts"].to_list() == [1, 0]
    assert out["error"].null_count() == 1


def test_dask_asks_nothing_for_its_meta(server: LocalServer, op: ChatOp) -> None:
    pd, dd = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    questions = dd.from_pandas(pd.DataFrame({"q": ["a", "b", "c"]}), npartitions=2)
    answered = questions.map_partitions(op.map_pandas, meta=op.map_pandas(questions._meta))
    assert list(answered.columns) == ["q", *NEW]
    assert server.requests == []
    assert answered.compute(scheduler="threads")["error"].isna().all()
    assert len(server.requests) == 3


@pytest.mark.parametrize("scheduler", ["threads", "processes", "sync"])
def test_a_bag(server: LocalServer, op: ChatOp, scheduler: str) -> None:
    bag = pytest.importorskip("dask.bag")
    rows = bag.from_sequence([{"q": "a"}, {"q": "b"}], npartitions=2).map_partitions(op.map_partition)
    assert [(row["q"], row["attempts"]) for row in rows.compute(scheduler=scheduler)] == [("a", 1), ("b", 1)]
