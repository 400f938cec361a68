"""X23 in Python: blocks of 64 KiB from a source through two stages into a sink: asyncio streams, and queues of blocks."""
import asyncio
import pathlib
import socket
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, peak, wall

SIZE = 64 << 10
# Every 64th byte is looked at: the source writes them, the stages add 1 to them, the sink knows what they must be by then.
PATTERN = bytes(i & 255 for i in range(SIZE // 64 + 256))
ADD_1 = bytes((i + 1) & 255 for i in range(256))


def pattern(number):
    return PATTERN[number & 255:(number & 255) + SIZE // 64]


def filled(number):
    b = bytearray(SIZE)
    b[::64] = pattern(number)
    return b


def step(b):
    b[::64] = b[::64].translate(ADD_1)
    return b


def is_right(b, number):
    return len(b) == SIZE and b[::64] == pattern(number + 2)


async def keep_slow(number, start):
    """The slow sink takes 16 blocks (1 MiB) every 5 ms."""
    if number % 16 == 15:
        await asyncio.sleep(max(0, start / 1e9 + (number + 1) / 16 * 0.005 - wall() / 1e9))


async def byte_pipe():
    """asyncio's streams are those of sockets and pipes: the bytes go through the kernel."""
    a, b = socket.socketpair()
    reader, spare = await asyncio.open_connection(sock=a, limit=SIZE)
    _, writer = await asyncio.open_connection(sock=b, limit=SIZE)
    return reader, writer, spare


async def stream_bytes(n, slow=False):
    raw, half, done = [await byte_pipe() for _ in range(3)]

    async def source(writer):
        for i in range(n):
            writer.write(filled(i))
            await writer.drain()
        writer.close()

    async def stage(reader, writer):
        for _ in range(n):
            writer.write(step(bytearray(await reader.readexactly(SIZE))))
            await writer.drain()
        writer.close()

    async def sink(reader):
        right, start = 0, wall()
        for i in range(n):
            right += is_right(await reader.readexactly(SIZE), i)
            if slow:
                await keep_slow(i, start)
        return right

    *_, right = await asyncio.gather(source(raw[1]), stage(raw[0], half[1]), stage(half[0], done[1]), sink(done[0]))
    for _, writer, spare in (raw, half, done):
        spare.close()
        await writer.wait_closed()
    return right


async def blocks(n, slow=False, room=1):
    raw, half, done = (asyncio.Queue(room) for _ in range(3))  # 0: no limit

    async def source():
        for i in range(n):
            await raw.put(filled(i))
        await raw.put(None)

    async def stage(take, give):
        while (b := await take.get()) is not None:
            await give.put(step(b))
        await give.put(None)

    async def sink():
        right, i, start = 0, 0, wall()
        while (b := await done.get()) is not None:
            right += is_right(b, i)
            if slow:
                await keep_slow(i, start)
            i += 1
        return right

    *_, right = await asyncio.gather(source(), stage(raw, half), stage(half, done), sink())
    return right


async def measure_memory(b, variant, flow):
    if not b.wants(variant):
        return
    n = 512 if b.quick else 2048
    before, c, start = peak(), cpu(), wall()
    right = await flow(n)
    took = wall() - start
    b.emit(variant, n, "memory", max(0, peak() - before) / 2**20, "MiB")
    b.emit(variant, n, "time", took / 1e3 / n, "us/block")
    b.emit(variant, n, "work", (cpu() - c) / 1e3 / n, "us/block")
    b.emit(variant, n, "check", right, "count")


async def main():
    b = Bench("X23")
    await b.measure("bytes", 1, stream_bytes)
    await b.measure("blocks", 1, blocks)
    await measure_memory(b, "slow", lambda n: stream_bytes(n, slow=True))
    await measure_memory(b, "unlimited", lambda n: blocks(n, slow=True, room=0))


asyncio.run(main())
