# Four computations in four processes, and then one whose result is awaited while the loop goes on.
import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pool


def cpu_work(x):
    return sum(i * i for i in range(x))


async def main():
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor() as pool:
        # run CPU work in a subprocess, await the result
        result = await loop.run_in_executor(pool, cpu_work, 1000)
    print("awaited:", result)


if __name__ == "__main__":
    with Pool(processes=4) as pool:
        for result in pool.map(cpu_work, [10**6] * 4):
            print(result)
    asyncio.run(main())
