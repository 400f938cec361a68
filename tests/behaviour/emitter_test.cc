// Emitters: what Node's do, with types; and their events as a channel and as a generator.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/async_generator.h>
#include <thrum/emitter.h>
#include <thrum/operation.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using test::times;
using test::until;
using thrum::emitter;
using thrum::events;
using thrum::fiber;
using thrum::listener_id;
using thrum::spawn;
using thrum::when_behind;

class streams_of_events : public test::on_processors {};

} // namespace

TEST(emitters, call_their_listeners_in_order_with_the_arguments) {
  emitter<int, std::string> e;
  std::string said;
  EXPECT_FALSE(e.emit(0, "nobody"));
  const listener_id first = e.on([&](int n, const std::string& s) { said += s + std::to_string(n); });
  const listener_id second = e.on([&] { said += "-"; }); // one that does not ask what
  EXPECT_TRUE(e.emit(1, "a"));
  EXPECT_EQ(said, "a1-");
  EXPECT_EQ(e.listeners(), 2u);
  EXPECT_TRUE(e.off(first));
  EXPECT_FALSE(e.off(first));
  EXPECT_TRUE(e.emit(2, "b"));
  EXPECT_EQ(said, "a1--");
  EXPECT_TRUE(e.off(second));
  EXPECT_FALSE(e.emit(3, "c"));
}

TEST(emitters, call_the_same_function_as_often_as_it_was_given) {
  emitter<> e;
  int calls = 0;
  const auto count = [&calls] { ++calls; };
  e.on(count);
  e.on(count);
  e.emit();
  EXPECT_EQ(calls, 2);
  e.off_all();
  EXPECT_FALSE(e.emit());
  EXPECT_EQ(calls, 2);
}

TEST(emitters, take_functions_that_can_only_be_moved) {
  emitter<int> e;
  int sum = 0;
  e.on([&sum, n = std::make_unique<int>(40)](int m) { sum = *n + m; });
  e.emit(2);
  EXPECT_EQ(sum, 42);
}

// Node's documentation of removeListener, with its example.
TEST(emitters, call_who_is_removed_meanwhile_this_last_time_as_node_does) {
  emitter<> e;
  std::string said;
  listener_id b{};
  e.on([&] {
    said += "A";
    e.off(b);
  });
  b = e.on([&] { said += "B"; });
  e.emit();
  EXPECT_EQ(said, "AB");
  e.emit();
  EXPECT_EQ(said, "ABA");
  e.off_all();
  said.clear();
  e.once([&] {
    said += "A";
    EXPECT_TRUE(e.off(b));
  });
  b = e.once([&] { said += "B"; });
  e.emit();
  EXPECT_EQ(said, "AB");
  EXPECT_FALSE(e.emit());
}

TEST(emitters, call_who_is_added_meanwhile_from_the_next_time_on) {
  emitter<> e;
  std::string said;
  e.once([&] {
    said += "A";
    e.on([&] { said += "B"; });
  });
  e.emit();
  EXPECT_EQ(said, "A");
  e.emit();
  EXPECT_EQ(said, "AB");
}

TEST(emitters, remove_who_listens_once_before_its_call) {
  emitter<int> e;
  std::vector<int> got;
  e.once([&](int n) {
    EXPECT_EQ(e.listeners(), 0u);
    got.push_back(n);
    if (n < 3) e.emit(n + 1); // nobody listens
  });
  e.emit(1);
  e.emit(2);
  EXPECT_EQ(got, std::vector<int>{1});
}

// Two listeners of which each emits once more: who listens once is called once all the same.
TEST(emitters, call_who_listens_once_only_once_although_it_is_emitted_inside) {
  emitter<> e;
  std::string said;
  e.once([&] {
    said += "A";
    e.emit();
  });
  e.once([&] { said += "B"; });
  e.emit();
  EXPECT_EQ(said, "AB");
}

TEST(emitters, let_what_a_listener_throws_leave_emit_and_call_nobody_behind_it) {
  emitter<> e;
  int calls = 0;
  e.on([&] { ++calls; });
  const listener_id bad = e.on([] { throw std::runtime_error("bad"); });
  e.on([&] { ++calls; });
  EXPECT_THROW(e.emit(), std::runtime_error);
  EXPECT_EQ(calls, 1);
  e.off(bad);
  e.emit();
  EXPECT_EQ(calls, 3);
}

TEST(emitters, throw_an_error_that_nobody_listens_to) {
  emitter<std::exception_ptr> failed;
  const auto error = std::make_exception_ptr(std::runtime_error("it"));
  EXPECT_THROW(failed.emit(error), std::runtime_error);
  std::exception_ptr got;
  const listener_id id = failed.on([&](const std::exception_ptr& e) { got = e; });
  EXPECT_TRUE(failed.emit(error));
  EXPECT_EQ(got, error);
  failed.off(id);
  EXPECT_THROW(failed.emit(error), std::runtime_error);
}

TEST(emitters, may_be_destroyed_by_their_listeners) {
  auto e = std::make_unique<emitter<>>();
  int calls = 0;
  e->on([&] { e.reset(); });
  e->on([&] { ++calls; });
  EXPECT_TRUE(e->emit());
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(e, nullptr);
}

TEST(emitters, destroy_a_listener_when_it_is_removed) {
  emitter<> e;
  const auto held = std::make_shared<int>();
  const listener_id id = e.on([held] {});
  e.once([held] {});
  EXPECT_EQ(held.use_count(), 3);
  e.emit();
  EXPECT_EQ(held.use_count(), 2);
  e.off(id);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(streams_of_events, emitters_may_be_used_by_many_at_a_time) {
  run([] {
    emitter<int> e;
    std::atomic<int> once{0}, always{0};
    e.on([&](int n) { always += n; });
    const int n = static_cast<int>(times(500));
    std::vector<fiber<>> all;
    for (int f = 0; f < 4; ++f)
      all.push_back(spawn([&] {
        for (int i = 0; i < n; ++i) {
          const listener_id mine = e.on([] {});
          e.once([&] { ++once; });
          e.emit(1);
          EXPECT_TRUE(e.off(mine));
          if (i % 8 == 0) thrum::this_fiber::yield();
        }
      }));
    for (auto& f : all) f.join();
    EXPECT_EQ(always, 4 * n);
    EXPECT_EQ(once, 4 * n); // each of them exactly once, whoever has emitted
    EXPECT_EQ(e.listeners(), 1u);
  });
}

// ---- streams

TEST_P(streams_of_events, have_all_events_in_order_and_end_with_the_emitter) {
  run([] {
    std::optional<emitter<int>> e(std::in_place);
    auto numbers = events(*e, {.capacity = 2});
    auto reader = spawn([&] {
      std::vector<int> got;
      for (const int n : numbers) got.push_back(n);
      return got;
    });
    for (int i = 0; i < 100; ++i) e->emit(i); // waits when two are not read yet
    e.reset();
    std::vector<int> all(100);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(reader.join(), all);
    EXPECT_EQ(numbers.dropped(), 0u);
  });
}

TEST_P(streams_of_events, make_emit_wait_when_they_are_full) {
  run([] {
    emitter<int> e;
    auto numbers = events(e, {.capacity = 2});
    e.emit(1);
    e.emit(2);
    EXPECT_EQ(test::how_it_ends([&] { e.emit(3); }, true), test::ends::after_waiting);
    EXPECT_EQ(numbers.recv(), 1);
    EXPECT_EQ(test::how_it_ends([&] { e.emit(4); }, false), test::ends::at_once);
    EXPECT_EQ(numbers.recv(), 2);
    EXPECT_EQ(numbers.recv(), 4);
  });
}

TEST(streams, drop_what_is_new_or_what_is_old_if_they_are_asked_to) {
  emitter<int> e;
  auto newest = events(e, {.capacity = 2, .full = when_behind::discard_oldest});
  auto oldest = events(e, {.capacity = 2, .full = when_behind::discard});
  auto nothing = events(e, {.capacity = 0, .full = when_behind::discard_oldest});
  for (int i = 1; i <= 5; ++i) e.emit(i);
  EXPECT_EQ(newest.recv(), 4);
  EXPECT_EQ(newest.recv(), 5);
  EXPECT_EQ(oldest.recv(), 1);
  EXPECT_EQ(oldest.recv(), 2);
  EXPECT_EQ(newest.dropped(), 3u);
  EXPECT_EQ(oldest.dropped(), 3u);
  EXPECT_EQ(nothing.dropped(), 5u);
  EXPECT_EQ(e.listeners(), 3u);
}

TEST(streams, have_tuples_of_several_arguments_and_a_monostate_of_none) {
  emitter<int, std::string> both;
  auto pairs = events(both);
  both.emit(1, "one");
  EXPECT_EQ(pairs.recv(), (std::tuple<int, std::string>(1, "one")));
  emitter<> none;
  auto ticks = events(none);
  none.emit();
  EXPECT_TRUE(ticks.recv().has_value());
  std::optional<std::monostate> tick;
  none.emit();
  EXPECT_EQ(thrum::select(thrum::recv(ticks, tick), thrum::otherwise()), 0u);
}

TEST_P(streams_of_events, let_an_emit_go_on_that_waits_when_they_are_destroyed) {
  run([] {
    emitter<int> e;
    std::optional numbers = events(e, {.capacity = 1});
    std::atomic<bool> here{false};
    auto emitting = spawn([&] {
      e.emit(1);
      here = true;
      e.emit(2);
      return e.listeners();
    });
    until([&] { return here.load(); });
    numbers.reset();
    EXPECT_LE(emitting.join(), 1u); // 1: it was gone on before the stream was
    EXPECT_EQ(e.listeners(), 0u);
    EXPECT_FALSE(e.emit(3));
  });
}

TEST_P(streams_of_events, end_with_an_error_that_is_emitted) {
  run([] {
    emitter<int> e;
    emitter<std::exception_ptr> failed;
    auto numbers = events(e, failed);
    e.emit(1);
    failed.emit(std::make_exception_ptr(std::runtime_error("it"))); // somebody listens
    EXPECT_EQ(numbers.recv(), 1);
    EXPECT_THROW(static_cast<void>(numbers.recv()), std::runtime_error);
    EXPECT_TRUE(e.emit(2)); // to nobody who wants it
    EXPECT_EQ(failed.listeners(), 0u);
  });
}

TEST(streams, may_outlive_their_emitter_and_be_moved) {
  auto e = std::make_unique<emitter<int>>();
  auto first = events(*e);
  e->emit(1);
  auto numbers = std::move(first);
  e->emit(2);
  e.reset();
  EXPECT_EQ(numbers.recv(), 1);
  EXPECT_EQ(numbers.recv(), 2);
  EXPECT_FALSE(numbers.recv());
}

namespace {

thrum::async_generator<int> doubled(emitter<int>& e) {
  auto numbers = events(e);
  while (const std::optional<int> n = co_await numbers.async_recv()) co_yield *n * 2;
}

thrum::task<int> sum_of(thrum::async_generator<int> numbers, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += (co_await numbers.next()).value();
  co_return sum;
}

} // namespace

TEST_P(streams_of_events, make_an_emitter_a_generator) {
  run([] {
    emitter<int> e;
    auto sum = spawn([&] { return thrum::await(sum_of(doubled(e), 10)); });
    until([&] { return e.listeners() == 1; });
    for (int i = 1; i <= 10; ++i) e.emit(i);
    EXPECT_EQ(sum.join(), 110);
    EXPECT_EQ(e.listeners(), 0u); // the generator has ended, and its stream with it
  });
}

THRUM_ON_PROCESSORS(streams_of_events);
