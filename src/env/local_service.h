// What a service needs that a thread of its own serves at a Unix socket, for programs of the same user (inspect/console.cc). The socket is
// one of the world's (env.h), and does not block; here is what waits for it, and who may come.
#pragma once

#include "env/env.h"

#include <cstdint>
#include <string>

namespace thrum::env {

unsigned this_user() noexcept;         // by whose rights the process acts
std::string command_of_this_process(); // the words that it was started with; "" if the system does not say

enum class folder_state : std::uint8_t {
  own,            // it is there, and only this user (and root) can use it
  of_another,     // somebody else's
  open_to_others, // ours, but others may look into it, or write there
  no_folder,      // something else has the name
  failed          // a negative errno says why
};
// Makes the folder, for this user alone, if it is not there.
folder_state make_own_folder(const char* path, int* error) noexcept;

// The user whose process is at the other end of a Unix stream, or a negative errno.
std::int64_t user_of_peer(int fd) noexcept;

// Blocks the thread until `fd` may be read from (or written to), or was hung up: 0. -ETIMEDOUT: not until the deadline. -ECANCELED: the
// socket `bell` was shut down, which world::shutdown() of any thread does; it may be `fd`.
int wait_for_socket(int fd, bool to_write, int bell, nanoseconds deadline) noexcept;

} // namespace thrum::env
