"""The manners of a pydantic model, for programs that were written for one.

In: an object of the API, or plain data for one. Out: plain data, or an object.
The rule: what pydantic has a name for does here what it does there. Thin: the work is done by modules that are loaded
when they are first needed, and pydantic itself is never imported.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from togetherpy.types._model import Model
    from togetherpy.types._pydantic import FieldInfo

_Plain = builtins.dict[str, Any]


class _Fields:
    """`model_fields`, of a class and of its objects."""

    def __get__(self, _model: object, cls: type[Model]) -> Mapping[str, FieldInfo]:
        if not hasattr(cls, "__struct_fields__"):  # help() asks this base, too
            raise AttributeError("only an object of the API has fields")
        from togetherpy.types._pydantic import fields_of

        return fields_of(cls)


class Manners:
    """What can be asked of an object of the API as of a pydantic model."""

    __slots__ = ()

    model_fields: _Fields = _Fields()
    """What the fields are, by their names: `.annotation`, `.default`, `.alias`, `.is_required()`."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """(name, value) of every field, of those that are absent (None) and those that the type does not name too."""
        model = cast("Model", self)
        yield from ((name, getattr(model, name)) for name in model.__struct_fields__)
        yield from model.model_extra.items()

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that the server sent, or somebody set."""
        from togetherpy.types._build import names_set

        return names_set(cast("Model", self))

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Any = None,
        exclude: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> _Plain:
        """The pydantic spelling of `to_dict()`: absent fields are there as None unless they are excluded.

        include, exclude: sets of names, or dicts of names to such sets, True or False. In a list the places are the
            names, and "__all__".
        exclude_unset: without the fields that the server did not send. exclude_defaults: without those that are what
            they would be if it had not. exclude_none: without those that are None.
        mode, by_alias: each gives the same here: plain data, under the server's names.

        Raises:
            TypeError: `include` or `exclude` is of another kind. ValueError: `mode` is another word.
        """
        from togetherpy.types._dump import How, dump

        if mode not in ("python", "json"):
            raise ValueError(f'mode must be "python" or "json", not {mode!r}')
        return dump(cast("Model", self), How(exclude_none, exclude_unset, exclude_defaults), include, exclude)

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        include: Any = None,
        exclude: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> str:
        """`model_dump()` as JSON text; `indent`: on lines of their own, so many blanks per level."""
        from togetherpy.types._model import text

        plain = self.model_dump(
            include=include,
            exclude=exclude,
            by_alias=by_alias,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
        )
        return text(plain, indent)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy. `update`: what differs in it, taken as it is. `deep`: what is inside is copied, too."""
        from togetherpy.types._build import copied

        return cast(Self, copied(cast("Model", self), update, deep=deep))

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """An object of this type from plain data: a mapping, or an object of this type, which is returned itself.

        As in an answer, what does not fit its field is kept as it is, and fields that the type does not name are
        extras. how: pydantic's arguments; `from_attributes=True` reads the fields of any object.

        Raises:
            ValueError: it is something else, or a field that must be there is not.
        """
        from togetherpy.types._build import validated

        return cast(Self, validated(cast("type[Model]", cls), obj, **how))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:
        """The same from JSON text. Raises likewise, and for what is not JSON."""
        from togetherpy.types._build import value_of_json

        return cls.model_validate(value_of_json(cls.__name__, json_data), **how)

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """An object of this type that holds these values as they are; a dict stays a dict."""
        from togetherpy.types._build import constructed

        return cast(Self, constructed(cast("type[Model]", cls), values))

    @classmethod
    def model_json_schema(cls, by_alias: bool = True, ref_template: str = "#/$defs/{model}", **how: Any) -> _Plain:
        """The JSON schema of this type. `ref_template`: how it refers to what it consists of."""
        from togetherpy.types._pydantic import json_schema

        return json_schema(cls, ref_template)

    # pydantic's older names, which the models of `together` have as well

    def dict(self, **which: Any) -> _Plain:
        """The same as `model_dump()`."""
        return self.model_dump(**which)

    def json(self, **which: Any) -> str:
        """The same as `model_dump_json()`."""
        return self.model_dump_json(**which)

    def copy(
        self,
        *,
        include: Any = None,
        exclude: Any = None,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,
    ) -> Self:
        """The same as `model_copy()`, of all the fields or of some, which are chosen as in `model_dump()`."""
        if include is None and exclude is None:
            return self.model_copy(update=update, deep=deep)
        some = self.model_dump(include=include, exclude=exclude, exclude_unset=True)
        return self.model_validate(some).model_copy(update=update)

    @classmethod
    def parse_obj(cls, obj: Any) -> Self:
        """The same as `model_validate()`."""
        return cls.model_validate(obj)

    @classmethod
    def parse_raw(cls, b: str | bytes | bytearray) -> Self:
        """The same as `model_validate_json()`."""
        return cls.model_validate_json(b)

    @classmethod
    def construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """The same as `model_construct()`."""
        return cls.model_construct(_fields_set, **values)

    @classmethod
    def schema(cls, by_alias: bool = True, ref_template: str = "#/$defs/{model}") -> _Plain:
        """The same as `model_json_schema()`."""
        return cls.model_json_schema(by_alias, ref_template)

    # What pydantic asks of a type that is a field of a model, or what FastAPI is to answer with

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> _Plain:
        from togetherpy.types._pydantic import core_schema

        return core_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> _Plain:
        from togetherpy.types._pydantic import whole_json_schema

        return whole_json_schema(cls)
