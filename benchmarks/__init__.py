"""Side by side with the peers: every contender in its own process and its own environment, against one server.

In: `python -m benchmarks [CASE ...]`. Out: a table (or JSON) of CPU time per unit, wall time and peak memory.
Rule: nothing here imports a contender's package; only a worker process does, in the contender's environment.
"""
