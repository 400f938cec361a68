// emitter<Args...>: an event that others listen to: emit(args...) calls all listeners. events(emitter): its events as a channel.
//
//   struct server {
//     thrum::emitter<std::string> requested; // one for each kind of event, with the types of its arguments
//     thrum::emitter<> drained;
//     thrum::emitter<std::exception_ptr> failed;
//   };
//   void serve(server& s) {
//     auto id = s.requested.on([](const std::string& path) { report(path); });
//     s.drained.once(tidy_up);
//     s.requested.emit("/index.html"); // returns when all listeners have
//     s.requested.off(id);
//   }
//   void watch(server& s) {
//     for (const std::string& path : thrum::events(s.requested, s.failed)) report(path); // until s is gone, or fails
//   }
//
//   thrum::async_generator<std::string> requests(thrum::emitter<std::string>& e) { // the same as a generator
//     auto all = thrum::events(e);
//     while (auto path = co_await all.async_recv()) co_yield *path;
//   }
//
// As in Node
//   - Listeners are called by who emits, one after the other, in the order in which they came. on() twice is called twice.
//   - emit() calls those who listened when it began. Who is added meanwhile is called from the next emit on; who is removed meanwhile
//     is called this last time.
//   - once() is removed before its call, and called once, whoever else emits meanwhile, in it or beside it.
//   - What a listener throws leaves emit(); those behind it are not called then.
//   - emit() is false if nobody listened. An emitter of a std::exception_ptr is Node's 'error': if nobody listens, emit() throws it.
// Not as in Node: events have types and are members, not names. Anybody may emit and listen, at the same time, in any fiber or thread.
//
// events(e)                a receiver (chan.h) of the events from now on: T for emitter<T>, a std::tuple for several, std::monostate for
//                          none. It ends with the emitter. events(e, failures): and with what that one emits, which receivers throw
// options.capacity         so many events wait in it. When more come, options.full says what becomes of them:
// when_behind::wait        emit() waits for room, or the end of the stream (the default)
// when_behind::discard     the new one is dropped
// when_behind::discard_oldest  that which waits longest is dropped; with capacity 0, the new one. dropped() counts them
//
// What the caller owes   Nobody emits while an emitter is destroyed, but that a listener may destroy its own. Behind off(), an emit that
//                        began before may still call the listener. With when_behind::wait, who reads a stream does not emit into
//                        it: it would wait for itself. An error that is emitted is not null.
// What is guaranteed     No lock is held while listeners run: they may listen, stop listening, emit and wait.
// May park               what the listeners do; emit() with a stream that is full (it listens to stop requests); on, once, off for
//                        the moment that another's takes.
// Happens-before         on, once -> the calls; emit -> the calls -> its return, and the receives from a stream.
// When it dies           Its listeners are destroyed, and its streams end. A stream may die before or after its emitter; if it dies
//                        first, it listens no more, and who waits for room in it goes on.
// Errors                 what listeners throw, emit() passes on. std::bad_alloc from on, once, events, with nothing added. cancelled from
//                        emit() that waits for room. off() of what does not listen (any more) is false.
// Cost                   emit: a lock, a counted reference, and a call through a pointer each. on and off: a copy of the list.
// Source of the idea     Node's EventEmitter, and its events.on().
#pragma once

#include <thrum/chan.h>
#include <thrum/error.h>
#include <thrum/mutex.h>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace thrum {

template <class... Args> class event_stream;

// Who listens: what on() returns and off() takes. A value; 0 is nobody.
enum class listener_id : std::uint64_t {};

namespace detail {

template <class... Args> class emitter_core {
public:
  struct listener {
    listener_id id;
    bool once;
    std::atomic<bool> was_called{false}; // of one that is called once
    std::move_only_function<void(const Args&...)> f;
    template <class F> listener(bool only_once, F&& g) : id(), once(only_once), f(std::forward<F>(g)) {}
  };
  using list = std::vector<std::shared_ptr<listener>>;
  using list_ptr = std::shared_ptr<const list>; // never changed, once others can see it; null: nobody
  static std::size_t size_of(const list_ptr& l) noexcept { return l == nullptr ? 0 : l->size(); }

  template <class F> listener_id add(bool once, F&& f) {
    auto fresh = std::make_shared<listener>(once, std::forward<F>(f));
    const std::lock_guard hold(mutex_);
    auto longer = std::make_shared<list>();
    longer->reserve(size_of(all_) + 1);
    if (all_ != nullptr) std::copy(all_->begin(), all_->end(), std::back_inserter(*longer));
    fresh->id = listener_id(++last_);
    longer->push_back(fresh);
    all_ = std::move(longer);
    return fresh->id;
  }
  bool remove(listener_id id) {
    list_ptr before; // destroyed when nothing is locked: a listener's destructor may come here, too
    const std::lock_guard hold(mutex_);
    if (all_ == nullptr) return false;
    const auto found =
        std::find_if(all_->begin(), all_->end(), [id](const auto& each) { return each->id == id; });
    if (found == all_->end()) return false;
    auto shorter = std::make_shared<list>();
    shorter->reserve(all_->size());
    std::copy(all_->begin(), found, std::back_inserter(*shorter));
    std::copy(found + 1, all_->end(), std::back_inserter(*shorter));
    before = std::exchange(all_, std::move(shorter));
    return true;
  }
  void clear() noexcept {
    list_ptr before;
    const std::lock_guard hold(mutex_);
    before = std::exchange(all_, nullptr);
  }
  list_ptr snapshot() const noexcept {
    const std::lock_guard hold(mutex_);
    return all_;
  }

private:
  mutable mutex mutex_;
  std::uint64_t last_ = 0; // guarded
  list_ptr all_;           // guarded
};

} // namespace detail

template <class... Args> class emitter {
  static_assert((std::is_same_v<Args, std::decay_t<Args>> && ...),
                "thrum: an emitter's arguments are plain types; listeners get references to them");
  static constexpr bool is_error = std::is_same_v<std::tuple<Args...>, std::tuple<std::exception_ptr>>;

public:
  emitter() : core_(std::make_shared<detail::emitter_core<Args...>>()) {}
  ~emitter() { core_->clear(); }
  emitter(const emitter&) = delete;
  emitter& operator=(const emitter&) = delete;

  // f(args...), or f(), at each emit.
  template <class F> listener_id on(F&& f) { return core_->add(false, adapted(std::forward<F>(f))); }
  // At the next one only.
  template <class F> listener_id once(F&& f) { return core_->add(true, adapted(std::forward<F>(f))); }
  // True: it listened, and will not be called by an emit() that has not begun.
  bool off(listener_id id) { return core_->remove(id); }
  void off_all() noexcept { core_->clear(); }

  // True: somebody listened.
  bool emit(const Args&... args) {
    const auto core = core_; // a listener may destroy this
    const auto now = core->snapshot();
    if (core->size_of(now) == 0) {
      if constexpr (is_error) std::rethrow_exception(args...);
      return false;
    }
    for (const auto& each : *now) {
      if (each->once) {
        core->remove(each->id);
        if (each->was_called.exchange(true, std::memory_order_relaxed)) continue; // relaxed: who was first
      }
      each->f(args...);
    }
    return true;
  }

  [[nodiscard]] std::size_t listeners() const noexcept { return core_->size_of(core_->snapshot()); }

private:
  template <class... A> friend class event_stream;
  template <class F> static decltype(auto) adapted(F&& f) {
    if constexpr (std::invocable<std::decay_t<F>&, const Args&...>) {
      return std::forward<F>(f);
    } else {
      static_assert(std::invocable<std::decay_t<F>&>,
                    "thrum: a listener is called with the arguments of its emitter, or with none");
      return [g = std::decay_t<F>(std::forward<F>(f))](const Args&...) mutable { std::invoke(g); };
    }
  }

  std::shared_ptr<detail::emitter_core<Args...>> core_;
};

enum class when_behind : std::uint8_t { wait, discard, discard_oldest };

struct events_options {
  std::size_t capacity = 64;
  when_behind full = when_behind::wait;
};

namespace detail {

template <class... Args> struct event_of {
  using type = std::tuple<Args...>;
};
template <> struct event_of<> {
  using type = std::monostate;
};
template <class T> struct event_of<T> {
  using type = T;
};

// What a stream and its listener share.
template <class T> struct stream_state {
  explicit stream_state(const events_options& o) : values(o.capacity), full(o.full) {}
  chan<T> values;
  when_behind full;
  std::atomic<std::size_t> dropped{0};

  void put(T value) {
    if (full == when_behind::wait) {
      try {
        values.send(std::move(value));
      } catch (const channel_closed&) {} // nobody wants it any more
      return;
    }
    while (values.try_send(value) == chan_status::would_block) {
      const bool made_room = full == when_behind::discard_oldest && values.try_recv().has_value();
      dropped.fetch_add(1, std::memory_order_relaxed); // relaxed: a number
      if (!made_room) return;
    }
  }
};

// The listener of a stream; the stream ends when it is destroyed.
template <class T> class stream_feed {
public:
  explicit stream_feed(std::shared_ptr<stream_state<T>> to) noexcept : to_(std::move(to)) {}
  stream_feed(stream_feed&&) noexcept = default;
  stream_feed& operator=(stream_feed&&) = delete;
  ~stream_feed() {
    if (to_ != nullptr) to_->values.close();
  }
  template <class... Args> void operator()(const Args&... args) const { to_->put(T(args...)); }

private:
  std::shared_ptr<stream_state<T>> to_;
};

} // namespace detail

// The events of an emitter: a receiver, that is: recv(), range-for, async_recv(), a case of a select.
template <class... Args> class [[nodiscard("a stream of events listens as long as it lives")]] event_stream
    : public receiver<typename detail::event_of<Args...>::type> {
  using T = typename detail::event_of<Args...>::type;
  using state = detail::stream_state<T>;

public:
  event_stream(emitter<Args...>& from, const events_options& o)
      : event_stream(from, std::make_shared<state>(o)) {}
  event_stream(emitter<Args...>& from, emitter<std::exception_ptr>& failures, const events_options& o)
      : event_stream(from, o) {
    failures_ = failures.core_;
    failure_ =
        failures_->add(true, [to = state_](const std::exception_ptr& error) { to->values.close(error); });
  }
  event_stream(event_stream&&) noexcept = default; // what was moved from is a nil channel
  event_stream& operator=(event_stream&&) = delete;
  ~event_stream() {
    if (state_ == nullptr) return;
    state_->values.close(); // lets go who waits for room
    try {
      from_->remove(events_);
      if (failures_ != nullptr) failures_->remove(failure_);
    } catch (const std::bad_alloc&) {} // it stays, and does nothing
  }

  // How many events found no room.
  [[nodiscard]] std::size_t dropped() const noexcept {
    return state_->dropped.load(std::memory_order_relaxed); // relaxed: a number
  }

private:
  event_stream(emitter<Args...>& from, std::shared_ptr<state> s)
      : receiver<T>(s->values),
        state_(std::move(s)),
        from_(from.core_),
        events_(from_->add(false, detail::stream_feed<T>(state_))) {}

  std::shared_ptr<state> state_; // null: moved from
  std::shared_ptr<detail::emitter_core<Args...>> from_;
  std::shared_ptr<detail::emitter_core<std::exception_ptr>> failures_;
  listener_id events_;
  listener_id failure_{};
};

template <class... Args> event_stream<Args...> events(emitter<Args...>& from, const events_options& o = {}) {
  return event_stream<Args...>(from, o);
}
template <class... Args> event_stream<Args...> events(emitter<Args...>& from,
                                                      emitter<std::exception_ptr>& failures,
                                                      const events_options& o = {}) {
  return event_stream<Args...>(from, failures, o);
}

} // namespace thrum
