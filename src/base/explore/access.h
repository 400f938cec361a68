// access: what an instrumented operation does. The templates in atomic.h turn their values into 64 bits and
// call these; each is announced to the engine, made by the memory model, and written down when a trace is
// wanted.
#pragma once

#include "base/explore/memory.h"
#include "base/explore/site.h"

#include <atomic>
#include <cstdint>

namespace thrum::base::explore {

// A read-modify-write on the bits of a value; one constant for each operation and type.
struct rmw_operation {
  const char* name;
  std::uint64_t (*apply)(std::uint64_t old, std::uint64_t argument) noexcept;
};

std::uint64_t access_load(location& where, std::memory_order order, site at);
void access_store(location& where, std::uint64_t value, std::memory_order order, site at);
std::uint64_t access_rmw(location& where, const rmw_operation& operation, std::uint64_t argument,
                         std::memory_order order, site at);
// On failure `expected` receives the value found.
bool access_compare_exchange(location& where, std::uint64_t& expected, std::uint64_t desired,
                             std::memory_order success, std::memory_order failure, bool weak, site at);

// Waits until the newest value is zero, then puts `value` behind it.
void access_take(location& where, std::uint64_t value, std::memory_order order, site at);
// The kernel's sleep on a word; see futex.h.
bool access_wait_word(location& where, std::uint32_t expected, bool may_time_out, bool early, site at);
void access_wake_word(location& where, int how_many, site at);

void access_construct(
    location& where) noexcept; // while an execution runs; otherwise nothing needs to be done
void access_destroy(location& where);

} // namespace thrum::base::explore
