// What a program says when it is asked what it does: thrum::dump(), and SIGQUIT (programs/asked.cc).
#include "deadlock/report.h"
#include "support/child.h"
#include "support/scale.h"

#include <thrum/inspect.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <signal.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using deadlock::entry;
using deadlock::report;

report take() { return deadlock::parse(thrum::dump()).front(); }

// Asks again and again, until the dump shows what is to come.
entry wait_for(const std::string& pattern) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  for (;; thrum::this_fiber::yield()) {
    const std::string text = thrum::dump();
    const report r = deadlock::parse(text).front();
    if (const entry* e = deadlock::find(r, pattern)) return *e;
    if (std::chrono::steady_clock::now() < limit) continue;
    ADD_FAILURE() << "never shown: " << pattern << "\n" << text;
    return {};
  }
}

// The number in front of a word of the first line: "thrum: 7 fibers, 5 wait, 1 have yet to begin".
std::size_t number_before(const std::string& text, const std::string& word) {
  const std::size_t end = text.find(" " + word);
  if (end == std::string::npos) return 0;
  return std::strtoul(text.c_str() + text.rfind(' ', end - 1) + 1, nullptr, 10);
}

// Names of source lines cost a process for each dump: most tests do without.
class a_dump : public testing::Test {
protected:
  a_dump() { ::setenv("THRUM_SYMBOLS", "off", 1); }
  ~a_dump() override { ::unsetenv("THRUM_SYMBOLS"); }
  template <class F> static void run(F f, unsigned processors = 2) {
    thrum::run(f, {.processors = processors, .name = "dumped"});
  }
};

bool has_addr2line() { return std::system("addr2line --version > /dev/null 2>&1") == 0; }

[[gnu::noinline]] void wait_in_a_named_function(const thrum::chan<int>& c) {
  static_cast<void>(c.recv());
  asm volatile("" ::: "memory"); // no tail call
}

} // namespace

TEST_F(a_dump, shows_what_a_fiber_waits_for_and_where_it_was_started) {
  run([] {
    const thrum::chan<int> c;
    thrum::fiber<> f = thrum::spawn({.name = "consumer"}, [c] { static_cast<void>(c.recv()); });
    const entry e = wait_for("'consumer' waits to receive from a channel (0x*)");
    EXPECT_NE(e.details.find("  spawned at "), std::string::npos) << e.details;
    EXPECT_NE(e.details.find("dump_test.cc:"), std::string::npos) << e.details;
    c.close();
    f.join();
  });
}

TEST_F(a_dump, has_words_for_every_kind_of_wait) {
  run([] {
    thrum::chan<int> c;
    thrum::mutex m;
    thrum::shared_mutex s;
    thrum::condition_variable changed;
    thrum::counting_semaphore<> none(0);
    thrum::latch later(1);
    thrum::barrier<> two(2);
    thrum::wait_group group;
    thrum::once_flag once;
    thrum::atomic<int> flag{0};
    group.add();
    struct wait {
      const char* says;
      std::function<void()> begin;
    };
    const wait waits[] = {
        {"'one' sleeps", [] { thrum::this_fiber::sleep_for(1h); }},
        {"'one' waits to send on a channel (0x*)", [&] { c.send(1); }},
        {"'one' waits to receive from a channel (0x*)", [&] { static_cast<void>(c.recv()); }},
        {"'one' waits to receive from a channel (0x*), until a deadline",
         [&] { static_cast<void>(c.recv_for(1h)); }},
        {"'one' waits to receive from a nil channel, which never happens",
         [] { static_cast<void>(thrum::chan<int>(nullptr).recv()); }},
        {"'one' waits in a select", [&] { thrum::select(thrum::recv(c), thrum::send(c, 1)); }},
        {"'one' waits in a select, until a deadline",
         [&] { thrum::select(thrum::recv(c), thrum::after(1h)); }},
        {"'one' waits for a condition_variable (0x*)",
         [&] {
           std::unique_lock hold(m);
           changed.wait(hold);
         }},
        {"'one' waits for a semaphore (0x*)", [&] { none.acquire(); }},
        {"'one' waits for a semaphore (0x*), until a deadline",
         [&] { static_cast<void>(none.try_acquire_for(1h)); }},
        {"'one' waits for a latch (0x*)", [&] { later.wait(); }},
        {"'one' waits for an atomic (0x*)", [&] { flag.wait(0); }},
        {"'one' waits for an atomic (0x*), until a deadline",
         [&] { static_cast<void>(flag.wait_for(0, 1h)); }},
        {"'one' waits for a wait_group (0x*)", [&] { group.wait(); }},
        {"'one' waits at a barrier (0x*)", [&] { two.arrive_and_wait(); }},
        {"'one' joins fiber #*", [] { thrum::spawn([] { thrum::this_fiber::sleep_for(1h); }).join(); }},
        {"'one' waits for a call_once that fiber #* is in", [&] { thrum::call_once(once, [] {}); }},
    };
    thrum::fiber<> caller =
        thrum::spawn([&] { thrum::call_once(once, [] { thrum::this_fiber::sleep_for(1h); }); });
    wait_for("fiber #* sleeps"); // in the call
    for (const wait& w : waits) {
      thrum::fiber<> one = thrum::spawn({.name = "one"}, w.begin);
      wait_for(w.says);
      one.request_stop();
      EXPECT_THROW(one.join(), thrum::cancelled) << w.says;
    }
    // Locks do not listen to stop requests.
    m.lock();
    s.lock();
    for (const wait& w : {wait{"'one' waits for a mutex (0x*) that fiber #* 'main' holds",
                               [&] { const std::lock_guard hold(m); }},
                          wait{"'one' waits for a mutex (0x*) that fiber #* 'main' holds, until a deadline",
                               [&] {
                                 if (m.try_lock_for(1h)) m.unlock();
                               }},
                          wait{"'one' waits for a shared_mutex (0x*) that fiber #* 'main' holds",
                               [&] { const std::lock_guard hold(s); }}}) {
      thrum::fiber<> one = thrum::spawn({.name = "one"}, w.begin);
      wait_for(w.says);
      m.unlock();
      s.unlock();
      one.join();
      m.lock();
      s.lock();
    }
    m.unlock();
    s.unlock();
    group.done();
    caller.request_stop();
  });
}

TEST_F(a_dump, groups_fibers_that_wait_alike) {
  run([] {
    const thrum::chan<int> c;
    std::vector<thrum::fiber<>> all;
    for (int i = 0; i < 100; ++i)
      all.push_back(thrum::spawn({.name = "alike"}, [c] { static_cast<void>(c.recv()); }));
    thrum::fiber<> other = thrum::spawn({.name = "other"}, [c] { static_cast<void>(c.recv()); });
    while (wait_for("'alike' waits to receive from a channel (0x*)").count != 100) {}
    wait_for("'other' waits to receive from a channel (0x*)");
    const std::string text = thrum::dump();
    EXPECT_NE(text.find("  and 99 more like it\n"), std::string::npos) << text;
    EXPECT_EQ(number_before(text, "fibers"), 102u) << text;
    EXPECT_EQ(number_before(text, "wait"), 101u) << text;
    EXPECT_NE(text.find("runtime 'dumped': 2 processors"), std::string::npos) << text;
    c.close();
    for (auto& f : all) f.join();
    other.join();
  });
}

// ---- task groups

namespace {

// Asks again and again, until the dump has the line; '*' stands for any characters. Gives the dump.
std::string wait_for_line(const std::string& pattern) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  for (;; thrum::this_fiber::yield()) {
    const std::string text = thrum::dump();
    if (deadlock::matches("*\n" + pattern + "\n*", text)) return text;
    if (std::chrono::steady_clock::now() < limit) continue;
    ADD_FAILURE() << "never shown: " << pattern << "\n" << text;
    return text;
  }
}

void wait_on(const thrum::chan<int>& c) { static_cast<void>(c.recv()); }

} // namespace

TEST_F(a_dump, shows_task_groups_as_a_tree_by_ownership) {
  run([] {
    const thrum::chan<int> c;
    thrum::task_group<> page({.name = "page", .limit = 7});
    page.spawn({.name = "orders"}, [&] {
      thrum::task_group<> items({.name = "items"});
      for (int i = 0; i < 3; ++i) items.spawn([&] { wait_on(c); });
      items.join();
    });
    page.spawn([&] { wait_on(c); });
    wait_for_line("  task group 'items' of fiber #* 'orders', 3 tasks: 3 at work; its owner joins it");
    const std::string text =
        wait_for_line("task group 'page' of fiber #* 'main', 2 tasks: 2 at work; at most 7 at a time");
    EXPECT_TRUE(deadlock::matches("*task group 'page'*\n  made at *dump_test.cc:*\n  task group 'items'*\n"
                                  "    made at *dump_test.cc:*",
                                  text))
        << text;
    c.close();
    page.join();
    EXPECT_EQ(thrum::dump().find("task group"), std::string::npos); // joined: not shown any more
  });
}

TEST_F(a_dump, tells_how_many_tasks_have_begun_and_ended) {
  run(
      [] {
        const thrum::chan<int> c;
        thrum::task_group<> group({.timeout = 1h});
        for (int i = 0; i < 3; ++i) group.spawn([] {});
        wait_for_line("task group of fiber #* 'main', 3 tasks: 3 have ended; it has a deadline");
        group.spawn([&] { thrum::shield([&] { wait_on(c); }); });
        wait_for_line("task group of fiber #* 'main', 4 tasks: 1 at work, 3 have ended; it has a deadline");
        group.spawn([&] { wait_on(c); });
        EXPECT_NE(thrum::dump().find("5 tasks: 1 at work, 1 has yet to begin, 3 have ended;"),
                  std::string::npos); // on the only processor
        group.stop();
        wait_for_line(
            "task group of fiber #* 'main', 5 tasks: 1 at work, 4 have ended; it has a deadline; its "
            "tasks were asked to stop");
        c.close();
        group.join();
      },
      1);
}

TEST_F(a_dump, tells_that_the_owner_of_a_group_waits_for_a_place) {
  run([] {
    const thrum::chan<int> c;
    auto owner = thrum::spawn({.name = "owner"}, [&] {
      thrum::task_group<> group({.name = "narrow", .limit = 1});
      for (int i = 0; i < 2; ++i) group.spawn([&] { wait_on(c); });
      group.join();
    });
    wait_for_line(
        "task group 'narrow' of fiber #* 'owner', 1 task: 1 at work; at most 1 at a time; its owner "
        "waits for a place");
    c.close();
    owner.join();
  });
}

TEST_F(a_dump, shows_groups_that_are_alike_as_one) {
  run([] {
    const thrum::chan<int> c;
    std::vector<thrum::fiber<>> all;
    for (int i = 0; i < 50; ++i)
      all.push_back(thrum::spawn([&] {
        thrum::with_group({.name = "request"}, [&](thrum::task_group<>& group) {
          for (int k = 0; k < 2; ++k)
            group.spawn([&] {
              thrum::task_group<> inner({.name = "part"});
              inner.spawn([&] { wait_on(c); });
              inner.join();
            });
        });
      }));
    wait_for_line("task group 'request' of fiber #* and 49 like it, 100 tasks: 100 at work");
    wait_for_line("  task group 'part' of fiber #* 'request' and 99 like it, 100 tasks: 100 at work");
    c.close();
    for (auto& f : all) f.join();
  });
}

TEST_F(a_dump, shows_the_groups_of_threads_and_those_that_end_in_any_order) {
  run([] {
    const thrum::chan<int> c;
    std::thread t([&] {
      ::pthread_setname_np(::pthread_self(), "boss");
      thrum::task_group<> group;
      group.spawn([&] { wait_on(c); });
      group.join();
    });
    wait_for_line("task group of the thread 'boss' (*), 1 task: 1 at work; its owner joins it");
    auto first = std::make_unique<thrum::task_group<>>(thrum::group_options{.name = "first"});
    auto second = std::make_unique<thrum::task_group<>>(thrum::group_options{.name = "second"});
    auto third = std::make_unique<thrum::task_group<>>(thrum::group_options{.name = "third"});
    for (auto* g : {&first, &second, &third}) (*g)->spawn([&] { wait_on(c); });
    second.reset();
    wait_for_line("task group 'first' of fiber #* 'main', 1 task: 1 at work");
    const std::string text = wait_for_line("task group 'third' of fiber #* 'main', 1 task: 1 at work");
    EXPECT_EQ(text.find("'second'"), std::string::npos) << text;
    first.reset();
    third.reset();
    c.close();
    t.join();
    EXPECT_EQ(thrum::dump().find("task group"), std::string::npos);
  });
}

TEST_F(a_dump, may_be_taken_while_groups_come_and_go) {
  run(
      [] {
        std::atomic<bool> enough{false};
        thrum::wait_group all;
        for (int i = 0; i < 6; ++i)
          all.go([&] {
            while (!enough) {
              auto group = std::make_unique<thrum::task_group<>>(thrum::group_options{.name = "brief"});
              for (int k = 0; k < 3; ++k)
                group->spawn([&] {
                  thrum::task_group<> inner({.name = "inner", .limit = 1});
                  inner.spawn([] { thrum::this_fiber::yield(); });
                  inner.spawn([] {});
                  inner.join();
                });
              group->join();
            }
          });
        std::size_t shown = 0;
        for (int i = 0; i < 200; ++i) {
          const std::string text = thrum::dump();
          for (std::size_t at = 0; (at = text.find("task group '", at)) != std::string::npos; ++shown) {
            at += 12;
            EXPECT_TRUE(text.compare(at, 6, "brief'") == 0 || text.compare(at, 6, "inner'") == 0) << text;
          }
          thrum::this_fiber::yield();
        }
        enough = true;
        all.wait();
        EXPECT_GE(shown, 1u);
      },
      4);
}

TEST_F(a_dump, shows_who_runs_and_on_which_thread) {
  const std::string where = "'main' * on the thread 'dumped/*' (*)"; // "runs", or "computes since 12 ms"
  run([&] {
    std::atomic<bool> enough{false};
    thrum::fiber<> busy = thrum::spawn({.name = "busy"}, [&] {
      while (!enough) thrum::this_fiber::yield();
    });
    wait_for("'busy' runs on the thread 'dumped/*' (*)");
    wait_for(where); // who asks
    // Who asks does not wait, so it is where it was.
    const std::string here = " (" + std::to_string(::gettid()) + ")";
    const report r = take();
    const entry* main = deadlock::find(r, where);
    EXPECT_TRUE(main != nullptr && main->head.ends_with(here))
        << (main != nullptr ? main->head : "not shown") << here;
    enough = true;
    busy.join();
  });
}

TEST_F(a_dump, shows_fibers_that_are_ready_and_on_no_thread) {
  run(
      [] {
        std::atomic<bool> enough{false};
        thrum::fiber<> ready = thrum::spawn({.name = "ready"}, [&] {
          while (!enough) thrum::this_fiber::yield();
        });
        wait_for("'ready' runs, or is ready to run"); // this one has the only processor
        enough = true;
        ready.join();
      },
      1);
}

TEST_F(a_dump, shows_on_which_thread_a_fiber_blocks) {
  run([] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    std::atomic<int> thread{0};
    thrum::fiber<> blocked = thrum::spawn({.name = "blocked"}, [&] {
      thread = ::gettid();
      char byte;
      EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    });
    const entry e = wait_for("'blocked' is blocked in the kernel since * ms on the thread 'dumped/*' (*)");
    EXPECT_TRUE(e.head.ends_with(" (" + std::to_string(thread) + ")")) << e.head;
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    blocked.join();
    ::close(ends[0]);
    ::close(ends[1]);
  });
}

TEST_F(a_dump, counts_fibers_that_have_yet_to_begin) {
  run(
      [] {
        std::vector<thrum::fiber<>> all;
        for (int i = 0; i < 10; ++i) all.push_back(thrum::spawn([] {}));
        const std::string text = thrum::dump(); // on the only processor
        EXPECT_EQ(number_before(text, "have yet to begin"), 10u) << text;
        for (auto& f : all) f.join();
      },
      1);
}

// One processor, one thread: what is started waits, in the queue of the processor, or, if a thread from outside started it, in the global
// one. (The dump's count leaves out who is the very next to run.)
TEST_F(a_dump, tells_what_is_queued_for_each_processor_and_for_all) {
  const auto queued = [](const std::string& text) {
    const std::size_t begin = text.find("  queued: ", text.find("runtime 'dumped'"));
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  thrum::runtime r({.processors = 1, .name = "dumped", .max_threads = 1});
  r.run([&] {
    EXPECT_EQ(queued(thrum::dump()), "  queued: global none, processor 0: 0");
    std::vector<thrum::fiber<>> all;
    for (int i = 0; i < 10; ++i) all.push_back(thrum::spawn([] {}));
    const std::string local = queued(thrum::dump());
    EXPECT_TRUE(local == "  queued: global none, processor 0: 10" ||
                local == "  queued: global none, processor 0: 9")
        << local;
    std::thread([&] { r.go([] {}); }).join();
    EXPECT_EQ(queued(thrum::dump()).find("  queued: global some, processor 0: "), 0u) << thrum::dump();
    for (auto& f : all) f.join();
  });
}

TEST_F(a_dump, names_holders_that_are_threads) {
  run([] {
    thrum::mutex m;
    thrum::latch held(1);
    std::atomic<bool> enough{false};
    std::thread holder([&] {
      ::pthread_setname_np(::pthread_self(), "holder");
      m.lock();
      held.count_down();
      while (!enough) std::this_thread::yield();
      m.unlock();
    });
    held.wait();
    thrum::fiber<> f = thrum::spawn({.name = "next"}, [&] { const std::lock_guard mine(m); });
    wait_for("'next' waits for a mutex (0x*) that the thread 'holder' (*) holds");
    enough = true;
    f.join();
    holder.join();
  });
}

TEST_F(a_dump, shows_threads_that_wait) {
  run([] {
    const thrum::chan<int> c;
    std::thread t([&] {
      ::pthread_setname_np(::pthread_self(), "partner");
      static_cast<void>(c.recv());
    });
    wait_for("the thread 'partner' (*) waits to receive from a channel (0x*)");
    c.close();
    t.join();
  });
}

TEST_F(a_dump, shows_all_runtimes_and_may_be_asked_for_anywhere) {
  thrum::runtime one({.processors = 1, .name = "one"});
  thrum::runtime other({.processors = 1, .name = "other"});
  const thrum::chan<int> c;
  thrum::fiber<> here = one.spawn({.name = "here"}, [c] { static_cast<void>(c.recv()); });
  thrum::fiber<> there = other.spawn({.name = "there"}, [c] { static_cast<void>(c.recv()); });
  wait_for("'here' waits to receive from a channel (0x*)"); // on a plain thread
  wait_for("'there' waits to receive from a channel (0x*)");
  const std::string text = thrum::dump();
  EXPECT_NE(text.find("runtime 'one': 1 processors"), std::string::npos) << text;
  EXPECT_NE(text.find("runtime 'other': 1 processors"), std::string::npos) << text;
  c.close();
  here.join();
  there.join();
}

TEST_F(a_dump, has_the_function_that_waits_if_there_is_addr2line) {
  if (!has_addr2line()) GTEST_SKIP() << "no addr2line here";
  run([] {
    const thrum::chan<int> c;
    thrum::fiber<> f = thrum::spawn({.name = "consumer"}, [c] { wait_in_a_named_function(c); });
    wait_for("'consumer' waits to receive from a channel (0x*)");
    ::unsetenv("THRUM_SYMBOLS");
    const report r = take();
    const entry* e = deadlock::find(r, "'consumer' waits to receive from a channel (0x*)");
    ASSERT_NE(e, nullptr);
    EXPECT_NE(e->details.find("wait_in_a_named_function"), std::string::npos) << e->details;
    c.close();
    f.join();
  });
}

TEST_F(a_dump, starts_no_process_if_symbols_are_off) {
  run([] {
    const thrum::chan<int> c;
    thrum::fiber<> f = thrum::spawn({.name = "consumer"}, [c] { wait_in_a_named_function(c); });
    const entry e = wait_for("'consumer' waits to receive from a channel (0x*)");
    const std::string frames = e.details.substr(e.details.find('\n')); // behind "spawned at ..."
    EXPECT_EQ(frames.find(" at "), std::string::npos) << e.details;
    EXPECT_NE(frames.find("+0x"), std::string::npos) << e.details; // where it waits, still
    c.close();
    f.join();
  });
}

TEST_F(a_dump, may_be_taken_while_fibers_come_and_go) {
  run(
      [] {
        std::atomic<bool> enough{false};
        thrum::wait_group all;
        thrum::mutex m;
        const thrum::chan<int> c;
        for (int i = 0; i < 8; ++i)
          all.go([&, i] {
            while (!enough) {
              thrum::fiber<> child = thrum::spawn({.name = "child"}, [&] {
                const std::lock_guard hold(m);
                thrum::this_fiber::yield();
              });
              if (i % 4 == 0) thrum::select(thrum::send(c, 1), thrum::after(1ms));
              if (i % 4 == 1) static_cast<void>(c.recv_for(1ms));
              if (i % 4 == 2) child.request_stop();
              child.join();
            }
          });
        all.go([&] {
          while (!enough) static_cast<void>(c.recv_for(1ms));
        });
        for (int i = 0; i < 200; ++i) {
          const report r = take();
          EXPECT_TRUE(r.title.starts_with("thrum: ")) << r.title;
          EXPECT_GE(r.entries.size(), 1u);
          thrum::this_fiber::yield();
        }
        enough = true;
        all.wait();
      },
      4);
}

// ---- SIGQUIT

namespace {

test::live_child asked(const char* name, const char* setting = "THRUM_SYMBOLS=off") {
  return test::live_child(
      {"/usr/bin/env", "THRUM_SYMBOLS=off", setting, test::own_folder() + "/asked", name});
}

constexpr const char* shown = "'waiter' waits to receive from a channel";

class a_program : public testing::TestWithParam<const char*> {};

} // namespace

TEST_P(a_program, that_gets_sigquit_says_what_it_does_and_goes_on) {
  if (test::tsan && std::string(GetParam()) != "on_the_default_runtime")
    GTEST_SKIP() << "the first thread waits in a futex: the thread sanitizer does not see that it blocks, "
                    "and keeps the signal";
  test::live_child running = asked(GetParam());
  const bool ready = running.says("ready\n");
  running.send(SIGQUIT);
  const bool told = running.says(shown);
  running.tell("\n");
  const test::child c = running.end();
  EXPECT_TRUE(ready && told) << c.summary();
  EXPECT_EQ(c.signal, 0) << c.summary();
  EXPECT_EQ(c.exit_code, 0) << c.summary();
}
INSTANTIATE_TEST_SUITE_P(such_as, a_program,
                         testing::Values("on_the_default_runtime", "inside_run", "while_fibers_compute"),
                         [](const auto& given) { return std::string(given.param); });

TEST(sigquit, twice_within_a_second_ends_the_program) {
  test::live_child running = asked("on_the_default_runtime");
  const bool ready = running.says("ready\n");
  // The second follows as soon as the first is answered; on a machine so busy that this took a second, another one does.
  for (std::size_t times = 1;; ++times) {
    running.send(SIGQUIT);
    if (!running.says(shown, times)) break;
  }
  const test::child c = running.end();
  EXPECT_TRUE(ready) << c.summary();
  EXPECT_FALSE(c.timed_out) << c.summary();
  EXPECT_EQ(c.signal, SIGQUIT) << c.summary();
  EXPECT_NE(c.err.find(shown), std::string::npos) << c.summary();
}

TEST(sigquit, of_a_program_with_a_handler_is_left_to_it) {
  test::live_child running = asked("with_a_handler_of_its_own");
  const bool ready = running.says("ready\n");
  running.send(SIGQUIT);
  const bool told = running.says("the program's own handler\n");
  running.tell("\n");
  const test::child c = running.end();
  EXPECT_TRUE(ready && told) << c.summary();
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "the program's own handler\n") << c.summary();
}

TEST(sigquit, that_is_ignored_stays_ignored) {
  test::live_child running = asked("that_ignores_it");
  const bool ready = running.says("ready\n");
  running.send(SIGQUIT);
  running.tell("\n");
  const test::child c = running.end();
  EXPECT_TRUE(ready) << c.summary();
  EXPECT_EQ(c.signal, 0) << c.summary();
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "") << c.summary();
}

TEST(sigquit, ends_the_program_if_the_environment_says_so) {
  test::live_child running = asked("when_nobody_listens", "THRUM_QUIT=default");
  const bool ready = running.says("ready\n");
  running.send(SIGQUIT);
  const test::child c = running.end();
  EXPECT_TRUE(ready) << c.summary();
  EXPECT_EQ(c.signal, SIGQUIT) << c.summary();
  EXPECT_EQ(c.err, "") << c.summary();
}
