// A hundred thousand tasks, each of which blocks for a while, and plain code in each.
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>

void request(std::atomic<int>& answered) {
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(100)); // blocks (but cheap)
  ++answered;
}

int main() {
  return thrum::run([] {
    std::atomic<int> answered = 0;
    thrum::wait_group requests;
    for (int i = 0; i < 100'000; ++i) requests.go([&] { request(answered); });
    requests.wait();
    std::printf("%d requests\n", answered.load());
    return 0;
  });
}
