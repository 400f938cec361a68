// Where descriptors live: memory that is never freed and never becomes anything else, so that an edge report or a select that
// comes late still finds a descriptor there, if perhaps another one (its generation tells).
#pragma once

namespace thrum::io {

struct descriptor;

namespace descriptor_pool {

descriptor* take() noexcept; // null: no memory
void give(descriptor& d) noexcept;

// Calls visit(descriptor, argument) for all that were ever made, in use or not.
void for_each(void (*visit)(descriptor& d, void* argument) noexcept, void* argument) noexcept;

} // namespace descriptor_pool
} // namespace thrum::io
