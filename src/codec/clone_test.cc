// A clone is equal, and apart: all types, what several pointers mean, cycles, lists of any length, and what is left when one fails.
#include <thrum/clone.h>

#include <gtest/gtest.h>

#include <functional>
#include <memory_resource>
#include <mutex>
#include <thread>

namespace {

using thrum::clone;
using thrum::transferable;

template <class T> void expect_twin(const T& value) { EXPECT_EQ(clone(value), value); }

struct point {
  int x = 0, y = 0;
  bool operator==(const point&) const = default;
};
struct nothing {
  bool operator==(const nothing&) const = default;
};
struct person {
  std::string name;
  const int born;
  std::vector<point> places;
  std::variant<std::monostate, int, std::string> extra;
  std::map<std::string, std::vector<double>> marks;
  bool operator==(const person&) const = default;
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
struct link {
  int number = 0;
  std::unique_ptr<link> next;
};

int made_by_hand = 0;
class account {
public:
  explicit account(std::string owner) : owner_(std::move(owner)) {}
  bool operator==(const account&) const = default;

private:
  friend void encode_to(thrum::encoder& out, const account& a) { out.write(a.owner_); }
  friend account decode_from(thrum::decoder& in, std::type_identity<account>) {
    ++made_by_hand;
    return account(in.read<std::string>());
  }
  std::string owner_;
};
struct accounts {
  std::shared_ptr<account> first;
  std::shared_ptr<account> second;
  std::vector<std::unique_ptr<account>> others;
};

using thrum::detail::cloning;
using thrum::detail::way_of;
static_assert(way_of<std::vector<double>> == cloning::copy && way_of<person> == cloning::copy);
static_assert(way_of<std::map<std::string, std::set<point>>> == cloning::copy);
static_assert(way_of<tree> == cloning::walk && way_of<node> == cloning::walk &&
              way_of<link> == cloning::walk);
static_assert(way_of<account> == cloning::bytes &&
              way_of<std::vector<std::shared_ptr<account>>> == cloning::bytes);

TEST(clone, the_concepts_say_what_may_cross) {
  static_assert(thrum::sendable<node> && thrum::sendable<link> && thrum::sendable<accounts>);
  static_assert(transferable<int> && transferable<std::vector<double>> && transferable<std::string>);
  static_assert(transferable<std::map<std::string, std::vector<std::unique_ptr<point>>>> &&
                transferable<tree>);
  static_assert(transferable<link>);
  static_assert(!transferable<std::shared_ptr<int>> && !transferable<node> &&
                !transferable<std::weak_ptr<int>>);
  static_assert(!transferable<std::optional<std::vector<std::shared_ptr<const int>>>>);
  static_assert(!transferable<account> && !transferable<accounts> &&
                !transferable<person>); // born is for ever
  static_assert(!transferable<std::pmr::vector<int>> && !transferable<std::vector<std::pmr::string>>);
  static_assert(!transferable<int*> && !transferable<std::function<void()>>);
  static_assert(!thrum::sendable<int*> && !thrum::sendable<std::mutex> && !thrum::sendable<std::thread>);
}

TEST(clone, values_have_equal_twins) {
  expect_twin(5);
  expect_twin(std::string(1000, 'x'));
  expect_twin(std::vector<bool>{true, false, true});
  expect_twin(std::vector<point>{{1, 2}, {3, 4}});
  expect_twin(std::vector<nothing>(3));
  expect_twin(std::map<std::string, std::deque<int>>{{"a", {1}}, {"b", {}}});
  expect_twin(std::unordered_multimap<int, std::list<char>>{{1, {'a'}}, {1, {}}});
  expect_twin(person{"Ada", 1815, {{1, 2}}, "x", {{"maths", {1.0}}, {"", {}}}});
  expect_twin(tree{"root", {{"left", {}}, {"right", {{"leaf", {}}}}}});
  expect_twin(std::optional(std::variant<int, std::string>("text")));
}

TEST(clone, flat_data_lies_elsewhere) {
  std::vector<double> all(1000, 1.5);
  const std::vector<double> twin = clone(all);
  EXPECT_NE(twin.data(), all.data());
  all[0] = 2;
  EXPECT_EQ(twin[0], 1.5);
}

TEST(clone, what_is_owned_is_owned_twice) {
  std::vector<std::unique_ptr<point>> all;
  all.push_back(std::make_unique<point>(1, 2));
  all.push_back(nullptr);
  auto twin = clone(all);
  ASSERT_EQ(twin.size(), 2u);
  EXPECT_NE(twin[0], all[0]);
  EXPECT_EQ(*twin[0], *all[0]);
  EXPECT_EQ(twin[1], nullptr);
}

TEST(clone, every_kind_of_container_is_walked_through) {
  const auto p = std::make_shared<const int>(7);
  const std::tuple all{std::deque{p},
                       std::list{p},
                       std::array{p, p},
                       std::array<std::shared_ptr<const int>, 0>{},
                       std::map<int, std::shared_ptr<const int>>{{1, p}},
                       std::unordered_map<int, std::shared_ptr<const int>>{{2, p}},
                       std::pair{1, p},
                       std::optional(p),
                       std::optional<std::shared_ptr<const int>>(),
                       std::variant<int, std::shared_ptr<const int>>(p),
                       std::variant<int, std::shared_ptr<const int>>(5)};
  const auto twin = clone(all);
  const auto q = std::get<0>(twin).front();
  EXPECT_NE(q, p);
  EXPECT_EQ(*q, 7);
  EXPECT_EQ(std::get<1>(twin).front(), q);
  EXPECT_EQ(std::get<2>(twin)[1], q);
  EXPECT_EQ(std::get<4>(twin).at(1), q);
  EXPECT_EQ(std::get<5>(twin).at(2), q);
  EXPECT_EQ(std::get<6>(twin).second, q);
  EXPECT_EQ(std::get<7>(twin), q);
  EXPECT_EQ(std::get<8>(twin), std::nullopt);
  EXPECT_EQ(std::get<1>(std::get<9>(twin)), q);
  EXPECT_EQ(std::get<0>(std::get<10>(twin)), 5);
  EXPECT_EQ(q.use_count(), 10); // nine places in the clone, and q
}

TEST(clone, what_several_point_to_is_one_object_in_the_clone) {
  const auto one = std::make_shared<std::string>("one");
  const std::vector all{one, std::make_shared<std::string>("two"), one, std::shared_ptr<std::string>()};
  const auto twin = clone(all);
  EXPECT_EQ(*twin[0], "one");
  EXPECT_EQ(*twin[1], "two");
  EXPECT_EQ(twin[0], twin[2]);
  EXPECT_EQ(twin[3], nullptr);
  EXPECT_NE(twin[0], one);
  EXPECT_EQ(twin[0].use_count(), 2);
  EXPECT_EQ(one.use_count(), 3);
}

TEST(clone, a_cycle_is_one_again) {
  const auto a = std::make_shared<node>(1);
  a->next = std::make_shared<node>(2, a, a);
  const auto twin = clone(a);
  EXPECT_EQ(twin->number, 1);
  EXPECT_EQ(twin->next->number, 2);
  EXPECT_EQ(twin->next->next, twin);
  EXPECT_EQ(twin->next->last.lock(), twin);
  EXPECT_NE(twin, a);
  twin->next.reset();
  a->next.reset();
}

TEST(clone, a_weak_pointer_lives_as_long_as_something_in_the_clone_owns_its_object) {
  const auto one = std::make_shared<int>(5);
  const std::weak_ptr<int> weak = one;
  const auto twin = clone(std::pair(one, weak));
  EXPECT_EQ(twin.second.lock(), twin.first);
  EXPECT_NE(twin.first, one);
  EXPECT_TRUE(clone(weak).expired());
  EXPECT_TRUE(clone(std::weak_ptr<int>()).expired());
}

TEST(clone, a_list_of_a_million_needs_no_stack) {
  constexpr int length = 1'000'000;
  std::shared_ptr<node> list;
  for (int i = 0; i < length; ++i) list = std::make_shared<node>(i, std::move(list));
  auto twin = clone(list);
  int n = length;
  for (; twin != nullptr; twin = std::exchange(twin->next, nullptr)) ASSERT_EQ(twin->number, --n);
  EXPECT_EQ(n, 0);
  while (list != nullptr) list = std::exchange(list->next, nullptr);
}

TEST(clone, neither_does_a_list_of_a_million_that_owns_itself) {
  constexpr int length = 1'000'000;
  std::unique_ptr<link> list;
  for (int i = 0; i < length; ++i) list = std::make_unique<link>(i, std::move(list));
  auto twin = clone(list);
  int n = length;
  for (; twin != nullptr; twin = std::exchange(twin->next, nullptr)) ASSERT_EQ(twin->number, --n);
  EXPECT_EQ(n, 0);
  while (list != nullptr) list = std::exchange(list->next, nullptr);
}

tree tower(int height) {
  tree all{"top", {}};
  for (int i = 1; i < height; ++i) {
    tree below{"", {}};
    below.kids.push_back(std::move(all));
    all = std::move(below);
  }
  return all;
}

TEST(clone, values_are_nested_64_deep) {
  expect_twin(tower(64));
  EXPECT_THROW(static_cast<void>(clone(tower(65))), thrum::codec_error);
}

TEST(clone, a_pointer_in_a_key_is_complete_when_it_is_compared) {
  struct by_text {
    bool operator()(const std::shared_ptr<std::vector<std::unique_ptr<int>>>& a,
                    const std::shared_ptr<std::vector<std::unique_ptr<int>>>& b) const {
      return *a->front() < *b->front();
    }
  };
  std::set<std::shared_ptr<std::vector<std::unique_ptr<int>>>, by_text> all;
  for (const int n : {2, 1, 3}) {
    auto one = std::make_shared<std::vector<std::unique_ptr<int>>>();
    one->push_back(std::make_unique<int>(n));
    all.insert(std::move(one));
  }
  const auto twin = clone(all);
  ASSERT_EQ(twin.size(), 3u);
  EXPECT_EQ(*(*twin.begin())->front(), 1);
}

TEST(clone, a_key_that_leads_to_itself_is_refused) {
  struct knot {
    std::set<std::shared_ptr<knot>> all;
  };
  const auto k = std::make_shared<knot>();
  k->all.insert(k);
  EXPECT_THROW(static_cast<void>(clone(k)), thrum::codec_error);
  k->all.clear();
}

TEST(clone, an_own_type_is_cloned_by_its_own_functions) {
  made_by_hand = 0;
  expect_twin(account("somebody"));
  EXPECT_EQ(made_by_hand, 1);
  accounts all;
  all.first = all.second = std::make_shared<account>("both");
  all.others.push_back(std::make_unique<account>("other"));
  const accounts twin = clone(all);
  EXPECT_EQ(twin.first, twin.second);
  EXPECT_NE(twin.first, all.first);
  EXPECT_EQ(*twin.first, *all.first);
  EXPECT_EQ(*twin.others.at(0), account("other"));
}

// A list of these has something at its end that cannot be cloned. What was made until then is taken apart without a stack, and without
// leaving a cycle, which the address sanitizer sees.
struct piece {
  std::shared_ptr<piece> next;
  std::unique_ptr<piece> other;
  std::shared_ptr<piece> round;
  std::vector<tree> deep;
};
TEST(clone, a_long_list_that_fails_at_its_end_is_taken_apart) {
  constexpr int length = 300'000;
  for (const bool owned : {false, true}) {
    piece first;
    piece* last = &first;
    for (int i = 0; i < length; ++i) {
      if (owned) {
        last->other = std::make_unique<piece>();
        last = last->other.get();
      } else {
        last->next = std::make_shared<piece>();
        last->next->round = last->next; // a cycle of one
        last = last->next.get();
      }
    }
    last->deep.push_back(tower(64)); // and the list of them is one more
    EXPECT_THROW(static_cast<void>(clone(first)), thrum::codec_error);
    if (owned) {
      auto rest = std::move(first.other);
      while (rest != nullptr) rest = std::exchange(rest->other, nullptr);
    } else {
      auto rest = std::move(first.next);
      while (rest != nullptr) {
        rest->round.reset();
        rest = std::exchange(rest->next, nullptr);
      }
    }
  }
}

TEST(transfer, what_is_transferred_is_gone_and_keeps_its_memory) {
  std::vector<double> all(1000, 1.5);
  const double* const where = all.data();
  std::vector<double> there;
  EXPECT_TRUE(thrum::transfer(std::move(all)).give_to([&](std::vector<double>&& x) {
    there = std::move(x);
    return true;
  }));
  EXPECT_EQ(there.data(), where);
  EXPECT_TRUE(all.empty());

  std::optional<int> number = 5; // which a move alone would leave there
  EXPECT_TRUE(thrum::transfer(std::move(number)).give_to([](std::optional<int>&&) { return true; }));
  EXPECT_EQ(number, std::nullopt);
}

TEST(transfer, what_nobody_took_stays) {
  std::vector<int> all{1, 2, 3};
  EXPECT_FALSE(thrum::transfer(std::move(all)).give_to([](std::vector<int>&&) { return false; }));
  EXPECT_EQ(all.size(), 3u);
}

} // namespace
