"""What `help()` and `inspect.signature()` show of the methods that take a TypedDict's fields as keyword arguments."""

import inspect
import pydoc
import re
from typing import Any

import pytest

from togetherpy import AsyncTogether, Together
from togetherpy.types.chat_completions import ChatCompletionParams


@pytest.fixture(params=[Together, AsyncTogether])
def create(request: pytest.FixtureRequest) -> Any:
    return request.param(api_key="k").chat.completions.create


def test_every_parameter_is_keyword_only_and_none_by_default(create: Any) -> None:
    parameters = inspect.signature(create).parameters
    assert list(parameters) == [*ChatCompletionParams.__annotations__, "stream", "response_type", "further_body_fields"]
    for name in [*ChatCompletionParams.__annotations__, "stream"]:
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        required = name in ("messages", "model")
        assert parameters[name].default is (inspect.Parameter.empty if required else None)
    assert parameters["further_body_fields"].kind is inspect.Parameter.VAR_KEYWORD


def test_annotations_are_as_written(create: Any) -> None:
    parameters = inspect.signature(create).parameters
    assert parameters["model"].annotation == "str"
    assert parameters["max_tokens"].annotation == "int | None"


def test_help_shows_both_parts_with_one_indentation(create: Any) -> None:
    text = pydoc.plain(pydoc.render_doc(create))
    assert "\n    Asks a model to go on with a conversation.\n" in text
    assert "\n    Raises:\n        TypeError, ValueError: " in text
    assert "\n    model: name of the model" in text


def test_every_parameter_is_explained(create: Any) -> None:
    for name in ChatCompletionParams.__annotations__:
        assert re.search(rf"\b{name}[:,`]", create.__doc__), name
        assert re.search(rf"\b{name}[:,`]", ChatCompletionParams.__doc__ or ""), name


def test_the_parameters_can_be_bound(create: Any) -> None:
    bound = inspect.signature(create).bind(model="m", messages=[], anything=1)
    assert bound.arguments["further_body_fields"] == {"anything": 1}
    with pytest.raises(TypeError, match="messages"):
        inspect.signature(create).bind(model="m")
