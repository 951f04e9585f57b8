"""Requests of paths that have no method: what is sent, and what their answers are.

In: a path below base_url, a body, files, options, a type. Out: a call.
The rule: loaded with the first of them; the key goes to the client's own server only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from togetherpy._core.absent import is_absent
from togetherpy._core.config import Origin, check_mapping, hide
from togetherpy._core.encode import encode_json, plain_object
from togetherpy._core.forms import File, Form
from togetherpy._core.wire import Endpoint, Part, Source
from togetherpy.resources._base import Resource
from togetherpy.resources._cast import expected

_OPTIONS = {
    "headers": "extra_headers",
    "params": "extra_query",
    "timeout": "timeout",
    "max_retries": "max_retries",
    "extra_json": "extra_body",
}
"""Version 3's names, and ours."""
_OURS = ("timeout", "max_retries", "extra_headers", "extra_query", "extra_body")


class Requests(Resource):
    """What `client.get` and the like call by."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = object,
        body: Any = None,
        content: bytes | None = None,
        files: Any = None,
        options: Any = None,
        stream: bool = False,
        stream_cls: Any = None,
        **call: Any,
    ) -> Any:
        """See `_verbs.Ask`."""
        name, path, query = f"{method.lower()} {path}", *_below(self._loop.config.origin, path)  # type: ignore[attr-defined]
        params = _options(options, call)
        params["extra_query"] = {**query, **(params.get("extra_query") or {})}
        endpoint = Endpoint(name.partition("?")[0], method, path, expected(cast_to, stream=stream), names="the path")
        if content is not None and (body is not None or files is not None):
            raise TypeError("content=... is the whole body: body=... and files=... cannot be given beside it")
        source: bytes | Source | None = content
        if files is not None and not is_absent(files):
            source = Form({**_fields(body), **_fields(params.pop("extra_body", None)), **_parts(files)})
        elif isinstance(body, (bytes, bytearray, memoryview)):
            source = bytes(cast(bytes, body))
        elif body is not None and not is_absent(body):
            plain = plain_object(body)
            if isinstance(plain, (Mapping, msgspec.Struct)):
                asked: dict[str, Any] = {"stream": True} if stream else {}
                params["extra_body"] = {**asked, **_fields(plain), **(params.get("extra_body") or {})}
            else:
                source = _JSON(plain)
        return self._call(endpoint, params, body=source)


class _JSON:
    """A JSON value that is no object, as a body."""

    content_type = "application/json"

    def __init__(self, value: Any) -> None:
        whole = encode_json({"": value})  # says what cannot be sent
        self._encoded = bytes(msgspec.json.decode(whole, type=dict[str, msgspec.Raw])[""])
        self.size = len(self._encoded)

    def pieces(self) -> Iterator[bytes]:
        """All of it."""
        return iter((self._encoded,))


def _below(origin: Origin, path: object) -> tuple[str, dict[str, list[str]]]:
    """The path below base_url's own, which may stand before it, and the query parameters that it has.

    Raises:
        TypeError, ValueError: it is no path, or of another server.
    """
    from urllib.parse import parse_qs, quote

    if not isinstance(path, str):
        raise TypeError(f"path must be a str, not {type(path).__name__}")
    base = f"{origin.scheme}://{origin.authority}"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", path):
        if not path.startswith(f"{base}/"):
            raise ValueError(f"path must be below {base}{origin.path}: the key is for no other server")
        path = path.removeprefix(base)
    if re.search(r"[\x00-\x20\x7f#]", path):
        raise ValueError("path must not hold blanks, control characters or a fragment (#...); percent-encode them")
    path, _, query = ("/" + path.lstrip("/")).partition("?")
    # Version 3's paths begin with /v1, where a base_url of ours ends with it.
    if origin.path and path.startswith(f"{origin.path}/"):
        path = path.removeprefix(origin.path)
    return quote(path, safe="/%:@!$&'()*+,;=~"), parse_qs(query, keep_blank_values=True)


def _options(options: Any, call: dict[str, Any]) -> dict[str, Any]:
    """The options of a call under the names of ours; those that are given as such go before."""
    check_mapping(options, "options")
    given = dict(options or {})
    params: dict[str, Any] = {}
    key = given.pop("idempotency_key", None)
    for name in given:
        if name not in _OPTIONS:
            raise TypeError(f"options has no {name!r}: there are {', '.join(_OPTIONS)} and idempotency_key")
        params[_OPTIONS[name]] = given[name]
    for name in call:
        if name not in _OURS:
            raise TypeError(f"there is no {name}=...: body=... holds what is sent; else there are {', '.join(_OURS)}")
        if call[name] is not None and not is_absent(call[name]):
            params[name] = call[name]
    for name in ("extra_query", "extra_body"):
        check_mapping(params.get(name), name)
    if key is not None:
        params["extra_headers"] = hide({"Idempotency-Key": key, **(params.get("extra_headers") or {})})
    return {name: value for name, value in params.items() if not is_absent(value)}


def _fields(body: Any) -> dict[str, Any]:
    """The fields of a JSON object."""
    plain = plain_object(body)
    if plain is None or is_absent(plain):
        return {}
    if isinstance(plain, msgspec.Struct):
        values = zip(plain.__struct_encode_fields__, plain.__struct_fields__, strict=True)
        return {wire: value for wire, name in values if (value := getattr(plain, name)) is not None}
    if not isinstance(plain, Mapping):
        raise TypeError(f"body must be a dict, or an object like one, not {type(plain).__name__}")
    return dict(cast("Mapping[str, Any]", plain))


def _parts(files: Any) -> dict[str, Any]:
    """Files by the names of their fields; several of one name are a list."""
    pairs: Iterable[tuple[str, Any]] = files.items() if hasattr(files, "items") else files
    parts: dict[str, Any] = {}
    for name, file in pairs:
        several: list[Any] = file if isinstance(file, list) else [file]  # pyright: ignore[reportUnknownVariableType]
        for one in several:
            part = _part(name, one)
            parts[name] = [*parts[name], part] if name in parts else [part]
    return parts


def _part(field: str, given: Any) -> Part:
    name: Any = None
    file: Any = given
    kind: Any = None
    if isinstance(given, tuple):
        parts: list[Any] = [*cast("Iterable[Any]", given), None, None]
        name, file, kind = parts[:3]
    if isinstance(file, str):
        file = file.encode()
    if isinstance(file, (bytes, bytearray, memoryview)):
        return Part(name or field, bytes(cast(bytes, file)), kind or "application/octet-stream")
    if not name:
        path: Any = file if hasattr(file, "__fspath__") else getattr(file, "name", None)
        name = Path(os.fspath(cast(str, path))).name if hasattr(path, "__fspath__") or type(path) is str else field
    return Part(name, File(file), kind or "application/octet-stream")
