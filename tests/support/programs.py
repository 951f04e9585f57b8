"""Public programs that use `together`, driven through those of their parts that do.

    python programs.py NAME [--together]

In: a program that is installed, a server at TOGETHER_BASE_URL. Out: a line of JSON for each step, {"step", "value"} or
{"step", "error"}. togetherpy takes the place of `together` unless `--together` asks for the official package: the lines
of both can be laid side by side. The rule: drivers are a few calls each, nothing of a program's own is repeated here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

MODEL = "m"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CHOSEN = {"type": "function", "function": {"name": "get_weather"}}


def step(name: str, do: Callable[[], Any]) -> None:
    try:
        told = {"step": name, "value": do()}
    except Exception as error:
        told = {"step": name, "error": f"{type(error).__name__}: {str(error)[:300]}"}
    print(json.dumps(told, default=repr), flush=True)


def any_llm() -> None:
    from any_llm import AnyLLM

    llm = AnyLLM.create("together", api_key="k", api_base=os.environ["TOGETHER_BASE_URL"])

    def said() -> Any:
        answer = llm.completion(model=MODEL, messages=HELLO)
        return [answer.choices[0].message.content, answer.choices[0].finish_reason, answer.usage.total_tokens]

    def streamed() -> Any:
        chunks = llm.completion(model=MODEL, messages=HELLO, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    def called() -> Any:
        answer = llm.completion(model=MODEL, messages=HELLO, tools=[TOOL], tool_choice=CHOSEN)
        return answer.choices[0].message.tool_calls[0].function.name

    def structured() -> Any:
        import pydantic

        model = pydantic.create_model("City", name=(str, ...))
        return llm.completion(model=MODEL, messages=HELLO, response_format=model).choices[0].message.content

    def batch() -> Any:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as file:
            row = {"custom_id": "a", "body": {"model": MODEL, "messages": HELLO, "max_tokens": 5}}
            file.write(json.dumps(row) + "\n")
        made = llm.create_batch(input_file_path=file.name, endpoint="/v1/chat/completions")
        return [
            made.object,
            llm.retrieve_batch(made.id).id == made.id,
            made.id in [one.id for one in llm.list_batches()],
        ]

    step("completion", said)
    step("stream", streamed)
    step("tools", called)
    step("structured", structured)
    step("embedding", lambda: len(llm._embedding(MODEL, ["a", "b"]).data))
    step("rerank", lambda: sorted(one.index for one in llm._rerank(MODEL, "a", ["a", "b"]).results))
    step("models", lambda: len(llm.list_models()) > 0)
    step("batch", batch)


def mem0() -> None:
    from mem0.configs.embeddings.base import BaseEmbedderConfig
    from mem0.configs.llms.base import BaseLlmConfig
    from mem0.embeddings.together import TogetherEmbedding
    from mem0.llms.together import TogetherLLM

    llm = TogetherLLM(BaseLlmConfig(model=MODEL, api_key="k"))
    embedder = TogetherEmbedding(BaseEmbedderConfig(model=MODEL, api_key="k"))
    step("generate", lambda: llm.generate_response(HELLO))
    step("json", lambda: llm.generate_response(HELLO, response_format={"type": "json_object"}))
    step("tools", lambda: llm.generate_response(HELLO, tools=[TOOL], tool_choice=CHOSEN)["tool_calls"][0]["name"])
    step("embed", lambda: len(embedder.embed("a")) > 0)
    step("embed_batch", lambda: len(embedder.embed_batch(["a", "b"])))


def autogen() -> None:
    from autogen import AssistantAgent, UserProxyAgent
    from autogen.oai.together import TogetherClient

    config = {"api_type": "together", "model": MODEL, "api_key": "k"}

    def client() -> Any:
        made = TogetherClient(api_key="k").create({"model": MODEL, "messages": HELLO})
        return [made.choices[0].message.content, made.usage.total_tokens]

    def tools() -> Any:
        made = TogetherClient(api_key="k").create({"model": MODEL, "messages": HELLO, "tools": [TOOL]})
        return made.choices[0].message.tool_calls[0].function.name

    def agents() -> Any:
        agent = AssistantAgent("a", llm_config={"config_list": [config], "cache_seed": None})
        user = UserProxyAgent("u", human_input_mode="NEVER", code_execution_config=False)
        return user.initiate_chat(agent, message="Hello", max_turns=1).chat_history[-1]["content"]

    step("client", client)
    step("tools", tools)
    step("agents", agents)


def cachesaver() -> None:
    from cachesaver.models.together import AsyncTogether, Together

    def said(n: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            client = Together(cachedir=folder)
            both = [client.chat.completions.create(model=MODEL, messages=HELLO, n=n) for _ in range(2)]
        return [[choice.message.content for choice in one.choices] for one in both]

    def cached() -> Any:
        async def twice() -> Any:
            with tempfile.TemporaryDirectory() as folder:
                first = AsyncTogether(cachedir=folder, namespace="x")
                one = await first.chat.completions.create(model=MODEL, messages=HELLO, request_id="1")
                other, about = await AsyncTogether(cachedir=folder, namespace="y").chat.completions.create(
                    model=MODEL, messages=HELLO, request_id="1", metadata=True
                )
                return [one.choices[0].message.content == other.choices[0].message.content, about.cached]

        return asyncio.run(twice())

    step("create", lambda: said(1))
    step("three", lambda: said(3))
    step("cached", cached)


def composio() -> None:
    from composio_togetherai import ComposioToolSet
    from together import Together

    done: list[Any] = []

    class Tools(ComposioToolSet):  # the tools themselves are its service's
        def __init__(self) -> None:
            self.entity_id = "default"

        def execute_action(self, action: Any, params: Any, entity_id: Any = None, **how: Any) -> Any:
            done.append([action, params])
            return {"done": action}

    client = Together(api_key="k")
    ask: Any = {"model": MODEL, "messages": HELLO, "tools": [TOOL], "tool_choice": CHOSEN}

    step("answer", lambda: Tools().handle_tool_calls(client.chat.completions.create(**ask)))
    step("stream", lambda: Tools().handle_tool_calls(iter(client.chat.completions.create(stream=True, **ask))))
    step("called", lambda: done)


def judgeval() -> None:
    from judgeval.instrumentation import wrap
    from judgeval.instrumentation.llm.llm_together.config import HAS_TOGETHER
    from together import AsyncTogether, Together

    client, other = wrap(Together(api_key="k")), wrap(AsyncTogether(api_key="k"))
    create = client.chat.completions.create

    async def asynchronous() -> Any:
        answer = await other.chat.completions.create(model=MODEL, messages=HELLO)
        stream = await other.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        return [answer.choices[0].message.content, len([chunk async for chunk in stream]) > 1]

    step("found", lambda: [HAS_TOGETHER, create.__module__])
    step("create", lambda: create(model=MODEL, messages=HELLO).choices[0].message.content)
    step("stream", lambda: len(list(create(model=MODEL, messages=HELLO, stream=True))) > 1)
    step("asynchronous", lambda: asyncio.run(asynchronous()))


def instructor() -> None:
    import instructor
    import pydantic
    from together import AsyncTogether, Together

    topic = pydantic.create_model("Topic", topic=(str, ...))  # the server's own JSON has one

    def asked(mode: Any) -> Any:
        create = instructor.patch(create=Together(api_key="k").chat.completions.create, mode=mode)
        made = create(model=MODEL, messages=HELLO, response_model=topic, max_retries=1)
        return [type(made).__name__, type(made.topic).__name__, made._raw_response.choices[0].finish_reason is not None]

    async def asynchronous() -> Any:
        create = instructor.patch(create=AsyncTogether(api_key="k").chat.completions.create, mode=instructor.Mode.TOOLS)
        return type(await create(model=MODEL, messages=HELLO, response_model=topic, max_retries=1)).__name__

    for mode in ("TOOLS", "JSON", "JSON_SCHEMA"):
        step(mode, lambda mode=mode: asked(getattr(instructor.Mode, mode)))
    step("asynchronous", lambda: asyncio.run(asynchronous()))


def helm() -> None:
    from helm.clients.together_client import TogetherChatClient, TogetherCompletionClient
    from helm.common.cache import BlackHoleCacheConfig
    from helm.common.request import Request

    def asked(make: Any, **more: Any) -> Any:
        client = make(cache_config=BlackHoleCacheConfig(), api_key="k", together_model=MODEL)
        request = Request(model="together/m", model_deployment="together/m", max_tokens=5, prompt="Hello", **more)
        result = client.make_request(request)
        return [result.success, result.error, [len(one.tokens) > 0 for one in result.completions]]

    step("chat", lambda: asked(TogetherChatClient))
    step("two", lambda: asked(TogetherChatClient, num_completions=2, top_k_per_token=1))
    step("completion", lambda: asked(TogetherCompletionClient))


def unstructured_ingest() -> None:
    from unstructured_ingest.embed import togetherai

    texts = [{"text": "a", "type": "Text"}, {"text": "b", "type": "Text"}]

    def config(model: str = MODEL, key: str = "k") -> Any:
        return togetherai.TogetherAIEmbeddingConfig(api_key=key, model_name=model)

    def embedded() -> Any:
        made = togetherai.TogetherAIEmbeddingEncoder(config=config())
        return [len(one["embeddings"]) > 0 for one in made.embed_documents([dict(one) for one in texts])]

    async def asynchronous() -> Any:
        made = togetherai.AsyncTogetherAIEmbeddingEncoder(config=config())
        return [len(one["embeddings"]) > 0 for one in await made.embed_documents([dict(one) for one in texts])]

    def precheck() -> Any:
        from together import Together

        made = Together(api_key="k").models.list()[0].id
        togetherai.TogetherAIEmbeddingEncoder(config=config(made)).precheck()
        return True

    def wrapped() -> Any:
        from together import Together

        try:
            Together(api_key="k").files.retrieve("file-none")
        except Exception as error:
            return type(config().wrap_error(error)).__name__

    step("embed", embedded)
    step("asynchronous", lambda: asyncio.run(asynchronous()))
    step("precheck", precheck)
    step("error", wrapped)


def minions() -> None:
    from minions.clients.together import TogetherClient

    client = TogetherClient(model_name=MODEL, api_key="k")
    step("chat", lambda: client.chat(HELLO))
    step("probs", lambda: {name: len(value) for name, value in client.get_sequence_probs("a b").items()})
    step("completion", lambda: {n: len(v) for n, v in client.get_sequence_probs("a b", " c d").items()})


def inspect_ai() -> None:
    from inspect_ai.model import BatchConfig, GenerateConfig, get_model

    def asked(count: int) -> Any:
        async def both() -> Any:
            batch = BatchConfig(size=count, send_delay=0.1, tick=0.1)
            model = get_model("together/m", api_key="k", config=GenerateConfig(batch=batch, max_tokens=5))
            return await asyncio.gather(*[model.generate(f"Hello {number}") for number in range(count)])

        return [[one.stop_reason, len(one.completion) > 0] for one in asyncio.run(both())]

    step("batch", lambda: asked(1))
    step("batch of three", lambda: asked(3))


def llama_stack() -> None:
    from llama_stack.providers.registry.inference import available_providers
    from llama_stack.providers.remote.inference.together import together
    from llama_stack.providers.remote.inference.together.config import TogetherImplConfig
    from llama_stack_api import OpenAIChatCompletionRequestWithExtraBody, OpenAIEmbeddingsRequestWithExtraBody

    class Adapter(together.TogetherInferenceAdapter):  # the store of models is the stack's own
        __provider_spec__ = next(one for one in available_providers() if one.provider_type == "remote::together")

        async def _get_provider_model_id(self, model: str) -> str:
            return model

    config = TogetherImplConfig(base_url=os.environ["TOGETHER_BASE_URL"], api_key="k")

    def embedded() -> Any:
        asked = OpenAIEmbeddingsRequestWithExtraBody(model=MODEL, input=["a", "b"])
        made = asyncio.run(Adapter(config=config).openai_embeddings(asked))
        return [made.model, len(made.data), len(made.data[0].embedding) > 0, made.usage.total_tokens]

    def said() -> Any:
        asked = OpenAIChatCompletionRequestWithExtraBody(model=MODEL, messages=HELLO)
        return asyncio.run(Adapter(config=config).openai_chat_completion(asked)).choices[0].message.content

    step("models", lambda: len(list(asyncio.run(Adapter(config=config).list_provider_model_ids()))) > 0)
    step("embeddings", embedded)
    step("chat", said)


PROGRAMS: dict[str, tuple[str, Callable[[], None]]] = {
    "any-llm": ("any_llm", any_llm),
    "mem0": ("mem0", mem0),
    "autogen": ("autogen", autogen),
    "cachesaver": ("cachesaver", cachesaver),
    "composio": ("composio_togetherai", composio),
    "judgeval": ("judgeval", judgeval),
    "instructor": ("instructor", instructor),
    "helm": ("helm", helm),
    "unstructured-ingest": ("unstructured_ingest", unstructured_ingest),
    "minions": ("minions", minions),
    "inspect-ai": ("inspect_ai", inspect_ai),
    "llama-stack": ("llama_stack", llama_stack),
}
"""The module that a program is, and its driver."""

if __name__ == "__main__":
    if "--together" not in sys.argv:
        import togetherpy

        togetherpy.install_as_together()
    PROGRAMS[sys.argv[1]][1]()
