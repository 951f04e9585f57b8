"""The only files that touch a socket: Request in, outcome out."""
