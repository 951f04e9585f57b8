"""What the parameters of chat completions mean, for `help()`.

In: nothing. Out: text. The rule: every parameter that `chat_params` declares is explained here, once, for the methods
that take it and for the TypedDict; a process that only makes calls never loads the declarations.
"""

_OPTIONS = """\
timeout: seconds, or a `Timeout`, for this call only. max_retries: retries after the first attempt, >= 0.
extra_headers: header fields to add; a value of None removes a default one.
extra_query: query parameters to add. extra_body: fields to add to the body, over all others.
"""

_OWN = """\
Parameters. None means absent: it is never sent. Ranges are the API's; the server checks them.

messages: the conversation so far: dicts, our message Structs (an answer's `message` as it is), dataclasses or
    pydantic objects. `content` is text or a list of parts (text, image_url, video_url, audio_url, input_audio).
model: name of the model, such as "openai/gpt-oss-20b".
max_tokens: most tokens to generate, >= 1. `max_completion_tokens` is the same for servers that call it so.
stop: a string or strings at which generation ends; they are not part of the answer.
temperature: randomness, 0 to 1 (some models take up to 2); 0 is the most repeatable.
top_p: share of probability mass to sample from, 0 to 1.
top_k: number of likeliest tokens to sample from, >= 1.
min_p: least probability of a token relative to the likeliest, 0 to 1.
repetition_penalty: > 0, above 1 repeats less; not together with presence_penalty and frequency_penalty (warns).
presence_penalty, frequency_penalty: -2 to 2, positive repeats less.
logit_bias: token id (as text) to bias, usually -100 to 100.
seed: integer for repeatable sampling.
logprobs: number of alternatives to return log probabilities for, 0 to 20 (some models want a bool).
top_logprobs: number of alternatives, for servers that take `logprobs` as a bool, 0 to 20.
echo: return the prompt too.
n: number of choices, 1 to 128.
safety_model: name of a moderation model.
tool_choice: "auto", "none", "required", or {"type": "function", "function": {"name": ...}}.
parallel_tool_calls: whether several calls may come in one answer.
function_call: the older form of `tool_choice`.
reasoning: {"enabled": bool} for models that can switch their reasoning.
reasoning_effort: "low", "medium" or "high".
chat_template_kwargs: options for the model's chat template, such as {"thinking": True}.
compliance: "hipaa".
context_length_exceeded_behavior: "error" (the default) or "truncate", which lowers max_tokens to what fits.
stream_options: options of a stream, such as {"include_usage": True}; Together sends usage without it.
user: your name for the end user. metadata: your own labels, text to text.

"""

_COMMON = _OWN + _OPTIONS

_RESPONSE_FORMAT = """\
response_format: {"type": "json_object"}, or "json_schema" with a schema, or "regex" with a pattern.
"""

_TOOLS = """\
tools: functions the model may call: {"type": "function", "function": {"name", "description", "parameters"}}, or
    typed Python functions (see `togetherpy.tools`).
"""

MEANING = {
    "CallOptions": _OPTIONS,
    "CommonParams": _COMMON,
    "ChatCompletionParams": "\n".join([_COMMON, _RESPONSE_FORMAT + _TOOLS]),
    "ParseParams": "\n".join([_COMMON, _TOOLS]),
    "RunToolsParams": "\n".join([_COMMON, _RESPONSE_FORMAT]),
}
"""By the name of the TypedDict."""
