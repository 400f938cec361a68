# Three workers share five jobs.
import asyncio


async def worker(jobs, results):
    while not jobs.empty():
        job = jobs.get_nowait()
        print(f"Job {job} started")
        await asyncio.sleep(0.1)  # simulating an I/O task
        results.put_nowait(job * 2)


async def main():
    jobs, results = asyncio.Queue(), asyncio.Queue()
    for job in range(1, 6):
        jobs.put_nowait(job)
    async with asyncio.TaskGroup() as workers:
        for _ in range(3):
            workers.create_task(worker(jobs, results))
        for _ in range(5):
            print(f"Result processed: {await results.get()}")


asyncio.run(main())
