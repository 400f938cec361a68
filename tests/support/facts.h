// What the kernel says about this process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace test {

std::size_t resident_bytes();
std::size_t thread_count();
std::size_t open_files();
std::size_t available_memory(); // of the machine, in bytes
// How often the threads whose names begin with `name` have left their CPUs, by themselves or not. Changes if one wakes up.
std::uint64_t context_switches(const char* name);
// Only those that they asked for, by a call that waits: what else there is comes from others who want the CPU.
std::uint64_t voluntary_switches(const char* name);

} // namespace test
