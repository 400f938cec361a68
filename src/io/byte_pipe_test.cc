// Pipes of bytes in memory: order, waiting, closing from both sides, errors that are passed on, and memory that stays flat.
#include "base/sanitizer.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <thrum/error.h>
#include <thrum/io/buffered.h>
#include <thrum/io/byte_pipe.h>
#include <thrum/io/copy.h>
#include <thrum/io/lines.h>
#include <thrum/spawn.h>
#include <thrum/with_timeout.h>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;
using test::wait_until;

static_assert(byte_source<const byte_pipe_reader> && byte_sink<const byte_pipe_writer>);

char byte_at(std::size_t i) { return static_cast<char>(i * 131 + (i >> 8) * 7 + (i >> 16)); }

// On one processor, who is to park has parked when everybody else has had a turn.
template <class F> void run_in_turns(F f) { run(f, {.processors = 1, .max_threads = 1}); }
void let_all_park() {
  for (int i = 0; i < 10; ++i) this_fiber::yield();
}

class byte_pipe_on : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void run_it(F f) { run(f, {.processors = GetParam()}); }
};
INSTANTIATE_TEST_SUITE_P(processors, byte_pipe_on, testing::Values(1u, 2u, 4u));

TEST_P(byte_pipe_on, what_goes_in_comes_out_once_and_in_order) {
  for (const std::size_t mark : {1u, 7u, 64u, 4096u})
    run_it([mark] {
      auto [in, out] = byte_pipe(mark);
      const std::size_t total = mark * 300;
      auto writer = spawn([total, to = std::move(out)] {
        std::string block;
        for (std::size_t i = 0, n = 1; i < total; i += block.size(), n = n % 301 + 1) {
          block.resize(std::min(n, total - i));
          for (std::size_t k = 0; k < block.size(); ++k) block[k] = byte_at(i + k);
          to.write_all(block).value();
        }
        to.close();
      });
      char block[97];
      std::size_t got = 0;
      for (std::size_t size = 1;; size = size % 97 + 1) {
        const std::size_t n = in.read_some({block, size}).value();
        if (n == 0) break;
        for (std::size_t k = 0; k < n; ++k) ASSERT_EQ(block[k], byte_at(got + k));
        got += n;
      }
      EXPECT_EQ(got, total);
      EXPECT_EQ(in.read_some(block).value(), 0u);
      writer.join();
    });
}

TEST_P(byte_pipe_on, writes_of_several_are_never_mixed) {
  run_it([] {
    auto [in, out] = byte_pipe(5);
    std::vector<fiber<void>> writers;
    for (char c = 'a'; c < 'k'; ++c)
      writers.push_back(spawn([&out, c] {
        for (int i = 0; i < 20; ++i) out.write_all(std::string(17, c)).value();
      }));
    for (int i = 0; i < 200; ++i) {
      char message[17];
      in.read_exactly(message).value();
      ASSERT_EQ(std::string_view(message, 17), std::string(17, message[0]));
    }
    for (auto& w : writers) w.join();
  });
}

TEST_P(byte_pipe_on, a_close_on_either_side_races_with_everything_and_nobody_hangs) {
  for (int round = 0; round < test::repetitions(100); ++round)
    run_it([round] {
      auto pipe = std::make_unique<byte_pipe>(8);
      auto writer = spawn([&] {
        result<void> r;
        while (r) r = pipe->writer.write_all("0123456789");
        return r.error();
      });
      auto reader = spawn([&] {
        char b[3];
        for (;;) {
          const auto n = pipe->reader.read_some(b);
          if (!n || *n == 0) return n.has_value();
        }
      });
      for (int i = 0; i < round % 7; ++i) this_fiber::yield();
      const bool reader_closes = round % 2 == 0;
      if (reader_closes)
        pipe->reader.close();
      else
        pipe->writer.close();
      EXPECT_EQ(writer.join(),
                reader_closes ? std::make_error_code(std::errc::broken_pipe) : make_error_code(errc::closed));
      EXPECT_EQ(reader.join(), !reader_closes); // closed, or the end
    });
}

TEST(byte_pipe, a_slow_reader_makes_the_writer_wait_at_the_mark) {
  run([] {
    auto [in, out] = byte_pipe(1'000);
    std::atomic<std::size_t> written{0};
    auto writer = spawn([&written, to = std::move(out)] {
      for (int i = 0; i < 500; ++i) {
        to.write_all(std::string(100, 'x')).value();
        written += 100;
      }
      to.close();
    });
    char b[10];
    for (std::size_t read = 0; read < 50'000; read += 10) {
      in.read_exactly(b).value();
      this_fiber::yield();
      ASSERT_LE(in.size(), 1'000u);
      ASSERT_LE(written, read + 10 + 1'000);
    }
    writer.join();
  });
}

std::size_t resident_pages() {
  std::FILE* f = std::fopen("/proc/self/statm", "r");
  std::size_t all = 0;
  std::size_t resident = 0;
  EXPECT_EQ(std::fscanf(f, "%zu %zu", &all, &resident), 2);
  std::fclose(f);
  return resident;
}

TEST(byte_pipe, memory_stays_flat_whatever_passes_to_a_slow_reader) {
  run(
      [] {
        auto [in, out] = byte_pipe(64 << 10);
        const std::string block(1 << 20, 'x');
        auto writer = spawn([&block, to = std::move(out)] {
          for (int i = 0; i < 128; ++i) to.write_all(block).value(); // as fast as it may
          to.close();
        });
        std::string got(50'000, '\0');
        std::size_t total = in.read_some(got).value();
        const std::size_t before = resident_pages();
        std::size_t most = before;
        while (const std::size_t n = in.read_some(got).value()) {
          total += n;
          this_fiber::yield();
          most = std::max(most, resident_pages());
        }
        EXPECT_EQ(total, 128u << 20);
        // 16 MiB, far below what has passed. The thread sanitizer keeps some for each thread, of which a busy machine makes more.
        EXPECT_LT(most - before, THRUM_TSAN ? 16'384u : 4'096u);
        writer.join();
      },
      {.processors = 2});
}

TEST(byte_pipe, a_writer_that_is_dropped_without_close_is_no_end) {
  run([] {
    auto [in, out] = byte_pipe();
    out.write_all("half").value();
    { const byte_pipe_writer dropped = std::move(out); }
    char b[10];
    EXPECT_EQ(in.read_some(b).value(), 4u);
    for (int i = 0; i < 2; ++i) {
      const auto r = in.read_some(b);
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error(), std::errc::broken_pipe);
    }
  });
}

TEST(byte_pipe, a_reason_is_passed_on_to_the_other_side) {
  run_in_turns([] {
    const error why{.code = errc::too_long, .operation = "parse", .about = subject::named("input.txt")};
    {
      auto [in, out] = byte_pipe();
      out.write_all("ab").value();
      out.fail(why);
      out.close(); // too late to be a good end
      char b[10];
      EXPECT_EQ(in.read_exactly(b).error().transferred, 2u);
      EXPECT_EQ(in.read_some(b).error().message(), "parse input.txt: longer than the limit");
      EXPECT_EQ(out.write_some("x").error(), errc::closed);
    }
    {
      auto [in, out] = byte_pipe(4);
      auto writer = spawn([&out] { return out.write_all("123456").error(); });
      wait_until([&] { return in.size() == 4; });
      let_all_park();
      in.fail(why);
      const error e = writer.join();
      EXPECT_EQ(e, errc::too_long);
      EXPECT_EQ(e.transferred, 4u);
      char b[1];
      EXPECT_EQ(in.read_some(b).error(), errc::closed);
    }
  });
}

TEST(byte_pipe, a_close_ends_what_waits_on_its_own_side) {
  run_in_turns([] {
    auto [in, out] = byte_pipe(1);
    std::vector<fiber<error>> waiting; // one at the pipe, the others for their turns
    for (int i = 0; i < 3; ++i)
      waiting.push_back(spawn([&in] {
        char b[1];
        return in.read_some(b).error();
      }));
    let_all_park();
    in.close();
    for (auto& w : waiting) EXPECT_EQ(w.join(), errc::closed);
    byte_pipe full(1);
    full.writer.write_all("x").value();
    for (auto& w : waiting) w = spawn([&full] { return full.writer.write_all("yz").error(); });
    let_all_park();
    full.writer.close();
    for (auto& w : waiting) EXPECT_EQ(w.join(), errc::closed);
    char b[5];
    EXPECT_EQ(full.reader.read_some(b).value(), 1u); // what was written is still there
    EXPECT_EQ(full.reader.read_some(b).value(), 0u);
  });
}

TEST(byte_pipe, deadlines_end_waits_and_nothing_else) {
  run_in_turns([] {
    auto [in, out] = byte_pipe(4);
    char b[8];
    EXPECT_EQ(in.read_some(b, 0ms).error(), errc::deadline);
    EXPECT_EQ(in.read_exactly(b, 1ms).error().transferred, 0u);
    const auto w = out.write_all("123456", 1ms);
    ASSERT_FALSE(w);
    EXPECT_EQ(w.error(), errc::deadline);
    EXPECT_EQ(w.error().transferred, 4u);
    const auto r = in.read_exactly(b, 1ms);
    EXPECT_EQ(r.error(), errc::deadline);
    EXPECT_EQ(r.error().transferred, 4u);
    EXPECT_EQ(out.write_some("x", std::chrono::steady_clock::now() - 1s).value(), 1u); // need not wait
    EXPECT_EQ(in.read_some(b, 0ms).value(), 1u);
    // For the turn, too.
    auto first = spawn([&in] {
      char c[1];
      return in.read_some(c).value();
    });
    let_all_park();
    EXPECT_EQ(in.read_some(b, 1ms).error(), errc::deadline);
    out.write_all("y").value();
    EXPECT_EQ(first.join(), 1u);
  });
}

TEST(byte_pipe, a_stop_request_ends_a_wait_and_counts_what_has_passed) {
  run_in_turns([] {
    auto [in, out] = byte_pipe(4);
    char b[8];
    auto writer = spawn([&out] { static_cast<void>(out.write_all("123456")); });
    wait_until([&] { return in.size() == 4; });
    let_all_park();
    auto behind = spawn([&out] { static_cast<void>(out.write_all("never")); }); // waits for its turn
    let_all_park();
    behind.request_stop();
    EXPECT_THROW(behind.join(), cancelled);
    writer.request_stop();
    try {
      writer.join();
      FAIL() << "the stop was lost";
    } catch (const cancelled_transfer& c) { EXPECT_EQ(c.transferred(), 4u); }
    EXPECT_THROW(with_timeout(1ms, [&] { static_cast<void>(in.read_exactly(b)); }), timed_out); // took four
    EXPECT_EQ(in.size(), 0u);
    EXPECT_THROW(with_timeout(1ms, [&] { static_cast<void>(in.read_some(b)); }), timed_out);
    out.write_all("x").value();
    auto reader = spawn([&in] { // what is there is read, although a stop was requested
      wait_until([] { return this_fiber::stop_requested(); });
      char c[1];
      return in.read_some(c).value();
    });
    reader.request_stop();
    EXPECT_EQ(reader.join(), 1u);
  });
}

TEST(byte_pipe, empty_buffers_and_empty_handles) {
  run([] {
    auto [in, out] = byte_pipe(1);
    EXPECT_EQ(in.read_some({nullptr, 0}).value(), 0u);
    EXPECT_EQ(out.write_some("").value(), 0u);
    EXPECT_TRUE(out.write_all("").has_value());
    EXPECT_TRUE(in.read_exactly({nullptr, 0}).has_value());
    const byte_pipe_reader no_reader;
    const byte_pipe_writer no_writer;
    char b[1];
    EXPECT_EQ(no_reader.read_some(b).error(), errc::closed);
    EXPECT_EQ(no_reader.read_exactly(b).error(), errc::closed);
    EXPECT_EQ(no_writer.write_some("x").error(), errc::closed);
    EXPECT_EQ(no_writer.write_all("x").error(), errc::closed);
    no_reader.close();
    no_writer.close();
    no_writer.fail({});
    EXPECT_EQ(no_reader.size(), 0u);
  });
}

TEST(byte_pipe, threads_and_fibers_of_several_runtimes_share_one) {
  auto [in, out] = byte_pipe(16);
  std::thread writing([&to = out] {
    for (int i = 0; i < 1'000; ++i) to.write_all(std::to_string(i) + '\n').value();
  });
  auto lines_of = [&from = in](int n) {
    char b[1];
    while (n > 0) {
      from.read_exactly(b).value();
      n -= b[0] == '\n';
    }
  };
  lines_of(300);
  run([&] { lines_of(300); });
  run([&] { lines_of(400); });
  writing.join();
  EXPECT_EQ(in.size(), 0u);
}

TEST(byte_pipe, stages_copy_from_one_to_the_next_and_the_last_sets_the_pace) {
  run([] {
    byte_pipe first(100);
    byte_pipe second(100);
    auto producer = spawn([&] {
      for (int i = 0; i < 10'000; ++i) first.writer.write_all(std::to_string(i) + '\n').value();
      first.writer.close();
    });
    auto middle = spawn([&] {
      buffered_writer out(second.writer, 64);
      const std::size_t n = copy(first.reader, out, {.block = 50}).value();
      out.flush().value();
      second.writer.close();
      return n;
    });
    int next = 0;
    std::size_t bytes = 0;
    buffered_reader in(second.reader, 32);
    for (const std::string_view line : lines(in)) {
      ASSERT_EQ(line, std::to_string(next++));
      bytes += line.size() + 1;
    }
    EXPECT_EQ(next, 10'000);
    producer.join();
    EXPECT_EQ(middle.join(), bytes);
  });
}

} // namespace
} // namespace thrum::io
