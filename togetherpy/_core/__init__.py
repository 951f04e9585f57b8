"""One call of any endpoint: configuration, request, attempts, answer, events. No sockets."""
