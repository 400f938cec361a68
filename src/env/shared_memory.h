// Memory that is given to another process: a file without a name (memfd), which both map. Errors are negative errno values.
#pragma once

#include <cstddef>

namespace thrum::env {

// A file with these bytes, which nobody can change any more. A descriptor, close-on-exec. May take as long as copying them does.
int make_sealed_memory(const void* from, std::size_t size) noexcept;

// What somebody else has sealed, as memory to be read: exactly `size` bytes, or -EINVAL; -EPERM if it is not sealed, for then it
// might vanish under who reads it. The descriptor is not needed afterwards.
int map_sealed_memory(int fd, std::size_t size, const void** out) noexcept;

// The same to be shared: a file of zeros, whose size nobody can change, mapped to be read and written by all who have it. Mapping
// gives its size, and -EPERM if that may change.
int make_shared_memory(std::size_t size) noexcept;
int map_shared_memory(int fd, void** out, std::size_t* size) noexcept;

void unmap_memory(const void* at, std::size_t size) noexcept;

} // namespace thrum::env
