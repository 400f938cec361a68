// The memory calls of the real world (env/env.h, "memory"). errno is left alone.
#pragma once

#include "env/env.h"

#include <cstddef>

namespace thrum::env {

void* map_memory(std::size_t bytes, std::size_t alignment) noexcept; // null: refused
void unmap_memory(void* address, std::size_t bytes) noexcept;
void discard_memory(void* address, std::size_t bytes) noexcept;
bool memory_resident(void* address, std::size_t bytes, unsigned char* pages) noexcept;
// `fault`, if there is one, is asked for each guard.
guard_kind guard_memory(char* const* addresses, unsigned count, std::size_t bytes,
                        decltype(world::fault) fault) noexcept;
void commit_memory(char* const* addresses, unsigned count, std::size_t bytes) noexcept;

} // namespace thrum::env
