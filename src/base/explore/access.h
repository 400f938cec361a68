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

void access_construct(
    location& where) noexcept; // while an execution runs; otherwise nothing needs to be done
void access_destroy(location& where);

} // namespace thrum::base::explore
