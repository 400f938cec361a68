// Serves process_pool.h: a piece of work on its way to another process and back, and what of it depends on its type.
//
// What crosses the border is a place in the program's code and a tuple of arguments. The place is that of remote_call<...>::run, which
// was made for this function and these types; so it knows how to read the arguments and how to write the result, and the
// two processes, which are the same program, need not name anything.
#pragma once

#include <thrum/codec.h>
#include <thrum/error.h>
#include <thrum/future.h>
#include <thrum/generator.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <list>
#include <memory>
#include <ranges>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

namespace pool {
class core;   // src/pool/core.h
class keeper; // src/pool/keeper.h
} // namespace pool

namespace detail {

// Called in the other process: reads arguments, calls, writes the result.
using remote_function = void (*)(decoder& in, encoder& out);

// Room for the head of a message, and then the place of the function; encoder writes the arguments behind. Panics if the function lies
// in no file.
std::vector<std::byte> begin_job(remote_function f);

class pool_job {
public:
  pool_job() = default;
  virtual ~pool_job() = default;
  pool_job(const pool_job&) = delete;
  pool_job& operator=(const pool_job&) = delete;

  // Exactly one of these is called, once.
  virtual void succeed(std::span<const std::byte> result, std::span<const int> attached) noexcept = 0;
  virtual void fail(std::exception_ptr why) noexcept = 0;

  std::vector<std::byte> message;      // constant once it was submitted
  std::vector<attachment> attachments; // the same
  std::uint64_t id = 0;                // the same

private:
  friend class pool::core;
  friend class pool::keeper;
  enum class stage : std::uint8_t { fresh, queued, taken, done };
  // Guarded by the lock of the core.
  stage stage_ = stage::fresh;
  bool asked_to_stop_ = false;
  pool::keeper* keeper_ = nullptr;                         // taken: who has it
  std::list<std::shared_ptr<pool_job>>::iterator place_{}; // queued: where
};

void submit_job(const std::shared_ptr<pool::core>& to,
                const std::shared_ptr<pool_job>& job); // throws `rejected`
void stop_job(pool::core& of, pool_job& job) noexcept;

template <class R> class job_of final : public pool_job {
public:
  explicit job_of(std::source_location site) : promise(site) {}
  void succeed(std::span<const std::byte> result, std::span<const int> attached) noexcept override {
    try {
      decoder in(result, attached);
      if constexpr (std::is_void_v<R>) {
        in.read<std::monostate>();
        in.finish();
        promise.set_value();
      } else {
        R value = in.read<R>();
        in.finish();
        promise.set_value(std::move(value));
      }
    } catch (...) { fail(std::current_exception()); }
  }
  void fail(std::exception_ptr why) noexcept override { promise.set_exception(std::move(why)); }

  thrum::promise<R> promise;
};

// A text is sent as one, however it is given.
template <class T> struct sent_as {
  using type = T;
};
template <> struct sent_as<const char*> {
  using type = std::string;
};
template <> struct sent_as<char*> {
  using type = std::string;
};
template <> struct sent_as<std::string_view> {
  using type = std::string;
};
template <class T> using sent = typename sent_as<std::decay_t<T>>::type;

template <class S, class T> decltype(auto) as_sent(const T& value) {
  if constexpr (std::same_as<S, T>)
    return (value);
  else
    return S(value);
}

template <class F>
concept stateless = std::is_empty_v<F> && std::default_initializable<F>;

template <class F> void demand_stateless() {
  static_assert(
      !std::is_pointer_v<F> && !std::is_member_pointer_v<F>,
      "thrum: an address means nothing in another process: name the function, thrum::fn<&function>");
  static_assert(std::is_pointer_v<F> || std::is_member_pointer_v<F> || stateless<F>,
                "thrum: what is called in another process has no state: instead of capturing a value, pass "
                "it as an argument");
}

template <class F, class R, class... A> struct remote_call {
  static void run(decoder& in, encoder& out) {
    std::tuple<A...> arguments = in.read<std::tuple<A...>>();
    in.finish();
    if constexpr (std::is_void_v<R>) {
      std::apply(F(), std::move(arguments));
      out.write(std::monostate());
    } else {
      out.write<R>(std::apply(F(), std::move(arguments)));
    }
  }
};

// For a part of a map: the same function for each.
template <class F, class R, class T> struct remote_map {
  static void run(decoder& in, encoder& out) {
    std::vector<T> items = in.read<std::vector<T>>();
    in.finish();
    if constexpr (std::is_void_v<R>) {
      for (auto&& item : items) F()(static_cast<T>(std::move(item)));
      out.write(std::monostate());
    } else {
      std::vector<R> results;
      results.reserve(items.size());
      for (auto&& item : items) results.push_back(F()(static_cast<T>(std::move(item))));
      out.write(results);
    }
  }
};

template <class R> void demand_result() {
  if constexpr (!std::is_void_v<R>)
    if constexpr (!sendable<R>) demand_sendable<R>();
}

// The arguments as a tuple of S would be written, but without making one.
template <class... S> void write_arguments(encoder& out, const S&... args) {
  if constexpr (sizeof...(S) == 0) out.write(std::tuple<>());
  (out.write(args), ...);
}

template <class Call, class R, class... S>
future<R> submit_call(const std::shared_ptr<pool::core>& to, std::source_location site, const S&... args) {
  auto job = std::make_shared<job_of<R>>(site);
  encoder out(begin_job(&Call::run));
  out.allow_attachments();
  write_arguments<S...>(out, args...);
  job->message = out.finish();
  job->attachments = out.take_attachments();
  future<R> result = job->promise.get_future();
  // Neither is kept alive by that: who has settled the promise lets go of both.
  job->promise.on_stop(
      [core = std::weak_ptr<pool::core>(to), mine = std::weak_ptr<pool_job>(job)]() noexcept {
        const auto where = core.lock();
        const auto what = mine.lock();
        if (where != nullptr && what != nullptr) stop_job(*where, *what);
      });
  submit_job(to, job);
  return result;
}

// The parts of a map. When one of them fails, nobody wants the others.
template <class Part> struct map_parts {
  map_parts() = default;
  map_parts(const map_parts&) = delete;
  map_parts& operator=(const map_parts&) = delete;
  ~map_parts() {
    for (const future<Part>& one : all) {
      if (!one.valid()) continue;
      future_access::core(one)->observe(); // its failure is not the first
      one.request_stop();
    }
  }
  Part get() {
    if constexpr (std::is_void_v<Part>) {
      for (future<Part>& one : all) one.get();
    } else {
      Part whole;
      for (future<Part>& one : all)
        for (auto&& result : one.get()) whole.push_back(std::move(result));
      return whole;
    }
  }

  std::deque<future<Part>> all;
};

// One result after the other, in order; as many calls as that have been submitted meanwhile.
template <class F, class R, class View> generator<R> results_in_order(std::shared_ptr<pool::core> core,
                                                                      View items, std::size_t ahead,
                                                                      std::source_location site) {
  using T = std::ranges::range_value_t<View>;
  map_parts<R> parts;
  for (auto&& item : items) {
    parts.all.push_back(submit_call<remote_call<F, R, T>, R, T>(core, site, as_sent<T>(item)));
    if (parts.all.size() < ahead) continue;
    R result = parts.all.front().get();
    parts.all.pop_front();
    co_yield std::move(result);
  }
  while (!parts.all.empty()) {
    R result = parts.all.front().get();
    parts.all.pop_front();
    co_yield std::move(result);
  }
}

} // namespace detail
} // namespace thrum
