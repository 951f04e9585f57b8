"""Rows of the input: what each asks, and who it is.

In: lines of bytes, or dicts. Out: Rows, and the body that a row sends.
The rule: a row that cannot be read is a row that has failed, with its line's number, and never the end of the run;
nothing is decoded that need not be, for of finished rows only the identity is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from togetherpy._core.encode import encode_json
from togetherpy.batch.identity import Digests, digest
from togetherpy.batch.template import Template

_BOM = b"\xef\xbb\xbf"
_TAKEN = ("custom_id", "body", "method", "url", "messages", "prompt")
_OURS = frozenset(("extra_headers", "extra_query", "extra_body", "timeout", "max_retries", "response_type"))
_PATH = "/chat/completions"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are to be read."""

    text: bool = False
    """A prompt a line, not JSON."""
    template: Template | None = None
    system: str | None = None


class RowError(ValueError):
    """A row that cannot be sent."""


class Row(msgspec.Struct):
    """One row, as far as it is read."""

    index: int
    """Among the rows, from 0."""
    line: int
    """In the file, from 1; 0 where there are no lines."""
    custom_id: bytes
    """JSON: what the row says, or a name made from its index."""
    number: int
    """Of the row and what it asks: the same in every run."""
    fields: Mapping[str, msgspec.Raw]
    error: str | None = None
    """Why it cannot be sent."""

    @property
    def key(self) -> int:
        """Of the row, whatever it asks."""
        return digest(self.custom_id)

    def where(self) -> str:
        """For messages."""
        return f"line {self.line}" if self.line else f"row {self.index}"


_NULL = msgspec.Raw(b"null")
_NO_NAME = b"n", b"t", b"f", b"[", b"{"
_line = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Encoder()


def full_lines(lines: Iterable[bytes], form: Form) -> Iterator[tuple[int, int, bytes]]:
    """Index, number and content of a file's lines; empty lines are no rows."""
    index = 0
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith(_BOM):
            line = line[len(_BOM) :]
        line = line.strip(b"\r\n") if form.text else line.strip()
        if line and not line.isspace():
            yield index, number, line
            index += 1


def read_lines(lines: Iterable[bytes], form: Form) -> Iterator[Row]:
    """The rows of a file's lines."""
    read = _text_row if form.text else _json_row
    for index, number, line in full_lines(lines, form):
        yield read(index, number, line, form)


def unfinished(lines: Iterable[bytes], form: Form, finished: Digests) -> Iterator[Row | None]:
    """The rows of a file's lines; None for each that is finished, of which nothing else is made out."""
    read, plain = _text_row if form.text else _json_row, not form.text and form.template is None
    for index, number, line in full_lines(lines, form):
        if plain and (row_number := _number_of(index, line)) is not None and row_number in finished:
            yield None
        else:
            row = read(index, number, line, form)
            yield row if row.number not in finished else None


class _Asking(msgspec.Struct, gc=False):
    custom_id: msgspec.Raw = msgspec.Raw(b"null")
    body: msgspec.Raw = msgspec.Raw(b"null")
    messages: msgspec.Raw = msgspec.Raw(b"null")
    prompt: msgspec.Raw = msgspec.Raw(b"null")


_asking = msgspec.json.Decoder(_Asking).decode


def _number_of(index: int, line: bytes) -> int | None:
    """As `Row.number`, made at less expense; None where the line has to be looked at closely."""
    try:
        row = _asking(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    for raw in (row.body, row.messages, row.prompt):
        if (asked := bytes(raw)) != b"null":
            return digest(_name(index, bytes(row.custom_id)), asked)
    return None


def _text_of(line: bytes) -> bytes:
    """The line; UnicodeDecodeError where it is no UTF-8, also in what nobody decodes."""
    if not line.isascii():
        line.decode()
    return line


class _Named(msgspec.Struct):
    custom_id: msgspec.Raw = msgspec.Raw(b"null")


_named = msgspec.json.Decoder(_Named)


def name_of(index: int, line: bytes) -> bytes:
    """The custom_id of a line's row, as `Row` has it, and nothing else decoded."""
    try:
        given = bytes(_named.decode(_text_of(line)).custom_id)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b'"row-%d"' % index
    return _name(index, given)


def _name(index: int, given: bytes) -> bytes:
    """What a row is known by: its custom_id, or its index."""
    return plain_name(given) or b'"row-%d"' % index


def plain_name(given: bytes) -> bytes | None:
    """The JSON of a custom_id, however it is escaped; None when it can be none."""
    if given[:1] in _NO_NAME:
        return None
    if b"\\" not in given:
        return given
    try:
        return _text.encode(msgspec.json.decode(given))
    except msgspec.MsgspecError:  # a lone surrogate
        return given


def dict_row(index: int, given: object, form: Form) -> Row:
    """The row that a dict, or with `text` a str, is."""
    try:
        if isinstance(given, str) and form.text:
            return _text_row(index, 0, given.encode(), form)
        if not isinstance(given, Mapping):
            raise RowError(f"a row must be a dict, not {type(cast(Any, given)).__name__}")
        fields = _line.decode(encode_json(cast("Mapping[str, Any]", given)))
    except (ValueError, TypeError) as error:
        return _failed(index, 0, str(error), b"")
    return _row(index, 0, fields, form)


def _text_row(index: int, number: int, line: bytes, form: Form) -> Row:
    try:
        prompt = msgspec.Raw(_text.encode(line.decode()))
    except UnicodeDecodeError as error:
        return _failed(index, number, f"it is not UTF-8: {error.reason} at byte {error.start}", line)
    return _row(index, number, {"text" if form.template else "prompt": prompt}, form)


def _json_row(index: int, number: int, line: bytes, form: Form) -> Row:
    try:
        fields = _line.decode(_text_of(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _failed(index, number, f"it is not a JSON object: {error}{_hint(line)}", line)
    return _row(index, number, fields, form)


def _hint(line: bytes) -> str:
    return "" if line.lstrip()[:1] in (b"{", b"[", b'"') else "; with --text each line is a prompt"


def _row(index: int, number: int, fields: Mapping[str, msgspec.Raw], form: Form) -> Row:
    name, error = bytes(fields.get("custom_id", _NULL)), None
    if name[:1] in _NO_NAME:
        error = None if name == b"null" else "its custom_id is neither a string nor a number"
    name = _name(index, name)
    asked = b""
    if form.template is None:
        asked = _given(fields, "body") or _given(fields, "messages") or _given(fields, "prompt") or b""
    else:
        try:
            asked = form.template.fill(fields).encode()
        except ValueError as failure:
            error = str(failure)
    return Row(index, number, name, digest(name, asked), fields, error)


def _given(fields: Mapping[str, msgspec.Raw], name: str) -> bytes:
    """The JSON of a field; nothing when it is not there, or null."""
    value = bytes(fields.get(name, _NULL))
    return b"" if value == b"null" else value


def _failed(index: int, number: int, reason: str, content: bytes) -> Row:
    name = b'"row-%d"' % index
    return Row(index, number, name, digest(name, content), {}, reason)


def body_of(row: Row, form: Form) -> dict[str, Any]:
    """What the row sends besides the shared parameters.

    Raises:
        RowError: it cannot be sent.
    """
    if row.error is not None:
        raise RowError(row.error)
    try:
        body = _body(row.fields, form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RowError(f"it cannot be read: {error}") from None
    if form.system is not None:
        body["messages"] = _with_system(body.get("messages"), form.system)
    return body


def _body(fields: Mapping[str, msgspec.Raw], form: Form) -> dict[str, Any]:
    if form.template is not None:
        return {"messages": _said(form.template.fill(fields))}
    if asked := _given(fields, "body"):
        _check_target(fields)
        body: Any = msgspec.json.decode(asked)
        if not isinstance(body, dict):
            raise RowError("its body is not a JSON object")
        if ours := _OURS & body.keys():
            raise RowError(f"its body holds {min(ours)!r}, which is the client's to decide and no parameter of the API")
        return cast("dict[str, Any]", body)
    if asked := _given(fields, "messages"):
        return {"messages": msgspec.json.decode(asked)}
    if not (asked := _given(fields, "prompt")):
        raise RowError("it has neither body, messages nor prompt; --template makes a prompt from other columns")
    prompt: Any = msgspec.json.decode(asked)
    if not isinstance(prompt, str):
        raise RowError("its prompt is not a string")
    return {"messages": _said(prompt)}


def _said(prompt: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": prompt}]


def _check_target(fields: Mapping[str, msgspec.Raw]) -> None:
    method, url = (msgspec.json.decode(fields.get(name, _NULL)) for name in ("method", "url"))
    if method not in ("POST", None):
        raise RowError(f"its method is {method!r}, not POST")
    if url is not None and not (isinstance(url, str) and url.rstrip("/").endswith(_PATH)):
        raise RowError(f"its url is {url!r}; only .../chat/completions can be sent")


def _with_system(messages: Any, system: str) -> Any:
    """A row's own system prompt stays the only one."""
    if not isinstance(messages, list):
        return messages
    said: list[Any] = cast(Any, messages)
    first: Any = said[0] if said else None
    if isinstance(first, dict) and cast("dict[str, Any]", first).get("role") in ("system", "developer"):
        return said
    return [{"role": "system", "content": system}, *said]


NO_MODEL = "it names no model, and no model is given for all (--model, model=...)"


def lacks_model(rows: Iterable[Row], form: Form) -> bool:
    """Whether there are rows that could be sent, and none of them names a model."""
    lacking = False
    for row in rows:
        try:
            if body_of(row, form).get("model"):
                return False
        except RowError:
            continue
        lacking = True
    return lacking


def columns_of(row: Row) -> Mapping[str, msgspec.Raw]:
    """What the row carries through."""
    return {name: value for name, value in row.fields.items() if name not in _TAKEN}
