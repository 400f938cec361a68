// thrum/execution.h: operations as senders and executors as schedulers, with receivers of the tests' own.
#include <thrum/execution.h>
#include <thrum/latch.h>
#include <thrum/semaphore.h>
#include <thrum/strand.h>
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::as_sender;
using thrum::chan;
using thrum::scheduler_of;
namespace ex = thrum::execution;

struct nothing {};

// What a receiver was told.
template <class T> struct told {
  using value_type = std::conditional_t<std::is_void_v<T>, nothing, T>;
  std::optional<value_type> value;
  std::exception_ptr error;
  bool stopped = false;
  std::atomic<int> times{0};
  thrum::latch done{1};
  std::function<void()> first = [] {}; // called before it is noted

  void note() noexcept {
    first();
    ++times;
    done.count_down(); // and it may be gone
  }
};

struct with_token {
  std::stop_token token;
  std::stop_token query(ex::get_stop_token_t) const noexcept { return token; }
};

template <class T> struct receiver {
  using receiver_concept = ex::receiver_tag;
  told<T>* to;
  std::stop_token token{};

  template <class... V> void set_value(V&&... v) && noexcept {
    to->value.emplace(std::forward<V>(v)...);
    to->note();
  }
  void set_error(std::exception_ptr e) && noexcept {
    to->error = std::move(e);
    to->note();
  }
  void set_stopped() && noexcept {
    to->stopped = true;
    to->note();
  }
  with_token get_env() const noexcept { return {token}; }
};

// Starts it, waits for the end, and returns the value or throws the error; nothing: stopped.
template <class T, class Sender>
std::optional<typename told<T>::value_type> sync_wait(Sender&& s, std::stop_token token = {}) {
  told<T> end;
  auto state = std::forward<Sender>(s).connect(receiver<T>{&end, std::move(token)});
  state.start();
  end.done.wait();
  EXPECT_EQ(end.times, 1);
  if (end.error) std::rethrow_exception(end.error);
  EXPECT_EQ(end.value.has_value(), !end.stopped);
  return std::move(end.value);
}

[[gnu::noinline]] std::stop_source new_source() { return {}; } // or g++ 12 warns of it, falsely

auto receive(const chan<int>& c) {
  return as_sender([c] { return c.async_recv(); });
}

} // namespace

TEST(execution, an_operation_tells_its_value) {
  thrum::run([] {
    const chan<int> c(1);
    c.send(7);
    EXPECT_EQ(sync_wait<std::optional<int>>(receive(c)).value(), 7);
    auto late = thrum::spawn([c] { c.send(8); });
    const auto again = receive(c); // may be connected more than once
    EXPECT_EQ(sync_wait<std::optional<int>>(again).value(), 8);
    late.join();
    c.close();
    EXPECT_EQ(sync_wait<std::optional<int>>(again).value(), std::nullopt); // the end is a value, too
  });
}

TEST(execution, operations_of_every_kind_are_senders) {
  thrum::run([] {
    const chan<int> c(1);
    thrum::counting_semaphore<> s(1);
    thrum::fiber<int> f = thrum::spawn([] { return 5; });
    EXPECT_TRUE(sync_wait<void>(as_sender([&] { return c.async_send(1); })));
    EXPECT_EQ(c.recv(), 1);
    EXPECT_TRUE(sync_wait<void>(as_sender([&] { return s.async_acquire(); })));
    EXPECT_FALSE(s.try_acquire());
    EXPECT_TRUE(sync_wait<void>(as_sender([] { return thrum::async_sleep_for(1us); })));
    EXPECT_EQ(sync_wait<int>(as_sender([&] { return f.async_join(); })), 5);
    s.release();
    EXPECT_EQ(sync_wait<std::size_t>(
                  as_sender([&] { return thrum::async_select(thrum::recv(c), thrum::acquire(s)); })),
              1u);
    int n = 3;
    auto refers = [&]() -> thrum::task<int&> { co_return n; };
    EXPECT_EQ(sync_wait<int>(as_sender(refers())), 3);
    auto owns = []() -> thrum::task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
    EXPECT_EQ(**sync_wait<std::unique_ptr<int>>(as_sender(owns())), 4);
  });
}

TEST(execution, what_it_may_be_told_is_part_of_a_senders_type) {
  using ints = decltype(receive(std::declval<chan<int>&>()));
  static_assert(
      std::is_same_v<ints::completion_signatures,
                     ex::completion_signatures<ex::set_value_t(std::optional<int>),
                                               ex::set_error_t(std::exception_ptr), ex::set_stopped_t()>>);
  static_assert(
      std::is_same_v<thrum::scheduler::sender::completion_signatures,
                     ex::completion_signatures<ex::set_value_t(), ex::set_error_t(std::exception_ptr),
                                               ex::set_stopped_t()>>);
  static_assert(std::is_same_v<ints::sender_concept, ex::sender_tag>);
}

TEST(execution, what_is_thrown_is_an_error) {
  thrum::run([] {
    const chan<int> c;
    c.close();
    EXPECT_THROW(sync_wait<void>(as_sender([&] { return c.async_send(1); })), thrum::channel_closed);
    EXPECT_THROW(sync_wait<void>(as_sender([]() -> thrum::task<> { throw std::runtime_error("making"); })),
                 std::runtime_error);
    auto fails = []() -> thrum::task<int> {
      throw std::logic_error("inside");
      co_return 1;
    };
    EXPECT_THROW(sync_wait<int>(as_sender(fails())), std::logic_error);
  });
}

TEST(execution, plain_threads_start_senders_too) {
  const chan<int> c(1);
  std::thread other([&] { EXPECT_EQ(sync_wait<std::optional<int>>(receive(c)).value(), 7); });
  c.send(7);
  other.join();
  thrum::runtime rt({.processors = 1});
  thrum::runtime* seen = nullptr;
  auto tells = [&]() -> thrum::task<> {
    seen = &thrum::runtime::current();
    co_return;
  };
  EXPECT_TRUE(sync_wait<void>(as_sender(tells(), rt)));
  EXPECT_EQ(seen, &rt);
}

// ---- stop requests

TEST(execution, the_receivers_stop_token_ends_the_wait) {
  thrum::run([] {
    const chan<int> c;
    std::stop_source source = new_source();
    told<std::optional<int>> end;
    auto state = receive(c).connect(receiver<std::optional<int>>{&end, source.get_token()});
    state.start();
    for (int i = 0; i < 5; ++i) thrum::this_fiber::yield();
    EXPECT_EQ(end.times, 0);
    source.request_stop();
    end.done.wait();
    EXPECT_TRUE(end.stopped);
    int v = 1;
    EXPECT_EQ(c.try_send(v), thrum::chan_status::would_block); // nobody is left in the channel
  });
}

TEST(execution, a_request_before_the_start_ends_the_first_wait_but_not_what_is_ready) {
  thrum::run([] {
    const chan<int> c(1);
    std::stop_source source = new_source();
    source.request_stop();
    EXPECT_EQ(sync_wait<std::optional<int>>(receive(c), source.get_token()), std::nullopt);
    c.send(1);
    EXPECT_EQ(sync_wait<std::optional<int>>(receive(c), source.get_token()).value(), 1);
  });
}

namespace {

// A token as a library might have one, with one callback.
struct one_callback {
  std::function<void()> call;
  bool asked = false;
};
struct own_token {
  one_callback* state;
  bool stop_requested() const noexcept { return state->asked; }
  bool stop_possible() const noexcept { return true; }
  template <class F> struct callback_type {
    one_callback* state;
    explicit callback_type(own_token t, F f) : state(t.state) { state->call = f; }
    ~callback_type() { state->call = nullptr; }
  };
};
struct own_env {
  one_callback* state;
  own_token query(ex::get_stop_token_t) const noexcept { return {state}; }
};
struct own_receiver : receiver<void> {
  one_callback* state;
  own_env get_env() const noexcept { return {state}; }
};
struct without_env {
  using receiver_concept = ex::receiver_tag;
  told<void>* to;
  void set_value() && noexcept { to->note(); }
  void set_error(const std::exception_ptr&) && noexcept {}
  void set_stopped() && noexcept {}
};

} // namespace

TEST(execution, tokens_of_other_kinds_are_listened_to_and_none_is_needed) {
  thrum::run(
      [] {
        thrum::counting_semaphore<> s(0);
        one_callback asks;
        told<void> end;
        auto state = as_sender([&] { return s.async_acquire(); }).connect(own_receiver{{&end}, &asks});
        state.start();
        thrum::this_fiber::yield();
        asks.call();
        end.done.wait();
        EXPECT_TRUE(end.stopped);
        EXPECT_FALSE(asks.call); // taken back before the receiver was told
        told<void> other;
        s.release();
        auto plain = as_sender([&] { return s.async_acquire(); }).connect(without_env{&other});
        plain.start();
        other.done.wait();
      },
      {.processors = 1});
}

TEST(execution, the_end_of_a_runtime_stops_what_waits_there) {
  const chan<int> c;
  told<std::optional<int>> end;
  std::optional<thrum::runtime> rt(std::in_place, thrum::options{.processors = 1});
  auto state = as_sender([c] { return c.async_recv(); }, *rt).connect(receiver<std::optional<int>>{&end});
  state.start();
  rt->run([] { thrum::this_fiber::yield(); });
  rt.reset();
  EXPECT_EQ(end.times, 1);
  EXPECT_TRUE(end.stopped);
}

// A value, a request and the end of the state meet in every order.
TEST(execution, a_stopped_receiver_has_got_nothing_and_any_other_has_its_value) {
  thrum::run(
      [] {
        for (int i = 0; i < 500; ++i) {
          thrum::counting_semaphore<> s(0);
          std::stop_source source = new_source();
          told<void> end;
          const auto acquire = [&s] { return s.async_acquire(); };
          using state_type = decltype(as_sender(acquire).connect(receiver<void>{&end}));
          auto state =
              std::make_unique<state_type>(acquire, receiver<void>{&end, source.get_token()}, nullptr);
          end.first = [&] { state.reset(); }; // while the receiver is told
          state->start();
          auto gives = thrum::spawn([&] { s.release(); });
          if (i % 3 != 0) thrum::this_fiber::yield();
          source.request_stop();
          gives.join();
          end.done.wait();
          EXPECT_EQ(end.times, 1);
          EXPECT_EQ(state, nullptr);
          EXPECT_EQ(s.try_acquire(), end.stopped) << i;
        }
      },
      {.processors = 4});
}

// ---- schedulers

TEST(execution, a_scheduler_completes_on_its_executor) {
  thrum::runtime rt({.processors = 1});
  thrum::runtime* seen = nullptr;
  const auto note = [&] { seen = &thrum::runtime::current(); };
  told<void> end;
  end.first = note;
  auto state = scheduler_of(rt).schedule().connect(receiver<void>{&end});
  EXPECT_EQ(seen, nullptr);
  state.start();
  end.done.wait();
  EXPECT_EQ(seen, &rt);
  EXPECT_TRUE(end.value.has_value());

  thrum::thread_pool pool({.threads = 1});
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id there;
  told<void> on_pool;
  on_pool.first = [&] { there = std::this_thread::get_id(); };
  auto queued = scheduler_of(pool).schedule().connect(receiver<void>{&on_pool});
  queued.start();
  on_pool.done.wait();
  EXPECT_NE(there, here);
  EXPECT_NE(there, std::thread::id());
}

TEST(execution, schedulers_are_equal_if_their_executors_are_the_same) {
  thrum::runtime one({.processors = 1});
  thrum::runtime other({.processors = 1});
  const thrum::scheduler s = scheduler_of(one);
  EXPECT_EQ(s, scheduler_of(one));
  EXPECT_NE(s, scheduler_of(other));
  EXPECT_EQ(s.schedule().get_env().query(ex::get_completion_scheduler_t<ex::set_value_t>{}), s);
}

TEST(execution, work_on_a_strand_takes_turns) {
  thrum::run([] {
    thrum::strand s;
    int sum = 0; // on the strand only
    constexpr int n = 100;
    std::vector<std::unique_ptr<told<void>>> ends;
    using state_type = decltype(scheduler_of(s).schedule().connect(receiver<void>{nullptr}));
    std::vector<std::unique_ptr<state_type>> states;
    for (int i = 0; i < n; ++i) {
      ends.push_back(std::make_unique<told<void>>());
      ends.back()->first = [&sum] { ++sum; };
      states.push_back(std::make_unique<state_type>(s, receiver<void>{ends.back().get()}));
      states.back()->start();
    }
    for (auto& e : ends) e->done.wait();
    EXPECT_EQ(sum, n);
  });
}

TEST(execution, what_is_refused_is_an_error_and_what_is_dropped_or_asked_to_stop_is_stopped) {
  std::stop_source source = new_source();
  source.request_stop();
  std::atomic<bool> begun{false};
  std::atomic<bool> enough{false};
  thrum::thread_pool pool({.threads = 1});
  EXPECT_FALSE(sync_wait<void>(scheduler_of(pool).schedule(), source.get_token()).has_value());

  // Something that the only thread is busy with, until the pool has been told to stop.
  pool.execute([&] {
    begun = true;
    while (!enough) std::this_thread::yield();
  });
  while (!begun) std::this_thread::yield();
  told<void> end;
  auto queued = scheduler_of(pool).schedule().connect(receiver<void>{&end});
  queued.start();
  std::thread stops([&] { pool.shutdown_now(); });
  end.done.wait();
  EXPECT_TRUE(end.stopped);
  enough = true;
  stops.join();
  EXPECT_THROW(sync_wait<void>(scheduler_of(pool).schedule()), thrum::rejected);
}
