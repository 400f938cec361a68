// Scoped values: which binding is in force, and how long each lives. include/thrum/detail/binding.h has the idea.
//
// Orderings
//   B1  references: who gives one back (release) -> who gives the last one back (acquire), and destroys the value: all uses of it
//       are over.
#include "env/panic.h"
#include "wait/local.h"
#include "wait/thread_context.h"

#include <thrum/detail/binding.h>
#include <utility>

namespace thrum {
namespace wait {

namespace {
constinit base::atomic<std::uint64_t> keys_given{0};
} // namespace

void release(detail::binding* b) noexcept {
  while (b != nullptr &&
         (b->references.load(std::memory_order_acquire) == 1 ||          // B1: nobody else can take one
          b->references.fetch_sub(1, std::memory_order_acq_rel) == 1)) { // B1
    detail::binding* outer = b->outer;
    b->destroy(b);
    b = outer;
  }
}

} // namespace wait

namespace detail {

const binding* find_binding(const binding_key& k) noexcept {
  const std::uint64_t key = k.load(std::memory_order_relaxed); // relaxed: a number
  const binding* b = wait::this_thread().current->own.bound;
  while (b != nullptr && b->key != key) b = b->outer;
  return b;
}

void begin_binding(binding_key& k, binding& b) noexcept {
  std::uint64_t key = k.load(std::memory_order_relaxed); // relaxed: a number
  if (key == 0) {
    const std::uint64_t mine =
        wait::keys_given.fetch_add(1, std::memory_order_relaxed) + 1;   // relaxed: only unique
    if (k.compare_exchange_strong(key, mine, std::memory_order_relaxed, // relaxed: a number
                                  std::memory_order_relaxed))           // relaxed: somebody was quicker
      key = mine;
  }
  b.key = key;
  b.outer = std::exchange(wait::this_thread().current->own.bound, &b);
}

void end_binding(binding& b) noexcept {
  wait::belongings& own = wait::this_thread().current->own;
  if (own.bound != &b)
    env::panic(
        "a binding of a scoped value does not end where it should",
        "bindings end in the reverse order of their beginning, and in the fiber or thread that made them");
  own.bound = wait::kept(b.outer);
  wait::release(&b);
}

void panic_unbound() noexcept {
  env::panic("get() of a scoped value that is not bound here",
             "bind() it further up, or ask with find() or get_or()");
}

} // namespace detail
} // namespace thrum
