#include "io/operation.h"
#include "io/transfer.h"

#include <algorithm>

#include <thrum/blocking.h>
#include <thrum/net/send_file.h>

namespace thrum::net {

io::result<std::size_t> send_file(const io::byte_stream& to, int file, std::uint64_t offset,
                                  std::size_t count, io::deadline until) {
  io::descriptor* d = descriptor_of(to);
  if (d == nullptr) return io::closed_error("send file to", d);
  io::operation op(*d, io::direction::out, until.time());
  auto position = static_cast<std::int64_t>(offset);
  while (op.transferred() < count) {
    const std::size_t size = std::min(count - op.transferred(), io::most_at_once);
    // A short transfer may be the stream's doing or the file's, so it proves nothing: 0 is not an amount to step().
    const std::int64_t n = op.step(
        0, [&] { return blocking([&] { return d->world->send_file(d->fd, file, &position, size); }); });
    if (n < 0) return io::failed("send file to", *d, op, n);
    if (n == 0) break; // the end of the file
    op.add_progress(static_cast<std::size_t>(n));
  }
  return op.transferred();
}

} // namespace thrum::net
