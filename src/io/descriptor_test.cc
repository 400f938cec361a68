// The protocol of descriptor.h, one clause at a time, over a pair of local sockets.
#include "io/descriptor.h"

#include "io/descriptor_kit.h"
#include "sched/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <thrum/go.h>
#include <thrum/io/stream.h>
#include <thrum/spawn.h>

namespace thrum::io {
using detail::read_exactly;
using detail::read_some;
using detail::write_all;
using detail::write_some;

namespace {

static_assert(sizeof(descriptor) == 256); // as handle.h says

using namespace std::chrono_literals;
using test::stream_pair;
using test::wait_until;

std::string text_of(const char* data, std::size_t n) { return {data, n}; }

bool is_open_number(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// Every read and write asks the fault hook first: a counter of system calls.
std::atomic<int> transfers{0};
bool count_transfers(env::fault_site site) noexcept {
  if (site == env::fault_site::io_would_block) transfers.fetch_add(1, std::memory_order_relaxed);
  return false;
}

TEST(descriptor, a_read_that_waits_goes_on_when_data_comes) {
  run([] {
    stream_pair p;
    auto reader = spawn([&] {
      char buffer[16];
      return text_of(buffer, read_some(p.a, buffer, {}).value());
    });
    wait_until([&] { return test::is_parked(*p.a, direction::in); });
    write_all(p.b, "hello", {}).value();
    EXPECT_EQ(reader.join(), "hello");
    EXPECT_TRUE(p.a->check_invariants());
  });
}

TEST(descriptor, a_request_and_its_answer_cost_one_read_and_one_write_on_each_side) {
  const test::fault_hook hook(&count_transfers);
  run(
      [] {
        stream_pair p;
        auto server = spawn([&] {
          char buffer[64];
          while (const std::size_t n = read_some(p.a, buffer, {}).value())
            write_all(p.a, {buffer, n}, {}).value();
        });
        char answer[64];
        const auto round = [&] {
          write_all(p.b, "ping", {}).value();
          EXPECT_EQ(read_some(p.b, answer, {}).value(), 4u);
        };
        for (int i = 0; i < 10; ++i) round();
        wait_until([&] { return test::is_parked(*p.a, direction::in); });
        transfers = 0;
        constexpr int rounds = 1'000;
        for (int i = 0; i < rounds; ++i) round();
        // A report of the poller may overtake a read that took its data already: then a read finds nothing, once.
        EXPECT_GE(transfers.load(), 4 * rounds);
        EXPECT_LE(transfers.load(), 4 * rounds + rounds / 10);
        p.drop_b();
        server.join();
      },
      {.processors = 1});
}

TEST(descriptor, data_and_the_end_that_come_together_are_both_read) {
  run(
      [] {
        stream_pair p;
        auto reader = spawn([&] {
          char buffer[64];
          std::string got;
          while (const std::size_t n = read_some(p.a, buffer, {}).value()) got += text_of(buffer, n);
          return got;
        });
        wait_until([&] { return test::is_parked(*p.a, direction::in); });
        // One edge for both: nobody polls in between, because this fiber does not wait.
        EXPECT_EQ(::send(p.b->fd, "last words", 10, 0), 10);
        ::shutdown(p.b->fd, SHUT_WR);
        EXPECT_EQ(reader.join(), "last words");
      },
      {.processors = 1});
}

TEST(descriptor, a_full_pipe_makes_the_writer_wait_until_it_is_drained) {
  run([] {
    stream_pair p;
    const std::string sent(4 << 20, 'x');
    auto writer = spawn([&] { write_all(p.a, sent, {}).value(); });
    wait_until([&] { return test::is_parked(*p.a, direction::out); });
    std::string got(sent.size(), '\0');
    read_exactly(p.b, got, {}).value();
    writer.join();
    EXPECT_EQ(got, sent);
  });
}

TEST(descriptor, readers_are_served_in_the_order_in_which_they_came) {
  run(
      [] {
        stream_pair p;
        std::vector<int> order;
        std::vector<fiber<void>> readers;
        for (int i = 0; i < 5; ++i) {
          readers.push_back(spawn([&, i] {
            char two[2];
            read_exactly(p.a, two, {}).value();
            EXPECT_EQ(two[0], two[1]); // nobody read in between
            order.push_back(two[0] - 'a');
            static_cast<void>(i);
          }));
          wait_until([&] {
            return test::is_parked(*p.a, direction::in) && test::queued(*p.a, direction::in) == unsigned(i);
          });
        }
        for (const char* half : {"a", "abb", "c", "cdde", "e"}) {
          write_all(p.b, half, {}).value();
          this_fiber::yield();
        }
        for (auto& r : readers) r.join();
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
        EXPECT_TRUE(p.a->check_invariants());
      },
      {.processors = 1});
}

TEST(descriptor, a_large_write_is_not_torn_by_another) {
  run([] {
    stream_pair p;
    constexpr std::size_t size = 1 << 20;
    std::vector<fiber<void>> writers;
    for (char c : {'1', '2', '3', '4'})
      writers.push_back(spawn([&, c] { write_all(p.a, std::string(size, c), {}).value(); }));
    std::string got(4 * size, '\0');
    read_exactly(p.b, got, {}).value();
    for (auto& w : writers) w.join();
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], got[i / size * size]) << "at " << i;
  });
}

TEST(descriptor, waiting_for_the_turn_obeys_the_deadline_and_the_stop_request) {
  run([] {
    stream_pair p;
    auto first = spawn([&] {
      char c[1];
      return read_some(p.a, c, {}).value();
    });
    wait_until([&] { return test::is_parked(*p.a, direction::in); });
    char c[1];
    EXPECT_EQ(read_some(p.a, c, 1ms).error(), errc::deadline);
    EXPECT_EQ(read_some(p.a, c, 0ms).error(), errc::deadline);
    auto second = spawn([&] {
      char d[1];
      static_cast<void>(read_some(p.a, d, {}));
    });
    wait_until([&] { return test::queued(*p.a, direction::in) == 1; });
    second.request_stop();
    EXPECT_THROW(second.join(), cancelled);
    EXPECT_EQ(test::queued(*p.a, direction::in), 0u);
    write_all(p.b, "x", {}).value();
    EXPECT_EQ(first.join(), 1u);
  });
}

TEST(descriptor, a_moved_deadline_reaches_who_waits_for_the_turn) {
  run([] {
    stream_pair p;
    std::vector<fiber<bool>> readers;
    for (unsigned i = 0; i < 3; ++i) {
      readers.push_back(spawn([&] {
        char c[1];
        return read_some(p.a, c, {}).error() == errc::deadline;
      }));
      wait_until(
          [&] { return test::is_parked(*p.a, direction::in) && test::queued(*p.a, direction::in) == i; });
    }
    set_deadline(*p.a, direction::in, detail::steady_now());
    for (auto& r : readers) EXPECT_TRUE(r.join());
    char c[1];
    write_all(p.b, "x", {}).value();
    EXPECT_EQ(read_some(p.a, c, {}).error(), errc::deadline); // sticky, also when there is data
    set_deadline(*p.a, direction::in, detail::no_deadline);
    EXPECT_EQ(read_some(p.a, c, {}).value(), 1u);
  });
}

TEST(descriptor, close_wakes_the_parked_the_queued_and_the_selects) {
  run([] {
    stream_pair p;
    std::vector<fiber<bool>> all;
    for (int i = 0; i < 3; ++i) {
      all.push_back(spawn([&] {
        char c[1];
        return read_some(p.a, c, {}).error() == errc::closed;
      }));
    }
    wait_until(
        [&] { return test::is_parked(*p.a, direction::in) && test::queued(*p.a, direction::in) == 2; });
    close(*p.a);
    for (auto& f : all) EXPECT_TRUE(f.join());
    EXPECT_TRUE(p.a->check_invariants());
    char c[1];
    EXPECT_EQ(read_some(p.a, c, {}).error(), errc::closed);
    EXPECT_EQ(write_some(p.a, "x", {}).error(), errc::closed);
    close(*p.a); // harmless
  });
}

TEST(descriptor, close_gives_the_number_back_at_once_when_everybody_is_parked) {
  run(
      [] {
        stream_pair p;
        const int number = p.a->fd;
        auto reader = spawn([&] {
          char c[1];
          return read_some(p.a, c, {}).error() == errc::closed;
        });
        wait_until([&] { return test::is_parked(*p.a, direction::in); });
        close(*p.a);
        EXPECT_FALSE(is_open_number(number)); // the reader has not even run yet
        EXPECT_TRUE(reader.join());
      },
      {.processors = 1});
}

TEST(descriptor, the_number_stays_open_while_somebody_uses_it) {
  run([] {
    stream_pair p;
    const int number = p.a->fd;
    {
      const use first(p.a);
      const use second(p.a);
      ASSERT_EQ(first.standing(), status::ok);
      close(*p.a);
      EXPECT_TRUE(is_open_number(number));
      EXPECT_EQ(use(p.a).standing(), status::closed); // no new ones
      EXPECT_TRUE(is_open_number(number));
    }
    EXPECT_FALSE(is_open_number(number));
  });
}

TEST(descriptor, an_edge_for_an_earlier_owner_of_the_memory_is_dropped) {
  run(
      [] {
        stream_pair first;
        descriptor* const memory = first.a;
        const std::uint16_t old = memory->generation;
        first.drop_a();
        stream_pair second; // takes the memory that was used last first
        ASSERT_TRUE(second.a == memory || second.b == memory);
        ASSERT_NE(memory->generation, old);
        descriptor& peer = second.a == memory ? *second.b : *second.a;
        char c[1];
        EXPECT_EQ(read_some(memory, c, 0ms).error(), errc::deadline); // drained: the bit is clear now
        const auto report = [&](std::uint16_t tag) {
          sched::worker& w = sched::enter();
          memory->on_ready(w, *memory,
                           {.token = memory,
                            .tag = tag,
                            .readable = true,
                            .writable = true,
                            .hangup = true,
                            .tail = true});
          sched::leave();
        };
        report(old);
        EXPECT_EQ(test::guarded(*memory, [&] { return memory->ready_bits() & ready_bit(direction::in); }),
                  0u);
        report(memory->generation);
        EXPECT_NE(test::guarded(*memory, [&] { return memory->ready_bits() & ready_bit(direction::in); }),
                  0u);
        // A false alarm of our own costs one system call and nothing else, even if it claimed to be the end.
        EXPECT_EQ(read_some(memory, c, 0ms).error(), errc::deadline);
        auto reader = spawn([&] { return read_some(memory, c, {}).value(); });
        wait_until([&] { return test::is_parked(*memory, direction::in); });
        write_all(&peer, "y", {}).value();
        EXPECT_EQ(reader.join(), 1u);
      },
      {.processors = 1});
}

TEST(descriptor, a_deadline_that_has_passed_does_not_refuse_what_is_there) {
  run(
      [] {
        stream_pair p;
        char c[4];
        EXPECT_EQ(read_some(p.a, c, 0s).error(), errc::deadline);
        write_all(p.b, "xy", {}).value();
        EXPECT_EQ(read_some(p.a, c, 0s).value(), 2u); // nobody has polled since
        EXPECT_EQ(read_some(p.a, c, 0s).error(), errc::deadline);
        write_all(p.b, "xyz", {}).value();
        EXPECT_EQ(read_some(p.a, {c, 2}, 0s).value(), 2u);
        EXPECT_EQ(read_some(p.a, c, {}).value(), 1u); // what that left is told of later
      },
      {.processors = 1, .max_threads = 1});
}

TEST(descriptor, a_plain_thread_waits_and_is_woken) {
  runtime r({.processors = 2});
  stream_pair* p = nullptr;
  r.run([&] { p = new stream_pair; });
  std::thread thread([&] {
    char buffer[16];
    for (;;) {
      const std::size_t n = read_some(p->a, buffer, {}).value();
      if (n == 0) return;
      write_all(p->a, {buffer, n}, {}).value();
    }
  });
  r.run([&] {
    char buffer[16];
    for (int i = 0; i < 100; ++i) {
      write_all(p->b, "x", {}).value();
      ASSERT_EQ(read_some(p->b, buffer, {}).value(), 1u);
    }
    p->drop_b();
  });
  thread.join();
  delete p;
}

TEST(descriptor, a_plain_thread_alone_is_served_by_the_default_runtime) {
  stream_pair p;
  std::thread peer([&] {
    wait_until([&] { return test::is_parked(*p.a, direction::in); });
    write_all(p.b, "abc", {}).value();
  });
  char buffer[3];
  EXPECT_TRUE(read_exactly(p.a, buffer, {}).has_value());
  peer.join();
  EXPECT_EQ(read_some(p.a, buffer, 1ms).error(), errc::deadline);
}

TEST(descriptor, the_end_of_its_runtime_ends_waits_and_refuses_more) {
  auto r = std::make_unique<runtime>(options{.processors = 2});
  stream_pair* p = nullptr;
  r->run([&] { p = new stream_pair; });
  char c[1];
  std::thread thread([&] { EXPECT_EQ(read_some(p->a, c, {}).error(), errc::runtime_ended); });
  wait_until([&] { return test::is_parked(*p->a, direction::in); });
  r.reset();
  thread.join();
  EXPECT_EQ(read_some(p->a, c, {}).error(), errc::runtime_ended);
  EXPECT_EQ(write_some(p->b, "x", {}).error(), errc::runtime_ended);
  const int number = p->a->fd;
  EXPECT_TRUE(is_open_number(number));
  delete p;
  EXPECT_FALSE(is_open_number(number));
}

TEST(descriptor, a_stop_request_never_costs_a_byte) {
  run([] {
    stream_pair p;
    for (int i = 0; i < test::repetitions(200); ++i) {
      std::atomic<bool> got{false};
      auto reader = spawn([&] {
        char c[1];
        if (read_some(p.a, c, {}).value() == 1) got = true;
      });
      auto writer = spawn([&] { write_all(p.b, "x", {}).value(); });
      reader.request_stop();
      try {
        reader.join();
      } catch (const cancelled&) {}
      writer.join();
      char c[1];
      if (!got) { EXPECT_EQ(read_some(p.a, c, {}).value(), 1u); }
    }
    char c[1];
    EXPECT_EQ(read_some(p.a, c, 0ms).error(), errc::deadline);
  });
}

TEST(descriptor, a_transfer_that_is_stopped_half_way_says_how_far_it_came) {
  run([] {
    stream_pair p;
    char buffer[10];
    auto reader = spawn([&]() -> std::size_t {
      try {
        static_cast<void>(read_exactly(p.a, buffer, {}));
      } catch (const cancelled_transfer& c) { return c.transferred(); }
      return 0;
    });
    write_all(p.b, "1234", {}).value();
    // Parked before or after the four bytes? After, once nothing is left to read.
    wait_until(
        [&] { return !env::linux_world().look(p.a->fd).readable && test::is_parked(*p.a, direction::in); });
    reader.request_stop();
    EXPECT_EQ(reader.join(), 4u);
    EXPECT_EQ(text_of(buffer, 4), "1234");
    const auto late = [&] {
      write_all(p.b, "56", {}).value();
      return read_exactly(p.a, buffer, 5ms);
    }();
    EXPECT_EQ(late.error(), errc::deadline);
    EXPECT_EQ(late.error().transferred, 2u);
  });
}

TEST(descriptor, a_reader_whose_peer_is_always_faster_lets_others_run) {
  run(
      [] {
        stream_pair p;
        std::atomic<bool> stop{false}; // whoever takes long keeps its thread when the other one goes on
        int turns = 0;
        auto other = spawn([&] {
          for (; turns < 10; ++turns) this_fiber::yield();
          stop = true;
        });
        char c[1];
        int reads = 0;
        for (; !stop; ++reads) { // never waits: what it reads it has written before
          write_all(p.b, "x", {}).value();
          ASSERT_EQ(read_some(p.a, c, {}).value(), 1u);
          ASSERT_LT(reads, 100'000);
        }
        other.join();
        EXPECT_EQ(turns, 10);
      },
      {.processors = 1});
}

TEST(descriptor, memory_is_used_again_and_no_number_leaks) {
  run([] {
    { const stream_pair warm; }
    const unsigned before = test::open_descriptors();
    std::vector<const descriptor*> seen;
    for (int i = 0; i < 100; ++i) {
      const stream_pair p;
      seen.push_back(p.a);
    }
    EXPECT_EQ(test::open_descriptors(), before);
    std::sort(seen.begin(), seen.end());
    EXPECT_LE(std::unique(seen.begin(), seen.end()) - seen.begin(), 2);
  });
}

std::atomic<bool> refuse_watch{false};
bool refuse(env::fault_site site) noexcept { return site == env::fault_site::poller_add && refuse_watch; }

TEST(descriptor, a_poller_that_takes_no_more_refuses_and_leaves_everything_as_it_was) {
  const test::fault_hook hook(&refuse);
  run([] {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    refuse_watch = true;
    descriptor* d = nullptr;
    EXPECT_EQ(open(fds[0], {}, &d), -ENOSPC);
    EXPECT_EQ(d, nullptr);
    refuse_watch = false;
    ASSERT_EQ(open(fds[0], {}, &d), 0);
    EXPECT_TRUE(d->check_invariants());
    close_and_release(*d);
    ::close(fds[1]);
  });
}

} // namespace
} // namespace thrum::io
