"""X15 in Python: requests that wait 100 ms each: on pools of threads, in a thread each, in a task each."""
import asyncio
import itertools
import pathlib
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, peak, wall


class Desk:
    """What is known of the requests of one variant."""

    def __init__(self, n):
        self.n, self.places, self.served, self.most = n, itertools.count(), [], 0

    def arrive(self):
        tenth = self.n // 10
        if next(self.places) % tenth == tenth - 1:
            self.most = max(self.most, peak())
        return wall()

    def leave(self, start):
        if wall() - start >= 100e6:
            self.served.append(1)

    def serve(self):
        start = self.arrive()
        time.sleep(0.1)
        self.leave(start)

    async def serve_async(self):
        start = self.arrive()
        await asyncio.sleep(0.1)
        self.leave(start)


def in_pool(threads):
    def serve_all(desk):
        with ThreadPoolExecutor(threads) as pool:
            for _ in range(desk.n):
                pool.submit(desk.serve)
    return serve_all


def in_threads(desk):
    threads = [threading.Thread(target=desk.serve) for _ in range(desk.n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def in_tasks(desk):
    async def serve_all():
        await asyncio.gather(*[desk.serve_async() for _ in range(desk.n)])
    asyncio.run(serve_all())


def measure(b, variant, n, serve_all):
    if not b.wants(variant):
        return
    desk = Desk(n)
    before, c, start = peak(), cpu(), wall()
    serve_all(desk)
    b.emit(variant, n, "request", (wall() - start) / 1e3 / n, "us/request")
    b.emit(variant, n, "memory", (desk.most - before) / 2**20, "MiB")
    b.emit(variant, n, "cpu", (cpu() - c) / 1e3 / n, "us/request")
    b.emit(variant, n, "check", len(desk.served), "count")


b = Bench("X15")
measure(b, "pool10", 50 if b.quick else 1000, in_pool(10))
measure(b, "pool200", 1000, in_pool(200))
measure(b, "thread", 1000, in_threads)
measure(b, "task", 1000, in_tasks)
measure(b, "thread10k", 10_000, in_threads)
measure(b, "task10k", 10_000, in_tasks)
