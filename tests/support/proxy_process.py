"""A forward proxy (HTTP with CONNECT, and SOCKS5) as a process: `python proxy_process.py cert.pem [user:password]`.

It prints the port it listens on and the port where it does so under TLS, then a line for every connection that it
passes on. It ends with its standard input.
"""

import asyncio
import ssl
import sys

import pproxy


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def main(certificate: str, login: str | None = None) -> None:
    login = f"#{login}" if login else ""
    server = pproxy.Server(f"http+socks5://127.0.0.1:0{login}")
    # authtime: who was let in once is asked again all the same.
    say = {"rserver": [], "authtime": -1, "verbose": lambda text: print(text, flush=True)}
    listening = await server.start_server(say)
    port = listening.sockets[0].getsockname()[1]

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    under_tls = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    print(port, under_tls.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    listening.close()
    under_tls.close()


asyncio.run(main(*sys.argv[1:]))
