// What a process of a pool finds when it begins (worker.cc), as the one who starts it leaves it there (keeper.cc).
//
// Apart from those, because the insides of descriptors and the public select.h do not go into one file: the namespace thrum::select is
// the one's, the function thrum::select the other's.
#pragma once

#include "pool/mailbox.h"

#include <thrum/net/unix.h>

namespace thrum::pool {

inline constexpr const char* worker_variable = "THRUM_POOL_WORKER";
inline constexpr int link_number = 3; // the first of process_options::more
inline constexpr int mailboxes_number = 4;

// The stream to the parent, and the memory that is shared with it. Each panics if there is none.
net::unix_stream adopt_link();
shared_mailboxes adopt_mailboxes();

unsigned usable_cpus() noexcept;

} // namespace thrum::pool
