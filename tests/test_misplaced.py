"""What is said of names that are not known where they stand."""

import inspect

import pytest

from togetherpy import Together
from togetherpy._core.misplaced import near_miss, near_miss_of_elsewhere, where_it_belongs

CONSTRUCTOR = set(inspect.signature(Together).parameters) - {"timeout", "max_retries", "unknown"}


@pytest.mark.parametrize("name", sorted(CONSTRUCTOR))
def test_every_argument_of_a_constructor_belongs_there(name: str) -> None:
    assert "Together(" in where_it_belongs(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("apiKey", "Together(...)"),
        ("openai_api_key", "api_key="),
        ("x_api_key", "api_key="),
        ("api_kye", "api_key="),
        ("Authorization", "api_key="),
        ("bearer_token", "api_key="),
        ("token", "api_key="),
        ("headers", "extra_headers"),
        ("default_query", "extra_query"),
        ("proxies", "proxy="),
        ("http_client", "max_connections"),
        ("verify", "ssl_context"),
        ("api_base", "base_url"),
    ],
)
def test_where_names_belong(name: str, said: str) -> None:
    assert said in where_it_belongs(name)


@pytest.mark.parametrize("name", ["guided_json", "thinking", "service_tier", "top_a", "prompt", "store", "keep_alive"])
def test_names_that_belong_nowhere_else(name: str) -> None:
    assert where_it_belongs(name) == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tempature", "temperature"),
        ("maxTokens", "max_tokens"),
        ("max-tokens", "max_tokens"),
        ("max_retry", "max_retries"),
        ("retries", "max_retries"),
        ("request_timeout", "timeout"),
        ("stop_sequences", None),
        ("guided_json", None),
    ],
)
def test_near_misses(name: str, meant: str | None) -> None:
    assert near_miss(name, ("temperature", "max_tokens", "max_retries", "timeout")) == meant


def test_near_misses_of_what_belongs_elsewhere() -> None:
    assert near_miss_of_elsewhere("base_ulr") == "base_url"
    assert near_miss_of_elsewhere("header") == "headers"
    assert near_miss_of_elsewhere("thinking") is None
