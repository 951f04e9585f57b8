"""LocalServer: what it keeps between requests, asked by a client that is not ours."""

import json
from typing import Any

from support.testing_helpers import KEY, ask

from togetherpy.testing import LocalServer

FORM = "application/x-www-form-urlencoded"
DESCRIBED = b"purpose=batch-api&file_name=a.jsonl&file_type=jsonl"
ROW = {"custom_id": "1", "body": {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}}


def describe(server: LocalServer, body: bytes = DESCRIBED) -> Any:
    return ask(server, body, path="/v1/files", **KEY, **{"Content-Type": FORM})


def place(answered: Any) -> str:
    return "/" + str(answered.headers["location"]).split("/", 3)[3]


def uploaded(server: LocalServer, content: bytes) -> str:
    answered = describe(server)
    assert ask(server, content, method="PUT", path=place(answered), Host="x").status == 200
    return str(answered.headers["x-together-file-id"])


def test_a_signed_place_takes_bytes_without_a_key_and_none_with_one() -> None:
    with LocalServer() as server:
        answered = describe(server)
        assert (answered.status, answered.body) == (302, b"")
        assert answered.headers["location"].startswith(f"http://127.0.0.1:{server.port}/signed/file-")
        there, name = place(answered), answered.headers["x-together-file-id"]
        assert ask(server, b"x", method="PUT", path=there, **KEY).status == 400
        assert ask(server, b"x", method="PUT", path=there + "0", Host="x").status == 403
        assert ask(server, b"", path=f"/v1/files/{name}/preprocess").status == 400
        assert ask(server, b"{}\n", method="PUT", path=there, Host="x").status == 200
        assert ask(server, b"", path=f"/v1/files/{name}/preprocess").json["bytes"] == 3


def test_all_else_needs_a_key() -> None:
    with LocalServer() as server:
        for path in ("/v1/files", "/v1/batches", "/v1/fine-tunes", "/v1/files/f/content"):
            assert ask(server, b"", method="GET", path=path, Host="x").status == 401
        assert ask(server, {}, path="/v1/audio/speech", Host="x").status == 401


def test_methods_that_there_are_not() -> None:
    with LocalServer() as server:
        answered = ask(server, b"", method="DELETE", path="/v1/batches")
        assert (answered.status, answered.headers["allow"]) == (405, "GET, POST")
        assert ask(server, b"", method="GET", path="/v1/files/a/b/c").status == 404


def test_descriptions_that_are_none() -> None:
    with LocalServer() as server:
        for body in (b"", b"purpose=eval", b"purpose=none&file_name=a.jsonl", b"purpose=eval&file_name=a.txt"):
            assert describe(server, body).status == 400
        odd = ask(
            server, b"--x\r\n", path="/v1/files/upload", **KEY, **{"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert odd.status == 400
        assert ask(server, {"purpose": "eval", "file_name": "a.csv"}, path="/v1/files").status == 302


def test_parts_of_a_file() -> None:
    with LocalServer() as server:
        path = f"/v1/files/{uploaded(server, b'0123456789')}/content"
        whole = ask(server, b"", method="GET", path=path)
        assert (whole.status, whole.body) == (200, b"0123456789")
        for asked, status, body in (
            ("bytes=4-", 206, b"456789"),
            ("bytes=2-3", 206, b"23"),
            ("bytes=x", 200, whole.body),
        ):
            part = ask(server, b"", method="GET", path=path, Range=asked, **KEY)
            assert (part.status, part.body) == (status, body)
        assert ask(server, b"", method="GET", path=path, Range="bytes=10-", **KEY).status == 416
        other = ask(server, b"", method="GET", path=path, Range="bytes=4-", **{"If-Range": '"other"'}, **KEY)
        assert other.status == 200


def test_ids_follow_from_the_order_of_requests() -> None:
    found = []
    for _ in range(2):
        with LocalServer() as server:
            name = uploaded(server, json.dumps(ROW).encode())
            body = {"input_file_id": name, "endpoint": "/v1/chat/completions"}
            job = ask(server, body, path="/v1/batches")
            assert job.status == 201
            states = [
                ask(server, b"", method="GET", path=f"/v1/batches/{job.json['job']['id']}").json for _ in range(3)
            ]
            assert [one["status"] for one in states] == ["IN_PROGRESS", "COMPLETED", "COMPLETED"]
            found.append((name, states[-1]["id"], states[-1]["output_file_id"]))
    assert found[0] == found[1]


def test_a_batch_knows_no_rates() -> None:
    with LocalServer(rpm=60) as server:
        rows = b"\n".join(json.dumps({**ROW, "custom_id": str(number)}).encode() for number in range(20))
        body = {"input_file_id": uploaded(server, rows), "endpoint": "/v1/chat/completions"}
        job = ask(server, body, path="/v1/batches").json["job"]["id"]
        over = [ask(server, b"", method="GET", path=f"/v1/batches/{job}").json for _ in range(2)][1]
    assert "error_file_id" not in over
