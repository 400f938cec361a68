"""X9 in Python: what it costs to hand data to another process: pickled, and as shared memory."""
import array
import asyncio
import multiprocessing
import multiprocessing.shared_memory
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


class Node:
    __slots__ = ("number", "left", "right")

    def __init__(self, number, left, right):
        self.number, self.left, self.right = number, left, right


def tree(size):
    if size == 0:
        return None
    left = (size - 1) // 2
    return Node(size, tree(left), tree(size - 1 - left))


def answer(pipe):
    """The worker answers with what it finds at the end."""
    while (came := pipe.recv()) is not None:
        if isinstance(came, str):
            memory = multiprocessing.shared_memory.SharedMemory(came)
            numbers = memory.buf.cast("d")
            pipe.send(numbers[-1])
            numbers.release()
            memory.close()
        else:
            pipe.send(came.number if isinstance(came, Node) else came[-1])


async def main():
    b = Bench("X9")
    size = (16 << 20 if b.quick else 64 << 20) // 8
    here, there = multiprocessing.Pipe()
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=size * 8)
    worker = multiprocessing.Process(target=answer, args=(there,))
    worker.start()

    def handed(value, right):
        async def rounds_of(rounds):
            answers = 0
            for _ in range(rounds):
                here.send(value)
                answers += here.recv() == right
            return answers
        return rounds_of

    await b.measure("clone", 1, handed(array.array("d", [1.0]) * size, 1.0))
    try:
        numbers = memory.buf.cast("d")
        numbers[-1] = 1.0
        numbers.release()
        await b.measure("share", 1, handed(memory.name, 1.0))
    finally:
        memory.close()
        memory.unlink()
    count = 50_000 if b.quick else 200_000
    if b.wants("graph"):
        await b.measure("graph", 1, handed(tree(count), count))
    here.send(None)
    worker.join()


if __name__ == "__main__":
    asyncio.run(main())
