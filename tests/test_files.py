"""client.files: uploads by two steps and by one, downloads that are resumed, and files that cannot be meant."""

import gc
import hashlib
import io
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.answers import answer, error_body, head
from support.clients import CALL, KEY, failure
from support.scripted import Peer, ScriptedServer, close, request, send

from togetherpy import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    StreamInterruptedError,
)
from togetherpy.error import FileTypeError
from togetherpy.testing import LocalServer
from togetherpy.types.files import FileDownloadProgress, FileResponse, FileUploadProgress

Maker = Callable[..., Any]
LINES = b'{"text": "one"}\n{"text": "two"}\n'
BYTES = os.urandom(100_000)
SIGNATURE = "s1gn4ture" * 3
FILE = {
    "id": "file-1",
    "object": "file",
    "filename": "a.jsonl",
    "bytes": 5,
    "purpose": "fine-tune",
    "FileType": "jsonl",
}


def files(caller: Any) -> Any:
    return caller.area("files")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "data.jsonl"
    made.write_bytes(LINES)
    return made


def leave(bucket: Any, file_id: str = "file-1") -> bytes:
    place = f"{bucket.base_url.removesuffix('/v1')}/put?signature={SIGNATURE}"
    return answer(b"", 302, location=place, x_together_file_id=file_id)


# From end to end


def test_a_file_there_and_back(client: Maker, path: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    with LocalServer() as server:
        caller = files(client(server))
        made = caller.upload(path, progress_callback=seen.append)
        asked, put, taken = server.requests
        there = caller.retrieve_content(made.id, output=tmp_path / "back", progress_callback=seen.append)
        assert [one.id for one in caller.list()] == [one.id for one in caller.list().data] == [made.id]
        assert caller.retrieve(made.id) == made
        assert caller.delete(made.id).deleted is True
        failure(NotFoundError, lambda: caller.retrieve(made.id))
    assert type(made) is FileResponse
    assert (made.filename, made.bytes, made.purpose, made.file_type, made.type) == (
        "data.jsonl",
        len(LINES),
        "fine-tune",
        "jsonl",
        "jsonl",
    )
    assert made.to_dict()["FileType"] == "jsonl"
    assert hashlib.sha256(LINES).hexdigest().encode() in asked.body
    assert (put.method, put.body, put.headers["content-length"]) == ("PUT", LINES, str(len(LINES)))
    assert not {"authorization", "content-type", "idempotency-key"} & set(put.headers)
    assert (taken.method, taken.path) == ("POST", f"/v1/files/{made.id}/preprocess")
    assert (there.object, there.id, there.size) == ("local", made.id, len(LINES))
    assert there.filename == str((tmp_path / "back").resolve())
    assert (tmp_path / "back").read_bytes() == LINES
    assert seen == [FileUploadProgress(32, 32), FileDownloadProgress(32, 32)]


def test_a_file_that_is_there_already(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = files(client(server, max_retries=3))
        made = caller.upload(path)
        assert caller.upload(path) == made
        assert [one.method for one in server.requests[3:]] == ["POST", "GET"]
        error = failure(ConflictError, lambda: caller.upload(path, raise_if_already_exists=True))
    assert error.body == {"file_id": made.id}


def test_an_open_file(client: Maker, path: Path) -> None:
    with LocalServer() as server, path.open("rb") as opened:
        opened.seek(16)
        made = files(client(server)).upload(opened, purpose="eval")
        assert (made.filename, made.bytes) == ("data.jsonl", 16)
        nameless = io.BytesIO(LINES)
        assert files(client(server)).upload(nameless, purpose="eval-output").filename == "file.jsonl"


def test_the_other_way_for_a_server_that_does_not_know_the_first(client: Maker, path: Path) -> None:
    unknown, taken = answer(error_body(), 404), answer(FILE)
    with ScriptedServer([request, send(unknown), request, send(taken)]) as server:
        assert files(client(server)).upload(path, purpose="batch-api").id == "file-1"
        _, there = server.requests
    assert (there.method, there.target) == ("POST", "/v1/files/upload")
    for part in (b'name="file"; filename="data.jsonl"', LINES, b"batch-api", b'name="file_name"'):
        assert part in there.body


def test_both_ways_end_alike(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = files(client(server))
        server.reply(status=405)
        made = caller.upload(path)
        assert caller.content(made.id) is not None
        assert caller.upload(path).id == made.id


def test_a_server_that_looks_at_no_files(client: Maker, path: Path) -> None:
    with ScriptedServer([request, send(answer(b""))]) as bucket:
        script = [
            request,
            send(leave(bucket)),
            request,
            send(answer(error_body(), 404)),
            request,
            send(answer(FILE)),
        ]
        with ScriptedServer(script) as server:
            assert files(client(server)).upload(path).id == "file-1"
            assert [one.target for one in server.requests[1:]] == ["/v1/files/file-1/preprocess", "/v1/files/file-1"]


# Signed places


def test_a_signed_place_that_has_expired_is_asked_for_once_more(client: Maker, path: Path) -> None:
    refusal = answer(f"<Error>expired {SIGNATURE}</Error>".encode(), 403, content_type="application/xml")
    with ScriptedServer([request, send(refusal), request, send(answer(b"")), *[request, send(refusal)] * 2]) as bucket:
        script = [request, send(leave(bucket)), request, send(leave(bucket)), request, send(answer(FILE))]
        with ScriptedServer([*script, *[request, send(leave(bucket))] * 2]) as server:
            caller = files(client(server))
            assert caller.upload(path).id == "file-1"
            error = failure(APIStatusError, lambda: caller.upload(path))
            assert [len(bucket.requests), len(server.requests)] == [4, 5]
    assert error.status_code == 403
    for shown in (str(error), repr(error.body), repr(error.response)):
        assert SIGNATURE not in shown
    assert all(KEY not in repr(one.fields) for one in bucket.requests)


def test_a_connection_that_breaks_in_the_middle_of_an_upload(client: Maker, path: Path) -> None:
    path.write_bytes(b'{"text": "%s"}\n' % (b"x" * 2_000_000))
    size = path.stat().st_size

    def some(peer: Peer) -> None:
        peer.sock.recv(4096)

    with ScriptedServer([some, close], [request, send(answer(b""))]) as bucket:
        script = [request, send(leave(bucket)), request, send(answer(FILE))]
        with ScriptedServer(script) as server:
            told: list[FileUploadProgress] = []
            caller = files(client(server, max_retries=1))
            caller.upload(path, progress_callback=told.append)
            seen = [one.uploaded_bytes for one in told]
            assert len(bucket.requests[0].body) == size
            assert seen == sorted(set(seen))
            assert seen[-1] == size
    with ScriptedServer([some, close]) as bucket, ScriptedServer([request, send(leave(bucket))]) as server:
        failure(APIConnectionError, lambda: files(client(server)).upload(path))


@pytest.mark.parametrize("where", ["http://bucket.example/x", "ftp://bucket.example/x"])
def test_places_that_are_not_gone_to(client: Maker, path: Path, where: str) -> None:
    sent = answer(b"", 302, location=f"{where}?s={SIGNATURE}", x_together_file_id="file-1")
    with ScriptedServer([request, send(sent)]) as server:
        error = failure(APIResponseError, lambda: files(client(server)).upload(path))
    assert isinstance(error, ValueError)
    assert "cannot be used" in str(error)
    assert SIGNATURE not in str(error)


@pytest.mark.parametrize(
    "odd", [answer(b"", 302, location="https://x/"), answer(b"", 302, x_together_file_id="f"), answer({})]
)
def test_odd_answers_to_an_upload(client: Maker, path: Path, odd: bytes) -> None:
    with ScriptedServer([request, send(odd)]) as server:
        failure(APIResponseError, lambda: files(client(server)).upload(path))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"file_id": 5}', b"<html>"])
def test_a_conflict_that_names_no_file(client: Maker, path: Path, body: bytes) -> None:
    with ScriptedServer([request, send(answer(body, 409))]) as server:
        failure(ConflictError, lambda: files(client(server)).upload(path))


def test_a_refusal(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        error = failure(BadRequestError, lambda: files(client(server)).upload(path, purpose="none", check=False))
        assert "purpose" in str(error)
        failure(NotFoundError, lambda: files(client(server)).content("file-none"))
        failure(NotFoundError, lambda: files(client(server)).delete("file-none"))


# In parts


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("togetherpy.resources._parts.LARGE", 20)
    monkeypatch.setattr("togetherpy.resources._parts._PART", 12)


def begun(bucket: Any, *numbers: int) -> bytes:
    where = bucket.base_url.removesuffix("/v1")
    parts = [{"PartNumber": one, "URL": f"{where}/part{one}?signature={SIGNATURE}"} for one in numbers]
    return answer({"upload_id": "u", "file_id": "file-1", "parts": parts})


def test_a_large_file_goes_in_parts(client: Maker, path: Path, small_parts: None) -> None:
    seen: list[Any] = []
    taken = [request, send(answer(b"", etag='"e1"')), *[request, send(answer(b"", etag="e"))] * 2]
    with (
        ScriptedServer(taken) as bucket,
        ScriptedServer([request, send(begun(bucket, 2, 3, 1)), request, send(answer({"file": FILE}))]) as server,
    ):
        assert files(client(server)).upload(path, progress_callback=seen.append).id == "file-1"
        first, last = server.requests
    assert (first.target, last.target) == ("/v1/files/multipart/initiate", "/v1/files/multipart/complete")
    described = json.loads(first.body)
    assert (described["file_size"], described["num_parts"], described["file_name"]) == (32, 3, "data.jsonl")
    assert [one.target.partition("?")[0] for one in bucket.requests] == ["/part1", "/part2", "/part3"]
    assert b"".join(one.body for one in bucket.requests) == LINES
    assert all("authorization" not in one.headers for one in bucket.requests)
    assert json.loads(last.body) == {
        "upload_id": "u",
        "file_id": "file-1",
        "parts": [{"part_number": number, "etag": tag} for number, tag in ((1, "e1"), (2, "e"), (3, "e"))],
    }
    assert [one.uploaded_bytes for one in seen] == [11, 22, 32]


def test_a_large_file_that_is_there_already(client: Maker, path: Path, small_parts: None) -> None:
    with ScriptedServer([request, send(answer({"file_id": "file-1"}, 409)), request, send(answer(FILE))]) as server:
        assert files(client(server)).upload(path).id == "file-1"
        assert server.requests[1].target == "/v1/files/file-1"


@pytest.mark.parametrize("numbers", [(1, 3), (), (1, 2, 3)])
def test_an_upload_in_parts_that_fails_is_given_up(
    client: Maker, path: Path, small_parts: None, numbers: tuple[int, ...]
) -> None:
    with ScriptedServer([request, send(answer(b""))]) as bucket:
        script = [request, send(begun(bucket, *numbers)), request, send(answer({}))]
        with ScriptedServer(script) as server:
            failure(APIResponseError, lambda: files(client(server)).upload(path))
            assert server.requests[1].target == "/v1/files/multipart/abort"
            assert json.loads(server.requests[1].body) == {"upload_id": "u", "file_id": "file-1"}


# Files that cannot be meant


def test_files_that_are_none(client: Maker, tmp_path: Path) -> None:
    caller = files(client(base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(FileNotFoundError):
        caller.upload(tmp_path / "none.jsonl")
    with pytest.raises(IsADirectoryError):
        caller.upload(str(tmp_path))
    with pytest.raises(TypeError, match="binary"):
        caller.upload(io.StringIO("x"))
    with pytest.raises(TypeError, match="not int"):
        caller.upload(5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b"hello\n", "line 1 is not JSON"),
        ("a.jsonl", b"{}\n[]\n", "line 2 is no JSON object"),
        ("a.txt", b"{}\n", "must end in"),
        ("a.jsonl", b"\xff\xfe\n", "UTF-8"),
    ],
)
def test_files_that_are_not_what_they_are_called(
    client: Maker, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    caller = files(client(base_url="http://127.0.0.1:9/v1"))
    error = failure(FileTypeError, lambda: caller.upload(tmp_path / name))
    assert said in str(error)
    assert error.report["is_check_passed"] is False


@pytest.mark.parametrize("purpose", ["finetune", "", "batch"])
def test_a_wrong_purpose(client: Maker, path: Path, purpose: str) -> None:
    with pytest.raises(ValueError, match="purpose must be one of fine-tune"):
        files(client(base_url="http://127.0.0.1:9/v1")).upload(path, purpose=purpose)


@pytest.mark.parametrize(("name", "expected"), [("", ValueError), ("..", ValueError), (None, TypeError)])
def test_ids_that_are_none(client: Maker, name: Any, expected: type[Exception]) -> None:
    caller = files(client(base_url="http://127.0.0.1:9/v1"))
    for method in ("retrieve", "content", "retrieve_content", "delete"):
        with pytest.raises(expected, match="id"):
            getattr(caller, method)(name)


# Downloads


def part(start: int, total: int = len(BYTES), **fields: Any) -> bytes:
    return answer(
        BYTES[start:],
        206,
        content_type="application/octet-stream",
        content_range=f"bytes {start}-{total - 1}/{total}",
        **fields,
    )


BROKEN = head(content_type="application/octet-stream", content_length=len(BYTES), etag='"1"') + BYTES[:50_000]
WHOLE = answer(BYTES, content_type="application/octet-stream", etag='"1"')


def test_a_download_goes_on_where_it_broke(client: Maker, tmp_path: Path) -> None:
    with ScriptedServer([request, send(BROKEN), close], [request, send(part(50_000, etag='"1"'))]) as server:
        there = files(client(server, max_retries=1)).retrieve_content("f", output=tmp_path / "a")
        assert Path(there.filename).read_bytes() == BYTES
        assert (there.size, os.listdir(tmp_path)) == (len(BYTES), ["a"])
        assert server.requests[1].headers["range"] == "bytes=50000-"
        assert server.requests[1].headers["if-range"] == '"1"'


@pytest.mark.parametrize(
    "again",
    [
        [send(WHOLE)],
        [send(part(50_001)), request, send(WHOLE)],
        [send(part(50_000, len(BYTES) + 1)), request, send(WHOLE)],
        [send(part(50_000, etag='"2"')), request, send(WHOLE)],
        [send(answer(error_body(), 416)), request, send(WHOLE)],
    ],
)
def test_what_does_not_go_on_there_is_taken_from_the_beginning(client: Maker, tmp_path: Path, again: Any) -> None:
    with ScriptedServer([request, send(BROKEN), close], [request, *again], [request, send(WHOLE)]) as server:
        files(client(server, max_retries=1)).retrieve_content("f", output=tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BYTES


def test_a_download_that_stays_short(client: Maker, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"what was there")
    with ScriptedServer([request, send(BROKEN), close]) as server:
        caller = files(client(server, max_retries=2))
        error = failure(StreamInterruptedError, lambda: caller.retrieve_content("f", output=tmp_path / "a"))
        assert server.connections == 4  # after the first that broke, one at once and two without a byte more
    assert "broke off" in str(error)
    assert (os.listdir(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"what was there")


def test_no_half_file_on_a_full_disk(client: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    with LocalServer() as server:
        caller = files(client(server))
        server.reply(body=b"x" * 100)
        monkeypatch.setattr("togetherpy._core.saving.Unfinished.write", full)
        with pytest.raises(OSError, match="No space"):
            caller.retrieve_content("f", output=tmp_path / "a")
    assert os.listdir(tmp_path) == []


def test_where_a_download_goes(client: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with LocalServer() as server:
        server.reply(body=b"x", times=None)
        caller = files(client(server))
        assert caller.retrieve_content("a/b").filename == str(tmp_path.resolve() / "a--b.jsonl")
        assert caller.retrieve_content("f", output="folder").filename == str(tmp_path.resolve() / "folder/f.jsonl")
        with pytest.raises(FileNotFoundError):
            caller.retrieve_content("f", output="none/f")


def test_content_from_another_server_does_not_get_the_key(client: Maker) -> None:
    with ScriptedServer([request, send(answer(b"x"))]) as bucket:
        moved = answer(b"", 302, location=bucket.base_url.removesuffix("/v1") + f"/x?s={SIGNATURE}")
        with ScriptedServer([request, send(moved)]) as server:
            caller = client(server)
            assert caller.finish(files(caller).content("f").read()) == b"x"
        assert "authorization" not in bucket.requests[0].headers


@pytest.mark.parametrize("where", ["http://bucket.example/x", "/v1/files/f/content"])
def test_redirects_that_lead_nowhere(client: Maker, tmp_path: Path, where: str) -> None:
    with ScriptedServer([request, send(answer(b"", 302, location=where))] * 6) as server:
        caller = files(client(server))
        error = failure(APIStatusError, lambda: caller.retrieve_content("f", output=tmp_path / "a"))
    assert error.status_code == 302
    assert os.listdir(tmp_path) == []


def test_ways_to_read_content(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        server.reply(body=b'{"a": 1}\r\n\n\xff', times=3)
        caller = client(server)
        area = files(caller)
        assert caller.finish(area.content("f").text()) == '{"a": 1}\r\n\n\ufffd'
        caller.finish(area.content("f").save(tmp_path / "a"))
        assert (tmp_path / "a").read_bytes() == b'{"a": 1}\r\n\n\xff'
        lines = area.content("f").iter_lines()
        assert (caller.pieces(lines)) == ['{"a": 1}', "", "\ufffd"]
        server.reply(body=b'{"a": 1}')
        assert caller.finish(area.content("f").json()) == {"a": 1}


def test_memory_stays_flat(client: Maker, tmp_path: Path) -> None:
    size, piece = 64 * 1024 * 1024, b"x" * 65536
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(size)

    def swallow(peer: Peer) -> None:
        left = size
        while left > 0:
            left -= len(peer.sock.recv(65536))
        peer.sock.sendall(answer(b""))

    def pour(peer: Peer) -> None:
        peer.sock.sendall(head(content_type="application/octet-stream", content_length=size))
        for _ in range(size // len(piece)):
            peer.sock.sendall(piece)

    with ScriptedServer([swallow]) as bucket:
        script = [request, send(leave(bucket)), request, send(answer(FILE)), request, pour]
        with ScriptedServer(script) as server:
            caller = files(client(server))
            gc.collect()
            tracemalloc.start()
            try:
                caller.upload(path, check=False)
                caller.retrieve_content("f", output=tmp_path / "back")
                assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
            finally:
                tracemalloc.stop()
    assert (tmp_path / "back").stat().st_size == size


# What every endpoint has


@pytest.mark.parametrize("body", [[FILE], {"object": "list", "data": [FILE]}])
def test_both_forms_of_the_list(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        found = files(client(server)).list()
    assert issubclass(type(found), list)
    assert found.data is found
    assert (found.object, found[0].id) == ("list", "file-1")
    assert found.to_dict() == {"object": "list", "data": [FILE]}
    assert found.model_dump(exclude_none=True) == {"object": "list", "data": [FILE]}


def test_what_does_not_fit_is_kept(client: Maker) -> None:
    odd = {"id": 5, "purpose": "new-purpose", "FileType": "xml", "new": 1, "processing_status": "HALF"}
    with ScriptedServer([request, send(answer(odd))]) as server:
        found = files(client(server)).retrieve("f")
    assert (found.id, found.purpose, found.file_type, found.new) == (5, "new-purpose", "xml", 1)


@pytest.mark.parametrize("body", [{"models": []}, "x", b"<html>", b""])
def test_what_is_no_list(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        failure(APIResponseError, lambda: files(client(server)).list())


def test_raw_answers_retries_and_hooks(client: Maker, path: Path) -> None:
    seen: list[Any] = []

    class Seen:
        def on_response(self, event: Any) -> None:
            seen.append(event.endpoint)

    with LocalServer() as server:
        caller = files(client(server, max_retries=1, hooks=Seen()))
        server.reply(status=503)
        made = caller.upload(path)
        assert caller.with_raw_response.retrieve(made.id).parse() == made
        assert caller.with_raw_response.list().parse() == [made]
        assert caller.with_raw_response.content(made.id).status_code == 200
        for name in ("upload", "retrieve_content"):
            with pytest.raises(AttributeError):
                getattr(caller.with_raw_response, name)
    assert seen == ["files.upload"] * 3 + ["files.retrieve", "files.list"]


def test_a_call_of_another_area_beside_it(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        files(caller).upload(path)
        assert caller.create(**CALL).choices
