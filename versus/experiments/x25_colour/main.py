"""X25 in Python: what changes in a tree of calls when its leaf has to wait; and a comparator of qsort that sleeps."""
import asyncio
import ctypes
import os
import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from after.tree import report as after
from before.tree import report as before
from kit import Bench, status, wall


def compare(b):
    leaves = 32
    old = before(1)
    start = wall()
    check = old + asyncio.run(after(1))
    waited = wall() - start >= leaves * 1e6
    # How the sources differ says the program that counts for all languages.
    folder = os.environ["VERSUS_EXPERIMENT"]
    said = subprocess.run([os.environ["VERSUS_LOAD"], folder + "/before/tree.py", folder + "/after/tree.py"],
                          check=True, capture_output=True)
    signatures, lines = map(int, said.stdout.split())
    b.emit("tree", leaves, "signatures", signatures, "functions")
    b.emit("tree", leaves, "lines", lines, "lines")
    b.emit("tree", leaves, "check", check if waited else 0, "count")


COMPARATOR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


@COMPARATOR
def slowly(a, b):
    """C calls it, so it cannot be an async function: it holds its thread."""
    time.sleep(0.001)
    return a[0] - b[0]


def sorts(libc):
    numbers = (ctypes.c_int * 8)(5, 3, 8, 1, 7, 2, 6, 4)
    libc.qsort(numbers, 8, ctypes.sizeof(ctypes.c_int), slowly)
    return list(numbers) == [1, 2, 3, 4, 5, 6, 7, 8]


def sorting(b):
    libc, n = ctypes.CDLL(None), 32
    start = wall()
    with ThreadPoolExecutor(n) as pool:
        working = [pool.submit(sorts, libc) for _ in range(n)]
        time.sleep(0.003)
        threads = status("Threads")
        right = sum(each.result() for each in working)
    b.emit("qsort", n, "wall", (wall() - start) / 1e6, "ms")
    b.emit("qsort", n, "threads", threads, "threads")
    b.emit("qsort", n, "check", right, "count")


if __name__ == "__main__":
    bench = Bench("X25")
    if bench.wants("tree"):
        compare(bench)
    if bench.wants("qsort"):
        sorting(bench)
