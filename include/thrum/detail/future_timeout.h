// Serves future.h: or_timeout() and or_value(): the future that a source and a timer compete for.
#pragma once

#include <thrum/detail/future_work.h>
#include <thrum/detail/timer_core.h>
#include <thrum/error.h>

#include <memory>
#include <type_traits>

namespace thrum::detail {

// What the result is if the time is up.
struct fail_with_timed_out {
  template <class T> std::uint32_t operator()(result_core<T>& to) {
    return to.make_error(std::make_exception_ptr(timed_out()));
  }
};
template <class T> struct use_value {
  kept_result<T> value;
  std::uint32_t operator()(result_core<T>& to) { return to.make_value(std::move(value)); }
};

// References: the future's, the node's, and the timer's function. Who claims the core first settles it, and drops the timer.
template <class T, bool Moved, class Otherwise> struct timed_core final : result_core<T>, future_node {
  using base = result_core<T>;

  struct time_is_up {
    core_ref of;
    void operator()() const noexcept {
      auto& self = *static_cast<timed_core*>(of.get());
      if (!self.set(future_core::is_claimed)) return;
      std::uint32_t bits;
      try {
        bits = self.otherwise(self);
      } catch (...) { bits = self.make_error(std::current_exception()); }
      settle(self, bits);
      if (Moved) ask_to_stop(self.source); // nobody else can want it
      drop_timer(self.timer);
    }
  };

  timed_core(Otherwise o, future_core* from, std::source_location s)
      : base(core_ops, 2 * future_core::one, s),
        future_node(ops_of_node),
        source(from),
        otherwise(std::move(o)) {}

  static timed_core& of(future_node& n) noexcept { return static_cast<timed_core&>(n); }
  static future_core& core_of(future_node& n) noexcept { return of(n); }
  static bool source_settled(future_node& n) noexcept {
    timed_core& self = of(n);
    if (!self.set(future_core::is_claimed)) {
      self.source->observe(); // too late: it has become something else
      self.release();
      return false;
    }
    publish(self, self.make_like(static_cast<base&>(*self.source), Moved));
    drop_timer(self.timer);
    return true;
  }
  static void source_never(future_node& n) noexcept { of(n).release(); }
  static void destroy(future_core& c) noexcept {
    auto& self = static_cast<timed_core&>(c);
    self.source->leave();
    destroy_core(self);
  }
  static future_core* stop(future_core& c) noexcept {
    auto& self = static_cast<timed_core&>(c);
    if (!Moved) return nullptr;
    self.source->retain();
    return self.source;
  }
  static constexpr future_ops core_ops{&destroy, &stop};
  static constexpr future_node_ops ops_of_node{&source_settled, &source_never, &core_of, nullptr};

  future_core* const source; // a reference, also when it has settled
  timer_core* timer = nullptr;
  [[no_unique_address]] Otherwise otherwise;
};

template <class T, bool Moved, class Handle, class Otherwise>
future<T> with_timeout(Handle&& handle, deadline_t deadline, Otherwise otherwise, std::source_location site) {
  using core = timed_core<T, Moved, Otherwise>;
  future_core* source = future_access::core(handle);
  if (source == nullptr) panic_no_future("a timeout of");
  auto* c = make_core<core>(std::move(otherwise), source, site);
  try {
    c->retain();
    c->timer = make_timer(typename core::time_is_up{core_ref(c)}, attrs{}, site);
  } catch (...) {
    destroy_core(*c);
    throw;
  }
  static_cast<void>(future_access::take(std::forward<Handle>(handle)));
  if (!source->settled() && deadline != no_deadline) set_timer(c->timer, deadline);
  follow(*source, *c);
  return future_access::make<T>(c);
}

} // namespace thrum::detail
