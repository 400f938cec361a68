"""What CPython's global lock protects, and what not. Every line it prints is certain: where a switch between threads matters, the
threads wait for each other at just that place (in a program the switch comes there now and then). examples/what_protects.cc is
its counterpart. With the argument `count` it counts instead how often the switch does come, by chance.
"""
import asyncio
import sys
import threading


def in_threads(n, f):
    threads = [threading.Thread(target=f) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def containers():
    items = []
    in_threads(4, lambda: [items.append(1) for _ in range(10_000)])
    print(f"four threads append to one list: {len(items)} of 40000 are there")


def read_and_write():
    balance = 0
    both_have_read = threading.Barrier(2)

    def deposit():
        nonlocal balance
        before = balance
        both_have_read.wait()  # a query, a print, a call: anything that may let another thread run
        balance = before + 1

    in_threads(2, deposit)
    print(f"two threads read, let others run, and write: {balance} of 2")


def read_and_write_with_lock():
    balance = 0
    account = threading.Lock()

    def deposit():
        nonlocal balance
        with account:
            before = balance
            threading.Event().wait(0.001)
            balance = before + 1

    in_threads(2, deposit)
    print(f"the same with a lock across it: {balance} of 2")


def two_objects():
    left, right = [100], [0]
    half_way, seen = threading.Event(), threading.Event()

    def transfer():
        left[0] -= 10
        half_way.set()
        seen.wait()
        right[0] += 10

    mover = threading.Thread(target=transfer)
    mover.start()
    half_way.wait()
    print(f"between two changes that belong together another thread sees {left[0] + right[0]} instead of 100")
    seen.set()
    mover.join()


def iteration():
    table = {i: i for i in range(10)}
    begun, added = threading.Event(), threading.Event()

    def add():
        begun.wait()
        table["new"] = 1
        added.set()

    adder = threading.Thread(target=add)
    adder.start()
    try:
        for _ in table:
            begun.set()
            added.wait()
        print("a loop over a dictionary did not notice that it changed")
    except RuntimeError as e:
        print(f"a loop over a dictionary that another thread changes: {e}")
    adder.join()


def one_thread():
    balance = 0

    async def deposit():
        nonlocal balance
        before = balance
        await asyncio.sleep(0)
        balance = before + 1

    async def main():
        await asyncio.gather(deposit(), deposit())

    asyncio.run(main())
    print(f"two tasks of one asyncio loop read, await, and write: {balance} of 2")


def count():
    sys.setswitchinterval(1e-6)
    n = 0

    def next_after(x):
        return x + 1

    def work():
        nonlocal n
        for _ in range(300_000):
            n = next_after(n)

    in_threads(4, work)
    print(f"{sys.version.split()[0]}: {1_200_000 - n} of 1200000 updates are lost by chance")


if sys.argv[1:] == ["count"]:
    count()
else:
    containers()
    read_and_write()
    read_and_write_with_lock()
    two_objects()
    iteration()
    one_thread()
