# Five jobs at once, and all results when the last one is there.
import asyncio


# simulating an asynchronous job
async def worker(id, job):
    print(f"Worker {id} started job {job}")
    await asyncio.sleep(0.1)  # an I/O task, like a database query
    return job * 2


async def main():
    jobs = [1, 2, 3, 4, 5]
    # distributed across 3 simulated workers
    results = await asyncio.gather(*(worker(index % 3 + 1, job) for index, job in enumerate(jobs)))
    for result in results:
        print(f"Result processed: {result}")


asyncio.run(main())
