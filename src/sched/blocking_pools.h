// Which blocking_pools there are (thrum/blocking.h), and who is in them: for reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <thrum/blocking.h>
#include <thrum/report.h>

namespace thrum::sched::blocking_pools {

void add(detail::blocking_pool_core& p) noexcept;
void remove(detail::blocking_pool_core& p) noexcept; // panics if somebody is in

void note_waiting(detail::blocking_pool_core& p, bool begins) noexcept;
void note_in(detail::blocking_pool_core& p, detail::blocking_call& c) noexcept;
void note_out(detail::blocking_pool_core& p, detail::blocking_call& c) noexcept;

// In the order in which they were made.
std::vector<blocking_pool_report> all();
// The names of those whose call the fiber is in (the innermost), and of those with that gate. Empty: none.
std::string name_of_call(std::uint64_t fiber);
std::string name_of_gate(const void* gate);

} // namespace thrum::sched::blocking_pools
