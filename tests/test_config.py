"""Arguments and environment -> Config; the key in sight of nobody."""

import datetime
import math
import pickle
import re
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from togetherpy._core.config import (
    DEFAULT_BASE_URL,
    Config,
    Origin,
    Secret,
    as_timeout,
    check_count,
    hide,
    is_loopback,
    make_config,
    merge_headers,
    parse_base_url,
)
from togetherpy.error import AuthenticationError
from togetherpy.types._timeout import Timeout, check_seconds

KEY = "sk-Z9y8X7w6V5u4"
PROXY = Secret("http://user:pr0xypass@proxy.example")


def config(environment: dict[str, str] | None = None, key: Any = KEY, **arguments: Any) -> Config:
    read: Callable[[str], str | None] = (environment or {}).get
    return make_config(read, api_key=Secret(key), **arguments)


def shown(error: BaseException) -> str:
    """Everything that the nosiest traceback prints of our own frames."""
    formatted = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert error.__cause__ is None
    for frame in formatted.stack:
        if "togetherpy" not in frame.filename or "/tests/" in frame.filename:
            frame.locals = None
    return "".join(formatted.format()) + repr(error) + str(error)


def revealed(made: Config) -> Any:
    assert made.authorization is not None
    return made.authorization.reveal()


# The key


def test_defaults() -> None:
    made = config()
    assert revealed(made) == f"Bearer {KEY}"
    assert made.origin == Origin("https", "api.together.ai", 443, "/v1")
    assert DEFAULT_BASE_URL == "https://api.together.ai/v1"
    assert made.timeout == Timeout(total=600.0, connect=5.0, stream_idle=120.0)
    assert (made.max_retries, made.max_connections) == (2, 100)
    assert made.max_response_bytes == 256 * 1024 * 1024
    assert (made.proxy, made.ssl_context, made.trust_env) == (None, None, True)
    assert [name for name, _ in made.headers] == ["User-Agent"]


def test_argument_then_environment_then_default() -> None:
    environment = {"TOGETHER_API_KEY": "env-key", "TOGETHER_BASE_URL": "http://env.example/x"}
    assert revealed(config(environment)) == f"Bearer {KEY}"
    assert revealed(config(environment, None)) == "Bearer env-key"
    assert config(environment).origin.host == "env.example"
    assert config(environment, base_url="https://arg.example").origin.host == "arg.example"
    assert config({"TOGETHER_BASE_URL": ""}).origin.host == "api.together.ai"


@pytest.mark.fault("G1")
@pytest.mark.parametrize("around", ["{}", " {}", "{}\n", "\r\n\t {} \t\r\n"])
def test_blanks_around_the_key_are_stripped(around: str) -> None:
    assert revealed(config(key=around.format(KEY))) == f"Bearer {KEY}"
    assert revealed(config({"TOGETHER_API_KEY": around.format(KEY)}, None)) == f"Bearer {KEY}"


@pytest.mark.fault("G2", "G5")
@pytest.mark.parametrize(
    "inside",
    ["\r\n", "\n", "\r", "\0", " ", "\t", "\x7f", "\x1b", "\xe9", "\u200b", "\ufeff", "\u2019", "\xa0", "\ud800"],
    ids=ascii,
)
def test_a_key_that_cannot_be_one(inside: str) -> None:
    for bad in (KEY[:6] + inside + KEY[6:], inside.join(("x", KEY))):
        for make in (lambda bad=bad: config(key=bad), lambda bad=bad: config({"TOGETHER_API_KEY": bad}, None)):
            with pytest.raises(AuthenticationError, match="cannot be a key") as raised:
                make()
            assert raised.value.status_code == 0
            assert KEY not in shown(raised.value)
            assert KEY[6:] not in shown(raised.value)


@pytest.mark.fault("G1")
@pytest.mark.parametrize("around", ['"{}"', "'{}'", "`{}`", "\u201c{}\u201d", '"{}', "{}'"])
def test_a_key_in_quotes(around: str) -> None:
    with pytest.raises(AuthenticationError, match="stands in quotes") as raised:
        config(key=around.format(KEY))
    assert KEY not in shown(raised.value)


@pytest.mark.fault("G3")
@pytest.mark.parametrize(
    ("key", "environment", "message"),
    [
        (None, {}, "No API key: set the environment variable TOGETHER_API_KEY or pass api_key="),
        ("", {}, "empty: set the environment variable TOGETHER_API_KEY"),
        ("  \n", {}, "empty"),
        ("", {"TOGETHER_API_KEY": KEY}, "empty"),  # said on purpose
        (None, {"TOGETHER_API_KEY": ""}, "empty"),
        (b"bytes", {}, "must be a str, not bytes"),
        (7, {}, "must be a str, not int"),
    ],
)
def test_no_key(key: Any, environment: dict[str, str], message: str) -> None:
    with pytest.raises(AuthenticationError, match=message) as raised:
        config(environment, key)
    assert KEY not in shown(raised.value)


@pytest.mark.fault("G5")
def test_the_key_is_not_shown() -> None:
    made = config(proxy=Secret("http://user:pa55word@proxy.example:3128"))
    for text in (repr(made), str(made), f"{made}", repr(made.authorization), str(made.secrets), f"{made.proxy}"):
        assert KEY not in text
        assert "pa55word" not in text
    assert repr(made) == "<Config https://api.together.ai/v1>"
    assert repr(made.secrets) == "(Secret('***'),)"
    assert [secret.reveal() for secret in made.secrets] == [KEY]


@pytest.mark.fault("G4", "G5")
@pytest.mark.parametrize(
    "arguments",
    [
        {"base_url": "nonsense"},
        {"base_url": "https://user:pa55word@h.example:badport/"},
        {"base_url": "https://user:pa55word@h\u2100.example/"},
        {"base_url": "https://user:pa55word@[::1/"},
        {"base_url": "https://user:pa55word@h.example/"},
        {"base_url": 7},
        {"timeout": -1},
        {"timeout": "5"},
        {"max_retries": -1},
        {"max_connections": 0},
        {"max_response_bytes": 0},
        {"default_headers": {"X-Bad": "pa55word\n"}},
        {"default_headers": {"X-Bad": 7}},
        {"default_headers": {"Host": "h"}},
        {"default_headers": {7: "h"}},
    ],
    ids=repr,
)
def test_no_error_shows_the_key(arguments: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        config(proxy=PROXY, **arguments)
    text = shown(raised.value)
    assert KEY not in text
    assert "pr0xypass" not in text
    assert "pa55word" not in str(raised.value)
    assert next(iter(arguments)) in str(raised.value)


def test_secrets_compare_and_hash() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert pickle.loads(pickle.dumps(Secret("a"))).reveal() == "a"


# The base URL


@pytest.mark.parametrize(
    ("url", "expected", "authority"),
    [
        ("https://api.together.ai/v1", Origin("https", "api.together.ai", 443, "/v1"), "api.together.ai"),
        ("https://api.together.ai", Origin("https", "api.together.ai", 443, "/v1"), "api.together.ai"),
        ("https://api.together.ai/", Origin("https", "api.together.ai", 443, "/v1"), "api.together.ai"),
        ("http://h:8000", Origin("http", "h", 8000, "/v1"), "h:8000"),
        ("http://h:80/x/", Origin("http", "h", 80, "/x"), "h"),
        ("https://h:443/x", Origin("https", "h", 443, "/x"), "h"),
        ("https://h:80/x", Origin("https", "h", 80, "/x"), "h:80"),
        ("https://h/a/b//", Origin("https", "h", 443, "/a/b"), "h"),
        ("https://h//", Origin("https", "h", 443, ""), "h"),
        ("https://h/a%20b", Origin("https", "h", 443, "/a%20b"), "h"),
        ("HTTPS://Host.Example/v2", Origin("https", "host.example", 443, "/v2"), "host.example"),
        ("  http://127.0.0.1:9/v1\n", Origin("http", "127.0.0.1", 9, "/v1"), "127.0.0.1:9"),
        ("http://[::1]:8080/v1", Origin("http", "::1", 8080, "/v1"), "[::1]:8080"),
        ("http://[fe80::1%25eth0]/v1", Origin("http", "fe80::1%25eth0", 80, "/v1"), "[fe80::1%25eth0]"),
        ("https://b\xfccher.example", Origin("https", "xn--bcher-kva.example", 443, "/v1"), "xn--bcher-kva.example"),
        ("http://my_host-1.local", Origin("http", "my_host-1.local", 80, "/v1"), "my_host-1.local"),
    ],
)
def test_base_url(url: str, expected: Origin, authority: str) -> None:
    assert parse_base_url(url) == expected
    assert parse_base_url(url).authority == authority


@pytest.mark.fault("G11")
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must begin with http:// or https://, not 'nothing'"),
        ("api.together.ai/v1", "must begin with http"),
        ("localhost:8000", "must begin with http"),
        ("http//x", "must begin with http"),
        ("https:/x", "no usable host name"),
        ("ftp://h/v1", "not 'ftp'"),
        ("file:///etc/passwd", "not 'file'"),
        ("https://", "no usable host"),
        ("https:///v1", "no usable host"),
        ("https://:443/v1", "no usable host"),
        ("https://h /v1", "no usable host"),
        ("https://h\\@evil/v1", "user name"),
        ("https://h:port/v1", "its host or its port is malformed"),
        ("https://h:70000/v1", "malformed"),
        ("https://[::1/v1", "malformed"),
        ("https://h" + "h" * 64 + "\xe9.example", "malformed"),
        ("https://user:password@h/v1", "must not hold a user name or password"),
        ("https://user@h/v1", "must not hold a user name"),
        ("https://h/v1?key=1", "must not have a query"),
        ("https://h/v1#x", "must not have a query"),
        ("https://h/v 1", "percent-encode"),
        ("https://h/\xe9", "percent-encode"),
    ],
)
def test_base_url_that_cannot_be_meant(url: str, message: str) -> None:
    with pytest.raises(ValueError, match="base_url") as raised:
        parse_base_url(url)
    assert message in str(raised.value)
    assert "password@" not in str(raised.value)
    assert url == "" or "nothing" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("api.together.ai/v1", "https://api.together.ai/v1"),
        ("api.together.ai", "https://api.together.ai"),
        ("localhost:8000/v1", "http://localhost:8000/v1"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("gateway.example:8443/x", "https://gateway.example:8443/x"),
        ("//api.together.ai/v1", "https://api.together.ai/v1"),
        ("https:/api.together.ai/v1", "https://api.together.ai/v1"),
        ("http//api.together.ai/v1", "https://api.together.ai/v1"),
        ("htps://api.together.ai/v1", "https://api.together.ai/v1"),
    ],
)
def test_a_base_url_without_its_scheme_is_shown(url: str, meant: str) -> None:
    with pytest.raises(ValueError, match="base_url") as raised:
        parse_base_url(url)
    assert f'instead of {url!r} write "{meant}"' in str(raised.value)


@pytest.mark.parametrize("url", [KEY, f"user:{KEY}@h/v1", f"h/v1?key={KEY}", f"{KEY}://h", f"https:/{KEY}", f"//{KEY}"])
def test_a_base_url_that_may_hold_a_secret_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"must begin with http|no usable host") as raised:
        parse_base_url(url)
    assert KEY not in str(raised.value)


def test_base_url_of_another_type() -> None:
    with pytest.raises(TypeError, match="base_url must be a str, not bytes"):
        parse_base_url(b"https://h")


@pytest.mark.fault("G9")
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("api.localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("127.example.com", False),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com", False),
        ("notlocalhost", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


# Headers


def test_headers_replace_add_and_remove() -> None:
    base = (("User-Agent", "togetherpy/1"), ("Accept", "a/b"))
    bearer = Secret("Bearer x")
    assert merge_headers(base, bearer, None, "h") == (base, bearer)
    assert merge_headers(base, bearer, {}, "h") == (base, bearer)
    fields, authorization = merge_headers(
        base, bearer, {"user-agent": "mine ", "X-New": "\tcaf\xe9 ", "ACCEPT": None, "X-None": None}, "h"
    )
    assert fields == (("user-agent", "mine"), ("X-New", "caf\xe9"))
    assert authorization == bearer


@pytest.mark.fault("G5")
def test_authorization_is_kept_apart_whatever_it_comes_from() -> None:
    fields, authorization = merge_headers((), Secret("Bearer x"), {"AUTHORIZATION": "Basic abc"}, "h")
    assert fields == ()
    assert authorization == Secret("Basic abc")
    assert merge_headers((), Secret("Bearer x"), {"authorization": None}, "h") == ((), None)


@pytest.mark.fault("G4")
@pytest.mark.parametrize("bad", ["a\r\nB: c", "a\nb", "a\rb", "a\0b", "a\x1bb", "\u6c34", "a\x7f", "\ud800"], ids=ascii)
@pytest.mark.parametrize("name", ["X-Test", "Authorization"])
def test_header_values_that_cannot_be_sent(name: str, bad: str) -> None:
    with pytest.raises(ValueError, match=rf"headers\['{name}'\] holds a character") as raised:
        merge_headers((), None, {name: bad}, "headers")
    assert bad not in str(raised.value)


@pytest.mark.fault("G4")
@pytest.mark.parametrize("bad", ["", "a b", "a:", "a\r\nb", "\xe9", "a\0", "(x)", 7, None, b"x"], ids=ascii)
def test_header_names_that_cannot_be_sent(bad: Any) -> None:
    with pytest.raises(ValueError, match="is not a header name"):
        merge_headers((), None, {bad: "x"}, "headers")


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "CONNECTION"])
def test_headers_that_are_the_connections_own(name: str) -> None:
    with pytest.raises(ValueError, match="set by the connection"):
        merge_headers((), None, {name: "x"}, "headers")


@pytest.mark.parametrize("bad", [7, b"x", ["x"]], ids=repr)
def test_header_values_of_another_type(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"headers\['X-Test'\] must be a str, not "):
        merge_headers((), None, {"X-Test": bad}, "headers")


@pytest.mark.fault("G5")
def test_headers_as_given_hide_their_values() -> None:
    hidden = hide({"Authorization": f"Bearer {KEY}", "X-New": None})
    assert repr(hidden) == "<'Authorization', 'X-New'>"
    assert KEY not in f"{hidden!s}{hidden!r}{[hidden]}"
    assert merge_headers((), None, hidden, "h") == ((), Secret(f"Bearer {KEY}"))
    assert hide(None) is None
    for bad in ({"Authorization": f"{KEY}\n"}, {"X Bad": KEY}, {"X-Bad": f"{KEY}\n"}):
        with pytest.raises(ValueError, match="h") as raised:
            merge_headers((), None, hide(bad), "h")
        assert KEY not in shown(raised.value)


def test_default_headers() -> None:
    made = config(default_headers={"X-Team": "a", "user-agent": None})
    assert made.headers == (("X-Team", "a"),)


# Numbers


@pytest.mark.parametrize("value", [5, 2.5, float("inf"), 1e-9])
def test_timeout_from_a_number(value: float) -> None:
    own = Timeout(total=1, connect=2, stream_idle=3)
    assert as_timeout(value, own) == Timeout(total=value, connect=2, stream_idle=3)
    assert as_timeout(None, own) is own
    assert as_timeout(own, Timeout()) is own


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("-inf")], ids=repr)
def test_seconds_above_nothing(value: float) -> None:
    with pytest.raises(ValueError, match="timeout takes seconds above 0"):
        as_timeout(value, Timeout())
    for name in ("total", "connect", "stream_idle", "queue"):
        with pytest.raises(ValueError, match=rf"Timeout\({name}=...\) takes seconds above 0"):
            Timeout(**{name: value})


@pytest.mark.parametrize("value", [True, "5", None, [5]], ids=repr)
def test_seconds_are_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match="takes a number of seconds, not"):
        check_seconds(value, "timeout")
    with pytest.raises(TypeError, match=r"Timeout\(connect=...\)"):
        Timeout(connect=value)


def test_the_total_may_stand_without_its_name() -> None:
    assert Timeout(60.0, connect=2) == Timeout(total=60.0, connect=2)


def test_arguments_that_a_timeout_does_not_have() -> None:
    fields = re.escape("Timeout(" + ", ".join(f"{name}=..." for name in Timeout.__struct_fields__) + ")")
    with pytest.raises(TypeError, match=rf"one limit without a name, not 2: {fields}, each in seconds"):
        Timeout(10, 5)  # type: ignore[misc]
    with pytest.raises(TypeError, match=rf"no read=...: {fields}, each in seconds; .* is stream_idle"):
        Timeout(read=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=rf"no pool=...: {fields}, each in seconds$"):
        Timeout(1, pool=5)  # type: ignore[call-arg]


class _Foreign:
    """As httpx.Timeout is, when `connect` and `read` are given."""

    def __init__(self, **limits: Any) -> None:
        vars(self).update(limits)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (_Foreign(connect=5.0, read=60.0, write=60.0, pool=60.0), Timeout(60.0, connect=5.0, stream_idle=60.0)),
        (_Foreign(connect=60.0, read=9.0), Timeout(9.0, connect=60.0, stream_idle=9.0)),
        (
            _Foreign(connect=None, read=None, write=None, pool=None),
            Timeout(math.inf, connect=math.inf, stream_idle=math.inf),
        ),
        ((3, 30), Timeout(30.0, connect=3.0, stream_idle=30.0)),
        ((3, None), Timeout(math.inf, connect=3.0, stream_idle=math.inf)),
    ],
)
def test_timeouts_of_other_clients(given: Any, expected: Timeout) -> None:
    assert as_timeout(given, Timeout()) == expected


@pytest.mark.parametrize("given", [_Foreign(total=5), (1, 2, 3), {"connect": 5}, "5", datetime.timedelta(5)], ids=repr)
def test_timeouts_that_nobody_knows(given: Any) -> None:
    with pytest.raises(
        TypeError, match=r"timeout takes a number of seconds, or togetherpy.Timeout\(total=..., connect="
    ):
        as_timeout(given, Timeout())


@pytest.mark.parametrize("given", [(0, 5), (5, -1), _Foreign(connect=0, read=1)], ids=repr)
def test_timeouts_of_other_clients_are_above_nothing(given: Any) -> None:
    with pytest.raises(ValueError, match="timeout takes seconds above 0"):
        as_timeout(given, Timeout())


def test_timeouts_pickle_and_do_not_change() -> None:
    own = Timeout(total=1, connect=2, stream_idle=3)
    assert pickle.loads(pickle.dumps(own)) == own
    with pytest.raises(AttributeError):
        own.total = 5


def test_counts() -> None:
    assert check_count(None, "n", 1, 7) == 7
    assert check_count(1, "n", 1, 7) == 1
    with pytest.raises(ValueError, match="n must be at least 1, not 0"):
        check_count(0, "n", 1, 7)
    for bad in (True, 1.0, "1"):
        with pytest.raises(TypeError, match="n must be an int, not"):
            check_count(bad, "n", 1, 7)
