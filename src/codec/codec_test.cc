// What is sent arrives as it was: all types, what several pointers mean, cycles, and lists of any length.
#include <thrum/codec.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

using namespace std::chrono_literals;

namespace {

template <class T> T returned(const T& value) {
  auto back = thrum::decode<T>(thrum::encode(value));
  if (!back) throw back.error();
  return std::move(*back);
}
template <class T> void expect_back(const T& value) { EXPECT_EQ(returned(value), value); }

enum class colour : std::uint8_t { red, green = 200 };
enum plain_with_type : int { minus = -5 };
enum open_enum { one_bit };

struct nothing {
  bool operator==(const nothing&) const = default;
};
struct point {
  int x = 0, y = 0;
  bool operator==(const point&) const = default;
};
struct gappy {
  char c = 0;
  double d = 0;
  bool operator==(const gappy&) const = default;
};
struct person {
  std::string name;
  const int born;
  std::optional<std::string> title;
  std::vector<point> places;
  std::variant<std::monostate, int, std::string> extra;
  std::map<std::string, std::vector<double>> marks;
  bool operator==(const person&) const = default;
};
struct sixteen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
  bool operator==(const sixteen&) const = default;
};
struct seventeen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q;
};
struct movable {
  std::unique_ptr<int> owned;
  std::function<void()>* never = nullptr;
};
struct owner {
  std::unique_ptr<int> owned;
};
struct derived : point {
  int z = 0;
};
struct with_array {
  int a[1];
};
struct with_reference {
  const int& r;
};

struct tree {
  std::string name;
  std::vector<tree> kids;
  bool operator==(const tree&) const = default;
};
struct node {
  int number = 0;
  std::shared_ptr<node> next;
  std::weak_ptr<node> last;
};

class account {
public:
  explicit account(std::string owner) : owner_(std::move(owner)) {}
  bool operator==(const account&) const = default;

private:
  friend void encode_to(thrum::encoder& out, const account& a) { out.write(a.owner_); }
  friend account decode_from(thrum::decoder& in, std::type_identity<account>) {
    return account(in.read<std::string>());
  }
  std::string owner_;
};
struct silent {
  friend void encode_to(thrum::encoder&, const silent&) {}
  friend silent decode_from(thrum::decoder&, std::type_identity<silent>) { return {}; }
};
struct shape {
  virtual ~shape() = default;
};
struct by_size {
  explicit by_size(int) {}
  bool operator()(int a, int b) const { return a < b; }
};

using thrum::sendable;
static_assert(sendable<int> && sendable<const int> && sendable<long double> && sendable<bool>);
static_assert(sendable<person> && sendable<sixteen> && sendable<tree> && sendable<node> && sendable<account>);
static_assert(sendable<std::vector<std::unique_ptr<owner>>> && sendable<nothing>);
static_assert(sendable<colour> && sendable<plain_with_type> && !sendable<open_enum>);
static_assert(!sendable<int*> && !sendable<int&> && !sendable<void> && !sendable<void (*)()>);
static_assert(!sendable<int point::*> && !sendable<std::nullptr_t>);
static_assert(!sendable<std::string_view> && !sendable<std::span<int>> &&
              !sendable<std::initializer_list<int>>);
static_assert(!sendable<std::function<void()>> && !sendable<std::reference_wrapper<int>>);
static_assert(!sendable<int[3]> && !sendable<with_array> && !sendable<with_reference>);
static_assert(!sendable<seventeen> && !sendable<derived> && !sendable<movable>);
static_assert(!sendable<std::unique_ptr<shape>> && !sendable<std::shared_ptr<shape>>);
static_assert(!sendable<std::unique_ptr<int[]>> && !sendable<std::shared_ptr<int[]>>);
static_assert(!sendable<std::shared_ptr<void>> && !sendable<std::exception_ptr>);
static_assert(!sendable<std::set<int, by_size>> && !sendable<std::unique_ptr<int, void (*)(int*)>>);
static_assert(!sendable<std::vector<std::map<int, std::optional<int*>>>>);
static_assert(!sendable<std::tuple<int, std::string&>> && !sendable<std::pair<int, std::string_view>>);
static_assert(thrum::detail::is_bulk<point> && thrum::detail::is_bulk<std::array<sixteen, 3>>);
static_assert(!thrum::detail::is_bulk<gappy> && !thrum::detail::is_bulk<bool>);
static_assert(!thrum::detail::is_bulk<std::array<bool, 2>> && !thrum::detail::is_bulk<nothing>);

TEST(codec, numbers_come_back) {
  expect_back(std::numeric_limits<int>::min());
  expect_back(std::numeric_limits<unsigned long long>::max());
  expect_back(-0.0);
  EXPECT_TRUE(std::signbit(returned(-0.0)));
  EXPECT_TRUE(std::isnan(returned(std::nan(""))));
  expect_back(std::numeric_limits<long double>::denorm_min());
  expect_back('\xff');
  expect_back(U'\U0001F600');
  expect_back(true);
  expect_back(false);
  expect_back(colour::green);
  expect_back(minus);
}

TEST(codec, texts_and_sequences_come_back) {
  expect_back(std::string());
  expect_back(std::string(100'000, 'x'));
  expect_back(std::u32string(U"zero\0inside", 11));
  expect_back(std::vector<int>{1, 2, 3});
  expect_back(std::vector<bool>{true, false, true});
  expect_back(std::vector<std::string>{"", "a", std::string(300, 'b')});
  expect_back(std::vector<point>{{1, 2}, {3, 4}});
  expect_back(std::vector<gappy>{{'a', 1}, {'b', 2}});
  expect_back(std::deque<std::string>{"front", "back"});
  expect_back(std::list<int>{3, 2, 1});
  expect_back(std::array<int, 3>{1, 2, 3});
  expect_back(std::array<std::string, 2>{"1", "2"});
  expect_back(std::array<bool, 2>{true, false});
  expect_back(std::array<account, 2>{account("a"), account("b")});
  expect_back(std::array<int, 0>{});
  expect_back(std::vector<std::array<int, 0>>(3));
  expect_back(std::vector<nothing>(3));
  expect_back(std::vector<std::monostate>(3));
  expect_back(std::vector<std::tuple<>>(3));
}

TEST(codec, maps_and_sets_come_back) {
  expect_back(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  expect_back(std::multimap<int, std::string>{{1, "a"}, {1, "b"}, {0, "c"}});
  expect_back(std::unordered_map<int, std::map<int, int>>{{1, {{2, 3}}}, {4, {}}});
  expect_back(std::unordered_multimap<int, int>{{1, 2}, {1, 3}});
  expect_back(std::set<std::pair<int, std::string>>{{1, "b"}, {1, "a"}});
  expect_back(std::set<int, std::greater<>>{1, 2, 3});
  expect_back(std::multiset<int>{1, 1, 2});
  expect_back(std::unordered_set<std::string>{"x", "y"});
  expect_back(std::unordered_multiset<int>{7, 7});
}

TEST(codec, what_is_made_of_several_comes_back) {
  expect_back(std::pair(1, std::string("two")));
  expect_back(std::tuple(1, std::string("two"), 3.0));
  expect_back(std::tuple(std::tuple(1)));
  expect_back(std::optional<int>());
  expect_back(std::optional(std::optional<int>()));
  expect_back(std::variant<int, int, std::string>(std::in_place_index<1>, 5));
  expect_back(std::variant<std::monostate, account>(account("me")));
  expect_back(person{"Ada", 1815, "Countess", {{1, 2}}, "x", {{"maths", {1.0}}, {"", {}}}});
  expect_back(sixteen{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  expect_back(tree{"root", {{"left", {}}, {"right", {{"leaf", {}}}}}});
  expect_back(account("somebody"));
  expect_back(std::map<int, account>{{1, account("somebody")}});
}

TEST(codec, times_come_back) {
  expect_back(17ms);
  expect_back(std::chrono::duration<double>(0.25));
  expect_back(std::chrono::steady_clock::now());
  expect_back(std::vector{std::chrono::system_clock::now()});
}

TEST(codec, what_is_owned_comes_back) {
  const auto back = returned(owner{std::make_unique<int>(5)});
  EXPECT_EQ(*back.owned, 5);
  EXPECT_EQ(returned(owner{}).owned, nullptr);
}

TEST(codec, what_several_point_to_is_one_object_afterwards) {
  const auto one = std::make_shared<std::string>("one");
  const std::vector all{one, std::make_shared<std::string>("two"), one, std::shared_ptr<std::string>()};
  const auto back = returned(all);
  EXPECT_EQ(*back[0], "one");
  EXPECT_EQ(*back[1], "two");
  EXPECT_EQ(back[0], back[2]);
  EXPECT_EQ(back[3], nullptr);
  EXPECT_EQ(back[0].use_count(), 2);
}

TEST(codec, constants_that_are_pointed_to_come_back) {
  const auto back = returned(std::pair(std::make_shared<const int>(5), std::shared_ptr<const account>()));
  EXPECT_EQ(*back.first, 5);
}

TEST(codec, what_cannot_be_made_empty_is_pointed_to_as_well) {
  const auto one = std::make_shared<account>("one");
  const auto back = returned(std::vector{one, one});
  EXPECT_EQ(*back[0], account("one"));
  EXPECT_EQ(back[0], back[1]);
}

TEST(codec, a_weak_pointer_comes_back_as_long_as_somebody_owns_the_object) {
  const auto one = std::make_shared<int>(5);
  const std::weak_ptr<int> weak = one;
  const auto back = returned(std::pair(one, weak));
  EXPECT_EQ(back.second.lock(), back.first);
  EXPECT_TRUE(returned(weak).expired());
}

TEST(codec, a_cycle_comes_back_as_one) {
  const auto a = std::make_shared<node>(1);
  a->next = std::make_shared<node>(2, a, a);
  const auto back = returned(a);
  EXPECT_EQ(back->number, 1);
  EXPECT_EQ(back->next->number, 2);
  EXPECT_EQ(back->next->next, back);
  EXPECT_EQ(back->next->last.lock(), back);
  back->next.reset();
  a->next.reset();
}

TEST(codec, a_list_of_a_hundred_thousand_needs_no_stack) {
  constexpr int length = 100'000;
  std::shared_ptr<node> list;
  for (int i = 0; i < length; ++i) list = std::make_shared<node>(i, std::move(list));
  const auto bytes = thrum::encode(list);
  auto back = thrum::decode<std::shared_ptr<node>>(bytes).value();
  // One that has lost its last byte is taken apart without a stack, too.
  EXPECT_FALSE(thrum::decode<std::shared_ptr<node>>(std::span(bytes).first(bytes.size() - 1)));
  int n = length;
  for (; back != nullptr; back = std::exchange(back->next, nullptr)) EXPECT_EQ(back->number, --n);
  EXPECT_EQ(n, 0);
  while (list != nullptr) list = std::exchange(list->next, nullptr);
}

TEST(codec, a_pointer_in_a_key_is_complete_when_it_is_compared) {
  struct by_text {
    bool operator()(const std::shared_ptr<std::string>& a, const std::shared_ptr<std::string>& b) const {
      return *a < *b;
    }
  };
  const auto b = std::make_shared<std::string>("b");
  const std::pair all{b, std::set<std::shared_ptr<std::string>, by_text>{
                             b, std::make_shared<std::string>("a"), std::make_shared<std::string>("c")}};
  const auto back = returned(all);
  ASSERT_EQ(back.second.size(), 3u);
  EXPECT_EQ(**back.second.begin(), "a");
  EXPECT_EQ(*std::next(back.second.begin()), back.first);
}

TEST(codec, values_are_nested_64_deep) {
  const auto tower = [](int height) {
    tree all{"top", {}};
    for (int i = 1; i < height; ++i) {
      tree below{"", {}};
      below.kids.push_back(std::move(all));
      all = std::move(below);
    }
    return all;
  };
  expect_back(tower(64));
  EXPECT_THROW(thrum::encode(tower(65)), thrum::codec_error);
}

TEST(codec, what_is_written_by_hand_is_read_by_hand) {
  thrum::encoder out;
  out.write(1);
  out.write(std::make_shared<std::string>("x")); // gone before finish(), but for what the encoder holds
  out.write_count(300);
  const auto bytes = out.finish();
  thrum::decoder in(bytes);
  EXPECT_EQ(in.read<int>(), 1);
  const auto text = in.read<std::shared_ptr<std::string>>();
  EXPECT_EQ(in.read_count(), 300u);
  EXPECT_TRUE(text->empty());
  in.finish();
  EXPECT_EQ(*text, "x");
}

TEST(codec, what_encode_cannot_do_it_says) {
  EXPECT_TRUE(thrum::decode<silent>(thrum::encode(silent())));
  EXPECT_THROW(thrum::encode(std::vector<silent>(2)), thrum::codec_error);
  // A key that leads to itself.
  struct knot {
    std::set<std::shared_ptr<knot>> all;
  };
  const auto k = std::make_shared<knot>();
  k->all.insert(k);
  EXPECT_THROW(thrum::encode(k), thrum::codec_error);
  k->all.clear();
}

} // namespace
