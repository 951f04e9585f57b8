"""What only chat completions need: requests, streams, chunks and their sum, the types and tools of a program's own."""
