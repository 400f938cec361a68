// A configuration that is replaced while thousands of fibers read it: readers take no lock and write to nothing that others read, and a
// configuration is deleted when the last of its readers is done with it, though readers wait in the middle.
#include <thrum/rcu.h>
#include <thrum/thrum.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

std::atomic<int> alive{0};

struct configuration : thrum::rcu_obj_base<configuration> {
  explicit configuration(int n)
      : version(n), host("host-" + std::to_string(n)), backup("backup-" + std::to_string(n)) {
    ++alive;
  }
  ~configuration() { --alive; }

  int version;
  std::string host, backup;
};

std::atomic<configuration*> current{nullptr};

void replace(configuration* by) {
  if (configuration* before = current.exchange(by, std::memory_order_acq_rel)) before->retire();
}

// True: what it saw before its wait and after it belongs together.
bool serve_request() {
  const std::scoped_lock region(thrum::rcu_default_domain());
  const configuration& c = *current.load(std::memory_order_acquire);
  const std::string host = c.host;
  thrum::this_fiber::yield(); // asks the host; meanwhile the configuration is replaced
  return host == "host-" + std::to_string(c.version) && c.backup == "backup-" + std::to_string(c.version);
}

int main() {
  return thrum::run([] {
    constexpr int readers = 2'000, requests = 10, versions = 500;
    replace(new configuration(0));
    std::atomic<int> served{0}, right{0};
    thrum::wait_group all;
    for (int i = 0; i < readers; ++i)
      all.go([&] {
        for (int k = 0; k < requests; ++k) {
          right += serve_request();
          ++served;
        }
      });
    all.go([] {
      for (int v = 1; v <= versions; ++v) {
        replace(new configuration(v));
        thrum::this_fiber::yield();
      }
    });
    all.wait();
    std::printf("%d requests, %d of them saw one whole configuration\n", served.load(), right.load());
    thrum::rcu_barrier(); // until all is deleted that nobody reads any more
    std::printf("replaced %d times; configurations that are left: %d\n", versions, alive.load());
    {
      const thrum::rcu_region slow; // a reader who takes its time
      const configuration& mine = *current.load(std::memory_order_acquire);
      replace(new configuration(versions + 1));
      auto writer = thrum::spawn([] { thrum::rcu_synchronize(); });
      for (int i = 0; i < 100; ++i) thrum::this_fiber::yield();
      std::printf("version %d is read, version %d is current, %d are alive\n", mine.version,
                  current.load()->version, alive.load());
      writer.request_stop(); // it would wait for us
      try {
        writer.join();
      } catch (const thrum::cancelled&) { std::puts("waiting for a reader can be cancelled"); }
    }
    thrum::rcu_barrier();
    std::printf("the reader is done: %d is alive\n", alive.load());
    replace(nullptr);
    thrum::rcu_barrier();
    std::printf("the end: %d\n", alive.load());
    return 0;
  });
}
