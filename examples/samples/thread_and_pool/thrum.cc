// A thread that says hello, and a pool of ten that is given work with a result.
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

std::string fetch_data() {
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(10)); // blocks its thread of the pool
  return "some data";
}

int main() {
  std::thread t([] { std::puts("Hello from thread"); });
  t.join();

  thrum::thread_pool pool({.threads = 10});
  thrum::fiber<std::string> future = pool.spawn(fetch_data);
  std::puts(future.join().c_str()); // blocks the calling thread, or parks the fiber
}
