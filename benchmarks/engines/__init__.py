"""The operator on the engines that people run, beside each engine's own way: `python -m benchmarks engines`.

A module for each engine, all with the same names, as the contenders have:

    TITLE, OWN      what the engine is called, and its own way to ask a model about each row
    REQUIRES        what pip installs into its environment; togetherpy is found in this checkout
    started()       a context: the engine is up
    operator(url, texts), own(url, texts)
                    the answers to texts, in their order, asked by ChatOp and in the engine's own way

Both ways have PROCESSES processes where the engine has several, and IN_FLIGHT requests in flight together where they
can be told.
"""

PROCESSES = 2
IN_FLIGHT = 64
MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
CLIENTS = ["openai", "msgspec>=0.21", "urllib3>=2.7,<3"]
"""What both ways need beside the engine."""
