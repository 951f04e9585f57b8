"""URLs that the API gives: which are gone to, and what a request there holds."""

import pytest

from togetherpy._core.config import Config, Origin, Secret, make_config
from togetherpy._core.elsewhere import find, location, place_of, sent_to
from togetherpy._core.expected import Whole
from togetherpy._core.wire import Endpoint, Headers, Request

ENDPOINT: Endpoint[bytes] = Endpoint("x", "GET", "/x", Whole())
KEY = Secret("Bearer sk-secret")


def config(base_url: str = "https://api.example/v1") -> Config:
    return make_config(lambda _: None, api_key=Secret("sk-secret"), base_url=base_url)


def at(
    url: str, base_url: str = "https://api.example/v1", target: str = "/v1/a/b?c=d"
) -> tuple[str | None, str] | None:
    made = config(base_url)
    place = find(made, made.origin, target, Secret(url))
    return None if place is None else (place.origin and place.origin.authority, place.target.reveal())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://other.example/x?a=b", ("other.example", "/x?a=b")),
        ("https://other.example:8443", ("other.example:8443", "/")),
        ("https://[::1]:5/x", ("[::1]:5", "/x")),
        ("HTTPS://OTHER.example/X", ("other.example", "/X")),
        ("https://b\u00fccher.example/\u00e9", ("xn--bcher-kva.example", "/%C3%A9")),
        ("//other.example/x#part", ("other.example", "/x")),
        ("https://api.example/y", (None, "/y")),
        ("https://api.example:443/y", (None, "/y")),
        ("/y?z=%2F+%20&sig=A%3D%3D", (None, "/y?z=%2F+%20&sig=A%3D%3D")),
        ("c", (None, "/v1/a/c")),
        ("?z=1", (None, "/v1/a/b?z=1")),
        ("http://127.0.0.1:8000/x", ("127.0.0.1:8000", "/x")),
        ("http://localhost/x", ("localhost", "/x")),
        ("http://other.example/x", None),
        ("http://api.example/x", None),  # from https back to http
        ("https://user:password@other.example/x", None),
        ("ftp://other.example/x", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("https://a b/x", None),
        ("https://other.example:port/x", None),
        ("http://[", None),
    ],
)
def test_places(url: str, expected: tuple[str | None, str] | None) -> None:
    assert at(url) == expected


def test_a_field_of_a_head_is_utf_8_read_as_latin_1() -> None:
    assert location(Headers({"location": "/caf\u00c3\u00a9"})) == Secret("/caf\u00e9")
    assert location(Headers({"location": "/caf\u00e9"})) == Secret("/caf\ufffd")
    assert location(Headers({})) == Secret(None)


def test_http_is_kept_to_where_the_user_has_chosen_it() -> None:
    assert at("http://api.example/x", "http://api.example/v1") == (None, "/x")
    assert at("http://api.example:81/x", "http://api.example/v1") is None


def request() -> Request:
    headers = (("User-Agent", "t"), ("X-Mine", "m"), ("Range", "bytes=1-"), ("Idempotency-Key", "i"), ("accept", "*/*"))
    return Request(ENDPOINT, "/v1/x", headers, KEY, None, "bytes")


def test_another_server_gets_neither_the_key_nor_the_users_fields() -> None:
    there = sent_to(place_of(config(), Secret("https://other.example/y?sig=1")), request())
    assert (there.origin, there.target) == (Origin("https", "other.example", 443, ""), "/y?sig=1")
    assert there.authorization is None
    assert [name for name, _ in there.headers] == ["User-Agent", "Range", "accept"]
    assert repr(there) == "<Request GET other.example 0 bytes>"


def test_the_clients_own_server_gets_all() -> None:
    here = sent_to(place_of(config(), Secret("https://api.example/y")), request())
    assert (here.origin, here.target, here.authorization, here.headers) == (None, "/y", KEY, request().headers)


def test_what_of_a_url_is_hidden() -> None:
    place = place_of(config(), Secret("https://other.example/y?a=short&sig=0123456789abcdef%3D"))
    assert {one.reveal() for one in place.hidden} == {"a=short&sig=0123456789abcdef%3D", "0123456789abcdef="}
    assert "sig" not in repr(place)
    assert place_of(config(), Secret("https://other.example/y")).hidden == ()


def test_a_url_that_cannot_be_used_is_not_quoted() -> None:
    for url in ("http://other.example/?sig=0123456789abcdef", None):
        with pytest.raises(ValueError, match="cannot be used") as raised:
            place_of(config(), Secret(url))
        assert "0123" not in str(raised.value)
