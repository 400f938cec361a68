// The file of a socket that is bound to a path: made, given its mode, and removed again, once.
#pragma once

#include "base/atomic.h"
#include "net/socket.h"
#include "net/unix_address.h"

#include <memory>

namespace thrum::net {

class socket_file {
public:
  socket_file(env::world& world, const unix_address& at, const env::file_identity& which) noexcept
      : world_(world), at_(at), which_(which) {}
  ~socket_file() { remove(); }
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;

  // If it is still ours. Any thread may call, and all but the first do nothing: by then the name may be a successor's.
  void remove() noexcept;
  void keep() noexcept { removed_.store(true, std::memory_order_relaxed); } // relaxed: see remove()

private:
  env::world& world_;
  const unix_socket_address at_;
  const env::file_identity which_;
  base::atomic<bool> removed_{false};
};

// Binds `s`, whose type is `type`. 0 or a negative errno; *out is null for addresses without a file. Blocks for as long as the
// file system takes.
int bind_to_file(env::world& world, fresh_socket& s, int type, const unix_address& at,
                 const unix_options& options, std::unique_ptr<socket_file>* out);

} // namespace thrum::net
