# A worker that is given an array, and sends its sum back: a process, as threads share one interpreter.
from multiprocessing import Pipe, Process


def worker(parent, array):
    parent.send(sum(array))


if __name__ == "__main__":
    messages, end = Pipe()
    process = Process(target=worker, args=(end, [1, 2, 3, 4, 5]))
    process.start()
    print("Result:", messages.recv())
    process.join()
