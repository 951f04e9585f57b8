"""The types of a program's own: their JSON schemas, decoding into them, what their docstrings say."""
