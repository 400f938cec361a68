// A worker of Node's worker_threads that sums its workerData, as an isolate: a thread with a loop of its own, which is given a copy.
//
//   const worker = new Worker(import.meta.filename, { workerData: { array: [1,2,3,4,5] } });
//   worker.on('message', result => console.log('Result:', result));
//   ...
//   const sum = workerData.array.reduce((a, b) => a + b, 0);
//   parentPort.postMessage(sum);
#include <thrum/isolate.h>

#include <cstdio>
#include <numeric>
#include <vector>

int main() {
  thrum::isolate<std::vector<int>, int> worker([](auto& parent) {
    const std::vector<int> data = parent.recv().value();
    parent.post(std::accumulate(data.begin(), data.end(), 0));
  });
  worker.post({1, 2, 3, 4, 5});
  std::printf("Result: %d\n", worker.recv().value());
}
