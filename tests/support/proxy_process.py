"""A forward proxy (HTTP with CONNECT, and SOCKS5) as a process: `python proxy_process.py [user:password]`.

It prints the port it listens on, then a line for every connection that it passes on. It ends with its standard input.
"""

import asyncio
import sys

import pproxy


async def main(login: str | None) -> None:
    login = f"#{login}" if login else ""
    server = pproxy.Server(f"http+socks5://127.0.0.1:0{login}")
    # authtime: who was let in once is asked again all the same.
    say = {"rserver": [], "authtime": -1, "verbose": lambda text: print(text, flush=True)}
    listening = await server.start_server(say)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    listening.close()


asyncio.run(main(*sys.argv[1:2] or [None]))
