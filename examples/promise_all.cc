// JavaScript's sample with Promise.all: five jobs at once, and all results when the last one is there.
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;

// simulating an asynchronous job
int worker(int id, int job) {
  std::printf("Worker %d started job %d\n", id, job);
  thrum::this_fiber::sleep_for(100ms); // an I/O task, like a database query
  return job * 2;
}

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0); // every line at once
  return thrum::run([] {
    // all jobs are kicked off immediately, distributed across 3 simulated workers
    std::vector<thrum::future<int>> jobs;
    for (int job = 1; job <= 5; ++job)
      jobs.push_back(thrum::async([job] { return worker((job - 1) % 3 + 1, job); }));

    // wait for all of them and collect the results
    for (int result : thrum::all(std::move(jobs)).get()) std::printf("Result processed: %d\n", result);
    return 0;
  });
}
