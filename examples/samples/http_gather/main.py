# Users are fetched by HTTP, all at once. With the standard library alone; aiohttp would not need the threads.
import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen


def fetch_user(site, id):
    with urlopen(f"{site}/users/{id}") as response:
        return response.read().decode()


async def get_users(site, ids):
    return await asyncio.gather(*(asyncio.to_thread(fetch_user, site, id) for id in ids))


# Answers when three have asked: who asks for one after the other waits for ever.
class Users(BaseHTTPRequestHandler):
    three = threading.Barrier(3)

    def do_GET(self):
        self.three.wait()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"id":%s}' % self.path.removeprefix("/users/").encode())

    def log_message(self, *_):
        pass


with ThreadingHTTPServer(("127.0.0.1", 0), Users) as server:
    threading.Thread(target=server.serve_forever).start()
    for user in asyncio.run(get_users(f"http://127.0.0.1:{server.server_port}", [1, 2, 3])):
        print(user)
    server.shutdown()
