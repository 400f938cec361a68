"""X11 in Python: a server that parses small and large bodies, with http.server, a thread for each connection (asyncio has no HTTP)."""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


class Count(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one write

    def do_POST(self):
        persons = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ages = sum(person["age"] for person in persons)
        text = b'{"persons":%d,"ages":%d}' % (len(persons), ages)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def log_request(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 65535


def serve(b, variant, bodies):
    if not b.wants(variant):
        return
    with Server(("127.0.0.1", 0), Count) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run([os.environ["VERSUS_LOAD"], str(server.server_port), "python", variant + "@1", str(bodies),
                        "quick" if b.quick else "full"], check=True)
        server.shutdown()


bench = Bench("X11")
serve(bench, "alone", 0)
serve(bench, "one", 1)
serve(bench, "each", os.cpu_count())
