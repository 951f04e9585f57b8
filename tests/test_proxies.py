"""Which proxy, from which variable; what its URL says; and what NO_PROXY excepts."""

import traceback
from typing import Any

import pytest

from togetherpy._core.config import Config, Secret, make_config, parse_base_url
from togetherpy._transport.proxies import ProxySetupError, find_proxy, is_excepted, parse_proxy

pytestmark = pytest.mark.usefixtures("clean_environment")


def config(url: str = "http://server.example", **options: Any) -> Config:
    return make_config(lambda _: None, api_key=Secret("key-key"), base_url=url, **options)


def found(url: str = "http://server.example", **options: Any) -> str | None:
    proxy = find_proxy(config(url, **options))
    return None if proxy is None else proxy.url


# URLs


@pytest.mark.parametrize(
    ("url", "expected", "login"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128", None),
        ("proxy.example:3128", "http://proxy.example:3128", None),
        ("  proxy.example \n", "http://proxy.example:80", None),
        ("HTTPS://Proxy.Example/", "https://Proxy.Example:443", None),
        ("http://proxy.example:3128/path?query#fragment", "http://proxy.example:3128", None),
        ("socks5h://10.0.0.1", "socks5h://10.0.0.1:1080", None),
        ("http://[::1]:8080", "http://[::1]:8080", None),
        ("http://[fe80::1%25eth0]", "http://[fe80::1%25eth0]:80", None),
        ("http://bücher.example:1", "http://xn--bcher-kva.example:1", None),
        ("http://user:word@proxy.example:1", "http://proxy.example:1", "user:word"),
        ("user:word@proxy.example", "http://proxy.example:80", "user:word"),
        ("http://user@proxy.example", "http://proxy.example:80", "user"),
        ("http://u%40x:p%23%2F@proxy.example", "http://proxy.example:80", "u@x:p#/"),
        ("http://user:p#/?@:w%d@proxy.example:1", "http://proxy.example:1", "user:p#/?@:w%d"),
        ("http://user:8080/word@proxy.example:1/", "http://proxy.example:1", "user:8080/word"),
        ("user:http://word@proxy.example", "http://proxy.example:80", "user:http://word"),
        ("http://@proxy.example", "http://proxy.example:80", None),
    ],
)
def test_what_a_url_says(url: str, expected: str, login: str | None) -> None:
    proxy = parse_proxy(Secret(url))
    assert proxy.url == expected
    assert (proxy.login and proxy.login.reveal()) == login
    if login is not None:
        assert login not in repr(proxy)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "ftp://l0gin:pa55word@proxy.example",
        "http://l0gin:pa55word@",
        "http://l0gin:pa55word@:80",
        "http://l0gin:pa55word@proxy.example:port",
        "http://l0gin:pa55word@proxy.example:99999",
        "http://l0gin:pa55word@proxy example",
        "http://l0gin:pa55word@[::1",
        "http://l0gin:pa55word@" + "ü" * 70,
        "http://l0gin:pa55word",
        "l0gin:pa55word",
        "http:/l0gin:pa55word@",
        "l0gin:pa55word://proxy.example",
        "\\\\l0gin:pa55word",
    ],
)
def test_url_that_cannot_be_understood(url: str) -> None:
    with pytest.raises(ProxySetupError, match="proxy") as raised:
        parse_proxy(Secret(url))
    shown = "".join(traceback.TracebackException.from_exception(raised.value).format())
    for part in ("pa55word", "l0gin"):
        assert part not in str(raised.value)
        assert part not in shown


def test_logins() -> None:
    assert parse_proxy(Secret("http://a:b:c@x")).name_and_password() == ("a", "b:c")
    assert parse_proxy(Secret("http://a@x")).name_and_password() == ("a", "")
    assert parse_proxy(Secret("http://x")).name_and_password() == (None, None)
    assert parse_proxy(Secret("http://x")).headers() is None
    assert parse_proxy(Secret("http://a:b%20@x")).headers() == {"Proxy-Authorization": "Basic YTpiIA=="}


# Variables


@pytest.mark.parametrize(
    ("environment", "plain", "secure"),
    [
        ({}, None, None),
        ({"HTTP_PROXY": "http://a"}, "http://a:80", None),
        ({"HTTPS_PROXY": "http://a"}, None, "http://a:80"),
        ({"ALL_PROXY": "http://a"}, "http://a:80", "http://a:80"),
        ({"all_proxy": "http://b", "https_proxy": "http://a"}, "http://b:80", "http://a:80"),
        ({"HTTP_PROXY": "http://a", "http_proxy": "http://b"}, "http://b:80", None),
        ({"HTTP_PROXY": "http://a", "http_proxy": ""}, None, None),
        ({"HTTP_PROXY": " http://a\n"}, "http://a:80", None),
        ({"HTTP_PROXY": " \t\n", "ALL_PROXY": " "}, None, None),
        ({"HTTP_PROXY": " ", "ALL_PROXY": "\tb "}, "http://b:80", "http://b:80"),
        ({"ALL_PROXY": "http://a", "NO_PROXY": " "}, "http://a:80", "http://a:80"),
        ({"ALL_PROXY": "http://a", "NO_PROXY": "*"}, None, None),
        ({"ALL_PROXY": "http://a", "NO_PROXY": "*", "no_proxy": "x"}, "http://a:80", "http://a:80"),
        ({"HTTP_PROXY": "http://a", "REQUEST_METHOD": "GET"}, None, None),
        ({"http_proxy": "http://a", "REQUEST_METHOD": "GET"}, "http://a:80", None),
    ],
)
def test_variables(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], plain: str | None, secure: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert found("http://server.example") == plain
    assert found("https://server.example") == secure
    assert found("http://server.example", trust_env=False) is None
    assert found("http://server.example", proxy=Secret("c")) == "http://c:80"


# NO_PROXY


@pytest.mark.parametrize(
    ("entry", "hosts", "others"),
    [
        ("*", "a.example 10.0.0.1 [::1]", ""),
        ("a.example", "a.example A.EXAMPLE x.a.example a.example:8080 a.example.", "b.example ba.example example"),
        (".a.example", "a.example x.a.example", "ba.example"),
        ("*.a.example", "x.a.example y.x.a.example", "a.example ba.example b.example"),
        ("A.Example.", "a.example x.a.example", "b.example"),
        ("a.example:8080", "a.example:8080 x.a.example:8080", "a.example a.example:80"),
        ("*.a.example:8080", "x.a.example:8080", "x.a.example"),
        ("*:8080", "b.example:8080 10.0.0.1:8080", "b.example"),
        ("http://a.example", "a.example", "b.example"),
        ("https://a.example:8080/", "a.example:8080", "a.example"),
        ("10.0.0.0/8", "10.1.2.3 10.1.2.3:8080", "11.0.0.1 10.example [::1] a.example"),
        ("10.1.2.3/8", "10.9.9.9", "11.0.0.1"),
        ("10.1.2.3", "10.1.2.3 10.1.2.3:8080", "10.1.2.4 110.1.2.3"),
        ("10.1.2.3:8080", "10.1.2.3:8080", "10.1.2.3"),
        ("10.*", "10.1.2.3", "11.10.2.3"),
        ("2.3", "10.1.2.3", "10.1.22.3"),
        ("::1", "[::1] [::1]:8080 [0:0::1]", "[::2] 1.1.1.1"),
        ("[::1]", "[::1] [::1]:8080", "[::2]"),
        ("[::1]:8080", "[::1]:8080 [0:0:0:0:0:0:0:1]:8080", "[::1]"),
        ("0:0:0:0:0:0:0:1", "[::1]", "[::2]"),
        ("fd00::/8", "[fd12::1]", "[fe80::1] 10.0.0.1 fd.example"),
        ("[fd00::]/8", "[fd12::1]", "[fe80::1]"),
        ("10.0.0.0/99", "", "10.0.0.1"),
        ("/", "", "a.example"),
        (":80", "", "a.example"),
        ("localhost", "localhost x.localhost", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "x, {}", "{},x", "x {} y", "x;{}", "x\n{}\n", "x\t{}\r\ny", ";;, {} ,,", "x , {} ; y"]
)
def test_exceptions(entry: str, hosts: str, others: str, around: str) -> None:
    value = around.format(entry)
    for host in hosts.split():
        assert is_excepted(parse_base_url(f"http://{host}"), value), host
    for host in others.split():
        assert not is_excepted(parse_base_url(f"http://{host}"), value), host


@pytest.mark.parametrize("value", ["", " ", ",", " ; ,\n"])
def test_no_exceptions(value: str) -> None:
    assert not is_excepted(parse_base_url("http://a.example"), value)
