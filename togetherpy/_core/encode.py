"""(Config, Endpoint, parameters) -> Request.

In: what the user gave to a method. Out: a Request whose body is encoded once and reused by every attempt.
The rule: what cannot be sent raises TypeError or ValueError that names its path, before anything is sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any, cast

import msgspec

from togetherpy._core.absent import is_absent, without_absent
from togetherpy._core.config import Config, Fields, check_mapping, merge_headers
from togetherpy._core.wire import Endpoint, Part, Request, Source

_BODILESS = frozenset(("GET", "HEAD", "DELETE", "OPTIONS"))
_IS_JSON = (("Content-Type", "application/json"),)
_EXTRAS_IN_ORDER = "extra_headers", "extra_query", "extra_body"
_EXTRAS = frozenset(_EXTRAS_IN_ORDER)
_USUAL = frozenset((str, int, float, bool, list, dict, tuple))
"""Types of most values, which are looked at no further."""
TOO_DEEP = "is nested too deeply, or holds itself"
MAX_DEPTH = 900
"""Levels of lists and objects. How deep the encoder itself can go is another number on each Python; servers go less."""


def encode_request(
    config: Config,
    endpoint: Endpoint[Any],
    params: dict[str, Any],
    idempotency_key: str,
    content: bytes | Source | None = None,
) -> Request:
    """The request that these parameters make; parameters that are None are left out.

    `extra_headers`, `extra_query` and `extra_body` are taken out of `params`; the rest becomes the body: a form where
    a file is among them, else JSON; or, where the method has no body, the query. `content`: the body instead.

    Raises:
        TypeError: a value that has no JSON form, its path named (`messages[2].content`).
        ValueError: NaN, an infinity or a lone surrogate, its path named; a header that cannot be sent.
    """
    extra_headers = extra_query = extra_body = None
    if not _EXTRAS.isdisjoint(params):
        extra_headers, extra_query, extra_body = (params.pop(name, None) for name in _EXTRAS_IN_ORDER)
    fields = {**params}
    for name, value in params.items():
        if value is None:
            del fields[name]
        elif type(value) not in _USUAL and hasattr(value, "__next__"):
            fields[name] = list(value)  # it can be read only once, and encode_json may have to look again
    query: dict[str, Any] = {}
    if endpoint.method in _BODILESS or content is not None:
        query, fields = fields, query
    if config.query:
        query = {**config.query, **query}
    if extra_query is not None:
        query.update(_mapping(extra_query, "extra_query"))
    if extra_body is not None:
        fields.update(_mapping(extra_body, "extra_body"))
    kind, body = _body(endpoint.method, fields, content)
    answer = endpoint.answer
    own = (
        *config.headers,
        ("Accept", answer.accept),
        # A compressing proxy may hold a stream's events back until its buffer is full; and a file's size is its own.
        ("Accept-Encoding", "gzip, deflate" if answer.take == "whole" else "identity"),
        *kind,
        ("Idempotency-Key", idempotency_key),
    )
    headers, authorization = own, config.authorization
    if extra_headers is not None:
        headers, authorization = merge_headers(own, authorization, extra_headers, "extra_headers")
    return Request(
        endpoint=endpoint,
        target=config.origin.path + endpoint.path + (_query(query) if query else ""),
        headers=headers,
        authorization=authorization,
        body=body,
        take=answer.take,
    )


def _mapping(given: Any, name: str) -> Mapping[str, Any]:
    check_mapping(given, name)
    return {} if is_absent(given) else given


def _body(method: str, fields: dict[str, Any], content: bytes | Source | None) -> tuple[Fields, bytes | Source | None]:
    """The fields that speak of a body, and the body."""
    if content is not None:
        kind = getattr(content, "content_type", "application/octet-stream")
        return (() if kind is None else (("Content-Type", kind),)), content
    if not fields and method in _BODILESS:
        return (), None
    if Part in map(type, fields.values()):
        from togetherpy._core.forms import Form

        form = Form({name: value for name, value in fields.items() if not is_absent(value)})
        return (("Content-Type", form.content_type),), form
    return _IS_JSON, encode_json(fields)


def _query(params: Mapping[str, Any]) -> str:
    from urllib.parse import urlencode

    plain: list[tuple[str, str]] = []
    for name, value in params.items():
        for item in cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else (value,):
            if item is not None and not is_absent(item):
                plain.append((name, str(item).lower() if isinstance(item, bool) else str(item)))
    return "?" + urlencode(plain) if plain else ""


def encode_json(body: Mapping[str, Any]) -> bytes:
    """`body` as UTF-8 JSON; raises as `encode_request` does."""
    try:
        encoded = _encoder.encode(body)
    except RecursionError:
        raise ValueError(f"the request {TOO_DEEP}") from None
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        given = _given(body)
        if given is not body:
            return encode_json(given)
        _explain(body, "")
        raise ValueError(f"the request cannot be encoded as JSON: {error}") from None
    if len(encoded) > MAX_DEPTH and _may_be_deep(encoded) and _depth_exceeds(body, MAX_DEPTH):
        raise ValueError(f"the request {TOO_DEEP}")
    if _odd_words(encoded):
        # msgspec writes floats that are no number as null without a word, and Decimals as NaN and Infinity, which is
        # not JSON. So look only where there is one of these words, and it is not in JSON that we made before.
        made = b"".join(bytes(value) for value in body.values() if type(value) is msgspec.Raw)
        if not made or _odd_words(encoded) > _odd_words(made):
            _explain(body, "")
    return encoded


def _given(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """`body` without values that stand for "not given" (`absent`)."""
    try:
        return cast("Mapping[str, Any]", without_absent(body))
    except RecursionError:
        return body  # it is said what is wrong with it


def _may_be_deep(encoded: bytes) -> bool:
    """Whether there are brackets enough, be they in texts. Looking ends where there are."""
    most = MAX_DEPTH // 2
    return any(len(encoded.split(bracket, most)) > most for bracket in (b"[", b"{"))


def _depth_exceeds(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [inner for outer in level for inner in _inside(outer) if type(inner) not in _LEAVES]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    """What a value holds, if it is encoded as a list or an object."""
    plain = plain_object(value)
    if isinstance(plain, msgspec.Struct):
        return [getattr(plain, name) for name in plain.__struct_fields__]
    if isinstance(plain, Mapping):
        return cast("Mapping[object, object]", plain).values()
    return cast("Iterable[object]", plain) if isinstance(plain, (list, tuple, AbstractSet, ValuesView)) else ()


def _odd_words(encoded: bytes) -> int:
    # Not `in`, which first tries, at twice the cost, whether the bytes are a number.
    return encoded.count(b"null") + encoded.count(b"NaN") + encoded.count(b"Infinity")


def plain_object(value: object) -> object:
    """An object that a user built, as a dict without absent fields; dicts and our Structs as they are."""
    if isinstance(value, (dict, msgspec.Struct)):
        return cast(object, value)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    names: Iterable[str] | None = getattr(value, "__dataclass_fields__", None)
    if names is None:
        attributes: Iterable[Any] | None = getattr(type(value), "__attrs_attrs__", None)
        names = None if attributes is None else [attribute.name for attribute in attributes]
    if names is not None and not isinstance(value, type):
        return {name: item for name in names if (item := getattr(value, name)) is not None}
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(mode="json", by_alias=True, exclude_none=True)
    return value


def _hook(value: object) -> object:
    """What msgspec does not know: str and number subclasses (numpy's too), mappings, sequences, pydantic models."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    numpy = getattr(value, "tolist", None)  # numpy scalars and arrays
    if callable(numpy):
        return numpy()
    plain = plain_object(value)
    if plain is not value:
        return plain
    kind = type(value).__name__
    if isinstance(value, (Sequence, AbstractSet, ValuesView)) and not isinstance(value, (list, tuple, frozenset)):
        # msgspec knows the three, and asks about them only when they are the keys of a dict.
        return list(cast("Iterable[object]", value))
    raise TypeError(f"{kind} has no JSON form")


_LEAVES = frozenset((str, int, float, bool, type(None), bytes, msgspec.Raw))
_encoder = msgspec.json.Encoder(enc_hook=_hook, decimal_format="number")


def _explain(value: object, path: str) -> None:
    """Raises for the first value below `path` that JSON cannot carry, naming where it is; else returns."""
    here = path or "the request"
    try:
        _explain_children(value, path)
    except RecursionError:
        raise ValueError(f"{here} {TOO_DEEP}") from None


def _explain_children(value: object, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path} is {float(value)!r}, which JSON cannot carry")
    elif isinstance(value, str):
        _explain_text(value, path)
    elif isinstance(value, Mapping):
        _explain_mapping(cast("Mapping[object, object]", value), path)
    elif isinstance(value, msgspec.Struct):
        fields = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        _explain_mapping({wire: getattr(value, name) for wire, name in fields}, path)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(cast("Iterable[object]", value)):
            _explain_children(item, f"{path}[{index}]")
    elif value is not None:
        _explain_leaf(value, path)


def _explain_text(value: str, path: str) -> None:
    try:
        str.encode(value)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{path} holds a lone surrogate (U+{ord(value[error.start]):04X} at index {error.start}), "
            "which UTF-8 cannot carry"
        ) from None


def _explain_mapping(value: Mapping[object, object], path: str) -> None:
    for key, item in value.items():
        if isinstance(key, str):
            _explain_text(key, f"the key {key!r} of {path or 'the request'}")
        else:
            try:
                _encoder.encode({key: None})
            except (TypeError, ValueError, OverflowError):
                kind = type(key).__name__
                raise TypeError(f"{path or 'the request'} has a key of type {kind}; JSON keys are str") from None
        if isinstance(key, str) and key.isidentifier():
            _explain_children(item, f"{path}.{key}" if path else key)
        else:
            _explain_children(item, f"{path}[{key!r}]")


def _explain_leaf(value: object, path: str) -> None:
    """Any other object: what the encoder makes of it, one level down."""
    try:
        plain = _hook(value)
    except (TypeError, ValueError):
        plain = value  # msgspec knows it, or nobody does
    if plain is not value:
        _explain_children(plain, path)
        return
    try:
        encoded = _encoder.encode(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{path}: {error}") from None
    if encoded == b"null" or encoded[-3:] in (b"NaN", b"ity"):
        raise ValueError(f"{path} is {value!s}, which JSON cannot carry")
