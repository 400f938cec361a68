// Bytes that no encode() has made. Each is an error or some value; the address sanitizer looks on, and what would be a large allocation
// is one that fails.
#include <thrum/codec.h>

#include <gtest/gtest.h>

#include <random>
#include <typeinfo>

namespace {

enum class colour : std::uint8_t { red };
struct part {
  std::string name;
  bool on = false;
  std::variant<std::monostate, int, std::vector<std::string>> extra;
};
struct node {
  int number = 0;
  std::shared_ptr<node> next;
  std::weak_ptr<node> last;
  std::set<std::shared_ptr<int>> keys;
};
struct tree {
  std::string name;
  std::vector<tree> kids;
};
class account {
public:
  explicit account(std::string owner) : owner_(std::move(owner)) {}

private:
  friend void encode_to(thrum::encoder& out, const account& a) { out.write(a.owner_); }
  friend account decode_from(thrum::decoder& in, std::type_identity<account>) {
    return account(in.read<std::string>());
  }
  std::string owner_;
};
struct all {
  std::vector<part> parts;
  std::map<std::string, std::unique_ptr<std::array<double, 3>>> map;
  std::shared_ptr<node> graph;
  std::vector<std::shared_ptr<account>> accounts;
  std::unordered_map<int, std::vector<bool>> bits;
  std::tuple<colour, std::optional<long double>, std::vector<int>> rest;
  std::set<std::string> set;
  tree roots;
};

all sample() {
  all a;
  a.parts = {{"one", true, 5}, {"two", false, std::vector<std::string>{"x", std::string(200, 'y')}}, {}};
  a.map["key"] = std::make_unique<std::array<double, 3>>(std::array{1.0, 2.0, 3.0});
  a.map["null"] = nullptr;
  a.graph = std::make_shared<node>();
  a.graph->next = std::make_shared<node>();
  a.graph->next->number = 2;
  a.graph->next->last = a.graph;
  a.graph->keys = {std::make_shared<int>(5), nullptr};
  const auto one = std::make_shared<account>("me");
  a.accounts = {one, one, nullptr};
  a.bits = {{1, {true, false}}, {2, {}}};
  a.rest = {colour::red, 1.5L, {1, 2, 3}};
  a.set = {"a", "b", "c"};
  a.roots = {"root", {{"kid", {}}, {"kid", {{"grandkid", {}}}}}};
  return a;
}

// Whatever comes out can be sent again.
bool is_decoded(std::span<const std::byte> bytes) {
  const std::vector<std::byte> exact(bytes.begin(),
                                     bytes.end()); // so that the sanitizer sees a byte too many
  const auto back = thrum::decode<all>(exact);
  if (!back) return false;
  try {
    thrum::encode(*back);
  } catch (const thrum::codec_error&) {} // nothing says that it must be possible
  for (auto n = back->graph; n != nullptr;) n = std::exchange(n->next, nullptr); // it may have become a ring
  return true;
}

TEST(codec_hostile, bytes_that_end_early_are_an_error) {
  const auto bytes = thrum::encode(sample());
  ASSERT_TRUE(is_decoded(bytes));
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(is_decoded(std::span(bytes).first(n))) << n;
}

TEST(codec_hostile, bytes_that_are_left_over_are_an_error) {
  auto bytes = thrum::encode(sample());
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(is_decoded(bytes));
}

TEST(codec_hostile, every_flipped_bit_gives_an_error_or_a_value) {
  auto bytes = thrum::encode(sample());
  std::size_t errors = 0;
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    const auto bit = static_cast<std::byte>(1u << (i % 8));
    bytes[i / 8] ^= bit;
    errors += is_decoded(bytes) ? 0 : 1;
    bytes[i / 8] ^= bit;
  }
  EXPECT_GT(errors, 0u);
}

TEST(codec_hostile, bytes_that_were_changed_cut_and_doubled_give_an_error_or_a_value) {
  const auto good = thrum::encode(sample());
  std::mt19937 random(4711);
  const auto below = [&](std::size_t n) { return random() % n; };
  constexpr std::byte special[] = {std::byte{0},    std::byte{1},    std::byte{2},
                                   std::byte{0x7f}, std::byte{0x80}, std::byte{0xff}};
  std::size_t errors = 0;
  for (int trial = 0; trial < 20'000; ++trial) {
    auto bytes = good;
    for (std::size_t change = below(8) + 1; change > 0; --change) {
      const std::size_t at = below(bytes.size());
      const std::size_t n = below(std::min<std::size_t>(16, bytes.size() - at)) + 1;
      const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      switch (below(4)) {
      case 0: bytes[at] = special[below(std::size(special))]; break;
      case 1: bytes[at] = static_cast<std::byte>(random()); break;
      case 2: {
        const std::vector<std::byte> some(from, from + static_cast<std::ptrdiff_t>(n));
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())), some.begin(),
                     some.end());
        break;
      }
      default: bytes.erase(from, from + static_cast<std::ptrdiff_t>(n));
      }
      if (bytes.empty()) bytes.push_back(std::byte{0});
    }
    errors += is_decoded(bytes) ? 0 : 1;
  }
  EXPECT_GT(errors, 0u);
}

TEST(codec_hostile, noise_gives_an_error_or_a_value) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 20'000; ++trial) {
    std::vector<std::byte> bytes(random() % 200);
    for (auto& b : bytes) b = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 3);
    is_decoded(bytes);
  }
}

// A count that is written as `n`, and little behind it.
template <class T> bool takes_a_count_of(std::uint64_t n) {
  thrum::encoder out;
  out.write_count(n);
  out.write(std::uint32_t{0});
  return thrum::decode<T>(out.finish()).has_value(); // std::length_error, std::bad_alloc: not caught
}

TEST(codec_hostile, a_count_is_not_believed) {
  struct large {
    std::array<char, 4096> a;
    std::string s;
  };
  for (const std::uint64_t n :
       {std::uint64_t{5}, std::uint64_t{1} << 32, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    EXPECT_FALSE(takes_a_count_of<std::string>(n));
    EXPECT_FALSE(takes_a_count_of<std::vector<int>>(n));
    EXPECT_FALSE(takes_a_count_of<std::vector<large>>(n));
    EXPECT_FALSE(takes_a_count_of<std::vector<tree>>(n));
    EXPECT_FALSE(takes_a_count_of<std::vector<bool>>(n));
    EXPECT_FALSE((takes_a_count_of<std::map<int, int>>(n)));
    EXPECT_FALSE(takes_a_count_of<std::unordered_set<char>>(n));
    EXPECT_FALSE(takes_a_count_of<std::list<std::monostate>>(n));
  }
}

template <class T, class... Written> std::string error_of(const Written&... values) {
  thrum::encoder out;
  (out.write(values), ...);
  const auto back = thrum::decode<T>(out.finish());
  return back ? "none" : back.error().what();
}

TEST(codec_hostile, an_error_says_what_is_wrong_and_where) {
  EXPECT_EQ(error_of<int>('x'), "thrum: decode: 3 bytes are missing, at byte 0 of 1");
  EXPECT_EQ(error_of<char>(1), "thrum: decode: 3 bytes are left over, at byte 1 of 4");
  EXPECT_EQ(error_of<bool>('\2'), "thrum: decode: a bool that is neither true nor false, at byte 1 of 1");
  EXPECT_EQ((error_of<std::variant<int, bool>>('\2', 1)),
            "thrum: decode: a std::variant with an alternative that it does not have, at byte 1 of 5");
  EXPECT_EQ(error_of<std::set<char>>('\2', 'a', 'a'),
            "thrum: decode: a set has an element twice, at byte 3 of 3");
  EXPECT_EQ((error_of<std::map<char, char>>('\2', 'a', 'b', 'a', 'c')),
            "thrum: decode: a map has a key twice, at byte 5 of 5");
  EXPECT_EQ(
      error_of<std::string>(static_cast<char>(200), '\1'),
      "thrum: decode: a count of 200, which is more than the bytes that are left can hold, at byte 2 of 2");
}

TEST(codec_hostile, a_pointer_to_what_did_not_come_or_is_something_else_is_an_error) {
  using both = std::pair<std::shared_ptr<int>, std::shared_ptr<std::string>>;
  EXPECT_NE(error_of<both>('\1', '\2', 5), "none"); // the second one means the first, which is an int
  EXPECT_NE(error_of<both>('\1', '\7', 5), "none"); // nobody has come with that number
  EXPECT_NE(error_of<both>('\2', '\0'), "none");    // not even the first
  EXPECT_NE(error_of<std::shared_ptr<account>>('\2'), "none");
}

TEST(codec_hostile, what_is_nested_without_end_is_an_error) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 100'000; ++i)
    bytes.insert(bytes.end(), {std::byte{0}, std::byte{1}}); // "", and one kid
  EXPECT_FALSE(thrum::decode<tree>(bytes));
  bytes.assign(100'000, std::byte{1});
  struct tower {
    std::unique_ptr<tower> above;
  };
  EXPECT_FALSE(thrum::decode<tower>(bytes));
}

TEST(codec_hostile, a_ring_that_is_not_finished_is_freed) {
  std::shared_ptr<node> ring = std::make_shared<node>();
  ring->next = std::make_shared<node>();
  ring->next->next = ring;
  auto bytes = thrum::encode(ring);
  ring->next.reset();
  bytes.pop_back();
  EXPECT_FALSE(thrum::decode<std::shared_ptr<node>>(bytes)); // the leak sanitizer counts
}

} // namespace
