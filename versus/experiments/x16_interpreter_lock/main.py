"""X16 in Python: what the interpreter's lock lets threads do, and what it protects."""
import math
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, wall

PROCESSORS = len(os.sched_getaffinity(0))


def compute(steps):
    """It calls nothing and waits for nothing; xorshift never gets to zero."""
    x = 1
    for _ in range(steps):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
    return x


def wall_of(f):
    start = wall()
    f()
    return wall() - start


def best_of(b, f):
    """The best of some tries: what a machine that does other things, too, can show."""
    return min(f() for _ in range(3 if b.quick else 7))


def slow_down(b, variant, executor, n):
    """How much longer n tasks take than one."""
    if not b.wants(variant):
        return
    steps = 80_000 if b.quick else 1_000_000
    wanted, alone, results = 0, math.inf, []

    with executor(n) as pool:
        list(pool.map(compute, [1000] * 2 * n))  # they are there

        def attempt():
            nonlocal wanted, alone, results
            start = wall()
            wanted = compute(steps)
            middle = wall()
            results = list(pool.map(compute, [steps] * n))
            alone = min(alone, middle - start)
            return wall() - middle

        together = best_of(b, attempt)
    b.emit(variant, n, "slowdown", together / alone, "times one")
    b.emit(variant, n, "check", sum(r == wanted for r in results), "count")


def wait_in_threads(b):
    if not b.wants("waits"):
        return
    n, right = 32, 0

    def attempt():
        nonlocal right
        start = wall()
        with ThreadPoolExecutor(n) as pool:
            right = sum(t >= 20e6 for t in pool.map(lambda _: wall_of(lambda: time.sleep(0.02)), range(n)))
        return wall() - start

    together = best_of(b, attempt)
    b.emit("waits", n, "slowdown", together / 20e6, "times one")
    b.emit("waits", n, "check", right, "count")


def wait_beside(b):
    """Short waits, beside a thread that computes."""
    if not b.wants("beside"):
        return
    n, stop, done = 50 if b.quick else 1000, False, 0

    def waits():
        nonlocal done
        for _ in range(n):
            time.sleep(0.001)
            done += 1

    def hog():
        while not stop:
            compute(1000)

    alone = wall_of(waits)
    done, thread = 0, threading.Thread(target=hog)
    thread.start()
    beside = wall_of(waits)
    stop = True
    thread.join()
    b.emit("beside", n, "slowdown", beside / alone, "times one")
    b.emit("beside", n, "check", done, "count")


def lose_updates(b):
    """Four threads read a number, call a function, and write what it returns."""
    if not b.wants("lost"):
        return
    each = 500_000 if b.quick else 5_000_000
    balance, done = 0, []

    def after_deposit(x):
        return x + 1

    def deposit():
        nonlocal balance
        mine = 0
        for _ in range(each):
            balance = after_deposit(balance)
            mine += 1
        done.append(mine)

    threads = [threading.Thread(target=deposit) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    b.emit("lost", 4 * each, "lost", 100 * (1 - balance / (4 * each)), "%")
    b.emit("lost", 4 * each, "check", sum(done), "count")


def newest(has_lock):
    """The newest interpreter that is newer than this one, or has no lock: on PATH, or beside this one, where pyenv has them."""
    found = []
    names = [f"python3.{minor}{'' if has_lock else 't'}" for minor in range(sys.version_info[1], 30)]
    beside = pathlib.Path(sys.base_prefix).parent.glob("*/bin/python3")
    for program in [*filter(None, map(shutil.which, names)), *map(str, beside)]:
        question = "import sys, sysconfig; print(*sys.version_info[:3], sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
        try:
            said = subprocess.run([program, "-c", question], capture_output=True, timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            continue
        *version, unlocked = map(int, said.stdout.split() or [0, 0])
        if bool(unlocked) != has_lock and (not has_lock or tuple(version) > sys.version_info[:3]):
            found.append((version, program))
    return max(found)[1] if found else None


def by_another(b, variant, has_lock, missing):
    """Two threads that compute, in another interpreter."""
    if not b.wants(variant):
        return
    if os.environ.get("X16_BY") == variant:
        slow_down(b, variant, ThreadPoolExecutor, 2)
        return
    program = newest(has_lock)
    if program is None:
        b.lacks(variant, missing)
        return
    os.environ["X16_BY"] = variant
    os.execv(program, [program, "-B", sys.argv[0], *["--quick"] * b.quick, variant])


def main():
    b = Bench("X16")
    slow_down(b, "two", ThreadPoolExecutor, 2)
    slow_down(b, "every", ThreadPoolExecutor, PROCESSORS)
    slow_down(b, "processes", ProcessPoolExecutor, 2)
    wait_in_threads(b)
    wait_beside(b)
    lose_updates(b)
    by_another(b, "newer", True, f"no Python newer than {sys.version.split()[0]} is here")
    by_another(b, "free", False, "no Python without the lock (python3.13t or newer) is here")


if __name__ == "__main__":
    main()
