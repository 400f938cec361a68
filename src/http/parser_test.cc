// The parser behind its wall: however a message is cut into pieces, what comes out is the same; and garbage does no harm.
#include "http/parser.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thrum::http {
namespace {

class chance {
public:
  explicit chance(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  std::size_t below(std::size_t n) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return state_ % n;
  }

private:
  std::uint64_t state_;
};

struct outcome {
  parse_fault fault = parse_fault::none;
  bool done = false;
  std::size_t taken = 0;
  request what;
};

// Gives what has come so far again and again, with more behind it, as a connection does. next(left): how much more.
template <class Next> outcome parse(std::string_view bytes, Next next, parse_limits limits = {4096, 4096}) {
  outcome o;
  const auto p = make_request_parser(o.what, limits);
  std::size_t end = 0;
  while (end < bytes.size() && !p->is_done() && p->fault == parse_fault::none) {
    end += next(bytes.size() - end);
    // In memory of its own, so that a sanitizer sees who reads beyond it.
    const std::vector<char> given(bytes.begin() + static_cast<std::ptrdiff_t>(o.taken),
                                  bytes.begin() + static_cast<std::ptrdiff_t>(end));
    const std::size_t n = p->put({given.data(), given.size()});
    EXPECT_LE(n, given.size());
    o.taken += n;
  }
  o.fault = p->fault;
  o.done = p->is_done();
  return o;
}

const std::vector<std::string> samples = {
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nX-Empty:\r\n\r\nhello world",
    "PUT /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=\"b\"\r\n "
    "world\r\n0\r\n\r\n",
    "PUT /trailer HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\na\r\n0123456789\r\n0\r\nX-Sum: "
    "5\r\nY: z\r\n\r\n",
    "GET /folded HTTP/1.1\r\nHost: x\r\nX-Long: one\r\n two\r\n\tthree\r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nConnection: keep-alive, x\r\nContent-Length: 0\r\n\r\n"};

void expect_same(const outcome& a, const outcome& b, const std::string& bytes) {
  EXPECT_EQ(a.taken, b.taken) << bytes;
  EXPECT_EQ(a.what.method, b.what.method) << bytes;
  EXPECT_EQ(a.what.target, b.what.target) << bytes;
  EXPECT_EQ(a.what.body, b.what.body) << bytes;
  ASSERT_EQ(a.what.headers.size(), b.what.headers.size()) << bytes;
  for (auto x = a.what.headers.begin(), y = b.what.headers.begin(); x != a.what.headers.end(); ++x, ++y) {
    EXPECT_EQ(x->name, y->name);
    EXPECT_EQ(x->value, y->value);
  }
}

TEST(http_parser, gives_the_same_for_every_cut_in_two_and_byte_by_byte) {
  for (const std::string& s : samples) {
    const outcome whole = parse(s, [](std::size_t left) { return left; });
    ASSERT_TRUE(whole.done) << s;
    EXPECT_EQ(whole.taken, s.size());
    for (std::size_t cut = 1; cut < s.size(); ++cut) {
      bool first = true;
      const outcome two =
          parse(s, [&](std::size_t left) { return std::exchange(first, false) ? cut : left; });
      ASSERT_TRUE(two.done) << s << " cut at " << cut;
      expect_same(whole, two, s);
    }
    const outcome bytes = parse(s, [](std::size_t) { return std::size_t{1}; });
    ASSERT_TRUE(bytes.done) << s;
    expect_same(whole, bytes, s);
  }
}

TEST(http_parser, leaves_what_follows_the_message) {
  for (const std::string& s : samples) {
    const outcome o = parse(s + "GET /next", [](std::size_t left) { return left; });
    EXPECT_TRUE(o.done);
    EXPECT_EQ(o.taken, s.size()) << s;
  }
}

TEST(http_parser, survives_what_is_damaged_in_any_way_and_any_cut) {
  const int rounds = io::test::repetitions(20'000);
  int done = 0;
  for (int i = 0; i < rounds; ++i) {
    chance c(static_cast<std::uint64_t>(i));
    std::string s = samples[c.below(samples.size())];
    for (std::size_t n = c.below(4); n > 0; --n) {
      const std::size_t at = c.below(s.size());
      constexpr std::string_view nasty = "\r\n:; \t0f,\"\xff\x01-+";
      switch (c.below(4)) {
      case 0: s[at] = nasty[c.below(nasty.size())]; break;
      case 1: s.erase(at, 1 + c.below(3)); break;
      case 2: s.insert(at, 1, nasty[c.below(nasty.size())]); break;
      default: s.insert(at, s.substr(c.below(s.size()), c.below(20)));
      }
      if (s.empty()) s = "x";
    }
    const outcome whole = parse(s, [](std::size_t left) { return left; });
    const outcome cut =
        parse(s, [&](std::size_t left) { return 1 + c.below(std::min<std::size_t>(left, 7)); });
    // In pieces a fault may show later, or not before the end; but never is one a message and the other none.
    EXPECT_EQ(whole.done, cut.done) << s;
    if (whole.done && cut.done) expect_same(whole, cut, s);
    done += whole.done ? 1 : 0;
  }
  EXPECT_GT(done, rounds / 10);
  EXPECT_LT(done, rounds);
}

TEST(http_parser, counts_a_header_that_comes_line_by_line) {
  std::string s = "GET / HTTP/1.1\r\n";
  while (s.size() < 10'000) s += "A: bcd\r\n";
  std::size_t given = 0;
  const outcome o = parse(s, [&](std::size_t left) { // each piece ends with its line
    const std::size_t n = given == 0 ? 16 : std::min<std::size_t>(left, 8);
    given += n;
    return n;
  });
  EXPECT_EQ(o.fault, parse_fault::header_too_large);
  EXPECT_LE(o.taken, 4096u);
}

} // namespace
} // namespace thrum::http
