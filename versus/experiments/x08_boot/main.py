"""X8 in Python: how long it takes until a process of multiprocessing has sent its first message."""
import asyncio
import multiprocessing
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


def answer(pipe):
    pipe.send(1)
    while (n := pipe.recv()) is not None:
        pipe.send(n)


async def boots(rounds):
    """Started, heard, ended; then the next."""
    messages = 0
    for _ in range(rounds):
        here, there = multiprocessing.Pipe()
        worker = multiprocessing.Process(target=answer, args=(there,))
        worker.start()
        messages += here.recv()
        here.send(None)
        worker.join()
    return messages


if __name__ == "__main__":
    asyncio.run(Bench("X8").measure("boot", 1, boots))
