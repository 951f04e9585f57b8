"""`togetherpy chat`, in this process, as one of its own, and on a terminal; always against a real server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from support.pages import blocks, read
from support.processes import COMMAND, LIMIT, environment, run
from support.terminal import Terminal, terminal

from togetherpy.cli import main
from togetherpy.testing import LocalServer

KEY = "sk-k3yK3yk3yK3y"
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
TOOLS = '''
import helper_of_tools

print("imported")

def get_weather(city: str) -> str:
    """The weather in a city now."""
    import another_helper
    return f"{helper_of_tools.DEGREES} °C in {city}"

def says(city: str) -> str:
    """Prints."""
    print("a word beside")
    return "said"

def leaves(city: str) -> str:
    """Leaves."""
    raise SystemExit(3)

def fails(city: str) -> str:
    """Fails."""
    raise RuntimeError("broken")

class Things:
    @staticmethod
    def get_thing(name: str) -> int:
        """A thing."""
        return 3

no_function = 3

def not_described(city): ...
'''


class Chat:
    """Runs `togetherpy chat` in this process."""

    def __init__(
        self, server: LocalServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, here: Path
    ) -> None:
        self.server, self._capfd, self._monkeypatch = server, capfd, monkeypatch
        self.here = here
        self.out = self.err = ""

    def __call__(self, *arguments: str, stdin: bytes | None = b"") -> int:
        given = None if stdin is None else TextIOWrapper(BytesIO(stdin))
        self._monkeypatch.setattr(sys, "stdin", given)
        status = main(["chat", *arguments])
        self.out, self.err = self._capfd.readouterr()
        assert "Traceback" not in self.err
        assert KEY not in self.out + self.err
        return status

    @property
    def asked(self) -> dict[str, Any]:
        """The only request."""
        (request,) = self.server.requests
        return dict(request.json)

    @property
    def prompt(self) -> Any:
        """What was asked, of the only request."""
        return self.asked["messages"][-1]["content"]

    def file(self, name: str, content: bytes | str | dict[str, Any]) -> str:
        path = self.here / name
        data = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return str(path)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def chat(
    server: LocalServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Chat:
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("TOGETHER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOGETHER_BASE_URL", server.base_url)
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Chat(server, capfd, monkeypatch, tmp_path)


def events(*texts: str, reason: str | None = "stop", **delta: Any) -> list[dict[str, Any]]:
    """A stream that brings these texts, and before them a delta of these fields."""
    deltas = [*([delta] if delta else []), *({"content": text} for text in texts), {}]
    chunks = [{"choices": [{"index": 0, "delta": one}]} for one in deltas]
    chunks[-1]["choices"][0]["finish_reason"] = reason
    return chunks


def answer(text: str, **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, **message}}
    return {"id": "x1", "choices": [choice]}


# The prompt


def test_an_answer_and_nothing_else(chat: Chat) -> None:
    assert chat("Why", "is the sky", "blue?") == 0
    assert "Why is the sky blue" in chat.out
    assert chat.out.count("\n") == 1
    assert chat.err == ""
    assert chat.prompt == "Why is the sky blue?"
    assert chat.asked["stream"] is True
    assert chat.asked["model"] == "openai/gpt-oss-20b"
    assert set(chat.asked) == {"model", "messages", "stream"}


@pytest.mark.parametrize(
    ("words", "stdin", "prompt"),
    [
        (["Summarise", "this"], b"the text\n", "the text\n\nSummarise this"),
        ([], b"the text\n", "the text"),
        (["-"], b"the text", "the text"),
        (["Say it:", "-"], b"the text", "the text\n\nSay it:"),
        (["word"], None, "word"),
        (["word"], b" \n", "word"),
        (["word"], b"  indented\n  text\n\n", "  indented\n  text\n\nword"),
        ([], "\ufeffZoé".encode(), "Zoé"),
        (["--", "-m", "is an option"], b"", "-m is an option"),
    ],
)
def test_standard_input_is_joined_to_the_prompt(words: list[str], stdin: bytes | None, prompt: str, chat: Chat) -> None:
    assert chat(*words, stdin=stdin) == 0
    assert chat.prompt == prompt


@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        (["Why", "-t", "0.5", "is", "the", "sky", "-s", "x", "blue"], "Why is the sky blue"),
        (["--", "-t", "is", "what?"], "-t is what?"),
        (["-t", "0", "--", "-5"], "-5"),
    ],
)
def test_options_may_stand_among_the_words(words: list[str], prompt: str, chat: Chat) -> None:
    assert chat(*words) == 0
    assert chat.prompt == prompt


def test_what_is_no_text_is_replaced(chat: Chat) -> None:
    assert chat("Why?", stdin=b"log \xff\n") == 0
    assert chat.prompt == "log \ufffd\n\nWhy?"
    assert "not UTF-8 (at byte 4)" in chat.err


@pytest.mark.parametrize("words", [[], [""], [" ", "\n"], ["-"]])
@pytest.mark.parametrize("stdin", [b"", b" \n", None])
def test_an_empty_prompt_is_refused(words: list[str], stdin: bytes | None, chat: Chat) -> None:
    assert chat(*words, stdin=stdin) == 2
    assert "there is no prompt" in chat.err
    assert chat.server.requests == []


# Options


def test_options_go_into_the_request(chat: Chat) -> None:
    assert chat("x", "-m", "some/model", "-s", "Be brief.", "-t", "0.5", "--max-tokens", "3", "--no-stream") == 0
    assert chat.asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (chat.asked["model"], chat.asked["temperature"], chat.asked["max_tokens"]) == ("some/model", 0.5, 3)
    assert not chat.asked.get("stream")
    assert len(chat.out.split()) <= 3
    assert "cut off (finish_reason is length)" in chat.err


@pytest.mark.parametrize(
    "arguments",
    [("-t", "warm"), ("--max-tokens", "0"), ("--reasoning", "maybe"), ("--json", "--raw"), ("--unheard-of",), ("-m",)],
)
def test_wrong_usage(arguments: tuple[str, ...], chat: Chat) -> None:
    assert chat("x", *arguments) == 2
    assert chat.server.requests == []


def test_an_image_of_a_file_and_one_by_url(chat: Chat) -> None:
    path = chat.file("x.png", b"\x89PNG\r\n\x1a\n")
    assert chat("What is it?", "--image", path, "--image", "https://example.com/y.jpg") == 0
    text, first, second = chat.prompt
    assert text == {"type": "text", "text": "What is it?"}
    assert first["image_url"]["url"].startswith("data:image/png;base64,")
    assert second["image_url"]["url"] == "https://example.com/y.jpg"


def test_an_image_can_be_all_of_it(chat: Chat) -> None:
    assert chat("--image", "https://example.com/y.jpg") == 0
    assert [part["type"] for part in chat.prompt] == ["image_url"]


def test_what_is_no_image(chat: Chat) -> None:
    assert chat("What is it?", "--image", chat.file("x.txt", "text")) == 2
    assert "is no image that models take" in chat.err
    assert chat("What is it?", "--image", "nowhere.png") == 2
    assert "'nowhere.png' cannot be read: No such file" in chat.err
    assert chat.server.requests == []


def test_reasoning_is_not_the_answer(chat: Chat) -> None:
    for shown in (["--reasoning", "show"], ["--reasoning", "hide"], []):
        for body in ([], ["--no-stream"]):
            if body:
                chat.server.reply(body=answer("Blue.", reasoning="Let me think."))
            else:
                chat.server.reply(events=events("Blue", ".", reasoning="Let me think."))
            assert chat("x", *shown, *body) == 0
            assert chat.out == "Blue.\n"
            assert chat.err == ("Let me think.\n" if shown[-1:] == ["show"] else "")


def test_usage(chat: Chat) -> None:
    assert chat("x", "--usage") == 0
    assert "tokens; first after " in chat.err
    assert chat.err.count("\n") == 1
    assert chat.asked["stream_options"] == {"include_usage": True}
    assert chat("x", "--usage", "--no-stream") == 0
    assert " tokens; " in chat.err
    chat.server.reply(events=events("x"))
    assert chat("x", "--usage") == 0
    assert "no usage was told" in chat.err


def test_json_is_the_whole_response(chat: Chat) -> None:
    chat.server.reply(body={**answer("Bläu", reasoning="hm"), "new_field": [1]})
    assert chat("x", "--json") == 0
    found = json.loads(chat.out)
    assert found["choices"][0]["message"] == {"role": "assistant", "content": "Bläu", "reasoning": "hm"}
    assert found["new_field"] == [1]
    assert chat.err == ""


def test_raw_is_every_byte(chat: Chat) -> None:
    body = b'{"odd":  "spaces \\u00e9",\n "choices": [ ] }'
    chat.server.reply(body=body)
    assert chat("x", "--raw", "--no-stream") == 0
    assert chat.out.encode() == body
    chat.server.reply(events=events("a", "b"))
    assert chat("x", "--raw") == 0
    first, *_, last = chat.out.split("\n\n")[:-1]
    assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"] == {"content": "a"}
    assert last == "data: [DONE]"


def test_text_is_piped_as_it_came(chat: Chat) -> None:
    text = "\x1b[31mred\x07 " + "word " * 40 + "\r\n| table |  \n"
    chat.server.reply(events=events(*text))
    assert chat("x") == 0
    assert chat.out == text


# Structured output


def test_a_schema(chat: Chat) -> None:
    assert chat("How old?", "--schema", chat.file("s.json", SCHEMA)) == 0
    assert isinstance(json.loads(chat.out)["age"], int)
    assert chat.asked["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA},
    }


def test_what_stands_around_the_json_is_left_out(chat: Chat) -> None:
    chat.server.reply(events=events("<think>hm</think>", '```json\n{"age": 1.0}\n```'))
    assert chat("x", "--schema", chat.file("s.json", SCHEMA)) == 0
    assert chat.out == '{"age": 1.0}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"age": "x"}', "$.age is string, not integer"),
        ('{"age"', "it is not JSON"),
        ("", "it is not JSON"),
        ("{}", "$ lacks 'age'"),
    ],
)
def test_an_answer_that_does_not_fit(text: str, said: str, chat: Chat) -> None:
    schema = chat.file("s.json", SCHEMA)
    chat.server.reply(events=events(text))
    assert chat("x", "--schema", schema) == 1
    assert chat.out == ""
    assert said in chat.err
    assert text in chat.err  # it was paid for
    chat.server.reply(body=answer(text))
    assert chat("x", "--schema", schema, "--json") == 1
    assert json.loads(chat.out)["choices"][0]["message"]["content"] == text


@pytest.mark.parametrize(
    ("content", "said"), [("{", "is not JSON"), ("[]", "is no object"), (None, "cannot be read: No such file")]
)
def test_a_schema_that_is_none(content: str | None, said: str, chat: Chat) -> None:
    path = "nowhere.json" if content is None else chat.file("s.json", content)
    assert chat("x", "--schema", path) == 2
    assert said in chat.err
    assert chat.server.requests == []


# Tools


@pytest.fixture
def tools(chat: Chat, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a module of tools in the current directory."""
    name = f"tools_{abs(hash(request.node.nodeid))}"
    chat.file(f"{name}.py", TOOLS)
    chat.file("helper_of_tools.py", "DEGREES = 21")
    chat.file("another_helper.py", "")
    chat.file("broken_module.py", "1 / 0")
    chat.file("leaving_module.py", "raise SystemExit")
    yield name
    for module in (name, "helper_of_tools", "another_helper"):
        sys.modules.pop(module, None)


def test_what_a_tool_prints_is_no_answer(tools: str, chat: Chat) -> None:
    assert chat("The weather in Paris?", "--json", "--tool", f"{tools}:says") == 0
    assert "said" in json.loads(chat.out)["choices"][0]["message"]["content"]
    assert chat.err.splitlines()[0] == "imported"
    assert "a word beside\n" in chat.err


def test_a_tool_that_leaves_is_a_failure(tools: str, chat: Chat) -> None:
    assert chat("The weather in Paris?", "--tool", f"{tools}:leaves") == 1
    assert chat.err.endswith("a tool ended the program (SystemExit: 3)\n")


@pytest.mark.parametrize("stream", [[], ["--no-stream"]])
def test_a_tool(stream: list[str], tools: str, chat: Chat) -> None:
    assert chat("The weather in Paris?", "--tool", f"{tools}:get_weather", *stream) == 0
    assert "The tool says: 21 °C in Paris." in chat.out
    assert chat.err == 'imported\ntool: get_weather({"city":"Paris"})\ntool: get_weather -> 21 °C in Paris\n'
    first, second = chat.server.requests
    assert first.json["tools"][0]["function"]["description"] == "The weather in a city now."
    assert bool(first.json.get("stream")) is (not stream)
    assert [message["role"] for message in second.json["messages"]] == ["user", "assistant", "tool"]


def test_several_tools_and_one_that_fails(tools: str, chat: Chat) -> None:
    given = ["--tool", f"{tools}:fails", "--tool", f"{tools}:Things.get_thing"]
    assert chat("It fails in Paris", *given, "--usage") == 0
    assert "tool: fails -> Error: RuntimeError: broken" in chat.err
    assert [tool["function"]["name"] for tool in chat.server.requests[0].json["tools"]] == ["fails", "get_thing"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{}", "write it as MODULE:FUNCTION"),
        (":f", "write it as MODULE:FUNCTION"),
        ("{}.py:get_weather", "as in an import: {}:get_weather"),
        ("{}:nope", "{} has no nope"),
        ("{}:Things.nope", "{} has no Things.nope"),
        ("{}:no_function", "it is no function but int"),
        ("{}:not_described", "has no annotation"),
        ("{}:Things", "a tool is a function"),
        ("nowhere_to_be_found:f", "ModuleNotFoundError"),
        ("broken_module:f", "ZeroDivisionError"),
        ("leaving_module:f", "SystemExit"),
    ],
)
def test_what_is_no_tool(given: str, said: str, tools: str, chat: Chat) -> None:
    assert chat("x", "--tool", given.format(tools)) == 2
    assert said.format(tools) in chat.err
    assert chat.server.requests == []


def test_raw_and_tools_do_not_go_together(tools: str, chat: Chat) -> None:
    assert chat("x", "--raw", "--tool", f"{tools}:get_weather") == 2


# Failures


def test_an_unknown_model(chat: Chat) -> None:
    assert chat("x", "-m", "unknown/model") == 1
    assert "unknown/model" in chat.err
    assert chat.out == ""


def test_no_key(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOGETHER_API_KEY")
    assert chat("x") == 1
    assert "TOGETHER_API_KEY is not set" in chat.err


def test_a_stream_that_breaks_off(chat: Chat) -> None:
    chat.server.reply(events=events("half an "), cut=True)
    assert chat("x", "--max-retries", "0") == 1
    assert chat.out == "half an \n"
    assert chat.err.startswith("togetherpy: error: ")


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (events(reason="stop"), "the answer has no text"),
        (events("x", reason="content_filter"), "finish_reason is content_filter"),
        (events("x", reason="length"), "cut off"),
    ],
)
def test_what_is_particular_about_an_answer_is_said(stream: list[Any], said: str, chat: Chat) -> None:
    chat.server.reply(events=stream)
    assert chat("x") == 0
    assert said in chat.err


def test_what_no_stream_should_bring_loses_nothing(chat: Chat) -> None:
    odd = [{"choices": [3, {"delta": 4}, {"delta": {"content": [{"type": "text", "text": "a"}]}}]}, {"choices": None}]
    chat.server.reply(events=[*odd, *events("b")])
    assert chat("x") == 0
    assert chat.out == "ab\n"


# As a process


def program(server: LocalServer, **variables: str) -> dict[str, str]:
    return {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url, **variables}


def test_help_tells_the_exit_statuses() -> None:
    result = run(*COMMAND, "chat", "--help")
    assert (result.returncode, result.stderr) == (0, "")
    for status in ("0 ", "1 ", "2 ", "130 ", "141 "):
        assert f"\n  {status}" in result.stdout


def test_a_closed_pipe_is_quiet(server: LocalServer) -> None:
    server.reply(events=events(*["many words\n"] * 20_000), times=None)
    with subprocess.Popen(
        (*COMMAND, "chat", "x"),
        env=environment(**program(server)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"many words\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(LIMIT) == 141


def test_a_program_that_asks_once_loads_nothing_for_conversations(server: LocalServer) -> None:
    code = (
        "import sys; from togetherpy.cli import main; assert main(['chat', 'x']) == 0; "
        "print({'rich', 'prompt_toolkit', 'readline', 'togetherpy.cli.chat.talk'} & set(sys.modules))"
    )
    result = run(sys.executable, "-c", code, **program(server))
    assert result.stdout.splitlines()[-1] == "set()", result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the page's commands are a POSIX shell's")
def test_the_commands_of_the_page(server: LocalServer, tmp_path: Path) -> None:
    text = read(Path("togetherpy/cli/README.md"))
    commands = [
        line for block in blocks(text, "sh") for line in block.splitlines() if line.startswith("togetherpy chat")
    ]
    (tool,) = blocks(text, "python")
    (tmp_path / "weather.py").write_text(tool)
    (tmp_path / "report.txt").write_text("A report.")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "city.json").write_text(json.dumps(SCHEMA))
    script = "\n".join(["set -e", f'togetherpy() {{ {" ".join(COMMAND)} "$@"; }}', *commands])
    result = run("/bin/sh", "-c", script, cwd=str(tmp_path), **program(server))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("\n") == len(commands) - 2
    assert "21 degrees and sunny in Kampala" in result.stdout
    assert "tool: get_weather" in result.stderr
    assert len(server.requests) == len(commands) + 1
    assert set(json.loads((tmp_path / "answer.json").read_text())) == {"age"}
    assert json.loads((tmp_path / "response.json").read_text())["choices"]


# On a terminal

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")


@pytest.fixture(params=["extra", "bare"])
def dressing(request: pytest.FixtureRequest, tmp_path: Path, server: LocalServer) -> dict[str, str]:
    """The environment of a conversation: with rich and prompt_toolkit, and without them."""
    variables = program(server, XDG_STATE_HOME=str(tmp_path / "state"), PROMPT_TOOLKIT_NO_CPR="1", HOME=str(tmp_path))
    if request.param == "bare":
        blocked = tmp_path / "blocked"
        blocked.mkdir()
        for name in ("rich", "prompt_toolkit"):
            (blocked / f"{name}.py").write_text("raise ImportError('blocked')")
        variables["PYTHONPATH"] = str(blocked)
    return variables


def said(shown: str, *texts: str) -> None:
    for text in texts:
        assert text in shown, shown


def ready(program: Terminal, dressing: dict[str, str]) -> None:
    """Waits for the prompt; prompt_toolkit draws it in its own way, and first of all asks to be told of pasting."""
    program.until("> " if "PYTHONPATH" in dressing else "\x1b[?2004h")


def enter(program: Terminal, text: str) -> None:
    program.type(f"{text}\r")


@posix
def test_a_conversation(dressing: dict[str, str], server: LocalServer, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    with terminal(*COMMAND, "chat", "-m", "some/model", cwd=str(tmp_path), **dressing) as program:
        program.until("some/model. /help lists the commands")
        ready(program, dressing)
        enter(program, "What is blue?")
        program.until("“What is blue”")
        ready(program, dressing)
        enter(program, "/model other/model")
        program.until("the model is other/model")
        enter(program, "/mdoel")
        program.until("did you mean /model?")
        enter(program, f"/save {saved}")
        program.until("2 messages saved")
        enter(program, "/undo")
        program.until("taken back: What is blue?")
        enter(program, "help")
        program.until("end; so does Ctrl-D")
        enter(program, f"/load {saved}")
        program.until("2 messages loaded")
        enter(program, "//etc is what?")
        program.until("etc is what”")
        ready(program, dressing)
        program.type("\x04")
        program.rest()
        assert program.status == 0
    first, second = (request.json for request in server.requests)
    assert (first["model"], second["model"]) == ("some/model", "other/model")
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][-1]["content"] == "/etc is what?"
    history = (tmp_path / "state" / "togetherpy" / "chat_history").read_text().splitlines()
    assert json.loads(history[0]) == "What is blue?"
    assert json.loads(history[-1]) == "//etc is what?"


@posix
def test_no_encoding_and_no_damaged_history_ends_a_conversation(server: LocalServer, tmp_path: Path) -> None:
    history = tmp_path / "togetherpy" / "chat_history"
    history.parent.mkdir()
    history.write_text('"\\u0000"\n"\\ud800"\n')
    (tmp_path / "prompt_toolkit.py").write_text("raise ImportError('blocked')")
    variables = program(server, XDG_STATE_HOME=str(tmp_path), PYTHONPATH=str(tmp_path), PYTHONIOENCODING="ascii")
    with terminal(*COMMAND, "chat", "--plain", cwd=str(tmp_path), **variables) as talk:
        talk.until("> ")
        enter(talk, "Où?")
        talk.until("> ")
        talk.type("\x04")
        talk.rest()
        assert talk.status == 0
    (request,) = server.requests
    assert request.json["messages"][-1]["content"] == "Où?"


@posix
def test_ctrl_c_stops_the_answer_and_not_the_program(
    dressing: dict[str, str], server: LocalServer, tmp_path: Path
) -> None:
    server.reply(events=events("begun ", *["and so on "] * 3000), pace=0.05)
    with terminal(*COMMAND, "chat", **dressing) as program:
        ready(program, dressing)
        enter(program, "A long story")
        program.until("begun and so on")
        program.type("\x03")
        said(program.until("/retry"), "stopped; what has come is kept")
        ready(program, dressing)
        # A signal before Python waits for a key is seen with the next one.
        program.type("half a line\x03\r")
        ready(program, dressing)
        enter(program, "Go on")
        program.until("Go on”")
        ready(program, dressing)
        enter(program, "exit")
        program.rest()
        assert program.status == 0
    question, kept, more = server.requests[1].json["messages"]
    assert question["content"] == "A long story"
    assert kept["role"] == "assistant"
    assert kept["content"].startswith("begun and so on")
    assert more["content"] == "Go on"


@posix
def test_what_is_typed_during_an_answer_is_there_for_the_next_prompt(
    dressing: dict[str, str], server: LocalServer
) -> None:
    server.reply(events=events("begun ", *["and so on "] * 10, "until here"), pace=0.05)
    with terminal(*COMMAND, "chat", **dressing) as program:
        ready(program, dressing)
        enter(program, "A story")
        program.until("begun")
        enter(program, "Go on")
        program.until("until here")
        program.until("Go on”")
        ready(program, dressing)
        program.type("\x04")
        program.rest()
        assert program.status == 0


@posix
def test_a_question_that_fails_is_taken_back_and_can_be_asked_again(
    dressing: dict[str, str], server: LocalServer
) -> None:
    server.reply(status=400, body={"error": {"message": "this is wrong"}})
    server.reply(events=events("half an "), cut=True)
    with terminal(*COMMAND, "chat", "--max-retries", "0", **dressing) as program:
        ready(program, dressing)
        enter(program, "Hello there")
        program.until("this is wrong")
        program.until("/retry")
        ready(program, dressing)
        enter(program, "/retry")
        program.until("asked again: Hello there")
        program.until("what has come is kept")
        ready(program, dressing)
        enter(program, "Go on")
        ready(program, dressing)
        program.type("\x04")
        program.rest()
        assert program.status == 0
    asked = [request.json["messages"] for request in server.requests]
    assert asked[0] == asked[1] == [{"role": "user", "content": "Hello there"}]
    assert [message["content"] for message in asked[2]] == ["Hello there", "half an ", "Go on"]


@posix
def test_several_lines_and_an_image(dressing: dict[str, str], server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    given = ("--image", "https://example.com/y.png")
    with terminal(*COMMAND, "chat", *given, cwd=str(tmp_path), **dressing) as program:
        program.until("1 image will go")
        ready(program, dressing)
        enter(program, "/image x.png")
        program.until("2 images will go")
        ready(program, dressing)
        enter(program, '"""What')
        program.until("... " if "PYTHONPATH" in dressing else "\x1b[?2004h")
        enter(program, 'is it?"""')
        ready(program, dressing)
        program.type("\x1b[A\r")  # the arrow up
        ready(program, dressing)
        program.type("\x04")
        program.rest()
    text, first, second = server.requests[0].json["messages"][0]["content"]
    assert text["text"] == "What\nis it?"
    assert first["image_url"]["url"] == "https://example.com/y.png"
    assert second["image_url"]["url"].startswith("data:image/png")
    assert server.requests[1].json["messages"][-1]["content"] == "What\nis it?"


@posix
def test_a_terminal_gets_words_whole_and_nothing_that_drives_it(dressing: dict[str, str], server: LocalServer) -> None:
    server.reply(events=events("\x1b]0;title\x07", *"several words that are wrapped at ends of them\n\nand a last one"))
    with terminal(*COMMAND, "chat", "x", columns=20, **dressing) as program:
        shown = program.rest()
        assert program.status == 0
    assert "\x1b]0" not in shown
    assert "\x07" not in shown
    said(shown, "?]0;title?several\n", "words that are\n", "wrapped at ends of\n", "them\n\nand a last one\n")


@posix
def test_markdown_is_laid_out_by_rich_unless_it_is_not_wanted(dressing: dict[str, str], server: LocalServer) -> None:
    server.reply(events=events("# Title\n\n", "**bold** [a link](https://example.com/)"), times=None)
    has_rich = "PYTHONPATH" not in dressing
    with terminal(*COMMAND, "chat", "x", **dressing) as program:
        assert ("**bold**" not in program.rest()) is has_rich
    with terminal(*COMMAND, "chat", "x", "--plain", **dressing) as program:
        assert program.rest() == "# Title\n\n**bold** [a link](https://example.com/)\n"
    if has_rich:
        with terminal(*COMMAND, "chat", "x", **dressing) as program:
            said(program.rest(), "\x1b[1mbold\x1b[0m", "https://example.com/")


@posix
def test_reasoning_between_two_texts_begins_a_line(dressing: dict[str, str], server: LocalServer) -> None:
    thought, *rest = events("One.", reasoning="Hm.")
    server.reply(events=[thought, rest[0], thought, *events(" Two.")])
    with terminal(*COMMAND, "chat", "x", "--plain", NO_COLOR="1", **dressing) as program:
        assert program.rest() == "Hm.\nOne.\nHm.\nTwo.\n"


@posix
def test_reasoning_is_shown_dim_on_a_terminal(dressing: dict[str, str], server: LocalServer) -> None:
    server.reply(events=events("Blue.", reasoning="Let me think."), times=None)
    with terminal(*COMMAND, "chat", "x", "--plain", **dressing) as program:
        shown = program.rest()
        assert shown.startswith("\x1b[2mLet me")
        assert shown.endswith("\x1b[22mBlue.\n")
        assert shown.replace("\x1b[2m", "").replace("\x1b[22m", "") == "Let me think.\nBlue.\n"
    with terminal(*COMMAND, "chat", "x", "--plain", "--reasoning", "hide", **dressing) as program:
        assert program.rest() == "Blue.\n"
    with terminal(*COMMAND, "chat", "x", "--plain", NO_COLOR="1", **dressing) as program:
        assert program.rest() == "Let me think.\nBlue.\n"


@posix
def test_ctrl_c_ends_a_single_question(dressing: dict[str, str], server: LocalServer) -> None:
    server.reply(events=events("begun ", *["and so on "] * 3000), pace=0.05)
    with terminal(*COMMAND, "chat", "x", **dressing) as program:
        program.until("begun and so on")
        program.type("\x03")
        said(program.rest(), "begun")
        assert program.status == 130


@posix
def test_a_conversation_needs_a_terminal_for_its_answers(server: LocalServer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = f"{' '.join(COMMAND)} chat > {out}; {' '.join(COMMAND)} chat --json"
    with terminal("/bin/sh", "-c", command, **program(server)) as shell:
        said(shell.rest(), "both standard input and output", "--json needs a prompt")
        assert shell.status == 2
    assert out.read_text() == ""
