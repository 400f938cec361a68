// all, all_settled, any, race: one future of many, as JavaScript's Promise has them.
//
//   std::vector<thrum::future<int>> parts;
//   for (int i = 0; i < 3; ++i) parts.push_back(thrum::async([i] { return add(i, i); }));
//   for (int n : thrum::all(std::move(parts)).get()) work(n);
//
//   auto [number, text] = thrum::all(thrum::async(compute), thrum::async(slow_lookup)).get();
//
// all(futures)          all values, in the order of the futures; fails as soon as one fails, with that one's exception
// all_settled(futures)  an outcome (a std::expected<T, std::exception_ptr>) of each; never fails
// any(futures)          the first value; if all fail, aggregate_error with their exceptions, in the order of the futures
// race(futures)         becomes what the first to settle becomes
//
// The futures are a range (a std::vector, mostly), which gives a std::vector; or arguments, also of different types, which give
// a std::tuple (any and race: of one type). future<T> are moved in, shared_future<T> may be copied. For a void there is a
// std::monostate, for a reference a std::reference_wrapper.
//
// What the caller owes   A range of future<T> is an rvalue: they are used up.
// What is guaranteed     Whoever is not waited for any more goes on; its value is dropped, and its failure counts as seen. Of no futures:
//                        all and all_settled are ready with an empty vector, any fails with an aggregate_error of none,
//                        race never settles.
// Stopping               request_stop() of the result asks all whose future<T> was moved in.
// May park               no.
// Happens-before         each settlement that counts -> what is waiting for the result.
// When it dies           as with any future.
// Errors                 A handle that refers to nothing panics. std::bad_alloc, and what iterating over the range throws; some of
//                        the futures are used up then.
// Cost                   one object and 40 bytes a future; the result is made by who settles the last.
// Source of the idea     JavaScript's Promise.
#pragma once

#include <thrum/future.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <ranges>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace thrum {

// What any() fails with.
class aggregate_error : public std::exception {
public:
  explicit aggregate_error(std::vector<std::exception_ptr> errors)
      : errors_(std::make_shared<const std::vector<std::exception_ptr>>(std::move(errors))) {}

  const std::vector<std::exception_ptr>& errors() const noexcept { return *errors_; }
  const char* what() const noexcept override { return "thrum: all of the futures failed"; }

private:
  std::shared_ptr<const std::vector<std::exception_ptr>> errors_; // copying an exception must not throw
};

namespace detail {

template <class H> inline constexpr bool is_handle = false;
template <class T> inline constexpr bool is_handle<future<T>> = true;
template <class T> inline constexpr bool is_handle<shared_future<T>> = true;

template <class H>
concept future_handle =
    is_handle<std::remove_cvref_t<H>> &&
    (std::is_same_v<std::remove_cvref_t<H>, shared_future<typename std::remove_cvref_t<H>::value_type>> ||
     !std::is_lvalue_reference_v<H>);
template <class R>
concept future_range =
    std::ranges::input_range<R> && is_handle<std::ranges::range_value_t<R>> &&
    (flattened<std::ranges::range_value_t<R>>::moved ? !std::is_lvalue_reference_v<R> : true);
template <class H> using value_of = typename std::remove_cvref_t<H>::value_type;
template <class H> inline constexpr bool is_moved = flattened<std::remove_cvref_t<H>>::moved;

// How a value stands in a vector or tuple.
template <class T> using element = std::conditional_t<
    std::is_void_v<T>, std::monostate,
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;
template <class T> element<T> element_of(result_core<T>& from, bool moved) {
  if constexpr (std::is_reference_v<T>) {
    return std::ref(*from.value);
  } else if constexpr (std::is_copy_constructible_v<element<T>>) {
    if (!moved) return std::as_const(from.value);
    return std::move(from.value);
  } else {
    return std::move(from.value);
  }
}
template <class T> outcome<T> outcome_of(result_core<T>& from, bool moved) {
  return moved ? outcome_of<T, true>(from)
               : outcome_of<T, !std::is_copy_constructible_v<kept_result<T>>>(from);
}

struct group_part;
struct group_node final : future_node {
  group_node(const future_node_ops& o, group_part& g, future_core* s, bool m) noexcept
      : future_node(o), group(&g), source(s), moved(m) {}
  group_part* group;
  future_core* source; // a reference
  bool moved;          // nobody else can ask for its value
};

// The nodes of a group, one for each source, and how many of them have not been told; one more while they are made, and for whoever
// asks them to stop: as long as it is not zero, the sources are there.
//
// Orderings
//   F6  left: each decrement (release) -> what the last one reads then (acquire): it sees all results.
struct group_part {
  atomic<std::size_t> left{1};
  std::size_t count = 0;
  group_node* members = nullptr; // room for `capacity`
  std::size_t capacity = 0;
  atomic<bool> incomplete{false}; // one never settles

  explicit group_part(std::size_t n)
      : members(n == 0 ? nullptr : static_cast<group_node*>(allocate_task(n * sizeof(group_node)))),
        capacity(n) {}
  group_part(const group_part&) = delete;
  group_part& operator=(const group_part&) = delete;
  ~group_part() {
    if (members != nullptr) free_task(members, capacity * sizeof(group_node));
  }
  void release_sources() noexcept {
    for (std::size_t i = 0; i < count; ++i) members[i].source->leave();
  }
};

// A reference each: the future's, that of who settles it, and that of the nodes, until the last was told.
template <class Kind> struct group_core final : result_core<typename Kind::result>, group_part {
  using base = result_core<typename Kind::result>;

  group_core(std::size_t n, std::source_location s)
      : base(core_ops, 3 * future_core::one, s), group_part(n) {}

  void add(future_core* source, bool moved) noexcept {
    ::new (static_cast<void*>(members + count++)) group_node(node_ops, *this, source, moved);
  }
  // Instead of begin().
  void abandon() noexcept {
    release_sources();
    destroy_core(*this);
  }
  // After all were added.
  void begin() noexcept {
    left.store(count + 1, std::memory_order_relaxed); // relaxed: nobody else knows it yet
    for (std::size_t i = 0; i < count; ++i) follow(*members[i].source, members[i]);
    leave();
  }

private:
  static group_core& of(future_node& n) noexcept {
    return static_cast<group_core&>(*static_cast<group_node&>(n).group);
  }
  static future_core& core_of(future_node& n) noexcept { return of(n); }

  static bool source_settled(future_node& n) noexcept {
    group_core& self = of(n);
    auto& node = static_cast<group_node&>(n);
    bool settled = false;
    if (node.source->failed()) node.source->observe();
    if (Kind::decides(*node.source) && self.set(future_core::is_claimed)) {
      publish(self, Kind::decide(self, node));
      settled = true;
    }
    return self.one_less() || settled;
  }
  static void source_never(future_node& n) noexcept {
    of(n).incomplete.store(true, std::memory_order_relaxed); // relaxed: F6
    of(n).leave();
  }
  // True: the group has settled thereby, and the caller does as after future_node_ops::settled.
  bool one_less() noexcept {
    if (left.fetch_sub(1, std::memory_order_release) != 1) return false; // F6
    static_cast<void>(left.load(std::memory_order_acquire));             // F6
    bool settled = false;
    if (this->set(future_core::is_claimed)) {
      std::uint32_t bits = 0;
      if (!incomplete.load(std::memory_order_relaxed)) { // relaxed: F6
        try {
          bits = Kind::complete(*this, members, count);
        } catch (...) { bits = this->make_error(std::current_exception()); }
      }
      if (bits != 0) {
        publish(*this, bits);
        settled = true;
      } else {
        settle_never(*this);
        this->release(); // that of who settles it
      }
    }
    release_sources();
    this->release();
    return settled;
  }
  void leave() noexcept {
    if (!one_less()) return;
    settled_nodes_of(*this);
    this->release();
  }

  static future_core* stop(future_core& c) noexcept {
    auto& self = static_cast<group_core&>(c);
    std::size_t now = self.left.load(std::memory_order_relaxed); // relaxed: the compare-exchange decides
    while (now != 0)
      if (self.left.compare_exchange_weak(now, now + 1,
                                          std::memory_order_relaxed,    // relaxed: F6 passes through
                                          std::memory_order_relaxed)) { // relaxed: tried again
        for (std::size_t i = 0; i < self.count; ++i)
          if (self.members[i].moved) ask_to_stop(self.members[i].source);
        self.leave();
        break;
      }
    return nullptr;
  }

  static constexpr future_ops core_ops{&destroy_as<group_core>, &stop};
  static constexpr future_node_ops node_ops{&source_settled, &source_never, &core_of, nullptr};
};

// ---- the kinds, over a range of futures of T

template <class T> struct all_kind {
  using result = std::vector<element<T>>;
  static bool decides(const future_core& source) noexcept { return source.failed(); }
  static std::uint32_t decide(result_core<result>& to, group_node& n) noexcept {
    return to.make_like_failed(*n.source);
  }
  static std::uint32_t complete(result_core<result>& to, group_node* members, std::size_t count) {
    result values;
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      values.push_back(element_of(static_cast<result_core<T>&>(*members[i].source), members[i].moved));
    return to.make_value(std::move(values));
  }
};
template <class T> struct all_settled_kind {
  using result = std::vector<outcome<T>>;
  static bool decides(const future_core&) noexcept { return false; }
  static std::uint32_t decide(result_core<result>&, group_node&) noexcept { return 0; }
  static std::uint32_t complete(result_core<result>& to, group_node* members, std::size_t count) {
    result outcomes;
    outcomes.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      outcomes.push_back(outcome_of(static_cast<result_core<T>&>(*members[i].source), members[i].moved));
    return to.make_value(std::move(outcomes));
  }
};
template <class T> struct any_kind {
  using result = T;
  static bool decides(const future_core& source) noexcept { return !source.failed(); }
  static std::uint32_t decide(result_core<T>& to, group_node& n) noexcept {
    return to.make_like(static_cast<result_core<T>&>(*n.source), n.moved);
  }
  static std::uint32_t complete(result_core<T>& to, group_node* members, std::size_t count) {
    std::vector<std::exception_ptr> errors;
    errors.reserve(count);
    for (std::size_t i = 0; i < count; ++i) errors.push_back(members[i].source->error());
    return to.make_error(std::make_exception_ptr(aggregate_error(std::move(errors))));
  }
};
template <class T> struct race_kind : any_kind<T> {
  static bool decides(const future_core&) noexcept { return true; }
  static std::uint32_t complete(result_core<T>&, group_node*, std::size_t) noexcept { return 0; }
};

// ---- the kinds over arguments

template <class... T> struct all_of_kind {
  using result = std::tuple<element<T>...>;
  static bool decides(const future_core& source) noexcept { return source.failed(); }
  static std::uint32_t decide(result_core<result>& to, group_node& n) noexcept {
    return to.make_like_failed(*n.source);
  }
  static std::uint32_t complete(result_core<result>& to, group_node* members, std::size_t) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return to.make_value(element_of(static_cast<result_core<T>&>(*members[I].source), members[I].moved)...);
    }(std::index_sequence_for<T...>());
  }
};
template <class... T> struct all_of_settled_kind {
  using result = std::tuple<outcome<T>...>;
  static bool decides(const future_core&) noexcept { return false; }
  static std::uint32_t decide(result_core<result>&, group_node&) noexcept { return 0; }
  static std::uint32_t complete(result_core<result>& to, group_node* members, std::size_t) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return to.make_value(outcome_of(static_cast<result_core<T>&>(*members[I].source), members[I].moved)...);
    }(std::index_sequence_for<T...>());
  }
};

// A value of one that stays with others is copied.
template <class H>
concept can_be_taken = is_moved<H> || std::is_copy_constructible_v<kept_result<value_of<H>>>;

// `turns`: the executor in which the group learns of each by a reaction, as in JavaScript; or null.
template <class Core, class H> void add_source(Core& group, H&& handle, executor* turns) {
  if (!handle.valid()) panic_no_future("a combination of");
  if (turns == nullptr) return group.add(future_access::take(std::forward<H>(handle)), is_moved<H>);
  using pass = pass_how<value_of<H>, is_moved<H>>;
  future<value_of<H>> told = react<pass, no_function>(std::forward<H>(handle), workplace{turns},
                                                      no_function(), std::source_location{});
  group.add(future_access::take(std::move(told)), true);
}

template <class Kind, class R> future<typename Kind::result> combine(R&& futures, std::source_location site) {
  using handle = std::ranges::range_value_t<R>;
  static_assert(can_be_taken<handle>,
                "thrum: a shared_future whose value cannot be copied cannot be combined");
  if constexpr (!std::ranges::sized_range<R>) {
    std::vector<handle> counted;
    for (auto&& f : futures) counted.push_back(std::forward<decltype(f)>(f));
    return combine<Kind>(std::move(counted), site);
  } else {
    auto* group = make_core<group_core<Kind>>(static_cast<std::size_t>(std::ranges::size(futures)), site);
    try {
      executor* const turns = turns_here();
      for (auto&& f : futures) {
        if constexpr (is_moved<handle>)
          add_source(*group, std::move(f), turns);
        else
          add_source(*group, std::as_const(f), turns);
      }
    } catch (...) { // from iterating; or no memory
      group->abandon();
      throw;
    }
    group->begin();
    return future_access::make<typename Kind::result>(group);
  }
}
template <class Kind, class... H> future<typename Kind::result> combine_arguments(H&&... futures) {
  static_assert((can_be_taken<H> && ...),
                "thrum: a shared_future whose value cannot be copied cannot be combined");
  auto* group = make_core<group_core<Kind>>(sizeof...(H), std::source_location{});
  try {
    executor* const turns = turns_here();
    (add_source(*group, std::forward<H>(futures), turns), ...);
  } catch (...) { // no memory
    group->abandon();
    throw;
  }
  group->begin();
  return future_access::make<typename Kind::result>(group);
}

} // namespace detail

template <detail::future_range R>
auto all(R&& futures, std::source_location site = std::source_location::current()) {
  return detail::combine<detail::all_kind<typename std::ranges::range_value_t<R>::value_type>>(
      std::forward<R>(futures), site);
}
template <detail::future_handle... H>
  requires(sizeof...(H) > 0)
auto all(H&&... futures) {
  return detail::combine_arguments<detail::all_of_kind<detail::value_of<H>...>>(std::forward<H>(futures)...);
}

template <detail::future_range R>
auto all_settled(R&& futures, std::source_location site = std::source_location::current()) {
  return detail::combine<detail::all_settled_kind<typename std::ranges::range_value_t<R>::value_type>>(
      std::forward<R>(futures), site);
}
template <detail::future_handle... H>
  requires(sizeof...(H) > 0)
auto all_settled(H&&... futures) {
  return detail::combine_arguments<detail::all_of_settled_kind<detail::value_of<H>...>>(
      std::forward<H>(futures)...);
}

template <detail::future_range R>
auto any(R&& futures, std::source_location site = std::source_location::current()) {
  return detail::combine<detail::any_kind<typename std::ranges::range_value_t<R>::value_type>>(
      std::forward<R>(futures), site);
}
template <detail::future_handle First, detail::future_handle... H>
  requires(std::is_same_v<detail::value_of<First>, detail::value_of<H>> && ...)
auto any(First&& first, H&&... futures) {
  return detail::combine_arguments<detail::any_kind<detail::value_of<First>>>(std::forward<First>(first),
                                                                              std::forward<H>(futures)...);
}

template <detail::future_range R>
auto race(R&& futures, std::source_location site = std::source_location::current()) {
  return detail::combine<detail::race_kind<typename std::ranges::range_value_t<R>::value_type>>(
      std::forward<R>(futures), site);
}
template <detail::future_handle First, detail::future_handle... H>
  requires(std::is_same_v<detail::value_of<First>, detail::value_of<H>> && ...)
auto race(First&& first, H&&... futures) {
  return detail::combine_arguments<detail::race_kind<detail::value_of<First>>>(std::forward<First>(first),
                                                                               std::forward<H>(futures)...);
}

} // namespace thrum
