// thrum/trace.h: what a recording says is true of what was recorded. Most is asked of the timeline itself; the JSON is read by a
// parser that is not ours (support/check_trace.py).
#include "support/child.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <thrum/io/file.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>
#include <thrum/trace.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace thrum;
using test::times;
using trace::ending;
using trace::timeline;
using trace::track;

class a_recording : public test::on_processors {};

const track& track_of(const timeline& t, const trace::slice& s) { return t.tracks.at(s.track); }

bool overlap(const trace::slice& a, const trace::slice& b) { return a.begin < b.end && b.begin < a.end; }

std::vector<trace::slice> slices_of(const timeline& t, std::uint64_t fiber) {
  std::vector<trace::slice> found;
  for (const trace::slice& s : t.slices)
    if (s.fiber == fiber) found.push_back(s);
  return found;
}

std::vector<trace::arrow> arrows_to(const timeline& t, std::uint64_t fiber) {
  std::vector<trace::arrow> found;
  for (const trace::arrow& a : t.arrows)
    if (a.fiber == fiber) found.push_back(a);
  return found;
}

// Of all timelines: nothing is in two places at a time, and nothing happens before its cause.
void expect_possible(const timeline& t) {
  for (const trace::slice& s : t.slices) {
    ASSERT_LT(s.track, t.tracks.size());
    ASSERT_NE(s.fiber, 0u);
    ASSERT_GE(s.begin.count(), 0);
    ASSERT_LE(s.begin, s.end);
    ASSERT_LE(s.end, t.length);
  }
  ASSERT_TRUE(std::is_sorted(t.slices.begin(), t.slices.end(),
                             [](const auto& a, const auto& b) { return a.begin < b.begin; }));
  std::vector<const trace::slice*> last_on(t.tracks.size());
  std::vector<std::pair<std::uint64_t, const trace::slice*>> last_of;
  for (const trace::slice& s : t.slices) {
    if (const trace::slice* before = std::exchange(last_on[s.track], &s)) {
      ASSERT_LE(before->end, s.begin) << "two slices on one track";
    }
    const auto of =
        std::find_if(last_of.begin(), last_of.end(), [&](const auto& l) { return l.first == s.fiber; });
    if (of == last_of.end()) {
      last_of.emplace_back(s.fiber, &s);
      continue;
    }
    ASSERT_LE(of->second->end, s.begin) << "fiber " << s.fiber << " runs in two places";
    ASSERT_NE(of->second->how, ending::ends) << "fiber " << s.fiber << " runs after its end";
    of->second = &s;
  }
  for (const trace::arrow& a : t.arrows) {
    ASSERT_LE(a.made, a.runs) << "an arrow points backwards";
    ASSERT_TRUE(std::any_of(t.slices.begin(), t.slices.end(), [&](const trace::slice& s) {
      return s.fiber == a.fiber && s.track == a.to && s.begin == a.runs;
    })) << "an arrow leads to where its fiber does not begin to run";
    if (a.by != 0 && t.tracks[a.from].what != track::kind::thread) {
      ASSERT_TRUE(std::any_of(t.slices.begin(), t.slices.end(), [&](const trace::slice& s) {
        return s.fiber == a.by && s.track == a.from && s.begin <= a.made && a.made <= s.end;
      })) << "an arrow begins where its fiber does not run";
    }
  }
}

// A file that is gone when the test is over.
struct scratch_file {
  std::string path;
  explicit scratch_file(const char* name)
      : path((std::filesystem::temp_directory_path() / (std::to_string(::getpid()) + "-" + name)).string()) {}
  ~scratch_file() { std::filesystem::remove(path); }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;

  std::string text() const {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

bool has_python() { return std::system("python3 -c 'import json' >/dev/null 2>&1") == 0; }

// What the viewer would say; "" and a failure, if it finds a mistake.
std::string seen_by_a_viewer(const std::string& path) {
  const test::child c = test::run_child({"/usr/bin/env", "python3", THRUM_CHECK_TRACE, path});
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  return c.out;
}

} // namespace

TEST_P(a_recording, tells_who_waited_for_what_and_who_woke_whom) {
  std::uint64_t taker = 0;
  std::uint64_t giver = 0;
  unsigned line = 0;
  const timeline t = run([&] {
    trace::recording r;
    const chan<int> c;
    std::atomic<bool> begun{false};
    line = __LINE__ + 1;
    auto waits = spawn({.name = "taker"}, [&] {
      taker = this_fiber::id();
      begun = true;
      return *c.recv();
    });
    test::until([&] { return begun.load(); });
    auto gives = spawn([&] {
      giver = this_fiber::id();
      c.send(7);
    });
    EXPECT_EQ(waits.join(), 7);
    gives.join();
    return r.stop();
  });
  expect_possible(t);
  EXPECT_EQ(t.lost, 0u);
  const trace::fiber_origin* who = t.find(taker);
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->name, "taker");
  EXPECT_EQ(who->site.line(), line);
  EXPECT_NE(who->started_by, 0u);
  EXPECT_EQ(t.find(giver)->started_by, who->started_by);
  const auto pieces = slices_of(t, taker);
  ASSERT_FALSE(pieces.empty());
  EXPECT_EQ(pieces.back().how, ending::ends);
  const auto arrows = arrows_to(t, taker);
  ASSERT_FALSE(arrows.empty());
  EXPECT_TRUE(arrows.front().begins);
  EXPECT_EQ(arrows.front().by, who->started_by);
  // The one fiber waited, or the other one.
  const bool taker_waited = std::any_of(pieces.begin(), pieces.end(), [](const trace::slice& s) {
    return s.how == ending::waits && std::string(s.why) == "chan receive";
  });
  const auto of_giver = slices_of(t, giver);
  const bool giver_waited = std::any_of(of_giver.begin(), of_giver.end(), [](const trace::slice& s) {
    return s.how == ending::waits && std::string(s.why) == "chan send";
  });
  EXPECT_TRUE(taker_waited || giver_waited);
  const std::uint64_t waiter = taker_waited ? taker : giver;
  const auto to_waiter = arrows_to(t, waiter);
  EXPECT_TRUE(std::any_of(to_waiter.begin(), to_waiter.end(), [&](const trace::arrow& a) {
    return !a.begins && a.by == (taker_waited ? giver : taker);
  }));
}

TEST_P(a_recording, is_possible_whatever_fibers_do) {
  const timeline t = run([] {
    trace::recording r;
    std::vector<fiber<void>> all;
    const chan<int> c(2);
    mutex m;
    for (int i = 0; i < 8; ++i)
      all.push_back(spawn([&, i] {
        for (std::size_t n = 0; n < times(40); ++n) switch ((static_cast<int>(n) + i) % 6) {
          case 0: this_fiber::yield(); break;
          case 1: this_fiber::sleep_for(50us); break;
          case 2: {
            const std::lock_guard hold(m);
            this_fiber::yield();
            break;
          }
          case 3:
            if (c.try_send(1) != chan_status::ok) static_cast<void>(c.try_recv());
            break;
          case 4: spawn([] { this_fiber::yield(); }).join(); break;
          case 5: blocking([] { ::usleep(100); }); break;
          }
      }));
    for (auto& f : all) f.join();
    return r.stop();
  });
  EXPECT_EQ(t.lost, 0u);
  EXPECT_GT(t.slices.size(), 8u);
  EXPECT_FALSE(t.levels.empty());
  expect_possible(t);
}

TEST_P(a_recording, names_the_timer_that_woke_a_sleeper) {
  std::uint64_t sleeper = 0;
  const timeline t = run([&] {
    trace::recording r;
    spawn([&] {
      sleeper = this_fiber::id();
      this_fiber::sleep_for(1ms);
    }).join();
    return r.stop();
  });
  expect_possible(t);
  const auto arrows = arrows_to(t, sleeper);
  ASSERT_EQ(arrows.size(), 2u);
  EXPECT_EQ(arrows[1].by, 0u);
  EXPECT_STREQ(arrows[1].why, "sleep");
  EXPECT_GE(arrows[1].made - arrows[0].runs, 1ms);
}

TEST(a_recording_of_one_thread, shows_one_fiber_at_a_time) {
  std::uint64_t ids[2] = {};
  const timeline t = thrum::run(
      [&] {
        trace::recording r;
        auto work = [&](int i) {
          return [&ids, i] {
            ids[i] = this_fiber::id();
            for (int n = 0; n < 10; ++n) this_fiber::yield();
          };
        };
        auto a = spawn(work(0));
        auto b = spawn(work(1));
        a.join();
        b.join();
        return r.stop();
      },
      {.processors = 1, .max_threads = 1});
  expect_possible(t);
  for (std::size_t i = 0; i < t.slices.size(); ++i) {
    EXPECT_EQ(track_of(t, t.slices[i]).what, track::kind::processor);
    if (i != 0) { EXPECT_FALSE(overlap(t.slices[i - 1], t.slices[i])); }
  }
  // They take turns: each runs before the other has ended.
  const auto a = slices_of(t, ids[0]);
  const auto b = slices_of(t, ids[1]);
  ASSERT_GE(a.size(), 5u);
  ASSERT_GE(b.size(), 5u);
  EXPECT_LT(a.front().begin, b.back().end);
  EXPECT_LT(b.front().begin, a.back().end);
  EXPECT_EQ(a.front().how, ending::yields);
}

TEST(a_recording_of_two_processors, shows_two_fibers_at_the_same_time) {
  std::atomic<int> inside{0};
  std::uint64_t ids[2] = {};
  const timeline t = thrum::run(
      [&] {
        trace::recording r;
        auto meet = [&](int i) {
          return [&, i] { // both are here at some time, and neither lets go of its processor before
            ids[i] = this_fiber::id();
            ++inside;
            while (inside < 2) {}
          };
        };
        auto a = spawn(meet(0));
        auto b = spawn(meet(1));
        a.join();
        b.join();
        return r.stop();
      },
      {.processors = 2});
  expect_possible(t);
  bool together = false;
  for (const trace::slice& a : slices_of(t, ids[0]))
    for (const trace::slice& b : slices_of(t, ids[1])) together |= overlap(a, b);
  EXPECT_TRUE(together);
}

// One processor: that the others run means that it was taken from the hog, which runs on beside them.
// As many fibers as processors are at work in the same millisecond: by their own looks at the clock, and the recording shows where.
TEST(a_recording_of_all_processors, shows_as_many_fibers_at_work_in_one_millisecond) {
  const unsigned p = std::min(runtime::current().processors(), 8u);
  if (p < 2) GTEST_SKIP() << "one CPU";
  std::vector<std::atomic<std::int64_t>> looked(p); // when each was last seen to run, in nanoseconds
  trace::recording r;
  run(
      [&] {
        std::atomic<bool> together{false};
        std::vector<fiber<void>> all;
        for (unsigned i = 0; i < p; ++i)
          all.push_back(spawn({.name = "computes"}, [&, i] {
            while (!together) { // and no call of thrum: the others can only run beside it
              looked[i] = std::chrono::steady_clock::now().time_since_epoch() / 1ns;
              const auto [first, last] = std::minmax_element(looked.begin(), looked.end());
              if (*first != 0 && *last - *first < 1'000'000) together = true;
            }
          }));
        for (auto& f : all) f.join();
      },
      {.processors = p, .max_threads = p}); // no thread to hand a processor off to
  const timeline t = r.stop();
  std::set<unsigned> where;
  trace::time last_begin{0};
  trace::time first_end = t.length;
  for (const trace::slice& s : t.slices) {
    const auto* who = t.find(s.fiber);
    if (who == nullptr || who->name != "computes") continue;
    EXPECT_EQ(track_of(t, s).what, track::kind::processor);
    where.insert(s.track);
    last_begin = std::max(last_begin, s.begin);
    first_end = std::min(first_end, s.end);
  }
  EXPECT_EQ(where.size(), p) << "each on a processor of its own";
  EXPECT_LT(last_begin, first_end) << "and there was a time when all of them ran";
}

TEST(a_hand_off, of_a_fiber_that_computes_is_recorded) {
  std::uint64_t hog = 0;
  const timeline t = thrum::run(
      [&] {
        trace::recording r;
        std::atomic<bool> stop{false};
        auto computes = spawn([&] {
          hog = this_fiber::id();
          while (!stop.load(std::memory_order_relaxed)) {}
        });
        this_fiber::sleep_for(1ms);
        stop = true;
        computes.join();
        return r.stop();
      },
      {.processors = 1});
  expect_possible(t);
  const auto pieces = slices_of(t, hog);
  ASSERT_GE(pieces.size(), 2u);
  EXPECT_EQ(track_of(t, pieces[0]).what, track::kind::processor);
  EXPECT_EQ(pieces[0].how, ending::loses_processor);
  EXPECT_NE(std::string(pieces[0].why), "");
  EXPECT_EQ(track_of(t, pieces[1]).what, track::kind::worker);
  EXPECT_EQ(pieces[0].end, pieces[1].begin);
}

TEST(a_hand_off, of_a_fiber_that_blocks_in_the_kernel_is_recorded) {
  std::uint64_t reader = 0;
  const timeline t = thrum::run(
      [&] {
        trace::recording r;
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        auto blocked = spawn([&] {
          reader = this_fiber::id();
          char byte;
          EXPECT_EQ(::read(ends[0], &byte, 1), 1);
        });
        this_fiber::yield(); // only a hand-off brings us back
        EXPECT_EQ(::write(ends[1], "x", 1), 1);
        blocked.join();
        ::close(ends[0]);
        ::close(ends[1]);
        return r.stop();
      },
      {.processors = 1});
  expect_possible(t);
  const auto pieces = slices_of(t, reader);
  ASSERT_GE(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].how, ending::loses_processor);
  EXPECT_EQ(track_of(t, pieces[1]).what, track::kind::worker);
}

TEST(a_hand_off, by_blocking_and_by_pinned_is_recorded_with_its_reason) {
  const timeline t = thrum::run(
      [] {
        trace::recording r;
        auto other = spawn([] {}); // somebody waits
        blocking([] {});
        other.join();
        spawn([] { const pinned here; }).join();
        return r.stop();
      },
      {.processors = 1});
  expect_possible(t);
  const auto lost = [&](const char* why) {
    return std::any_of(t.slices.begin(), t.slices.end(), [&](const trace::slice& s) {
      return s.how == ending::loses_processor && std::string(s.why) == why;
    });
  };
  EXPECT_TRUE(lost("blocking()"));
  EXPECT_TRUE(lost("pinned"));
}

TEST(a_recording_of_the_process, has_all_runtimes_and_threads_that_wake_fibers) {
  trace::recording r;
  thrum::runtime first({.processors = 2, .name = "first"});
  thrum::runtime second({.processors = 1, .name = "second"});
  const chan<int> c;
  std::uint64_t id = 0;
  std::atomic<bool> begun{false};
  auto waits = first.spawn([&] {
    id = this_fiber::id();
    begun = true;
    return *c.recv();
  });
  while (!begun) std::this_thread::yield();
  second.run([] {});
  c.send(1); // by this thread
  waits.join();
  const timeline t = r.stop();
  expect_possible(t);
  std::size_t processors[2] = {};
  for (const track& row : t.tracks)
    if (row.what == track::kind::processor) ++processors[row.runtime == "first" ? 0 : 1];
  EXPECT_EQ(processors[0], 2u);
  EXPECT_EQ(processors[1], 1u);
  const auto arrows = arrows_to(t, id);
  ASSERT_FALSE(arrows.empty());
  EXPECT_EQ(t.tracks[arrows[0].from].what, track::kind::thread);
  EXPECT_TRUE(arrows[0].begins);
}

TEST_P(a_recording, may_begin_and_end_while_fibers_run) {
  run([] {
    std::atomic<bool> stop{false};
    std::atomic<int> rounds{0}; // so many more in this recording: on a busy machine it may be long
    std::vector<fiber<void>> all;
    const chan<int> c(1);
    for (int i = 0; i < 4; ++i)
      all.push_back(spawn([&] {
        while (!stop) {
          if (rounds.fetch_sub(1) <= 0) {
            this_fiber::sleep_for(1ms);
            continue;
          }
          if (c.try_send(1) != chan_status::ok) static_cast<void>(c.try_recv());
          spawn([] {}).join();
          this_fiber::yield();
        }
      }));
    for (std::size_t i = 0; i < times(30); ++i) {
      rounds = 2'000;
      trace::recording r;
      for (int n = 0; n < 20; ++n) this_fiber::yield();
      if (i % 3 == 0) continue; // dropped
      const timeline t = r.stop();
      EXPECT_EQ(t.lost, 0u);
      expect_possible(t);
      if (testing::Test::HasFailure()) break;
    }
    stop = true;
    for (auto& f : all) f.join();
  });
}

TEST_P(a_recording, that_is_full_drops_what_comes_then_and_counts_it) {
  const timeline t = run([] {
    trace::recording r({.bytes = 1}); // as little as there may be
    std::vector<fiber<void>> all;
    for (int i = 0; i < 4; ++i)
      all.push_back(spawn([] {
        for (int n = 0; n < 2'000; ++n) spawn([] {}).join(); // a yield is no event if nobody else is there
      }));
    for (auto& f : all) f.join();
    return r.stop();
  });
  EXPECT_GT(t.lost, 1'000u);
  EXPECT_LE(t.events, (64u << 10) / 32);
  EXPECT_FALSE(t.slices.empty());
  expect_possible(t);
  EXPECT_NE(trace::draw(t).find("events were lost"), std::string::npos);
}

TEST(one_recording_at_a_time, the_second_is_refused) {
  const trace::recording r;
  try {
    const trace::recording second;
    FAIL() << "there are two";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::errc::device_or_resource_busy);
    EXPECT_NE(std::string(e.what()).find("another one is going on"), std::string::npos);
  }
}

TEST(one_recording_at_a_time, and_the_next_afterwards) {
  for (int i = 0; i < 3; ++i) {
    trace::recording r;
    thrum::run([] {});
    const timeline t = r.stop();
    expect_possible(t);
    EXPECT_FALSE(t.slices.empty());
  }
}

// Mission: no call of the system blocks a worker. One that sleeps in the kernel for more than some 50 us loses its processor, which
// would be told here.
TEST_P(a_recording, of_an_echo_server_shows_no_call_that_blocks_a_worker) {
  const timeline t = run([] {
    const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
    const auto address = listener.local_address().value();
    trace::recording r;
    constexpr int clients = 20;
    auto server = spawn({.name = "server"}, [&] {
      for (int i = 0; i < clients; ++i)
        go({.name = "echo"}, [s = listener.accept().value()] {
          char buffer[256];
          while (auto n = s.read_some(buffer))
            if (*n == 0 || !s.write_all({buffer, *n})) return;
        });
    });
    std::vector<fiber<void>> all;
    for (int i = 0; i < clients; ++i)
      all.push_back(spawn({.name = "client"}, [&] {
        const auto s = net::tcp_stream::connect(address).value();
        char buffer[64] = {};
        for (std::size_t n = 0; n < times(50); ++n) {
          s.write_all(buffer).value();
          s.read_exactly(buffer).value();
        }
      }));
    for (auto& f : all) f.join();
    server.join();
    return r.stop();
  });
  expect_possible(t);
  std::size_t reads = 0;
  for (const trace::slice& s : t.slices) {
    reads += s.how == ending::waits && std::string(s.why) == "read";
    if (s.how == ending::loses_processor && !test::tsan && !test::asan) { // these have locks of their own
      EXPECT_STRNE(s.why, "blocked in the kernel");
      EXPECT_STRNE(s.why, "blocking()");
    }
  }
  EXPECT_GT(reads, 20u);
}

// ---- the JSON

TEST_P(a_recording, is_read_by_a_parser_that_is_not_ours) {
  if (!has_python()) GTEST_SKIP() << "needs python3";
  const timeline t = run([] {
    trace::recording r;
    const chan<int> c;
    go({.name = "quote \" and \\ and \n and \xff"}, [c] {
      for (int i = 0; i < 50; ++i) c.send(i);
      c.close();
    });
    for ([[maybe_unused]] const int i : c) this_fiber::yield();
    this_fiber::sleep_for(1ms);
    return r.stop();
  });
  const scratch_file file("trace.json");
  trace::write_json(t, file.path).value();
  EXPECT_EQ(file.text(), trace::to_json(t));
  const std::string seen = seen_by_a_viewer(file.path);
  EXPECT_NE(seen.find(" " + std::to_string(t.arrows.size()) + " arrows"), std::string::npos) << seen;
}

TEST(a_trace_file, that_cannot_be_written_is_an_error_with_the_path) {
  const auto written = trace::write_json({}, "/proc/no/such/folder/trace.json");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message().find("trace.json"), std::string::npos) << written.error().message();
}

TEST(a_trace_file, of_nothing_is_valid) {
  if (!has_python()) GTEST_SKIP() << "needs python3";
  const scratch_file file("empty.json");
  trace::write_json({}, file.path).value();
  EXPECT_EQ(seen_by_a_viewer(file.path), "0 rows, 0 slices, 0 arrows, 0 counts, 0 lost\n");
}

// ---- THRUM_TRACE

namespace {

test::child traced(const std::string& variable) {
  return test::run_child({"/usr/bin/env", "THRUM_TRACE=" + variable, test::own_folder() + "/traced"});
}

} // namespace

TEST(thrum_trace, records_a_program_that_knows_nothing_of_it) {
  const scratch_file file("program.json");
  const test::child c = traced(file.path);
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.out, "100\n");
  EXPECT_EQ(c.err, "");
  const std::string text = file.text();
  EXPECT_NE(text.find("\"speaker\""), std::string::npos);
  EXPECT_NE(text.find("waits: chan receive"), std::string::npos);
  EXPECT_NE(text.find("processor 1"), std::string::npos);
  if (has_python()) { EXPECT_NE(seen_by_a_viewer(file.path).find(" 0 lost"), std::string::npos); }
}

TEST(thrum_trace, puts_the_number_of_the_process_into_the_name) {
  const scratch_file file("number");
  const test::child c = traced(file.path + ".%p");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  const std::string name = std::filesystem::path(file.path).filename().string() + ".";
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path())) {
    const std::string here = entry.path().filename().string();
    if (!here.starts_with(name)) continue;
    EXPECT_GT(std::atoi(here.c_str() + name.size()), 0) << here;
    std::filesystem::remove(entry.path());
    ++found;
  }
  EXPECT_EQ(found, 1u);
}

TEST(thrum_trace, draws_when_it_is_a_dash) {
  const test::child c = traced("-");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.out, "100\n");
  EXPECT_NE(c.err.find("processor 0"), std::string::npos) << c.err;
  EXPECT_NE(c.err.find("speaker"), std::string::npos) << c.err;
}

TEST(thrum_trace, says_at_once_that_a_file_cannot_be_written_and_the_program_runs) {
  const test::child c = traced("/proc/no/such/folder/trace.json");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.out, "100\n");
  EXPECT_EQ(c.err.find("thrum: THRUM_TRACE: nothing is recorded: "), 0u) << c.err;
  EXPECT_NE(c.err.find("trace.json"), std::string::npos) << c.err;
}

// ---- the drawing, of a timeline that was made by hand

namespace {

timeline by_hand() {
  timeline t;
  t.length = 100us;
  t.tracks = {{.what = track::kind::processor, .runtime = "r", .number = 0},
              {.what = track::kind::processor, .runtime = "r", .number = 1},
              {.what = track::kind::worker, .runtime = "r", .number = 4711}};
  t.slices = {{.track = 0, .fiber = 7, .begin = 0us, .end = 40us},
              {.track = 1, .fiber = 9, .begin = 20us, .end = 30us},
              {.track = 0, .fiber = 9, .begin = 42us, .end = 46us},
              {.track = 0, .fiber = 7, .begin = 46us, .end = 50us},
              {.track = 2, .fiber = 7, .begin = 50us, .end = 60us},
              {.track = 1, .fiber = 11, .begin = 90us, .end = 100us}};
  t.fibers = {{.id = 7, .name = "first"}, {.id = 9, .name = "second one"}};
  return t;
}

} // namespace

TEST(a_drawing, shows_processors_threads_and_who_is_who) {
  EXPECT_EQ(trace::draw(by_hand(), {.columns = 10, .characters = trace::drawing::charset::ascii}),
            "100.0 us, a column is 10.0 us\n"
            "  processor 0 |AAAAa.....|  48 %\n"
            "  processor 1 |..B......C|  20 %\n"
            "  thread 4711 |.....A....|  10 %\n"
            "  A  first       ran 54.0 us in 3 pieces, fiber #7\n"
            "  B  second one  ran 14.0 us in 2 pieces, fiber #9\n"
            "  C  fiber #11   ran 10.0 us in 1 piece, fiber #11\n");
}

TEST(a_drawing, may_be_of_a_part) {
  EXPECT_EQ(
      trace::draw(by_hand(),
                  {.columns = 4, .characters = trace::drawing::charset::utf8, .from = 20us, .to = 40us}),
      "20.0 us, a column is 5.0 us\n"
      "  processor 0 │AAAA│ 100 %\n"
      "  processor 1 │BB··│  50 %\n"
      "  A  first       ran 20.0 us in 1 piece, fiber #7\n"
      "  B  second one  ran 10.0 us in 1 piece, fiber #9\n");
}

TEST(a_drawing, of_more_fibers_than_letters_names_those_that_ran_longest) {
  timeline t;
  t.length = 400us;
  t.tracks = {{.what = track::kind::processor, .runtime = "r", .number = 0}};
  for (unsigned i = 0; i < 30; ++i) // the first four run for short
    t.slices.push_back(
        {.track = 0, .fiber = i + 1, .begin = i * 10us, .end = i * 10us + (i < 4 ? 6us : 10us)});
  const std::string text = trace::draw(t, {.columns = 40, .characters = trace::drawing::charset::ascii});
  EXPECT_NE(text.find("|####ABCDEFGHIJKLMNOPQRSTUVWXYZ..........|"), std::string::npos) << text;
  EXPECT_NE(text.find("#  4 others  ran 24.0 us\n"), std::string::npos) << text;
}

TEST(a_drawing, of_nothing_is_short) {
  EXPECT_EQ(trace::draw({}, {.columns = 10, .characters = trace::drawing::charset::ascii}).find("1 ns"), 0u);
}

THRUM_ON_PROCESSORS(a_recording);
