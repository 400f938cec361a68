// Three workers share five jobs: channels, a wait group, and plain blocking code.
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <functional>

using namespace std::chrono_literals;
using thrum::chan, thrum::receiver, thrum::sender, thrum::wait_group;

// worker processes incoming jobs from the jobs channel; it cannot send there, nor receive results
void worker(receiver<int> jobs, sender<int> results, wait_group& wg) {
  for (int job : jobs) {
    std::printf("Job %d started\n", job); // which worker takes it differs from run to run
    thrum::this_fiber::sleep_for(100ms);  // simulating an I/O task
    results.send(job * 2);
  }
  wg.done(); // signal completion when the worker exits
}

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0); // every line at once
  return thrum::run([] {
    const int num_jobs = 5;
    chan<int> jobs(num_jobs), results(num_jobs);
    wait_group wg;

    // spin up 3 concurrent workers
    for (int w = 0; w < 3; ++w) {
      wg.add(1);
      thrum::go(worker, jobs, results, std::ref(wg));
    }

    // send jobs to the channel
    for (int j = 1; j <= num_jobs; ++j) jobs.send(j);
    jobs.close(); // closing tells workers no more jobs are coming

    // wait for all workers to finish in the background
    thrum::go([&wg, results] {
      wg.wait();
      results.close();
    });

    // collect all results
    for (int res : results) std::printf("Result processed: %d\n", res);
    return 0;
  });
}
