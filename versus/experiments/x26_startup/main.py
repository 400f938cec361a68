"""X26 in Python: an empty program, and one whose asyncio tasks all sleep."""
import os
import sys


def idle():
    import asyncio

    async def hour():
        await asyncio.sleep(3600)

    async def main():
        tasks = [asyncio.create_task(hour()) for _ in range(100)]
        await asyncio.sleep(0)  # all have begun
        print("done", len(tasks), flush=True)
        await asyncio.gather(*tasks)

    asyncio.run(main())


def be_measured():
    wanted = sys.argv[1:]
    if "--processors" in wanted:
        at = wanted.index("--processors")
        del wanted[at:at + 2]
    clock = os.environ["VERSUS_LOAD"]
    os.execv(clock, [clock, "python", "--processors", "1", *wanted, "--", sys.executable, "-B", os.path.abspath(__file__)])


match os.environ.get("X26"):
    case "empty":
        print("done 1")
    case "idle":
        idle()
    case _:
        be_measured()
