"""What very many rows cost, and what breaks first: `python -m benchmarks scale`.

`measured` takes short measurements on this machine, `model` multiplies, `command` prints the table.
"""
