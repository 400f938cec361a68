"""X12 in Python: an echo server of asyncio, with a protocol object for each connection (its streams are slower); and
http.server, with a thread for each connection (asyncio has no HTTP)."""
import asyncio
import http.server
import os
import pathlib
import resource
import subprocess
import sys
import threading

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


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = self.path[1:].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 65535


def serve_http(b, variant, connections, busy):
    if not b.wants(variant):
        return
    with Server(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run(
            [os.environ["VERSUS_LOAD"], str(os.getpid()), str(server.server_port), "X12", "python", variant,
             str(connections), str(busy), "quick" if b.quick else "full"], check=True)
        server.shutdown()


async def main():
    b = Bench("X12")
    await serve(b, "busy1000", 1000, 1000)
    await serve(b, "conns100", 100, 10)
    await serve(b, "conns1000", 1000, 100)
    await serve(b, "conns10000", 10000, 1000)
    await serve(b, "conns11000", 11000, 1000)
    serve_http(b, "http100", 100, 10)
    serve_http(b, "http1000", 1000, 100)


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
