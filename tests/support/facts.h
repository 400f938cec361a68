// What the kernel says about this process.
#pragma once

#include <cstddef>

namespace test {

std::size_t resident_bytes();
std::size_t thread_count();
std::size_t open_files();
std::size_t available_memory(); // of the machine, in bytes

} // namespace test
