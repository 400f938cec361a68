// What is called elsewhere comes back, however it ends; and nothing is left behind.
#include "pool/test_kit.h"

#include <thrum/event_loop.h>
#include <thrum/process_pool.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

using thrum::pool::test::open_files;

struct point {
  int x = 0, y = 0;
  bool operator==(const point&) const = default;
};

int square(int n) { return n * n; }
std::string greet(std::string name, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += "hello " + name + ";";
  return all;
}
int process_id() { return ::getpid(); }
void die_by(int signal) { ::kill(::getpid(), signal); }
[[noreturn]] void compute_for_ever() {
  std::atomic<int> i{0};
  for (;;) ++i;
}

// A static object with a constructor, which stands behind the header that brings the entry: it is made in the processes, too.
const std::string made_by_a_constructor = greet("static", 1);
int called_before = 0;

// What the kernel says of a process: its state, and who its parent is.
struct standing {
  char state = '-'; // there is none
  int parent = 0;
};
standing look_at(int id) {
  std::ifstream file("/proc/" + std::to_string(id) + "/stat");
  std::string text;
  std::getline(file, text);
  standing s;
  if (const auto at = text.rfind(')'); at != text.npos)
    std::sscanf(text.c_str() + at, ") %c %d", &s.state, &s.parent);
  return s;
}
bool is_gone(int id) { return look_at(id).state == '-'; } // and was reaped
// Reaped by somebody else, when he likes.
void until_ended(int id) {
  while (!is_gone(id) && look_at(id).state != 'Z') thrum::this_fiber::sleep_for(1ms);
}
void until_gone(int id) {
  while (!is_gone(id)) thrum::this_fiber::sleep_for(1ms);
}
class process_pools : public testing::Test {
protected:
  template <class F> static void run(F&& f) {
    thrum::run(std::forward<F>(f), {.name = "test", .drain = 30s});
  }
};

TEST_F(process_pools, call_functions_and_give_their_results) {
  run([] {
    thrum::process_pool pool({.processes = 2});
    EXPECT_EQ(pool.processes(), 2u);
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 7).get(), 49);
    EXPECT_EQ(pool.submit(thrum::fn<&greet>, "you", 2).get(), "hello you;hello you;");
    EXPECT_EQ(pool.submit([](point p) { return point{p.y, p.x}; }, point{1, 2}).get(), (point{2, 1}));
    EXPECT_EQ(pool.submit(std::plus<>(), 1, 2).get(), 3);
    EXPECT_EQ(pool.submit(thrum::fn<&greet>, std::string_view("me"), 1).get(), "hello me;");
    EXPECT_EQ(pool.submit([](std::unique_ptr<int> n) { return *n; }, std::make_unique<int>(5)).get(), 5);
    pool.submit([] {}).get();
    EXPECT_NE(pool.submit(thrum::fn<&process_id>).get(), ::getpid());
    EXPECT_EQ(pool.started(), 2u);
  });
}

TEST_F(process_pools, work_for_plain_threads) {
  thrum::process_pool pool({.processes = 1});
  EXPECT_EQ(pool.submit(thrum::fn<&square>, 7).get(), 49);
}

TEST_F(process_pools, static_objects_are_made_in_the_processes_and_variables_are_new) {
  run([] {
    called_before = 5;
    thrum::process_pool pool({.processes = 1});
    EXPECT_EQ(pool.submit([] { return made_by_a_constructor; }).get(), "hello static;");
    EXPECT_EQ(pool.submit([] { return called_before++; }).get(), 0);
    EXPECT_EQ(pool.submit([] { return called_before++; }).get(), 1);
    EXPECT_EQ(called_before, 5);
  });
}

TEST_F(process_pools, large_arguments_and_results_come_through) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    for (const std::size_t size : {65'000u, 65'500u, 65'536u, 66'000u, 8'000'000u}) {
      std::vector<std::uint8_t> bytes(size);
      std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
      const auto reversed = pool.submit(
                                    [](std::vector<std::uint8_t> all) {
                                      std::ranges::reverse(all);
                                      return all;
                                    },
                                    bytes)
                                .get();
      std::ranges::reverse(bytes);
      EXPECT_EQ(reversed, bytes) << size;
    }
  });
}

TEST_F(process_pools, what_is_called_runs_in_a_fiber_and_may_use_everything) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    const int sum = pool.submit([] {
                          thrum::chan<int> c;
                          for (int i = 1; i <= 10; ++i)
                            thrum::go([=] {
                              thrum::this_fiber::sleep_for(1ms);
                              c.send(i);
                            });
                          int all = 0;
                          for (int i = 0; i < 10; ++i) all += *c.recv();
                          return all;
                        })
                        .get();
    EXPECT_EQ(sum, 55);
    // As deep as on a main thread.
    EXPECT_EQ(pool.submit(
                      [](int depth) {
                        struct deep {
                          static int down(int n) {
                            volatile char frame[1000];
                            frame[0] = 1;
                            return n == 0 ? 0 : frame[0] + down(n - 1);
                          }
                        };
                        return deep::down(depth);
                      },
                      3000)
                  .get(),
              3000);
  });
}

TEST_F(process_pools, map_gives_the_results_in_order) {
  run([] {
    thrum::process_pool pool({.processes = 3});
    std::vector<int> numbers(1000);
    std::iota(numbers.begin(), numbers.end(), 0);
    for (const std::size_t chunk : {0u, 1u, 7u, 5000u}) {
      const auto squares = pool.map(thrum::fn<&square>, numbers, chunk);
      ASSERT_EQ(squares.size(), numbers.size());
      for (int n : numbers) EXPECT_EQ(squares[static_cast<std::size_t>(n)], n * n);
    }
    EXPECT_TRUE(pool.map(thrum::fn<&square>, std::vector<int>()).empty());
    const auto flags = pool.map([](bool b) { return !b; }, std::vector<bool>{true, false});
    EXPECT_EQ(flags, (std::vector<bool>{false, true}));
    pool.map([](std::string) {}, std::list<std::string>{"a", "b"});
    const auto counted = pool.map(std::negate<>(), std::views::iota(0, 3));
    EXPECT_EQ(counted, (std::vector<int>{0, -1, -2}));
  });
}

TEST_F(process_pools, imap_gives_one_result_after_the_other_and_reads_no_further_than_it_may) {
  run([] {
    thrum::process_pool pool({.processes = 2});
    int read = 0;
    auto endless = std::views::iota(0) | std::views::transform([&](int n) {
                     ++read;
                     return n;
                   });
    int expected = 0;
    for (const int n : pool.imap(thrum::fn<&square>, endless, 3)) {
      EXPECT_EQ(n, expected * expected);
      EXPECT_EQ(read, expected + 3);
      if (++expected == 100) break;
    }
    std::vector<std::string> all;
    for (std::string one :
         pool.imap([](std::string s) { return s + s; }, std::vector<std::string>{"a", "b", "c"}))
      all.push_back(std::move(one));
    EXPECT_EQ(all, (std::vector<std::string>{"aa", "bb", "cc"}));
    EXPECT_THROW(
        {
          for (const int n : pool.imap(
                   [](int i) {
                     if (i == 2) throw std::runtime_error("two");
                     return i;
                   },
                   std::views::iota(0)))
            EXPECT_LT(n, 2);
        },
        thrum::remote_error);
  });
}

TEST_F(process_pools, a_map_throws_what_one_call_threw_and_drops_the_rest) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    try {
      pool.map(
          [](int n) {
            if (n == 3) throw std::out_of_range("three");
            if (n > 3) thrum::this_fiber::sleep_for(24h);
          },
          std::views::iota(0, 100), 1);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const thrum::remote_error& e) { EXPECT_STREQ(e.what(), "three"); }
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 2).get(), 4);
  });
}

TEST_F(process_pools, exceptions_arrive_with_their_type_and_words) {
  run([] {
    struct odd {};
    thrum::process_pool pool({.processes = 1});
    const auto error_of = [&](auto f) {
      try {
        pool.submit(f).get();
      } catch (const thrum::remote_error& e) { return e.type() + ": " + e.what(); }
      return std::string("none");
    };
    EXPECT_EQ(error_of([] { throw std::out_of_range("far away"); }), "std::out_of_range: far away");
    EXPECT_EQ(error_of([] { throw 5; }), "int: ");
    EXPECT_TRUE(error_of([] { throw odd(); }).ends_with("odd: "));
    EXPECT_EQ(pool.started(), 1u);
  });
}

TEST_F(process_pools, a_process_that_dies_fails_the_call_that_it_made_and_no_other) {
  run([] {
    thrum::process_pool pool({.processes = 2});
    std::vector<thrum::future<int>> others;
    for (int i = 0; i < 20; ++i) others.push_back(pool.submit(thrum::fn<&square>, i));
    auto victim = pool.submit(thrum::fn<&die_by>, SIGKILL);
    for (int i = 20; i < 40; ++i) others.push_back(pool.submit(thrum::fn<&square>, i));
    try {
      victim.get();
      ADD_FAILURE() << "it came back";
    } catch (const thrum::worker_died& e) {
      EXPECT_EQ(e.status().signal, SIGKILL);
      EXPECT_STREQ(e.what(), "thrum: the process that was to make this call has ended: killed by SIGKILL");
    }
    for (int i = 0; i < 40; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(), i * i);
    while (pool.ids().size() != 2) thrum::this_fiber::sleep_for(1ms); // replaced
    EXPECT_EQ(pool.started(), 3u);
  });
}

TEST_F(process_pools, a_process_that_exits_tells_its_code) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    try {
      pool.submit([] { ::_exit(7); }).get();
      ADD_FAILURE() << "it came back";
    } catch (const thrum::worker_died& e) { EXPECT_EQ(e.status().code, 7); }
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 3).get(), 9);
  });
}

TEST_F(process_pools, a_process_that_dies_idle_is_replaced_and_nobody_loses_anything) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    for (int i = 0; i < 5; ++i) {
      const int id = pool.submit(thrum::fn<&process_id>).get();
      ::kill(id, SIGKILL);
      until_gone(id);
      EXPECT_NE(pool.submit(thrum::fn<&process_id>).get(), id);
    }
  });
}

// Whether it was left in memory or sent: the process was stopped while it looked out for a call, or later.
TEST_F(process_pools, a_call_that_a_process_dies_without_beginning_is_made_by_another) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    for (int i = 0; i < 10; ++i) {
      for (int warm = 0; warm < 20; ++warm) pool.submit([] {}).get();
      const int id = pool.ids().front();
      ::kill(id, SIGSTOP);
      while (look_at(id).state != 'T') thrum::this_fiber::yield();
      auto call = pool.submit(thrum::fn<&process_id>);
      while (pool.running() == 0) thrum::this_fiber::yield();
      if (i % 2 == 0) thrum::this_fiber::sleep_for(2ms); // its keeper waits for the answer
      ::kill(id, SIGKILL);
      EXPECT_NE(call.get(), id);
    }
  });
}

TEST_F(process_pools, a_process_is_replaced_after_as_many_calls_as_it_may_make) {
  run([] {
    thrum::process_pool pool({.processes = 1, .max_tasks_per_process = 2});
    std::set<int> ids;
    for (int i = 0; i < 8; ++i) ids.insert(pool.submit(thrum::fn<&process_id>).get());
    EXPECT_EQ(ids.size(), 4u);
  });
}

int initialized = 0;

TEST_F(process_pools, the_initializer_is_called_in_every_process) {
  run([] {
    thrum::process_pool pool({.processes = 2,
                              .max_tasks_per_process = 1,
                              .initializer = thrum::initialized_by([](int n) { initialized = n; }, 42)});
    for (int i = 0; i < 6; ++i) EXPECT_EQ(pool.submit([] { return initialized; }).get(), 42);
  });
}

TEST_F(process_pools, an_initializer_that_fails_makes_the_constructor_throw) {
  run([] {
    const std::size_t files = open_files();
    try {
      thrum::process_pool pool({.processes = 2, .initializer = thrum::initialized_by([] {
                                                  throw std::runtime_error("no database");
                                                })});
      ADD_FAILURE() << "it was made";
    } catch (const thrum::remote_error& e) { EXPECT_STREQ(e.what(), "no database"); }
    EXPECT_THROW(thrum::process_pool(
                     {.processes = 2, .initializer = thrum::initialized_by(thrum::fn<&die_by>, SIGKILL)}),
                 thrum::worker_died);
    EXPECT_EQ(open_files(), files);
  });
}

TEST_F(process_pools, an_initializer_that_fails_later_fails_calls_and_the_pool_lives_on) {
  const std::string flag = "/tmp/thrum-pool-" + std::to_string(::getpid());
  run([&] {
    thrum::process_pool pool({.processes = 1,
                              .initializer = thrum::initialized_by(
                                  [](std::string path) {
                                    if (std::filesystem::exists(path)) throw std::runtime_error("flag");
                                  },
                                  flag)});
    std::ofstream(flag) << "no";
    EXPECT_THROW(pool.submit(thrum::fn<&die_by>, SIGKILL).get(), thrum::worker_died);
    EXPECT_THROW(pool.submit(thrum::fn<&square>, 1).get(), thrum::remote_error);
    EXPECT_THROW(pool.submit(thrum::fn<&square>, 1).get(), thrum::remote_error);
    std::filesystem::remove(flag);
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 2).get(), 4);
  });
}

TEST_F(process_pools, a_call_that_waits_is_stopped) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    auto sleeper = pool.submit([] { thrum::this_fiber::sleep_for(24h); });
    while (pool.running() == 0) thrum::this_fiber::yield();
    auto queued = pool.submit(thrum::fn<&square>, 1);
    queued.request_stop();
    EXPECT_THROW(queued.get(), thrum::cancelled); // although the one before it goes on
    sleeper.request_stop();
    EXPECT_THROW(sleeper.get(), thrum::cancelled);
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 3).get(), 9);
    EXPECT_EQ(pool.started(), 1u); // the same process
  });
}

TEST_F(process_pools, a_call_that_does_not_listen_is_killed) {
  run([] {
    thrum::process_pool pool({.processes = 1, .kill_after = 1ms});
    auto hog = pool.submit([] { compute_for_ever(); });
    while (pool.running() == 0) thrum::this_fiber::yield();
    hog.request_stop();
    EXPECT_THROW(hog.get(), thrum::cancelled);
    EXPECT_THROW(pool.submit([] { compute_for_ever(); }).or_timeout(10ms).get(), thrum::timed_out);
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 3).get(), 9);
  });
}

TEST_F(process_pools, who_waits_can_be_stopped) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    auto waits = thrum::spawn([&] { pool.submit([] { thrum::this_fiber::sleep_for(24h); }).get(); });
    while (pool.running() == 0) thrum::this_fiber::yield();
    waits.request_stop();
    EXPECT_THROW(waits.join(), thrum::cancelled);
  });
}

TEST_F(process_pools, a_pool_that_is_destroyed_rejects_what_waits_and_stops_what_runs) {
  run([] {
    std::vector<thrum::future<void>> all;
    std::vector<int> ids;
    const std::size_t files = open_files();
    {
      thrum::process_pool pool({.processes = 2, .kill_after = 10ms});
      ids = pool.ids();
      all.push_back(pool.submit([] { thrum::this_fiber::sleep_for(24h); }));
      all.push_back(pool.submit([] { compute_for_ever(); }));
      while (pool.running() != 2) thrum::this_fiber::yield();
      all.push_back(pool.submit([] {}));
      EXPECT_EQ(pool.queued(), 1u);
    }
    EXPECT_THROW(all[0].get(), thrum::cancelled);
    EXPECT_THROW(all[1].get(), thrum::cancelled);
    EXPECT_THROW(all[2].get(), thrum::rejected);
    EXPECT_EQ(ids.size(), 2u);
    for (int id : ids) EXPECT_TRUE(is_gone(id)); // reaped: not even a zombie
    EXPECT_EQ(open_files(), files);
  });
}

TEST_F(process_pools, shutdown_makes_what_was_taken_and_takes_no_more) {
  run([] {
    thrum::process_pool pool({.processes = 1});
    std::vector<thrum::future<int>> all;
    for (int i = 0; i < 10; ++i) all.push_back(pool.submit(thrum::fn<&square>, i));
    pool.shutdown();
    EXPECT_THROW(static_cast<void>(pool.submit(thrum::fn<&square>, 1)), thrum::rejected);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)].get(), i * i);
  });
}

TEST_F(process_pools, what_a_process_has_started_ends_with_it) {
  run([] {
    int grandchild = 0;
    {
      thrum::process_pool pool({.processes = 1});
      grandchild = pool.submit([] {
                         auto shell =
                             thrum::process::start({.program = "sh",
                                                    .arguments = {"-c", "sleep 1000 > /dev/null & echo $!"},
                                                    .out = thrum::process::pipe})
                                 .value();
                         char number[32] = {};
                         const auto n = shell.out().read_some(number).value();
                         shell.wait().value();
                         return std::stoi(std::string(number, n));
                       })
                       .get();
      EXPECT_FALSE(is_gone(grandchild));
    }
    until_ended(grandchild);
  });
}

// The pool's owner is killed: nobody can clean up but the processes themselves.
TEST_F(process_pools, no_process_outlives_an_owner_that_is_killed) {
  run([] {
    thrum::process_pool outer({.processes = 1});
    const auto ids = outer
                         .submit([] {
                           static thrum::process_pool inner({.processes = 2});
                           static auto hog = inner.submit([] { compute_for_ever(); });
                           while (inner.running() == 0) thrum::this_fiber::yield();
                           return inner.ids();
                         })
                         .get();
    ASSERT_EQ(ids.size(), 2u);
    const int owner = look_at(ids[0]).parent;
    EXPECT_EQ(owner, outer.ids().at(0));
    ::kill(owner, SIGKILL);
    for (int id : ids) until_ended(id);
  });
}

TEST_F(process_pools, standard_output_is_ours_and_nothing_else_is_inherited) {
  run([] {
    std::ofstream not_for_others("/dev/null");
    thrum::process_pool pool({.processes = 1});
    const auto files =
        pool.submit([] {
              std::vector<std::string> all;
              for (int fd = 0; fd < 4; ++fd) {
                std::error_code none;
                all.push_back(
                    std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), none).string());
              }
              return all;
            })
            .get();
    EXPECT_EQ(files[0], "/dev/null");
    EXPECT_EQ(files[1], std::filesystem::read_symlink("/proc/self/fd/1").string());
    EXPECT_TRUE(files[3].starts_with("socket:"));
    EXPECT_FALSE(pool.submit([] { return std::getenv("THRUM_POOL_WORKER") != nullptr; }).get());
  });
}

TEST_F(process_pools, what_cannot_be_sent_makes_submit_throw) {
  run([] {
    struct tower {
      std::unique_ptr<tower> above;
    };
    tower high;
    for (int i = 0; i < 100; ++i) high = tower{std::make_unique<tower>(std::move(high))};
    thrum::process_pool pool({.processes = 1});
    EXPECT_THROW(static_cast<void>(pool.submit([](tower) {}, std::move(high))), thrum::codec_error);
    EXPECT_THROW(pool.submit([] {
                       tower t;
                       for (int i = 0; i < 100; ++i) t = tower{std::make_unique<tower>(std::move(t))};
                       return t;
                     })
                     .get(),
                 thrum::remote_error);
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 3).get(), 9);
  });
}

thrum::task<int> awaits(thrum::process_pool& pool, int n) {
  co_return pool.submit(thrum::fn<&square>, n).get();
}

TEST_F(process_pools, a_fiber_a_coroutine_a_loop_and_a_thread_wait_for_results) {
  thrum::process_pool pool({.processes = 2});
  EXPECT_EQ(pool.submit(thrum::fn<&square>, 2).get(), 4);
  run([&] {
    EXPECT_EQ(pool.submit(thrum::fn<&square>, 3).get(), 9);
    EXPECT_EQ(thrum::spawn(awaits(pool, 4)).join(), 16);
  });
  thrum::event_loop loop;
  std::vector<int> seen;
  loop.run([&] {
    loop.spawn([&] { // what has to settle does not keep a loop, a fiber does
          auto told = pool.submit(thrum::fn<&square>, 5).then([&](int n) { seen.push_back(n); });
          told.get();
          seen.push_back(pool.submit(thrum::fn<&square>, 6).get());
        })
        .detach();
  });
  EXPECT_EQ(seen, (std::vector<int>{25, 36}));
}

TEST_F(process_pools, calls_from_many_fibers_and_threads_are_all_made) {
  thrum::process_pool pool({.processes = 2});
  std::atomic<int> sum{0};
  const auto some = [&](int from) {
    for (int i = from; i < from + 50; ++i)
      sum += pool.submit(thrum::fn<&square>, i).get() == i * i ? 1 : -1000;
  };
  {
    std::jthread thread([&] { some(0); });
    run([&] {
      std::vector<thrum::fiber<>> all;
      for (int f = 1; f <= 5; ++f) all.push_back(thrum::spawn([&, f] { some(f * 100); }));
      for (auto& f : all) f.join();
    });
  }
  EXPECT_EQ(sum, 300);
}

} // namespace
