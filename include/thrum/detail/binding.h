// Serves scoped.h: what is bound to scoped values, without types (src/wait/binding.cc).
//
// The bindings in force for an agent are a list, innermost first, of which nothing is ever changed but the number of references
// to it. So a fiber inherits them all with one pointer, and they outlive the extent in which they were made if it does.
#pragma once

#include <thrum/detail/atomic.h>

#include <cstdint>

namespace thrum::detail {

// Stands before a value. Constant, but for the references.
struct binding {
  atomic<std::uint32_t> references{1}; // by an agent, a task, or the next binding inside; B1 in binding.cc
  std::uint64_t key = 0;
  binding* outer = nullptr;                     // a reference
  void (*destroy)(binding*) noexcept = nullptr; // ends its life and frees it
};

// Names a scoped value; given at the first binding, and never to another. 0: nothing was ever bound.
using binding_key = atomic<std::uint64_t>;

// The innermost binding in force for the calling agent, or null.
const binding* find_binding(const binding_key& key) noexcept;
// Puts a binding in force, with the reference that the caller has.
void begin_binding(binding_key& key, binding& b) noexcept;
// Ends the innermost one, which must be this one.
void end_binding(binding& b) noexcept;
[[noreturn]] void panic_unbound() noexcept;

} // namespace thrum::detail
