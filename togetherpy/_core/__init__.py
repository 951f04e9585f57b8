"""The pure part: values in, values out. No sockets, no clock, no randomness."""
