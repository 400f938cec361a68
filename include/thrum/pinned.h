// pinned: keeps a fiber on its thread, for as long as the object lives. For what belongs to a thread and cannot be told to follow a
// fiber: a graphics context, a library that wants always the same caller, code that keeps the address of a thread_local.
//
//   {
//     const thrum::pinned here;
//     make_context_current();      // of this thread
//     work(1);                     // may wait
//     thrum::this_fiber::sleep_for(1ms);
//     work(2);                     // the same thread, the same context
//   }
//
// The fiber gets the thread for itself: no other fiber runs there, also while the pinned one waits. Its processor goes to
// another thread at once, with all fibers that wait for it, so they do not notice. May be nested.
//
// What the caller owes   It is a local variable: it is destroyed by the fiber that made it, before the fiber ends. (A fiber that
//                        ends while it is pinned panics.)
// What is guaranteed     std::this_thread::get_id() is the same, and every thread_local, until the object is destroyed. On a plain
//                        thread that is so anyway, and it does nothing. Pinned fibers run beside options.processors others,
//                        as threads of the kernel do. yield() lets other threads run.
// Inheritance            none: fibers that a pinned one starts run anywhere.
// May park               no.
// Happens-before         nothing.
// When it dies           The fiber may change threads from the next wait on; what belongs to the thread is to be cleared before.
// Errors                 std::system_error (resource_unavailable_try_again), and nothing has changed, if so many fibers are pinned
//                        that options.max_threads would leave the others fewer threads than processors. std::bad_alloc never.
// Cost                   A thread while it lives, and a wake-up of one to pin. A wait of a pinned fiber blocks and wakes its
//                        thread: 10 to 20 us instead of some tens of nanoseconds. Others pay nothing.
// Source of the idea     Go's runtime.LockOSThread.
#pragma once

namespace thrum {

namespace detail {
void pin_fiber();
void unpin_fiber() noexcept;
} // namespace detail

class [[nodiscard]] pinned {
public:
  pinned() { detail::pin_fiber(); }
  ~pinned() { detail::unpin_fiber(); }
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;
};

} // namespace thrum
