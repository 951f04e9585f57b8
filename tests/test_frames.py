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


def test_a_column_that_is_there_twice_is_not_guessed_at(server: LocalServer, op: ChatOp) -> None:
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    twice = pd.DataFrame([["a", "b", "c"]], columns=["q", "q", "x"])
    with pytest.raises(ValueError, match="2 columns 'q'"):
        op.map_pandas(twice)
    with pytest.raises(ValueError, match="2 columns 'q'"):
        op.map_arrow(pa.table([pa.array(["a"]), pa.array(["b"])], names=["q", "q"]))
    assert server.requests == []
    others = ChatOp(model="m", prompt="x").map_pandas(twice)  # it is not asked about, so it may be
    assert list(others.columns) == ["q", "q", "x", *NEW]
    table = pa.table([pa.array(["a"]), pa.array(["b"]), pa.array([1])], names=["q", "x", "x"])
    assert op.map_arrow(table).schema.names == ["q", "x", "x", *NEW]


def test_pandas_nulls_categories_and_strings_of_every_kind(server: LocalServer, op: ChatOp) -> None:
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    kinds = [object, "string", "category", pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string())]
    for kind in kinds:
        out = op.map_pandas(pd.DataFrame({"q": pd.Series(["a", None, "a"], dtype=kind)}))
        assert list(out["error"].isna()) == [True, False, True], kind
        assert out["q"].dtype == kind
    odd = pd.DataFrame({"q": pd.Series(["a", float("nan"), pd.NaT, pd.NA], dtype=object)})
    assert list(op.map_pandas(odd)["error"].isna()) == [True, False, False, False]
    when = pd.DataFrame({"t": pd.to_datetime(["2026-01-02"]), "d": pd.to_timedelta(["3D"])})
    assert ChatOp(model="m", template="{t} {d}").map_pandas(when)["error"].isna().all()
    assert server.requests[-1].json["messages"][0]["content"] == "2026-01-02T00:00:00 P3DT0H0M0S"


def test_pandas_indexes_and_what_is_empty(server: LocalServer, op: ChatOp) -> None:
    pd = pytest.importorskip("pandas")
    index = pd.MultiIndex.from_tuples([(1, "x"), (1, "x")], names=["i", "j"])
    out = op.map_pandas(pd.DataFrame({"q": ["a", "b"]}, index=index))
    assert out.index.equals(index)
    assert out.index.names == ["i", "j"]
    empty = op.map_pandas(out[["q"]].iloc[:0])
    assert list(empty.dtypes) == list(out.dtypes)
    assert empty.index.names == ["i", "j"]


def test_arrow_strings_of_every_kind_and_readers(server: LocalServer, op: ChatOp) -> None:
    pa = pytest.importorskip("pyarrow")
    texts = pa.array(["a", None, "b"])
    columns = [texts.cast(kind) for kind in (pa.string(), pa.large_string(), pa.binary())]
    if hasattr(pa, "string_view"):
        columns.append(texts.cast(pa.string_view()))
    for column in [*columns, texts.dictionary_encode(), pa.chunked_array([["a"], [None, "b"], []])]:
        out = op.map_arrow(pa.table({"q": column}))
        assert [error is None for error in out["error"].to_pylist()] == [True, False, True], column.type
        assert out.schema.field("q").type == column.type
    batch = pa.record_batch({"q": ["a"]})
    assert [one.num_rows for one in op.map_arrow(pa.RecordBatchReader.from_batches(batch.schema, [batch]))] == [1]
    empty = batch.slice(0, 0)
    for to in (None, Lake):
        typed = ChatOp(model="m", prompt="q", response_format=to)
        assert typed.map_arrow(empty).schema == typed.map_arrow(batch).schema == typed.arrow_schema(batch.schema)


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
