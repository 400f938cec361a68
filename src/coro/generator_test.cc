#include <thrum/thrum.h>

#include <thrum/generator.h>

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

namespace thrum {

namespace {

generator<int> count(int from, int to) {
  for (int i = from; i < to; ++i) co_yield i;
}

struct alive {
  explicit alive(int& n) : number(n) { ++number; }
  ~alive() { --number; }
  int& number;
};

template <class G> auto all_of(G g) {
  std::vector<typename G::value_type> found;
  for (auto&& v : g) found.push_back(std::forward<decltype(v)>(v));
  return found;
}

} // namespace

static_assert(std::ranges::input_range<generator<int>>);
static_assert(std::ranges::view<generator<int>>);
static_assert(std::same_as<std::ranges::range_reference_t<generator<int>>, int&&>);
static_assert(
    std::same_as<std::ranges::range_reference_t<generator<const std::string&>>, const std::string&>);
static_assert(!std::copy_constructible<generator<int>>);

TEST(generator, yields_in_order_and_ends) {
  EXPECT_EQ(all_of(count(1, 5)), (std::vector{1, 2, 3, 4}));
  EXPECT_TRUE(all_of(count(1, 1)).empty());
}

TEST(generator, runs_nothing_before_it_is_asked) {
  bool ran = false;
  auto g = [](bool& flag) -> generator<int> {
    flag = true;
    co_yield 1;
  }(ran);
  EXPECT_FALSE(ran);
  EXPECT_EQ(*g.begin(), 1);
  EXPECT_TRUE(ran);
}

TEST(generator, ends_where_it_stands) {
  int n = 0;
  {
    auto g = [](int& number) -> generator<int> {
      const alive one(number);
      for (int i = 0;; ++i) co_yield i;
    }(n);
    for (int v : g)
      if (v == 3) break;
    EXPECT_EQ(n, 1);
  }
  EXPECT_EQ(n, 0);
}

TEST(generator, throws_where_it_is_asked_and_has_ended_then) {
  auto g = []() -> generator<int> {
    co_yield 1;
    throw std::runtime_error("two");
  }();
  auto i = g.begin();
  EXPECT_EQ(*i, 1);
  EXPECT_THROW(++i, std::runtime_error);
  EXPECT_TRUE(i == g.end());
}

TEST(generator, hands_out_references_to_what_is_yielded) {
  auto g = []() -> generator<std::string&> {
    std::string text = "a";
    co_yield text;
    co_yield text; // as the caller left it
  }();
  auto i = g.begin();
  *i += "b";
  ++i;
  EXPECT_EQ(*i, "ab");
}

TEST(generator, copies_an_lvalue_that_is_handed_out_as_an_rvalue) {
  auto g = []() -> generator<std::string> {
    std::string text = "kept";
    co_yield text;
    EXPECT_EQ(text, "kept");
    co_yield std::move(text);
  }();
  std::vector<std::string> taken;
  for (std::string&& s : g) taken.push_back(std::move(s));
  EXPECT_EQ(taken, (std::vector<std::string>{"kept", "kept"}));
}

TEST(generator, yields_what_can_only_be_moved) {
  auto g = []() -> generator<std::unique_ptr<int>> {
    for (int i = 0; i < 3; ++i) co_yield std::make_unique<int>(i);
  }();
  int sum = 0;
  for (std::unique_ptr<int> p : g) sum += *p;
  EXPECT_EQ(sum, 3);
}

TEST(generator, works_with_ranges) {
  int sum = 0;
  for (int v : count(0, 100) | std::views::filter([](int n) { return n % 2 == 0; }) | std::views::take(5))
    sum += v;
  EXPECT_EQ(sum, 0 + 2 + 4 + 6 + 8);
}

namespace {

generator<int> tree(int depth) {
  if (depth == 0) co_return;
  co_yield elements_of(tree(depth - 1));
  co_yield depth;
  co_yield elements_of(tree(depth - 1));
}

generator<int> chain(int depth) {
  if (depth != 0) co_yield elements_of(chain(depth - 1));
  co_yield depth;
}

} // namespace

TEST(generator, yields_all_elements_of_others) {
  EXPECT_EQ(all_of(tree(3)), (std::vector{1, 2, 1, 3, 1, 2, 1}));
}

TEST(generator, a_deep_nest_needs_no_deep_stack) {
  constexpr int depth = 100'000;
  int expected = 0;
  for (int v : chain(depth)) EXPECT_EQ(v, expected++);
  EXPECT_EQ(expected, depth + 1);
}

TEST(generator, an_exception_of_an_inner_one_comes_out_at_its_elements_of) {
  auto g = []() -> generator<int> {
    auto inner = []() -> generator<int> {
      co_yield 1;
      throw std::runtime_error("inner");
    };
    bool caught = false;
    try {
      co_yield elements_of(inner());
    } catch (const std::runtime_error&) { caught = true; }
    co_yield caught ? 2 : -1;
  }();
  EXPECT_EQ(all_of(std::move(g)), (std::vector{1, 2}));
}

TEST(generator, goes_on_in_another_fiber_and_may_wait) {
  run([] {
    chan<int> c;
    auto g = [](chan<int> from) -> generator<int> {
      while (auto v = from.recv()) co_yield *v;
    }(c);
    go([=] {
      for (int i = 0; i < 3; ++i) c.send(i);
      c.close();
    });
    auto i = spawn([&] { return g.begin(); }).join();
    EXPECT_EQ(*i, 0);
    spawn([&] { ++i; }).join();
    EXPECT_EQ(*i, 1);
    ++i;
    EXPECT_EQ(*i, 2);
    ++i;
    EXPECT_TRUE(i == g.end());
  });
}

} // namespace thrum
