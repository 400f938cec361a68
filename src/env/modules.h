// The program and its libraries, as the loader has put them into memory; so that two processes can mean the same function, although
// it lies elsewhere in each.
#pragma once

#include <cstdint>

namespace thrum::env {

// Where something lies, for any process that has loaded the same file. `module` is made from the file's name, its segments and its
// build id: another build has another number.
struct code_place {
  std::uint64_t module = 0;
  std::uint64_t offset = 0;
};

// False: it is in no file (it was made at run time).
bool place_of(const void* code, code_place& out) noexcept;
// Null: that file is not loaded here, or there is no code at that place.
const void* code_at(const code_place& place) noexcept;

// Is what both point to part of the same program or library?
bool in_same_module(const void* one, const void* other) noexcept;

} // namespace thrum::env
