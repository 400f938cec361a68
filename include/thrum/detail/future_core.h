// Serves future.h: what a promise, its futures and its continuations share, without the type of the value.
//
// A future_core settles once: with a value or with an exception, which then lie behind it, in result_core. Until then others
// leave nodes in it, to be told. A node belongs to whoever waits in some other way than by parking: a continuation, a combinator,
// a promise that takes over another future's state. src/future/core.cc has the protocol.
//
// Who holds references: each promise and future; a node's owner, for as long as the node is in somebody's list or its task in a
// queue; and who waits for a source holds that source. So a chain of continuations lives without anybody who looks at its end.
//
// Orderings
//   F1  nodes: no more come in (release) -> who finds it closed (acquire) sees the result. And the only node of a core
//       that is not open (release) -> who settles it without the guard (acquire).
//   F2  references: who gives one back (release) -> who gives the last one back (acquire), and destroys the core.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/deadline.h>
#include <thrum/detail/task.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>
#include <variant>

namespace thrum {

class executor;
namespace sched {
struct fiber;
}

namespace detail {

struct future_core;
struct future_node;
struct select_case;

struct future_node_ops {
  // The source has settled; the node is in no list any more. True: thereby the node's own core has settled, too, and the caller
  // calls settled_nodes_of() for it and then gives back the node's reference.
  bool (*settled)(future_node& n) noexcept;
  // The source never settles; the node is in no list.
  void (*dropped)(future_node& n) noexcept;
  future_core& (*core)(future_node& n) noexcept; // its own; null: `settled` is never true
  void (*stop)(future_node& n) noexcept; // the producer is asked to stop; null: it does not want to know
  // `settled` posts the task of the work_part that the node is part of, to its executor. Who tells the node may do so himself.
  bool posts_work = false;
};

struct future_node {
  explicit future_node(const future_node_ops& o) noexcept : ops(&o) {}
  future_node* next = nullptr; // guarded by the source that it is linked in
  const future_node_ops* ops;
};

struct future_ops {
  void (*destroy)(future_core& c) noexcept; // nobody refers to it any more
  // Asks whoever makes the value. Returns somebody else to be asked, with a reference, or null.
  future_core* (*stop)(future_core& c) noexcept;
  std::uint32_t plain_bytes =
      0; // not 0: unless it has failed, nothing is to be destroyed: it is so much memory of the task pool
};

struct future_core {
  enum : std::uint32_t { // the low bits of `references`
    is_claimed = 1,      // who settles it stands fast
    is_observed = 2,     // somebody has seen its failure
    is_asked = 4,        // to stop
    is_never = 8,        // it never settles
    is_sharer = 16,      // its source has other consumers, too: it is not asked to stop
    is_open = 32,        // more than one node may come: there is a promise, or it was shared
    one = 64
  };
  enum : std::uint32_t { has_settled = 1, has_failed = 2 }; // bits of the hint

  // `references`: how many, and flags.
  future_core(const future_ops& o, std::uint32_t references, std::source_location s) noexcept;

  std::uint32_t bits() const noexcept { // a select::hint is its word
    return reinterpret_cast<const atomic<std::uint32_t>*>(hint)->load(
        std::memory_order_acquire); // H1 (hint.h)
  }
  bool settled() const noexcept { return (bits() & has_settled) != 0; }
  bool failed() const noexcept { return (bits() & has_failed) != 0; }
  bool is(std::uint32_t flag) const noexcept {
    return (references_.load(std::memory_order_relaxed) & flag) != 0; // relaxed: a flag orders nothing
  }
  // True: it was not set before.
  bool set(std::uint32_t flag) noexcept {
    return (references_.fetch_or(flag, std::memory_order_relaxed) & flag) == 0; // relaxed: as above
  }
  void observe() noexcept {
    if (!is(is_observed)) set(is_observed);
  }
  void change(std::uint32_t flag, bool on) noexcept {
    if (on)
      set(flag);
    else
      references_.fetch_and(~flag, std::memory_order_relaxed); // relaxed: as above
  }

  void retain() noexcept {
    references_.fetch_add(one, std::memory_order_relaxed); // relaxed: the caller has one
  }
  void release() noexcept {
    if (is_last() || references_.fetch_sub(one, std::memory_order_acq_rel) / one == 1) // F2
      end();
  }
  // The same for a consumer: a future, or the owner of a node.
  void leave() noexcept {
    const std::uint32_t mine =
        nodes.load(std::memory_order_relaxed) == given() ? 2 : 1;                   // relaxed: we were told
    if (references_.load(std::memory_order_acquire) / one == mine ||                // F2
        references_.fetch_sub(mine * one, std::memory_order_acq_rel) / one == mine) // F2
      end();
  }
  // Nobody refers to it.
  void end() noexcept {
    if (ops->plain_bytes != 0 && !failed()) return free_task(this, ops->plain_bytes);
    ops->destroy(*this);
  }
  // The caller has the only reference.
  bool is_last() const noexcept {
    return references_.load(std::memory_order_acquire) / one == 1; // F2
  }

  // From one consumer to many.
  void open() noexcept {
    if (nodes.load(std::memory_order_relaxed) == given()) {  // relaxed: we were told
      nodes.store(closed(), std::memory_order_relaxed);      // relaxed: nobody else has it yet
      references_.fetch_sub(one, std::memory_order_relaxed); // relaxed: there is another one, ours
    }
    set(is_open);
  }

  // These are no nodes. Closed: what comes in now is told at once. Given: besides, the only consumer has got the settler's
  // reference. Never: of a core that is not open, and never settles.
  static future_node* closed() noexcept { return reinterpret_cast<future_node*>(std::uintptr_t{1}); }
  static future_node* given() noexcept { return reinterpret_cast<future_node*>(std::uintptr_t{3}); }
  static future_node* never() noexcept { return reinterpret_cast<future_node*>(std::uintptr_t{5}); }
  static bool is_closed(const future_node* n) noexcept {
    return (reinterpret_cast<std::uintptr_t>(n) & 1) != 0;
  }

  // The exception, once it has failed; it lies where a value would.
  std::exception_ptr& error() noexcept {
    return *std::launder(reinterpret_cast<std::exception_ptr*>(this + 1));
  }

  alignas(room_alignment) unsigned char hint[room_for(4)];   // select::hint: what bits() says
  atomic<std::uint32_t> references_;                         // F2, and flags
  alignas(room_alignment) unsigned char state[room_for(32)]; // future_state, in core.cc
  atomic<future_node*> nodes{
      nullptr}; // the last one, which links to the first; or closed, given, never. Guarded, if it is open; F1
  std::source_location site; // where it was made
  const future_ops* ops;
};
#if !defined(THRUM_EXPLORE)
static_assert(sizeof(future_core) == 64);
#endif

// ---- src/future/core.cc

// Publishes the result that was put behind the core (bits: has_settled, perhaps has_failed) and wakes who waits. settled_nodes_of
// is to be called afterwards. The caller holds a reference.
void publish(future_core& c, std::uint32_t bits) noexcept;
// Tells the nodes, in the order in which they came.
void settled_nodes_of(future_core& c) noexcept;
void settle(future_core& c, std::uint32_t bits) noexcept; // both
// The same for a core of which nobody else knows yet.
void begin_settled(future_core& c, std::uint32_t bits) noexcept;
// It will never settle: gives its nodes up. The caller holds a reference.
void settle_never(future_core& c) noexcept;
// Leaves a node in a source. True, as of future_node_ops::settled: it had settled already, and now the node's core has.
bool add_node(future_core& source, future_node& n) noexcept;
// The same, and does what is to be done then.
void follow(future_core& source, future_node& n) noexcept;
// True: it has settled. May park; may throw cancelled.
bool wait_settled_until(future_core* c, deadline_t deadline);
void ask_to_stop(future_core* c) noexcept;
future_core* stop_hooks(future_core& c) noexcept; // future_ops::stop of cores that are settled by a promise
void report_unobserved(future_core& c) noexcept;  // it has failed, and is about to be destroyed
const void* settled_hint(const future_core* c) noexcept;
void fill_settled(select_case& c,
                  future_core* f) noexcept;  // a case that is ready when f is, or, if that is null, never
void break_promise(future_core& c) noexcept; // the promise goes; gives nothing back
[[noreturn]] void panic_no_future(const char* what) noexcept;
[[noreturn]] void panic_second_future() noexcept;
[[noreturn]] void panic_no_exception() noexcept;
std::exception_ptr broken_promise_error() noexcept;
std::exception_ptr own_future_error() noexcept;
std::exception_ptr no_state_error() noexcept;
std::exception_ptr dropped_error() noexcept; // in the run() of a task that was dropped: why

// What computes a value: the part of a core whose result comes from a function that runs somewhere. The node is for the source, and
// then for the future that the function has returned.
struct work_part : future_node, task {
  work_part(const future_node_ops& o, void (*f)(task&), const attrs& a, std::source_location s, executor* e,
            future_core* from) noexcept
      : future_node(o), task(f, a, s), where(e), source(from) {
    asks_why = true;
  }
  executor* where;     // null: it runs inside who settles the source
  future_core* source; // what it waits for, with a reference; or null. Changed under the guard
  atomic<sched::fiber*> running{nullptr}; // the fiber that calls the function, if that is all the fiber does
};
void begin_work(future_core& c, work_part& w) noexcept;
// Its end: settles c, gives the source back, before anybody is told, and then the caller's reference.
void finish_work(future_core& c, work_part& w, std::uint32_t bits) noexcept;
// To another source, which has no other consumers (`alone`); gives the one before back.
void change_source(future_core& c, work_part& w, future_core* to, bool alone) noexcept;
future_core* stop_work(future_core& c, work_part& w) noexcept;
// Where work is to run, and which scoped values are bound where that was said: the function sees them.
struct workplace {
  executor* where = nullptr; // null: inside who settles the source
  binding* bound = nullptr;  // the caller's
};
workplace workplace_here() noexcept; // where the caller runs
workplace workplace_in(executor& where) noexcept;
void keep_bindings(task& t, binding* bound) noexcept;
void forget_bindings(task& t) noexcept;
// To the executor. Not null: it refused. A reaction is what follows a source that has settled.
std::exception_ptr post_work(work_part& w, bool is_reaction) noexcept;
// The executor that runs the caller, if reactions take turns there (executor::has_turns); else null.
executor* turns_here() noexcept;

// ---- with the type of the value

template <class T> using kept_result =
    std::conditional_t<std::is_void_v<T>, std::monostate,
                       std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;

template <class T> struct result_core : future_core {
  using future_core::future_core;
  using stored = kept_result<T>;
  static_assert(alignof(stored) <= 64, "thrum: the value of a future may be aligned to 64 bytes at most");
  union {
    stored value;               // alive iff it has settled and not failed
    std::exception_ptr problem; // alive iff it has failed; error()
  };
  ~result_core() {
    const std::uint32_t now = bits();
    if ((now & has_failed) != 0) {
      if (!is(is_observed)) report_unobserved(*this);
      problem.~exception_ptr();
    } else if ((now & has_settled) != 0) {
      value.~stored();
    }
  }
  result_core(const future_ops& o, std::uint32_t references, std::source_location s) noexcept
      : future_core(o, references, s) {
#if !defined(THRUM_EXPLORE)
    static_assert(sizeof(future_core) % 64 == 0); // so that error() finds it
#endif
  }

  // These put the result there; publish() is to follow.
  template <class... A> std::uint32_t make_value(A&&... a) {
    ::new (static_cast<void*>(std::addressof(value))) stored(std::forward<A>(a)...);
    return has_settled;
  }
  std::uint32_t make_error(std::exception_ptr e) noexcept {
    ::new (static_cast<void*>(std::addressof(problem))) std::exception_ptr(std::move(e));
    return has_settled | has_failed;
  }
  // That of another core which has settled; moved, if nobody else can ask for it.
  std::uint32_t make_like(result_core& other, bool moved) noexcept {
    if (other.failed()) return make_like_failed(other);
    if constexpr (std::is_copy_constructible_v<stored>) {
      try {
        return moved ? make_value(std::move(other.value)) : make_value(std::as_const(other.value));
      } catch (...) { return make_error(std::current_exception()); }
    } else {
      try {
        return make_value(std::move(other.value));
      } catch (...) { return make_error(std::current_exception()); }
    }
  }
  std::uint32_t make_like_failed(future_core& other) noexcept {
    other.observe();
    site = other.site;
    return make_error(other.error());
  }
};

// Makes a core from the task pool, and gives it back.
template <class Core, class... A> Core* make_core(A&&... a) {
  static_assert(alignof(Core) <= 64);
  void* memory = allocate_task(sizeof(Core));
  try {
    return ::new (memory) Core(std::forward<A>(a)...);
  } catch (...) {
    free_task(memory, sizeof(Core));
    throw;
  }
}
template <class Core> void destroy_core(Core& c) noexcept {
  c.~Core();
  free_task(std::addressof(c), sizeof(Core));
}
template <class Core> void destroy_as(future_core& c) noexcept { destroy_core(static_cast<Core&>(c)); }
// Of a core in which nothing needs a destructor but a value.
template <class T, class Core> constexpr std::uint32_t plain_bytes() noexcept {
  return std::is_trivially_destructible_v<kept_result<T>> ? sizeof(Core) : 0;
}

// The core of a promise.
template <class T> inline constexpr future_ops promise_ops{&destroy_as<result_core<T>>, &stop_hooks,
                                                           plain_bytes<T, result_core<T>>()};
template <class T> result_core<T>* make_promise_core(std::source_location site) {
  return make_core<result_core<T>>(promise_ops<T>, future_core::one | future_core::is_open, site);
}

// One that has settled from the start, of which its caller has the only reference. make(core) puts the result there.
template <class T, class Make> result_core<T>* make_settled_core(Make make) {
  auto* c = make_core<result_core<T>>(promise_ops<T>, future_core::one | future_core::is_claimed,
                                      std::source_location{});
  try {
    begin_settled(*c, make(*c));
  } catch (...) {
    destroy_core(*c);
    throw;
  }
  return c;
}

// A reference to a core.
template <void (future_core::*Give)() noexcept> class basic_core_ref {
public:
  basic_core_ref() noexcept = default;
  explicit basic_core_ref(future_core* c) noexcept : core_(c) {} // takes over the caller's reference
  basic_core_ref(const basic_core_ref& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) core_->retain();
  }
  basic_core_ref(basic_core_ref&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  basic_core_ref& operator=(basic_core_ref other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~basic_core_ref() {
    if (core_ != nullptr) (core_->*Give)();
  }
  future_core* get() const noexcept { return core_; }
  future_core* take() noexcept { return std::exchange(core_, nullptr); }
  explicit operator bool() const noexcept { return core_ != nullptr; }

private:
  future_core* core_ = nullptr;
};
using core_ref = basic_core_ref<&future_core::release>;
using consumer_ref = basic_core_ref<&future_core::leave>;

} // namespace detail
} // namespace thrum
