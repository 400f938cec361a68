# Three ways to count safely: a lock for a block, a lock that is tried for a while, and what is whole without one.
import itertools
import threading

lock, reentrant = threading.Lock(), threading.RLock()
guarded = tried = 0
counter = itertools.count(1)  # next() is one step in CPython


def count():
    global guarded, tried
    for _ in range(1000):
        with lock:
            guarded += 1
        while not reentrant.acquire(timeout=0.1):
            pass
        try:
            tried += 1
        finally:
            reentrant.release()
        next(counter)


four = [threading.Thread(target=count) for _ in range(4)]
for thread in four:
    thread.start()
for thread in four:
    thread.join()
print(guarded, tried, next(counter) - 1)
