// Torture: fibers that compute without pause, in malloc, stdio and the unwinder, among fibers that tick, talk and lock, for
// THRUM_TORTURE_SECONDS (default 3). Processors are taken from hogs in the middle of all that, many times a second.
//
// Each actor counts what it has done. A watchdog on a thread of its own looks that every one goes on; when one has not for long, it
// says which, dumps all of them and the threads, and aborts. What can be checked is: sums, texts, that what was allocated comes
// back, that each exception reaches its handler.
#include "support/scale.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

std::atomic<bool> stop{false};

void require(bool fact, const char* what, std::source_location at = std::source_location::current()) {
  if (fact) return;
  std::fprintf(stderr, "torture: line %u: not so: %s\n", at.line(), what);
  std::abort();
}

class chance {
public:
  explicit chance(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t below(std::uint64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % n;
  }

private:
  std::uint64_t state_;
};

// ---- who goes on, and who does not

struct actor {
  const char* kind;
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> ended{false};
  // the watchdog's:
  std::uint64_t seen = 0;
  clock::time_point since{};
  double longest = 0; // seconds without progress
};

class watchdog {
public:
  actor& add(const char* kind) {
    const std::lock_guard hold(lock_);
    actor& a = actors_.emplace_back(kind);
    a.since = clock::now();
    return a;
  }
  void start() {
    thread_ = std::thread([this] {
      while (!end_) {
        std::this_thread::sleep_for(100ms);
        look();
      }
    });
  }
  void finish() {
    end_ = true;
    thread_.join();
  }
  bool everybody_has_done_something() {
    const std::lock_guard hold(lock_);
    return std::ranges::all_of(actors_, [](const actor& a) { return a.done != 0; });
  }
  void print(std::FILE* to) {
    struct sum {
      unsigned n = 0;
      std::uint64_t done = 0, least = ~0ull;
      double longest = 0;
    };
    std::vector<std::pair<const char*, sum>> kinds;
    for (const actor& a : actors_) {
      if (kinds.empty() || std::strcmp(kinds.back().first, a.kind) != 0) kinds.emplace_back(a.kind, sum{});
      sum& s = kinds.back().second;
      const std::uint64_t done = a.done;
      s = {s.n + 1, s.done + done, std::min(s.least, done), std::max(s.longest, a.longest)};
    }
    for (const auto& [kind, s] : kinds)
      std::fprintf(to, "  %-22s %3u  done %12llu  the last one %10llu  longest without progress %6.2f s\n",
                   kind, s.n, static_cast<unsigned long long>(s.done),
                   static_cast<unsigned long long>(s.least), s.longest);
  }

private:
  void look() {
    const std::lock_guard hold(lock_);
    const auto now = clock::now();
    for (actor& a : actors_) {
      const std::uint64_t done = a.done;
      if (a.ended || done != a.seen) {
        a.seen = done;
        a.since = now;
        continue;
      }
      const double still = std::chrono::duration<double>(now - a.since).count();
      a.longest = std::max(a.longest, still);
      if (still > limit) {
        std::fprintf(stderr, "torture: a %s has not gone on for %.0f s (%s)\n", a.kind, still,
                     stop ? "at the end" : "in the middle");
        print(stderr);
        dump_threads();
        std::abort();
      }
    }
  }

  static void dump_threads() {
    std::error_code ignored;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored))
      for (const char* file : {"stat", "wchan", "syscall"}) {
        std::ifstream in(task.path() / file);
        std::string line;
        std::getline(in, line);
        std::fprintf(stderr, "%s%s", line.substr(0, 60).c_str(),
                     *file == 's' && file[1] == 'y' ? "\n" : "  ");
      }
  }

  static constexpr double limit = test::tsan || test::asan ? 50 : 25;

  std::mutex lock_;
  std::deque<actor> actors_; // guarded by lock_; its elements stay where they are
  std::thread thread_;
  std::atomic<bool> end_{false};
};

// ---- hogs: they come into the runtime rarely or never

std::atomic<unsigned long> sink; // read and written so that the loop is neither left out nor done only once

void spin(std::uint64_t rounds) {
  unsigned long x = sink.load(std::memory_order_relaxed); // relaxed: any value is as good
  for (std::uint64_t i = 0; i < rounds; ++i) x = x * 6364136223846793005u + 1442695040888963407u;
  sink.store(x, std::memory_order_relaxed); // relaxed: nobody reads it
}

void pure_hog(actor& self, std::uint64_t) {
  while (!stop) {
    spin(100'000);
    ++self.done;
  }
}

// Blocks are passed on from hog to hog, so that most are freed on another thread than the one that made them.
std::array<std::atomic<std::string*>, 64> passed_on;

void malloc_hog(actor& self, std::uint64_t seed) {
  chance c(seed);
  std::vector<std::unique_ptr<std::string>> mine;
  while (!stop) {
    for (int i = 0; i < 50; ++i) {
      const std::size_t size = c.below(10) == 0 ? 1 + c.below(200'000) : 1 + c.below(600);
      mine.push_back(std::make_unique<std::string>(size, static_cast<char>('a' + size % 26)));
      auto& slot = passed_on[c.below(passed_on.size())];
      const std::unique_ptr<std::string> other(
          slot.exchange(std::make_unique<std::string>(size, static_cast<char>('a' + size % 26)).release()));
      if (other != nullptr)
        require(other->front() == static_cast<char>('a' + other->size() % 26) &&
                    other->front() == other->back(),
                "a block comes as it was passed on");
      if (mine.size() > 100) mine.erase(mine.begin(), mine.begin() + 50);
    }
    ++self.done;
  }
}

void stdio_hog(actor& self, std::uint64_t seed, std::FILE* shared) {
  chance c(seed);
  while (!stop) {
    char text[128];
    const std::uint64_t a = c.below(1'000'000), b = c.below(1'000'000);
    const int n = std::snprintf(text, sizeof text, "%llu %.3f %llx", static_cast<unsigned long long>(a),
                                static_cast<double>(b) / 8, static_cast<unsigned long long>(b));
    require(n > 0, "snprintf writes");
    unsigned long long a2 = 0, b2 = 0;
    double eighth = 0;
    require(std::sscanf(text, "%llu %lf %llx", &a2, &eighth, &b2) == 3 && a2 == a && b2 == b,
            "sscanf reads what snprintf wrote");
    require(std::fprintf(shared, "%s\n", text) == n + 1, "fprintf writes the whole line");
    if (c.below(100) == 0) {
      std::FILE* own = std::tmpfile();
      require(own != nullptr, "there is a temporary file");
      require(std::fputs(text, own) >= 0 && std::fflush(own) == 0, "it can be written");
      std::rewind(own);
      char back[128];
      require(std::fgets(back, sizeof back, own) != nullptr && std::strcmp(back, text) == 0, "and read");
      std::fclose(own);
      std::rewind(shared); // it need not grow for ever
    }
    ++self.done;
  }
}

struct witness {
  int& alive;
  explicit witness(int& n) : alive(n) { ++alive; }
  ~witness() { --alive; }
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
};

[[gnu::noinline]] void fall(int depth, int& alive, std::uint64_t what) {
  const witness w(alive);
  if (depth == 0) throw std::runtime_error(std::to_string(what));
  fall(depth - 1, alive, what);
  spin(1); // no tail call
}

void throwing_hog(actor& self, std::uint64_t seed) {
  chance c(seed);
  while (!stop) {
    int alive = 0;
    const std::uint64_t what = c.below(1'000'000);
    const int depth = static_cast<int>(c.below(30));
    bool caught = false;
    try {
      try {
        fall(depth, alive, what);
      } catch (const std::runtime_error&) {
        require(alive == 0, "all frames were unwound");
        // Now and then with a wait while an exception is being handled: it goes on on another thread.
        if (c.below(200) == 0) thrum::this_fiber::yield();
        try {
          fall(3, alive, what + 1);
        } catch (const std::exception& inner) {
          require(inner.what() == std::to_string(what + 1), "the inner exception is the inner one");
        }
        throw;
      }
    } catch (const std::exception& e) { caught = e.what() == std::to_string(what); }
    require(caught, "the exception that was thrown arrives");
    ++self.done;
  }
}

// Computes for some milliseconds, then does something with others, without a processor as likely as with one.
void mixed_hog(actor& self, std::uint64_t seed, thrum::chan<std::uint64_t> in,
               thrum::chan<std::uint64_t> out) {
  chance c(seed);
  while (!stop) {
    for (const auto until = clock::now() + std::chrono::microseconds(c.below(25'000)); clock::now() < until;)
      spin(1000);
    switch (c.below(6)) {
    case 0: thrum::this_fiber::yield(); break;
    case 1: thrum::this_fiber::sleep_for(std::chrono::microseconds(c.below(500))); break;
    case 2: ::usleep(static_cast<useconds_t>(c.below(3'000))); break;
    case 3: require(thrum::spawn([x = seed] { return x + 1; }).join() == seed + 1, "a fiber answers"); break;
    case 4: static_cast<void>(out.try_send(std::uint64_t{1})); break;
    case 5: static_cast<void>(in.try_recv()); break;
    }
    ++self.done;
  }
}

// ---- those who must not suffer

void tick(actor& self) {
  while (!stop) {
    thrum::this_fiber::sleep_for(1ms);
    ++self.done;
  }
}

void serve(thrum::chan<std::uint64_t> questions, thrum::chan<std::uint64_t> answers) {
  while (auto q = questions.recv()) answers.send(*q + 1);
}

void ask(actor& self, thrum::chan<std::uint64_t> questions, thrum::chan<std::uint64_t> answers) {
  for (std::uint64_t i = 0; !stop; ++i) {
    questions.send(i);
    require(answers.recv() == i + 1, "the answer is to the question");
    if (i % 64 == 0) thrum::this_fiber::sleep_for(100us); // leave something to the others
    ++self.done;
  }
  questions.close();
}

struct account {
  thrum::mutex lock;
  std::int64_t left = 0, right = 0; // guarded by lock; their sum is 0 whenever it is free
};

void move_money(actor& self, std::uint64_t seed, account& shared) {
  chance c(seed);
  while (!stop) {
    {
      const std::lock_guard hold(shared.lock);
      require(shared.left + shared.right == 0, "the lock keeps the accounts together");
      const auto n = static_cast<std::int64_t>(c.below(1000));
      shared.left += n;
      if (c.below(50) == 0) thrum::this_fiber::yield(); // held across a wait: a fiber's mutex may be
      if (c.below(50) == 0) spin(20'000);
      shared.right -= n;
    }
    if (c.below(20) == 0) thrum::this_fiber::sleep_for(50us);
    ++self.done;
  }
}

void block(actor& self) {
  int ends[2];
  require(::pipe(ends) == 0, "there is a pipe");
  while (!stop) {
    auto writer = thrum::spawn([&] { require(::write(ends[1], "x", 1) == 1, "a byte is written"); });
    char byte = 0;
    require(::read(ends[0], &byte, 1) == 1 && byte == 'x', "and read");
    writer.join();
    ++self.done;
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

void give_birth(actor& self, std::uint64_t seed) {
  chance c(seed);
  while (!stop) {
    std::vector<thrum::fiber<std::uint64_t>> children;
    for (std::uint64_t i = 0; i < 20; ++i)
      children.push_back(thrum::spawn([i, nap = c.below(4)] {
        if (nap == 0) thrum::this_fiber::yield();
        if (nap == 1) spin(50'000);
        if (i == 13) throw std::logic_error("thirteen");
        return i;
      }));
    std::uint64_t sum = 0, thrown = 0;
    for (auto& child : children) {
      try {
        sum += child.join();
      } catch (const std::logic_error&) { ++thrown; }
    }
    require(sum == 190 - 13 && thrown == 1, "each child ends as it should");
    ++self.done;
  }
}

int torture(std::chrono::seconds length) {
  watchdog dog;
  std::FILE* shared = std::tmpfile();
  require(shared != nullptr, "there is a temporary file");
  thrum::options o;
  o.processors = 2;
  o.name = "torture";
  o.drain = 60s;
  dog.start();
  thrum::run(
      [&] {
        account money;
        const thrum::chan<std::uint64_t> loose(16);
        std::vector<thrum::fiber<void>> all;
        const auto cast = [&](const char* kind, unsigned n, auto play) {
          for (unsigned i = 0; i < n; ++i) {
            actor& a = dog.add(kind);
            all.push_back(thrum::spawn([&a, play, seed = all.size() + 1] {
              play(a, seed);
              a.ended = true;
            }));
          }
        };
        cast("ticker", 4, [](actor& a, std::uint64_t) { tick(a); });
        cast("hog", 2, pure_hog);
        cast("hog in malloc", 2, malloc_hog);
        cast("hog in stdio", 2, [shared](actor& a, std::uint64_t seed) { stdio_hog(a, seed, shared); });
        cast("hog that throws", 2, throwing_hog);
        cast("hog now and then", 8,
             [loose](actor& a, std::uint64_t seed) { mixed_hog(a, seed, loose, loose); });
        cast("pair at channels", 4, [](actor& a, std::uint64_t seed) {
          const thrum::chan<std::uint64_t> questions(seed % 2), answers(seed % 3);
          auto server = thrum::spawn([=] { serve(questions, answers); });
          ask(a, questions, answers);
          server.join();
        });
        cast("at a mutex", 6, [&money](actor& a, std::uint64_t seed) { move_money(a, seed, money); });
        cast("in the kernel", 3, [](actor& a, std::uint64_t) { block(a); });
        cast("parent", 2, give_birth);
        thrum::this_fiber::sleep_for(length);
        while (!dog.everybody_has_done_something()) thrum::this_fiber::sleep_for(1ms);
        stop = true;
        for (auto& f : all) f.join();
        require(money.left + money.right == 0, "the accounts agree at the end");
      },
      o);
  dog.finish();
  for (auto& slot : passed_on) delete slot.exchange(nullptr);
  std::fclose(shared);
  std::printf("torture: %lld s\n", static_cast<long long>(length.count()));
  dog.print(stdout);
  return 0;
}

} // namespace

int main() {
  const char* text = std::getenv("THRUM_TORTURE_SECONDS");
  const long seconds = text != nullptr ? std::strtol(text, nullptr, 10) : 3;
  return torture(std::chrono::seconds(seconds > 0 ? seconds : 3));
}
