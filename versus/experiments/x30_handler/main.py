"""X30 in Python: the article's handler, with http.server, a thread for each connection (asyncio has no HTTP)."""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


class People:
    """In the process: documents by their ID, of which each is there once. With a delay, as a database behind a pool of ten
    connections."""

    def __init__(self, delay):
        self.delay = delay
        self.connections = threading.Semaphore(10)
        self.mutex = threading.Lock()
        self.all = {}

    def insert_many(self, persons):
        if not persons:
            raise ValueError("there is nobody to insert")
        if self.delay > 0:
            with self.connections:
                time.sleep(self.delay)
        ids = {}
        with self.mutex:
            for i, person in enumerate(persons):
                if person["ID"] in self.all:
                    for mine in ids.values():
                        del self.all[mine]
                    raise ValueError("a person of that ID is there")
                self.all[person["ID"]] = person
                ids[str(i)] = person["ID"]
        return {"insertedCount": len(persons), "insertedIds": ids}


def is_person(person):
    return (isinstance(person, dict) and isinstance(person.get("name"), str) and isinstance(person.get("ID"), str)
            and isinstance(person.get("age"), (int, float)) and not isinstance(person.get("age"), bool))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one write

    def answer(self, status, body):
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def do_GET(self):
        self.answer(404, {"message": "There is only POST /persons."})

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path != "/persons":
            return self.answer(404, {"message": "There is only POST /persons."})
        try:
            people = json.loads(text)
        except ValueError:
            return self.answer(400, {"message": "Request body must be JSON."})
        if not isinstance(people, list):
            return self.answer(400, {"message": "Request body must be an array of persons."})
        if not all(is_person(person) for person in people):
            return self.answer(400, {"message": "Each person must have name (string), age (number), and ID (string)."})
        try:
            result = self.server.db.insert_many(people)
        except ValueError:
            return self.answer(500, {"message": "Failed to insert people."})
        self.answer(201, result)

    def log_request(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 65535


def serve(b, variant, delay):
    if not b.wants(variant):
        return
    with Server(("127.0.0.1", 0), Handler) as server:
        server.db = People(delay)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run([os.environ["VERSUS_LOAD"], str(os.getpid()), str(server.server_port), "python", variant,
                        "quick" if b.quick else "full"], check=True)
        server.shutdown()


bench = Bench("X30")
serve(bench, "answers", 0)
serve(bench, "handler", 0)
serve(bench, "pool", 0.005)
