// Watches: every event comes once, in order, with its name; overflow is told; waits end as all waits do.
#include "io/descriptor_kit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <thrum/io/watch.h>
#include <thrum/spawn.h>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

struct scratch {
  std::string path = "/tmp/thrum-watch-XXXXXX";
  scratch() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~scratch() { std::filesystem::remove_all(path); }
  std::string name(const std::string& file) const { return path + '/' + file; }
};

void make(const std::string& path) { std::ofstream(path) << "x"; }

TEST(watches, tell_what_happens_in_order_with_names_of_any_length) {
  const scratch folder;
  run([&] {
    const watch w = watch::open().value();
    const int id = w.add(folder.path, changes::created | changes::moved_from | changes::moved_to).value();
    std::vector<std::string> names;
    for (const std::size_t length : {1, 14, 15, 16, 17, 31, 32, 100, 255}) {
      names.push_back(std::string(length, 'n'));
      make(folder.name(names.back()));
    }
    std::filesystem::rename(folder.name("n"), folder.name("m"));
    std::filesystem::create_directory(folder.name("sub"));
    for (const std::string& name : names) {
      const change c = w.next(10s).value();
      EXPECT_EQ(c.id, id);
      EXPECT_TRUE(c.is(changes::created));
      EXPECT_EQ(c.name, name);
    }
    const change from = w.next(10s).value();
    const change to = w.next(10s).value();
    EXPECT_TRUE(from.is(changes::moved_from) && to.is(changes::moved_to));
    EXPECT_EQ(from.name + to.name, "nm");
    EXPECT_EQ(from.cookie, to.cookie);
    EXPECT_TRUE(w.next(10s).value().is_directory());
    EXPECT_EQ(w.next(0ms).error(), errc::deadline); // and nothing else
  });
}

TEST(watches, of_a_file_end_with_it_and_other_paths_are_refused) {
  const scratch folder;
  run([&] {
    const watch w = watch::open().value();
    make(folder.name("a"));
    const int id = w.add(folder.name("a"), changes::self_removed).value();
    std::filesystem::remove(folder.name("a"));
    EXPECT_TRUE(w.next(10s).value().is(changes::self_removed));
    const change last = w.next(10s).value();
    EXPECT_TRUE(last.is(changes::ended));
    EXPECT_EQ(last.id, id);
    EXPECT_TRUE(last.name.empty());
    EXPECT_EQ(w.remove(id).error(), std::errc::invalid_argument);
    EXPECT_EQ(w.add("/no/such").error().message(), "watch /no/such: No such file or directory");
  });
}

TEST(watches, too_many_events_are_told_as_an_overflow) {
  const scratch folder;
  run([&] {
    const watch w = watch::open().value();
    w.add(folder.path, changes::created | changes::removed).value();
    std::size_t room = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> room;
    ASSERT_GT(room, 0u);
    if (room > 100'000) GTEST_SKIP() << "this machine keeps " << room;
    for (std::size_t i = 0; i <= room / 2 + 1; ++i) {
      make(folder.name("a"));
      std::filesystem::remove(folder.name("a"));
    }
    std::size_t told = 0;
    for (;; ++told) {
      const change c = w.next(10s).value();
      if (!c.overflow()) continue;
      EXPECT_EQ(c.id, -1);
      break;
    }
    EXPECT_EQ(told, room);
    make(folder.name("b")); // it goes on afterwards
    EXPECT_EQ(w.next(10s).value().name, "b");
  });
}

class watch_waits : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(processors, watch_waits, testing::Values(1u, 2u, 4u));

TEST_P(watch_waits, end_by_events_deadlines_stop_requests_and_close_and_lose_nothing) {
  const scratch folder;
  run(
      [&] {
        const watch w = watch::open().value();
        w.add(folder.path, changes::created).value();
        const auto next = [&] { return w.next(); };
        const auto parked = [&] { return test::is_parked(*descriptor_of(w), direction::in); };
        EXPECT_EQ(w.next(1ms).error(), errc::deadline);
        auto told = spawn(next);
        wait_until(parked);
        make(folder.name("a"));
        EXPECT_EQ(told.join().value().name, "a");
        for (int i = 0; i < test::repetitions(50);
             ++i) { // a stop beside an event: it is had by the one or the other
          const std::string name = std::to_string(i);
          auto stopped = spawn(next);
          auto maker = spawn([&] { make(folder.name(name)); });
          stopped.request_stop();
          std::string got;
          try {
            got = stopped.join().value().name;
          } catch (const cancelled&) { got = w.next(10s).value().name; }
          EXPECT_EQ(got, name);
          maker.join();
        }
        auto closed = spawn(next);
        wait_until(parked);
        w.close();
        EXPECT_EQ(closed.join().error(), errc::closed);
        EXPECT_EQ(w.add(folder.path).error(), errc::closed);
      },
      {.processors = GetParam()});
}

} // namespace
} // namespace thrum::io
