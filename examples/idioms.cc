// What has no class of its own here, and what one writes instead: Go's sync.Pool, queues that are in order of priority or last in first
// out, Java's CopyOnWriteArrayList and DelayQueue, Node's BroadcastChannel. docs/coming-from.md has the words.
#include <thrum/emitter.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// sync.Pool: a channel of spare ones. Who finds none makes one; what finds no room is freed.
void pool() {
  using buffer = std::unique_ptr<std::string>;
  thrum::chan<buffer> spare(2);
  int made = 0;
  const auto take = [&] {
    auto b = spare.try_recv();
    return b ? *std::move(b) : (++made, std::make_unique<std::string>());
  };
  const auto give_back = [&](buffer b) {
    b->clear();
    spare.try_send(std::move(b));
  };
  for (int i = 0; i < 10; ++i) {
    buffer first = take();
    buffer second = take();
    give_back(std::move(first));
    give_back(std::move(second));
  }
  std::printf("a pool: twenty buffers were used, and %d made\n", made);
}

// PriorityQueue, PriorityBlockingQueue; with a std::stack, LifoQueue. The semaphore counts what is in it, and who takes waits for that.
template <class Container> class waiting_queue {
public:
  void put(int value) {
    values_.lock()->push(value);
    filled_.release();
  }
  int take() {
    filled_.acquire();
    auto values = values_.lock();
    const int value = values->top();
    values->pop();
    return value;
  }

private:
  thrum::guarded<Container> values_;
  thrum::counting_semaphore<> filled_{0};
};

void queues() {
  waiting_queue<std::priority_queue<int>> largest_first;
  auto taker = thrum::spawn([&] { return largest_first.take(); }); // waits until there is one
  largest_first.put(5);
  taker.join();
  for (const int v : {3, 9, 4}) largest_first.put(v);
  std::printf("a queue by priority: %d", largest_first.take());
  std::printf(", %d", largest_first.take());
  std::printf(", %d\n", largest_first.take());
}

// CopyOnWriteArrayList: who reads keeps the list that was there; who changes it puts another in its place.
void copy_on_write() {
  using list = std::vector<int>;
  thrum::guarded<std::shared_ptr<const list>, thrum::shared_mutex> current(
      std::make_shared<const list>(list{1, 2, 3}));
  const auto seen = *current.lock_shared();
  {
    const auto change = current.lock();
    list next = **change;
    next.push_back(4);
    *change = std::make_shared<const list>(std::move(next));
  }
  std::printf("copy on write: a reader has %zu, the next one %zu\n", seen->size(),
              (*current.lock_shared())->size());
}

// DelayQueue: what is due sends itself.
void delayed() {
  struct item {
    std::string name;
    steady_clock::time_point due;
  };
  const thrum::chan<item> due_now(2);
  std::vector<thrum::timer> timers;
  for (const auto after : {20ms, 5ms})
    timers.emplace_back(after, [=, i = item{std::to_string(after.count()), steady_clock::now() + after}] {
      due_now.send(i);
    });
  int early = 0;
  for (int n = 0; n < 2; ++n) {
    const item next = *due_now.recv();
    early += next.due > steady_clock::now();
  }
  std::printf("a queue of what is due later: 2 came, %d of them early\n", early);
}

// BroadcastChannel: each who listens has a channel of the events.
void broadcast() {
  std::vector<thrum::fiber<int>> listeners;
  {
    thrum::emitter<int> news;
    for (int i = 0; i < 3; ++i)
      listeners.push_back(thrum::spawn([all = thrum::events(news)] {
        int sum = 0;
        for (const int n : all) sum += n;
        return sum;
      }));
    for (const int n : {1, 2, 3, 4}) news.emit(n);
  } // and the channels end
  int sum = 0;
  for (auto& l : listeners) sum += l.join();
  std::printf("a broadcast of 1 to 4 to three: the sum of what they got is %d\n", sum);
}

int main() {
  return thrum::run([] {
    pool();
    queues();
    copy_on_write();
    delayed();
    broadcast();
    return 0;
  });
}
