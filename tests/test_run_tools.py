"""chat.completions.run_tools: the loop, by every kind of client."""

import asyncio
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
import pytest
from support.clients import CALL, KEY
from support.typed import StructLake, call, calls, fails, says

import togetherpy
from togetherpy import MaxTurnsError, ParseError, RateLimitError, ToolCallError, tool
from togetherpy.testing import LocalServer
from togetherpy.tools import ToolRun, ToolStep

Maker = Callable[..., Any]
QUESTION = CALL["messages"][0]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def weather(city: str, unit: Literal["c", "f"] = "c") -> dict[str, Any]:
    """The weather in a city."""
    return {"city": city, "degrees": 21, "unit": unit, "rain": None}


async def population(city: str) -> int:
    """The number of people in a city."""
    await asyncio.sleep(0)
    return 1_680_000


def broken(city: str) -> str:
    """Fails."""
    raise LookupError(f"there is no {city}")


def told(server: LocalServer, number: int = -1) -> list[Any]:
    """What the tools of the turn before this request said."""
    return [m["content"] for m in server.requests[number].json["messages"] if m["role"] == "tool"]


# The loop


def test_the_server_calls_a_tool_and_answers_from_its_result(client: Maker, server: LocalServer) -> None:
    run = call(client(server), "run_tools", tools=[weather])
    assert isinstance(run, ToolRun)
    assert '"degrees":21' in run.content
    assert [len(step.results) for step in run.steps] == [1, 0]


def test_call_execute_append_call_again(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("weather", {"city": "Goma"}), ("population", {"city": "Bukavu"})))
    server.reply(body=calls(("weather", {"city": "Kigali", "unit": "f"})))
    server.reply(body=says("Warm."))
    run = call(client(server), "run_tools", tools=[weather, population], temperature=0.5)
    assert run.content == "Warm."
    first, second, third = (request.json for request in server.requests)
    assert first["messages"] == [QUESTION]
    assert [tool["function"]["name"] for tool in first["tools"]] == ["weather", "population"]
    assert second["messages"][0] == QUESTION
    assert [call["id"] for call in second["messages"][1]["tool_calls"]] == ["call-0", "call-1"]
    assert second["messages"][2:] == [
        {"role": "tool", "tool_call_id": "call-0", "content": '{"city":"Goma","degrees":21,"unit":"c","rain":null}'},
        {"role": "tool", "tool_call_id": "call-1", "content": "1680000"},
    ]
    assert len(third["messages"]) == 6
    assert third["temperature"] == second["temperature"] == 0.5
    assert third["tools"] == first["tools"]
    assert "max_turns" not in first


def test_what_it_returns(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("population", {"city": "Goma"})))
    server.reply(body=says("Many."))
    caller = client(server)
    run = call(caller, "run_tools", tools=[population])
    assert run.response.choices[0].message.content == run.content == "Many."
    assert [getattr(m, "role", None) or m["role"] for m in run.messages] == ["user", "assistant", "tool", "assistant"]
    step, last = run.steps
    assert step.response.choices[0].finish_reason == "tool_calls"
    assert last.response is run.response
    (result,) = step.results
    assert (result.value, result.content, result.error) == (1_680_000, "1680000", None)
    assert result.call.function.name == "population"
    call(caller, "create", messages=[*run.messages, QUESTION])
    assert len(server.requests[-1].json["messages"]) == 5


def test_an_answer_without_calls_is_the_end(client: Maker, server: LocalServer) -> None:
    server.reply(body=says("Hello."))
    run = call(client(server), "run_tools", tools=[weather], max_turns=1)
    assert (run.content, len(run.steps), len(run.messages)) == ("Hello.", 1, 2)
    server.reply(body={"choices": []})
    assert call(client(server), "run_tools", tools=[weather]).content is None


def test_the_users_list_is_left_alone(client: Maker, server: LocalServer) -> None:
    messages = [QUESTION]
    call(client(server), "run_tools", tools=[weather], messages=messages)
    assert messages == [QUESTION]
    run = call(client(server), "run_tools", tools=[weather], messages=(one for one in messages))
    assert len(run.messages) == 4


def test_each_step_can_be_seen(client: Maker, server: LocalServer) -> None:
    seen: list[Any] = []

    async def look(step: ToolStep) -> None:
        await asyncio.sleep(0)
        seen.append((len(server.requests), step))

    def look_now(step: ToolStep) -> None:
        seen.append((len(server.requests), step))

    caller = client(server)
    for on_step in (look_now, look) if caller.kind != "sync" else (look_now,):
        seen.clear()
        before = len(server.requests)
        run = call(caller, "run_tools", tools=[weather], on_step=on_step)
        assert [step for _, step in seen] == run.steps
        assert [number - before for number, _ in seen] == [1, 2]  # as they happen, not at the end


def test_a_forced_choice_holds_once(client: Maker, server: LocalServer) -> None:
    run = call(client(server), "run_tools", tools=[weather], tool_choice="required")
    assert len(run.steps) == 2
    assert [request.json["tool_choice"] for request in server.requests] == ["required", "auto"]


def test_calls_without_an_id_get_one(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("weather", {"city": "a"}), ("weather", {"city": "b"}), ids=False))
    server.reply(body=says("Warm."))
    call(client(server), "run_tools", tools=[weather])
    messages = server.requests[1].json["messages"]
    wanted = [made["id"] for made in messages[1]["tool_calls"]]
    assert [message["tool_call_id"] for message in messages[2:]] == wanted
    assert len(set(wanted)) == 2


# Async functions, in parallel


def test_async_tools_of_an_answer_run_at_the_same_time(client: Maker, server: LocalServer) -> None:
    """Each waits for the other, so one after the other they would never end."""
    caller = client(server)
    if caller.kind == "sync":
        return
    arrived: list[str] = []

    @tool
    async def meet(name: str) -> str:
        """Waits for the other one."""
        arrived.append(name)
        while len(arrived) < 2:
            await asyncio.sleep(0)
        return name

    server.reply(body=calls(("meet", {"name": "a"}), ("meet", {"name": "b"})))
    server.reply(body=says("Met."))
    assert call(caller, "run_tools", tools=[meet]).content == "Met."
    assert told(server) == ["a", "b"]


def test_plain_functions_do_not_hold_the_event_loop(client: Maker, server: LocalServer) -> None:
    caller = client(server)
    if caller.kind == "sync":
        return
    both = threading.Barrier(2)

    def meet(name: str) -> str:
        both.wait(30)
        return name

    server.reply(body=calls(("meet", {"name": "a"}), ("meet", {"name": "b"})))
    server.reply(body=says("Met."))
    assert call(caller, "run_tools", tools=[meet]).content == "Met."
    assert told(server) == ["a", "b"]


def test_a_sync_client_runs_plain_functions_where_it_is_called(server: LocalServer) -> None:
    threads: list[threading.Thread] = []

    def where() -> None:
        threads.append(threading.current_thread())

    server.reply(body=calls(("where", "")))
    server.reply(body=says("There."))
    with togetherpy.Together(base_url=server.base_url, api_key="k") as client:
        client.chat.completions.run_tools(model="m", messages=[QUESTION], tools=[where])
    assert threads == [threading.current_thread()]
    assert told(server) == ["null"]


def test_a_sync_client_inside_of_an_event_loop_says_what_to_use(server: LocalServer) -> None:
    async def main() -> None:
        with togetherpy.Together(base_url=server.base_url, api_key="k") as client:
            with pytest.raises(TypeError, match=r"Together cannot await the tool population while.*use AsyncTogether"):
                client.chat.completions.run_tools(model="m", messages=[QUESTION], tools=[population])
            assert server.requests == []
            assert client.chat.completions.run_tools(model="m", messages=[QUESTION], tools=[weather]).content

    asyncio.run(main())


# The bound


def test_max_turns_bounds_it(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("weather", {"city": "Goma"})), times=None)
    caller = client(server)
    error = fails(MaxTurnsError, caller, "run_tools", tools=[weather], max_turns=3)
    assert len(server.requests) == 3
    assert "still calls tools after 3 turns; raise max_turns, or go on from .messages" in str(error)
    assert len(error.steps) == 2
    assert len(error.messages) == 5
    assert error.completion.choices[0].message.tool_calls
    again = pickle.loads(pickle.dumps(error))
    assert again.messages == error.messages
    fails(MaxTurnsError, caller, "run_tools", tools=[weather], max_turns=1, messages=error.messages)
    assert len(server.requests[-1].json["messages"]) == 5


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "3", True, None])
def test_a_bound_that_is_none(client: Maker, server: LocalServer, wrong: Any) -> None:
    assert "max_turns" in str(fails(ValueError, client(server), "run_tools", tools=[weather], max_turns=wrong))
    assert server.requests == []


# What goes wrong goes back to the model


def test_an_exception_goes_back_as_the_result(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("broken", {"city": "Atlantis"}), ("weather", {"city": "Goma"})))
    server.reply(body=says("Sorry."))
    run = call(client(server), "run_tools", tools=[broken, weather])
    failed, fine = told(server)
    assert failed == "Error: LookupError: there is no Atlantis"
    assert "Traceback" not in failed
    assert fine.startswith("{")
    assert isinstance(run.steps[0].results[0].error, LookupError)
    assert run.steps[0].results[1].error is None
    assert run.content == "Sorry."


def test_an_exception_is_raised_when_it_is_to_be(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("broken", {"city": "Atlantis"})))
    error = fails(LookupError, client(server), "run_tools", tools=[broken], raise_errors=True)
    assert str(error) == "there is no Atlantis"
    assert len(server.requests) == 1


def test_a_name_that_the_model_invented(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("get_weather", {"city": "Goma"})))
    server.reply(body=says("Sorry."))
    server.reply(body=calls(("get_weather", {"city": "Goma"})))
    caller = client(server)
    call(caller, "run_tools", tools=[weather, population])
    assert told(server) == ["Error: There is no tool named 'get_weather'. The tools are: weather, population."]
    error = fails(ToolCallError, caller, "run_tools", tools=[weather, population], raise_errors=True)
    assert error.known == ["weather", "population"]
    assert error.call.function.name == "get_weather"
    assert pickle.loads(pickle.dumps(error)).call == error.call


@pytest.mark.parametrize("arguments", ['{"city": 5}', '{"city": "Go'])
def test_arguments_that_do_not_fit(client: Maker, server: LocalServer, arguments: str) -> None:
    server.reply(body=calls(("weather", arguments)))
    server.reply(body=says("Sorry."))
    server.reply(body=calls(("weather", arguments)))
    caller = client(server)
    call(caller, "run_tools", tools=[weather])
    (said,) = told(server)
    path = "$.city" if arguments.endswith("}") else "$"
    assert said.startswith("Error: The arguments of weather do not fit weather(): ")
    assert said.endswith(f"at {path}.")
    error = fails(ParseError, caller, "run_tools", tools=[weather], raise_errors=True)
    assert (error.path, error.text) == (path, arguments)


def test_a_result_that_cannot_be_sent(client: Maker, server: LocalServer) -> None:
    def odd() -> object:
        return {"x": {"y": object()}}

    def infinite() -> float:
        return float("nan")

    def surrogate() -> str:
        return "a\ud83d"

    server.reply(body=calls(("odd", ""), ("infinite", ""), ("surrogate", "")))
    server.reply(body=says("Sorry."))
    call(client(server), "run_tools", tools=[odd, infinite, surrogate])
    first, second, third = told(server)
    assert first.startswith(
        "Error: TypeError: the tool returned what cannot be sent as JSON: result.x.y: object has no"
    )
    assert "result is nan" in second
    assert third == "a?"


def test_results_of_every_kind(client: Maker, server: LocalServer) -> None:
    def struct() -> Any:
        return StructLake("Kivu", 475)

    def several() -> list[Any]:
        return [1, None, "x"]

    server.reply(body=calls(("struct", ""), ("several", "{}")))
    server.reply(body=says("Well."))
    call(client(server), "run_tools", tools=[struct, several])
    first, second = told(server)
    assert msgspec.json.decode(first)["depth"] == 475
    assert second == '[1,null,"x"]'


def test_a_later_call_that_fails_keeps_the_conversation(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("weather", {"city": "Goma"})))
    server.reply(status=429, body={"error": {"message": "slow down"}})
    caller = client(server)
    error = fails(RateLimitError, caller, "run_tools", tools=[weather])
    assert len(error.messages) == 3
    server.reply(body=says("Warm."))
    assert call(caller, "run_tools", tools=[weather], messages=error.messages).content == "Warm."


def test_the_key_in_extra_headers_is_shown_nowhere(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("broken", {"city": "x"})))
    headers = {"Authorization": f"Bearer {KEY}"}
    fails(LookupError, client(server), "run_tools", tools=[broken], raise_errors=True, extra_headers=headers)


# What cannot be meant


@pytest.mark.parametrize(
    ("wrong", "expected", "message"),
    [
        ({"tools": None}, TypeError, "tools must be a list of functions"),
        ({"tools": "weather"}, TypeError, "tools must be a list of functions"),
        (
            {"tools": [{"type": "function"}]},
            TypeError,
            "tools[0] must be a function that run_tools() can",
        ),
        ({"tools": [weather, tool(name="weather")(broken)]}, ValueError, "two tools are named weather"),
        ({"stream": True}, TypeError, "stream=True"),
        ({"n": 2}, TypeError, "n=..."),
        ({"response_type": dict}, TypeError, "takes no response_type"),
        ({"messages": "Hello"}, TypeError, "messages must be a list"),
        ({"messages": None}, TypeError, "needs messages="),
    ],
)
def test_nothing_is_sent(
    client: Maker, server: LocalServer, wrong: Any, expected: type[Exception], message: str
) -> None:
    assert message in str(fails(expected, client(server), "run_tools", **{"tools": [weather], **wrong}))
    assert server.requests == []


# StopIteration, which Python gives a meaning of its own in coroutines and futures (A10)


class _Ended(StopIteration):
    pass


def plain_end() -> str:
    """Raises what a generator ends with."""
    raise StopIteration


def ended(city: str) -> str:
    """Raises one with an argument, which must not pass for a result."""
    raise _Ended(city)


async def async_end() -> str:
    """Raises it in a coroutine."""
    raise StopIteration


async def async_ended(city: str) -> str:
    """Raises one with an argument in a coroutine."""
    raise _Ended(city)


def test_a_tool_that_raises_stop_iteration(client: Maker, server: LocalServer) -> None:
    goma = {"city": "Goma"}
    server.reply(body=calls(("plain_end", {}), ("ended", goma), ("async_end", {}), ("async_ended", goma)))
    server.reply(body=says("It ended."))
    run = call(client(server), "run_tools", tools=[plain_end, ended, async_end, async_ended])
    assert run.content == "It ended."
    assert told(server) == ["Error: StopIteration", "Error: _Ended: Goma"] * 2
    assert [type(result.error) for result in run.steps[0].results] == [StopIteration, _Ended] * 2
