"""What is said of a keyword argument that nobody expects where it stands.

In: a name, and the names that there are. Out: what may have been meant, or where it belongs.
The rule: only names are looked at, never values, which may be keys; loaded with the first name that is not known.
"""

from __future__ import annotations

from collections.abc import Iterable

_CLIENT = "it is an argument of Together(...) and AsyncTogether(...)"
_OF_CLIENTS = dict.fromkeys(
    (
        *(
            "api_key",
            "base_url",
            "default_headers",
            "supplied_headers",
            "default_query",
            "max_connections",
            "max_response_bytes",
        ),
        *("proxy", "ssl_context", "trust_env", "retry_quota", "hooks"),
    ),
    _CLIENT,
)
_HEADERS = "extra_headers=... adds header fields to one call, Together(default_headers=...) to all"
_QUERY = "extra_query=... adds query parameters to one call, Together(default_query=...) to all"
_KEY = "the key goes to Together(api_key=...) or TOGETHER_API_KEY, and never into a request's body"
_TRANSPORT = (
    "togetherpy brings its own HTTP client; Together(...) takes proxy, ssl_context, max_connections and timeout"
)
_TLS = "which certificates are trusted is said by Together(ssl_context=ssl.create_default_context(cafile=...))"
_BELONGS = {
    **_OF_CLIENTS,
    "key": _KEY,
    "token": _KEY,
    "auth": _KEY,
    "authorization": _KEY,
    "bearer": _KEY,
    "bearer_token": _KEY,
    "auth_token": _KEY,
    "access_token": _KEY,
    "api_token": _KEY,
    "api_base": "it is Together(base_url=...)",
    "headers": _HEADERS,
    "cookies": _HEADERS,
    "query": _QUERY,
    "params": _QUERY,
    "default_query": _QUERY,
    "body": "extra_body=... adds fields to the request's body",
    "proxies": "it is Together(proxy=...), the URL of one proxy for everything",
    "http_client": _TRANSPORT,
    "async_client": _TRANSPORT,
    "session": _TRANSPORT,
    "transport": _TRANSPORT,
    "http2": _TRANSPORT,
    "verify": _TLS,
    "verify_ssl": _TLS,
    "ssl_verify": _TLS,
    "ssl": _TLS,
    "cert": _TLS,
    "organization": "Together has none",
}
_OTHER_WORDS = {"request_timeout": "timeout", "max_attempts": "max_retries", "stop_sequences": "stop"}


def where_it_belongs(name: str) -> str:
    """Where an argument of this name belongs; "" for a name that belongs nowhere else."""
    plain = _plain(name)
    if "apikey" in plain or near_miss(name, ("api_key",)):
        return _KEY if plain != "apikey" else _BELONGS["api_key"]
    return next((said for known, said in _BELONGS.items() if _plain(known) == plain), "")


def near_miss_of_elsewhere(name: str) -> str | None:
    """The same of the names that belong to clients."""
    return near_miss(name, (*_OF_CLIENTS, "headers"))


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """The known name that may have been meant by one that differs from it by case, blanks or a few letters."""
    from difflib import get_close_matches

    known = tuple(known)
    if _OTHER_WORDS.get(name) in known:
        return _OTHER_WORDS[name]
    by_plain = {_plain(one): one for one in known}
    found = get_close_matches(_plain(name), by_plain, n=1, cutoff=0.77)
    return by_plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
