"""X28 in Python: very many timers are set, nine of ten are cancelled, the rest call their functions."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, resident, settled


def trial(loop, n):
    """How long it takes to set n timers and to cancel them: so much must lie between now and the first."""
    start = loop.time()
    for timer in [loop.call_later(3600 + i % 1000, int) for i in range(n)]:
        timer.cancel()
    return loop.time() - start


async def main():
    b = Bench("X28")
    n = 50_000 if b.quick else 1_000_000
    spread = 200_000 if b.quick else 2_000_000
    loop = asyncio.get_running_loop()
    ahead = 0.2 + 40 * trial(loop, n // 10)
    memory = await settled()
    base = loop.time() + ahead
    due = [base + i * 2654435761 % spread / 1e6 for i in range(n)]
    late, finished = {}, loop.create_future()

    def call(i):
        late[i] = (loop.time() - due[i]) * 1e6
        if len(late) == n // 10:
            finished.set_result(None)

    insert = cpu()
    timers = [loop.call_at(due[i], call, i) for i in range(n)]
    insert = cpu() - insert
    occupied = resident() - memory
    cancel, stopped = cpu(), 0
    for i, timer in enumerate(timers):
        if i % 10 != 0:
            timer.cancel()
            stopped += timer.cancelled()
    cancel = cpu() - cancel
    in_time = loop.time() < base
    fire = cpu()
    await finished
    fire = cpu() - fire

    lateness = sorted(max(0, x) for x in late.values())
    right = in_time and stopped == n // 10 * 9 and sorted(late) == list(range(0, n, 10))
    if b.wants("set"):
        b.emit("set", n, "insert", insert / n, "ns/timer")
        b.emit("set", n, "cancel", cancel / (n * 0.9), "ns/timer")
        b.emit("set", n, "memory", max(0, occupied) / n, "B/timer")
        b.emit("set", n, "check", n if right else 0, "count")
    if b.wants("fire"):
        b.emit("fire", n // 10, "p99", lateness[len(lateness) * 99 // 100], "us")
        b.emit("fire", n // 10, "p50", lateness[len(lateness) // 2], "us")
        b.emit("fire", n // 10, "fire", fire / (n // 10), "ns/timer")
        b.emit("fire", n // 10, "check", n // 10 if right else 0, "count")


asyncio.run(main())
