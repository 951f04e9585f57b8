"""client.images: images made, read and stored, from every place where a server puts them."""

import base64
import copy
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.answers import answer, head
from support.clients import KEY, failure
from support.scripted import ScriptedServer, request, send

from togetherpy import (
    APIConnectionError,
    APIResponse,
    APIResponseError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
)
from togetherpy.testing import LocalServer
from togetherpy.types.images import AsyncImageResponse, ImageResponse

Maker = Callable[..., Any]
ASK: dict[str, Any] = {"model": "m", "prompt": "A lake at dawn"}
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PACKED = base64.b64encode(PICTURE).decode()


def generate(caller: Any, **params: Any) -> Any:
    return caller.area("images").generate(**{**ASK, **params})


def read(caller: Any, image: Any) -> bytes:
    found: bytes = caller.finish(image.bytes())
    return found


def save(caller: Any, image: Any, path: Any) -> Path:
    found: Path = caller.finish(image.save(path))
    return found


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG that is one: every chunk's sum is right, and all its rows are there."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, parts = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        parts[kind], at = data, at + 12 + length
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    assert len(zlib.decompress(parts[b"IDAT"])) == height * (1 + 3 * width)
    return width, height


def body(*images: Any) -> dict[str, Any]:
    return {"id": "i", "object": "list", "model": "m", "data": list(images)}


def test_an_image_by_its_url(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        caller = client(server, api_key=KEY)
        found = generate(caller, width=30, height=20, n=2)
        sent = server.requests[-1]
        one, other = found.data
        path = save(caller, one, tmp_path / "lake.png")
        fetched = server.requests[-1]
        assert read(caller, one) == path.read_bytes() != read(caller, other)
    assert type(found) is (ImageResponse if caller.kind == "sync" else AsyncImageResponse)
    assert (sent.method, sent.path) == ("POST", "/v1/images/generations")
    assert sent.json == {**ASK, "width": 30, "height": 20, "n": 2}
    assert (one.type, one.b64_json, other.index) == ("url", None, 1)
    assert one.url.startswith(f"http://127.0.0.1:{server.port}/")
    assert size_of(path.read_bytes()) == (30, 20)
    assert "authorization" not in fetched.headers
    assert [one.name for one in tmp_path.iterdir()] == ["lake.png"]


@pytest.mark.parametrize("form", ["base64", "b64_json"])
def test_an_image_in_the_answer(client: Maker, tmp_path: Path, form: str) -> None:
    with LocalServer() as server:
        caller = client(server)
        by_url = read(caller, generate(caller, width=9, height=9).data[0])
        (only,) = generate(caller, width=9, height=9, response_format=form).data
        asked = len(server.requests)
        assert read(caller, only) == by_url == base64.b64decode(only.b64_json)
        assert save(caller, only, str(tmp_path / "a.png")).read_bytes() == by_url
        assert len(server.requests) == asked
    assert (only.type, only.url) == ("b64_json", None)


def test_a_file_that_is_there_is_replaced_at_once(client: Maker, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    with ScriptedServer([request, send(answer(body({"b64_json": PACKED})))]) as server:
        caller = client(server)
        (only,) = generate(caller).data
        with pytest.raises(IsADirectoryError):
            save(caller, only, tmp_path)
        with pytest.raises(FileNotFoundError):
            save(caller, only, tmp_path / "none" / "a.png")
        save(caller, only, path)
    assert path.read_bytes() == PICTURE
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]


def test_a_redirect_to_another_host_is_followed_without_the_key(client: Maker) -> None:
    def moved(port: int) -> bytes:
        return head(302, location=f"http://127.0.0.1:{port}/there?sig=1", content_length=0)

    with ScriptedServer([request, send(answer(PICTURE, content_type="image/png"))]) as other:
        steps = [request, send(answer(body({"url": "/pictures/1"}))), request, send(moved(other.port))]
        with ScriptedServer(steps) as server:
            caller = client(server, api_key=KEY)
            assert read(caller, generate(caller).data[0]) == PICTURE
    asked, moved_from, fetched = *server.requests, other.requests[0]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert (moved_from.target, fetched.target) == ("/pictures/1", "/there?sig=1")
    for one in (moved_from, fetched):
        assert "authorization" not in one.headers
        assert KEY not in repr(one.fields)


@pytest.mark.parametrize("url", ["http://example.com/a.png", "ftp://127.0.0.1/a", "https://", "nothing://x"])
def test_a_url_that_is_not_to_be_fetched(client: Maker, url: str) -> None:
    with ScriptedServer([request, send(answer(body({"url": url})))]) as server:
        caller = client(server)
        (only,) = generate(caller).data
        error = failure(APIResponseError, lambda: read(caller, only))
    assert isinstance(error, ValueError)
    assert "cannot be used" in str(error)


@pytest.mark.parametrize(
    "packed", [PACKED, f"data:image/png;base64,{PACKED}", "\n".join([PACKED[:76], PACKED[76:]]) + "\n"]
)
@pytest.mark.parametrize("field", ["b64_json", "url"])
def test_base64_of_every_form(client: Maker, packed: str, field: str) -> None:
    if field == "url" and not packed.startswith("data:"):
        packed = f"data:image/png;base64,{packed}"
    with ScriptedServer([request, send(answer(body({field: packed})))]) as server:
        caller = client(server)
        assert read(caller, generate(caller).data[0]) == PICTURE


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"index": 3, "b64_json": "no base64!"}, r"data\[3\]\.b64_json is no base64"),
        ({"b64_json": "QUJ"}, r"data\[0\]\.b64_json is no base64"),
        ({"b64_json": "ü"}, "is no base64"),
        ({"b64_json": ""}, "has no image"),
        ({"b64_json": 5}, "has no image"),
        ({"url": 5}, "has no image"),
        ({}, r"data\[0\] has no image: neither b64_json nor url"),
    ],
)
def test_images_that_are_none(client: Maker, tmp_path: Path, image: Any, said: str) -> None:
    with ScriptedServer([request, send(answer(body(image)))]) as server:
        caller = client(server)
        (only,) = generate(caller).data
        with pytest.raises(ValueError, match=said):
            save(caller, only, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (answer(b"", content_type="image/png"), APIResponseError),
        (answer(b"<html>sign in", content_type="text/html"), APIResponseError),
        (answer({"error": "gone"}), APIResponseError),
        (answer({"error": "gone"}, 404), NotFoundError),
        (head(200, "image/png", content_length=500) + b"half", APIConnectionError),
    ],
)
def test_places_without_an_image(client: Maker, tmp_path: Path, told: bytes, expected: type[Exception]) -> None:
    steps = [request, send(answer(body({"url": "/a.png"}))), request, send(told)]
    with ScriptedServer(steps) as server:
        caller = client(server, max_retries=0)
        (only,) = generate(caller).data
        with pytest.raises(expected):
            save(caller, only, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_images_without_a_client(client: Maker) -> None:
    with ScriptedServer([request, send(answer(body({"b64_json": PACKED, "new": 1})))]) as server:
        caller = client(server)
        found = generate(caller)
    (only,) = found.data
    assert found.to_dict() == body({"b64_json": PACKED, "new": 1})
    assert "home" not in repr(found)
    for other in (copy.copy(only), pickle.loads(pickle.dumps(found)).data[0]):
        assert (other, other.new) == (only, 1)
        with pytest.raises(ValueError, match="came from no client"):
            read(caller, other)


@pytest.mark.parametrize(
    ("params", "expected", "said"),
    [
        ({"prompt": None}, TypeError, r"generate\(\) needs prompt"),
        ({"model": None}, TypeError, r"generate\(\) needs model"),
        ({"model": 5}, TypeError, "model must be a str"),
        ({"prompt": "\ud800"}, ValueError, "prompt"),
        ({"api_key": "k"}, TypeError, "api_key"),
    ],
)
def test_what_cannot_be_sent(client: Maker, params: dict[str, Any], expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said):
        generate(client(base_url="http://127.0.0.1:9/v1"), **params)


def test_names_that_are_not_known(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        generate(caller, image_base64="x", width=None, extra_body={"more": 1})
        assert server.requests[-1].json == {**ASK, "image_base64": "x", "more": 1}
        with pytest.warns(UserWarning, match="negative_prompt"):
            generate(caller, negativ_prompt="x")


def test_errors(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        with pytest.raises(NotFoundError):
            generate(caller, model="no-such")
        with pytest.raises(BadRequestError, match="width"):
            generate(caller, width=0)


def test_an_error_in_a_200(client: Maker) -> None:
    said = {"error": {"message": "m", "code": 500}}
    with ScriptedServer([request, send(answer(said))]) as server, pytest.raises(InternalServerError):
        generate(client(server))


@pytest.mark.parametrize("told", [{}, {"data": None}, [], "x", b"<html>", b""])
def test_what_is_no_answer(client: Maker, told: Any) -> None:
    with ScriptedServer([request, send(answer(told))]) as server, pytest.raises(APIResponseError):
        generate(client(server))


def test_odd_answers_are_kept(client: Maker) -> None:
    odd = body({"index": "0", "b64_json": PACKED, "timings": {"inference": 1.5}}, None, "text")
    with ScriptedServer([request, send(answer(odd))]) as server:
        caller = client(server)
        first, *others = generate(caller).data
        assert read(caller, first) == PICTURE
    assert (first.index, first.timings, others) == ("0", {"inference": 1.5}, [None, "text"])


def test_raw_answers(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        raw = caller.area("images").with_raw_response.generate(**ASK, width=3, height=3)
        assert type(raw) is APIResponse
        assert raw.json()["data"][0]["url"] == raw.parse().data[0].url
        assert size_of(read(caller, raw.parse().data[0])) == (3, 3)


def test_retries_and_hooks_are_those_of_every_call(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        def on_retry(self, event: Any) -> None:
            seen.append(event)

        def on_response(self, event: Any) -> None:
            seen.append(event)

    answers = [answer({}, 503), answer(body({"url": "/a.png"})), answer({}, 503), answer(PICTURE, content_type=None)]
    with ScriptedServer([step for told in answers for step in (request, send(told))]) as server:
        caller = client(server, max_retries=1, hooks=Seen())
        assert read(caller, generate(caller).data[0]) == PICTURE
    first, made, second, fetched = seen
    assert (first.reason, made.endpoint, made.operation, made.response_id) == ("503", "images.generate", None, "i")
    assert (second.reason, fetched.endpoint) == ("503", "images.content")


def test_the_server_has_no_other_images() -> None:
    with LocalServer() as server, server.client() as caller:
        image = caller.images.generate(**ASK).data[0]  # type: ignore[index]
        for name in ("0x5-000000000000.png", "9999x1-000000000000.png", "x.png"):
            image.url = f"/made/images/{name}"
            with pytest.raises(NotFoundError):
                image.bytes()
