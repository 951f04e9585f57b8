"""The contenders: one small file each, all with the same names.

    ROLE           "ours", "peer", "bare" or "floor"
    REQUIRES       what pip installs into its environment; "." is this checkout, ".[extra]" with an extra
    IMPORT         the statement that imports the package, and nothing of it by name
    IMPORT_CLIENT  the statement that imports what its user makes a client of
    connect(url) -> client                             answer(client, ask) -> Tally
    stream(client, ask) -> Tally                       accumulate(client, ask) -> Tally
    answer_own, stream_own: as answer and stream, decoded into the user's own type
    answer_hooks, stream_hooks: the same with hooks that look at every event
    aconnect(url, connections) -> client               aanswer(client, ask) -> Tally
    astream(client, ask) -> Tally                      aclose(client)

A contender has the functions of the cases it takes part in and leaves out the others. `url` is the address of the
server and a scenario's name; whatever the client puts after it reaches the same scenario. Retries are off, the timeout
is the same for all, and so is the number of connections where a client can be told it.
Rule: what a contender needs is imported inside its functions, so that these files can be read without it.
"""
