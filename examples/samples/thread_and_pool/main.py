# A thread that says hello, and a pool of ten that is given work with a result.
import threading
import time
from concurrent.futures import ThreadPoolExecutor


def fetch_data():
    time.sleep(0.01)
    return "some data"


t = threading.Thread(target=print, args=("Hello from thread",))
t.start()
t.join()

with ThreadPoolExecutor(max_workers=10) as pool:
    future = pool.submit(fetch_data)
    print(future.result())  # blocks the calling thread
