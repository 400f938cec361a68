// Buffered readers and writers, loops over lines and chunks, and copying, over streams that give and take what the test says.
#include <thrum/io/buffered.h>
#include <thrum/io/copy.h>
#include <thrum/io/lines.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <thrum/error.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;

error late() { return {.code = errc::deadline, .operation = "read"}; }

// Gives its pieces one after the other, each in as many reads as the buffer needs; an empty piece is an error, once.
struct script {
  std::deque<std::string> pieces;
  unsigned reads = 0;
  bool cancels = false; // instead of failing

  result<std::size_t> read_some(mutable_buffer into, deadline = {}) {
    ++reads;
    if (pieces.empty()) return std::size_t{0};
    std::string& next = pieces.front();
    if (next.empty()) {
      pieces.pop_front();
      if (cancels) throw cancelled(cancel_reason::user);
      return late();
    }
    const std::size_t n = std::min(into.size(), next.size());
    next.copy(static_cast<char*>(into.data()), n);
    next.erase(0, n);
    if (next.empty()) pieces.pop_front();
    return n;
  }
};

// Takes at most `step` bytes at a time, and fails when it has taken `room`.
struct narrow_sink {
  std::size_t step = SIZE_MAX;
  std::size_t room = SIZE_MAX;
  bool cancels = false;
  std::string got{};
  unsigned writes = 0;

  result<std::size_t> write_some(const_buffer from, deadline = {}) {
    ++writes;
    const std::size_t n = std::min({from.size(), step, room - got.size()});
    if (n == 0 && cancels) throw cancelled(cancel_reason::user);
    if (n == 0) return error{.code = errc::deadline, .operation = "write"};
    got.append(static_cast<const char*>(from.data()), n);
    return n;
  }
};

// ---- reading

TEST(buffered_reader, lines_come_without_their_ends_whatever_pieces_they_come_in) {
  const std::string text = "one\r\n\ntwo\nthr\ree\r\n\r\nlast";
  const std::vector<std::string> expected{"one", "", "two", "thr\ree", "", "last"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece)
    for (const std::size_t capacity : {1u, 2u, 3u, 7u, 100u}) {
      script s;
      for (std::size_t i = 0; i < text.size(); i += piece) s.pieces.push_back(text.substr(i, piece));
      buffered_reader in(s, capacity);
      std::vector<std::string> got;
      auto line = in.read_line();
      for (; line; line = in.read_line()) got.emplace_back(*line);
      EXPECT_EQ(line.error(), errc::end_of_stream);
      EXPECT_EQ(got, expected) << piece << ' ' << capacity;
    }
}

TEST(buffered_reader, one_read_of_the_stream_serves_many_lines) {
  script s{.pieces = {"a\nb\nc\n"}};
  buffered_reader in(s);
  for (int i = 0; i < 3; ++i) in.read_line().value();
  EXPECT_EQ(s.reads, 1u);
}

TEST(buffered_reader, a_line_as_long_as_the_limit_is_read_and_a_longer_one_stays) {
  for (const std::size_t capacity : {1u, 5u, 6u, 100u}) {
    script s{.pieces = {"12345\n123456\nafter\n"}};
    buffered_reader in(s, capacity);
    EXPECT_EQ(in.read_line({.limit = 5}).value(), "12345");
    for (int i = 0; i < 2; ++i) {
      const auto r = in.read_line({.limit = 5});
      ASSERT_FALSE(r);
      EXPECT_EQ(r.error(), errc::too_long);
      EXPECT_EQ(r.error(), std::errc::message_size);
    }
    EXPECT_EQ(in.read_line({.limit = 6}).value(), "123456"); // nothing was taken
    EXPECT_EQ(in.read_line().value(), "after");
  }
}

TEST(buffered_reader, a_stream_without_a_line_end_is_read_to_the_limit_and_no_further) {
  script s;
  for (int i = 0; i < 1'000; ++i) s.pieces.push_back(std::string(100, 'x'));
  buffered_reader in(s, 16);
  EXPECT_EQ(in.read_line({.limit = 1'000}).error(), errc::too_long);
  EXPECT_LE(in.buffered().size(), 1'001u);
}

TEST(buffered_reader, read_until_tells_a_last_piece_that_was_cut) {
  script s{.pieces = {"a;", "b;c"}};
  buffered_reader in(s);
  EXPECT_EQ(in.read_until(';').value(), "a;");
  EXPECT_EQ(in.read_until(';').value(), "b;");
  EXPECT_EQ(in.read_until(';').value(), "c");
  EXPECT_EQ(in.read_until(';').error(), errc::end_of_stream);
}

TEST(buffered_reader, an_error_in_the_middle_of_a_line_loses_nothing) {
  for (const bool cancels : {false, true}) {
    script s{.pieces = {"half", "", " a line\nnext", ""}, .cancels = cancels};
    buffered_reader in(s);
    if (cancels)
      EXPECT_THROW(static_cast<void>(in.read_line()), cancelled);
    else
      EXPECT_EQ(in.read_line().error(), errc::deadline);
    EXPECT_EQ(in.buffered(), "half");
    EXPECT_EQ(in.read_line().value(), "half a line");
  }
}

TEST(buffered_reader, read_exactly_says_how_much_it_had_delivered) {
  char into[8];
  {
    script s{.pieces = {"abc", "", "defgh"}};
    buffered_reader in(s, 2);
    const auto r = in.read_exactly(into);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), errc::deadline);
    ASSERT_EQ(r.error().transferred, 3u);
    in.read_exactly(std::span(into).subspan(3)).value();
    EXPECT_EQ(std::string_view(into, 8), "abcdefgh");
    EXPECT_EQ(in.read_exactly(into).error(), errc::end_of_stream);
  }
  {
    script s{.pieces = {"abc", ""}, .cancels = true};
    buffered_reader in(s);
    try {
      static_cast<void>(in.read_exactly(into));
      FAIL() << "the stop was lost";
    } catch (const cancelled_transfer& c) { EXPECT_EQ(c.transferred(), 3u); }
  }
}

TEST(buffered_reader, peek_looks_ahead_and_takes_nothing) {
  script s{.pieces = {"GE", "T / HTTP"}};
  buffered_reader in(s, 2);
  EXPECT_EQ(in.peek(4).value(), "GET ");
  EXPECT_EQ(in.peek(1).value(), "G");
  in.skip(4);
  EXPECT_EQ(in.peek(100).value(), "/ HTTP"); // the stream ends there
  char rest[10];
  EXPECT_EQ(in.read_some(rest).value(), 6u);
  EXPECT_EQ(in.peek(1).value(), "");
}

TEST(buffered_reader, large_reads_go_past_the_buffer_and_small_ones_through_it) {
  script s{.pieces = {std::string(100, 'x'), "yz"}};
  buffered_reader in(s, 10);
  char large[100];
  EXPECT_EQ(in.read_some(large).value(), 100u);
  EXPECT_EQ(in.read_some({large, 1}).value(), 1u);
  EXPECT_EQ(in.buffered(), "z");
  EXPECT_EQ(in.read_some({large, 0}).value(), 0u);
  EXPECT_EQ(in.read_some(large).value(), 1u);
  EXPECT_EQ(in.read_some(large).value(), 0u);
}

TEST(buffered_reader, owns_what_is_moved_into_it_and_takes_its_buffer_along_when_moved) {
  buffered_reader in(script{.pieces = {"a\nb\n"}});
  EXPECT_EQ(in.read_line().value(), "a");
  auto moved = std::move(in);
  EXPECT_EQ(moved.read_line().value(), "b");
  EXPECT_EQ(moved.stream().reads, 1u);
  static_assert(std::is_same_v<decltype(in), buffered_reader<script>>);
  script s;
  static_assert(std::is_same_v<decltype(buffered_reader(s)), buffered_reader<script&>>);
}

TEST(buffered_reader_death, skipping_what_is_not_there_panics) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  script s{.pieces = {"ab"}};
  buffered_reader in(s);
  in.peek(1).value();
  EXPECT_DEATH(in.skip(3), "skip\\(\\) of more bytes");
}

TEST(lines, are_a_loop_that_throws_what_ends_it_too_early) {
  script s{.pieces = {"one\ntw", "o\n", "", "three"}};
  buffered_reader in(s);
  std::vector<std::string> got;
  try {
    for (const std::string_view line : lines(in)) got.emplace_back(line);
    FAIL() << "the error was lost";
  } catch (const failure& f) { EXPECT_EQ(f.what_failed(), errc::deadline); }
  for (const std::string_view line : lines(in)) got.emplace_back(line); // goes on
  EXPECT_EQ(got, (std::vector<std::string>{"one", "two", "three"}));
  static_assert(std::ranges::input_range<decltype(lines(in))>);
}

TEST(chunks, are_of_one_size_but_for_the_last) {
  script s{.pieces = {"abcd", "efg", "hij"}};
  buffered_reader in(s, 3);
  std::vector<std::string> got;
  for (const std::string_view c : chunks(in, 4)) got.emplace_back(c);
  EXPECT_EQ(got, (std::vector<std::string>{"abcd", "efgh", "ij"}));
}

// ---- writing

TEST(buffered_writer, sends_when_it_is_full_and_when_it_is_told) {
  narrow_sink sink;
  buffered_writer out(sink, 4);
  out.write_all("abc").value();
  EXPECT_EQ(sink.got, "");
  EXPECT_EQ(out.unsent(), 3u);
  out.write_all("de").value();
  EXPECT_EQ(sink.got, "abcd");
  out.flush().value();
  EXPECT_EQ(sink.got, "abcde");
  EXPECT_EQ(out.unsent(), 0u);
  out.write_all(std::string(1'000, 'x')).value(); // past the buffer
  EXPECT_EQ(sink.got.size(), 1'005u);
  EXPECT_EQ(sink.writes, 3u);
}

TEST(buffered_writer, a_sink_that_takes_little_gets_everything_in_order) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += std::to_string(i);
  for (const std::size_t step : {1u, 3u, 10u, 64u}) {
    narrow_sink sink{.step = step};
    buffered_writer out(sink, 10);
    for (std::size_t i = 0, n = 1; i < text.size(); i += n, n = n % 23 + 1)
      out.write_all(text.substr(i, n)).value();
    out.flush().value();
    EXPECT_EQ(sink.got, text) << step;
  }
}

TEST(buffered_writer, an_error_loses_nothing_and_says_what_is_unsent) {
  const std::string text = "0123456789abcdefghij";
  for (std::size_t room = 0; room <= text.size(); ++room)
    for (const bool cancels : {false, true}) {
      narrow_sink sink{.step = 3, .room = room, .cancels = cancels};
      buffered_writer out(sink, 4);
      std::size_t taken = 0; // of the text
      bool failed = false;
      while (taken < text.size() && !failed) {
        const std::string_view piece = std::string_view(text).substr(taken, 5);
        try {
          if (const auto r = out.write_all(piece); r) {
            taken += piece.size();
            continue;
          } else {
            taken += r.error().transferred;
          }
        } catch (const cancelled_transfer& c) { taken += c.transferred(); } catch (const cancelled&) {
        }
        failed = true;
      }
      ASSERT_EQ(sink.got.size() + out.unsent(), taken);
      sink.room = SIZE_MAX; // whatever was in the way is gone
      out.write_all(std::string_view(text).substr(taken)).value();
      out.flush().value();
      ASSERT_EQ(sink.got, text) << room << cancels;
    }
}

TEST(buffered_writer, a_flush_that_fails_goes_on_later) {
  narrow_sink sink{.room = 2};
  buffered_writer out(sink, 10);
  out.write_all("abcde").value();
  const auto r = out.flush();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().transferred, 2u);
  EXPECT_EQ(out.unsent(), 3u);
  sink.room = SIZE_MAX;
  out.flush().value();
  EXPECT_EQ(sink.got, "abcde");
}

TEST(buffered_writer, drops_what_was_not_flushed) {
  narrow_sink sink;
  {
    buffered_writer out(sink);
    out.write_all("gone").value();
  }
  EXPECT_EQ(sink.writes, 0u);
}

// ---- copying

TEST(copy, moves_everything_and_counts_it) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i);
  for (const std::size_t block : {1u, 100u, 1u << 20}) {
    script from{.pieces = {text, "end"}};
    narrow_sink to{.step = 77};
    EXPECT_EQ(copy(from, to, {.block = block}).value(), text.size() + 3);
    EXPECT_EQ(to.got, text + "end");
  }
}

TEST(copy, reads_no_more_than_it_may) {
  script from{.pieces = {"abcdef"}};
  narrow_sink to;
  EXPECT_EQ(copy(from, to, {.most = 4}).value(), 4u);
  EXPECT_EQ(to.got, "abcd");
  EXPECT_EQ(from.pieces.front(), "ef");
  EXPECT_EQ(copy(from, to, {.most = 0}).value(), 0u);
  EXPECT_EQ(copy(from, to).value(), 2u);
}

TEST(copy, an_error_names_its_side_and_how_much_went_through) {
  script from{.pieces = {"abcdef", ""}};
  narrow_sink to{.room = 4};
  const auto w = copy(from, to);
  ASSERT_FALSE(w);
  EXPECT_STREQ(w.error().operation, "write");
  EXPECT_EQ(w.error().transferred, 4u);
  narrow_sink wide;
  const auto r = copy(from, wide);
  ASSERT_FALSE(r);
  EXPECT_STREQ(r.error().operation, "read");
}

TEST(copy, from_a_buffered_reader_an_error_loses_nothing) {
  for (const bool cancels : {false, true}) {
    script s{.pieces = {"line\nabcdef", "ghi"}};
    buffered_reader from(s);
    EXPECT_EQ(from.read_line().value(), "line");
    narrow_sink to{.room = 4, .cancels = cancels};
    if (cancels) {
      try {
        static_cast<void>(copy(from, to));
        FAIL() << "the stop was lost";
      } catch (const cancelled_transfer& c) { EXPECT_EQ(c.transferred(), 4u); }
    } else {
      EXPECT_EQ(copy(from, to).error().transferred, 4u);
    }
    to.room = SIZE_MAX;
    EXPECT_EQ(copy(from, to).value(), 5u);
    EXPECT_EQ(to.got, "abcdefghi");
  }
}

// Never waits and never ends.
struct endless {
  result<std::size_t> read_some(mutable_buffer into, deadline = {}) { return into.size(); }
};
struct nowhere {
  result<std::size_t> write_some(const_buffer from, deadline = {}) {
    this_fiber::yield();
    return from.size();
  }
};

TEST(copy, ends_when_it_is_asked_to_though_it_never_waits) {
  run([] {
    auto copying = spawn([] {
      endless from;
      nowhere to;
      static_cast<void>(copy(from, to));
    });
    this_fiber::yield();
    copying.request_stop();
    EXPECT_THROW(copying.join(), cancelled);
  });
}

} // namespace
} // namespace thrum::io
