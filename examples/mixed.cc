// Both models in one program: an event loop, which owns its state and needs no lock, and fibers that compute on all processors. They
// talk through channels.
#include <thrum/event_loop.h>
#include <thrum/thrum.h>

#include <cstdio>
#include <map>
#include <utility>

using result = std::pair<int, long>;

long sum_to(int n) { // stands for something that takes long
  long sum = 0;
  for (int i = 1; i <= n; ++i) sum += i;
  return sum;
}

int main() {
  const thrum::chan<int> questions(4);
  const thrum::chan<result> answers(4);

  // Go's half: workers on every processor
  thrum::wait_group workers;
  for (int w = 0; w < 4; ++w)
    workers.go([=] {
      for (const int n : questions) answers.send({n, sum_to(n)});
    });

  // Node's half: one at a time, so the table needs no lock
  thrum::event_loop loop;
  std::map<int, long> table;
  auto asks = loop.spawn([&] {
    for (int n = 1; n <= 10; ++n)
      questions.send(n * 1000); // waits where the workers are busy; the loop goes on
    questions.close();
  });
  auto listens = loop.spawn([&] {
    for (int left = 10; left > 0; --left) {
      const auto answer = answers.recv();
      table.insert(*answer);
      if (left == 1) loop.set_immediate([&] { std::printf("%zu answers\n", table.size()); });
    }
  });
  loop.run();
  asks.join();
  listens.join();
  workers.wait();
  for (const auto& [n, sum] : table) std::printf("1 + ... + %d = %ld\n", n, sum);
}
