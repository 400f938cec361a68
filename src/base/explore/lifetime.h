// The end of an object that has parts the explorer does not see die: atomics in raw bytes, whose destructors nobody calls.
#pragma once

#include "base/explore/engine.h"
#include "base/explore/site.h"

#include <cstddef>

namespace thrum::base::explore {

// The memory is not to be used again in this execution: a later use of an atomic there (or of a guarded<T>) fails, and so does
// an earlier use of an atomic that is not known to be over. Call it after the object's own destructor.
inline void object_ends(const void* at, std::size_t size, site where = site::current()) {
  the_engine.object_ends(at, size, where);
}

} // namespace thrum::base::explore
