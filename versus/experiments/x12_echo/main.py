"""X12 in Python: an echo server of asyncio, with a protocol object for each connection (its streams are slower)."""
import asyncio
import os
import pathlib
import resource
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def serve(b, variant, connections, busy):
    if not b.wants(variant):
        return
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=65535)
    port = server.sockets[0].getsockname()[1]
    clients = await asyncio.create_subprocess_exec(
        os.environ["VERSUS_LOAD"], str(os.getpid()), str(port), "X12", "python", variant, str(connections), str(busy),
        "quick" if b.quick else "full")
    if await clients.wait() != 0:
        sys.exit(1)
    server.close()


async def main():
    b = Bench("X12")
    await serve(b, "busy1000", 1000, 1000)
    await serve(b, "conns100", 100, 10)
    await serve(b, "conns1000", 1000, 100)
    await serve(b, "conns10000", 10000, 1000)


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
