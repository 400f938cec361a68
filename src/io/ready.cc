// Descriptors as sources of a select: the cases of <thrum/io/ready.h>. A case waits beside the operation that is parked, and
// takes no turn: it transfers nothing.
#include "io/descriptor.h"
#include "select/engine.h"

namespace thrum {
namespace io {

namespace {

using select::alternative;

// The ready bit says "may be": after a read that filled its buffer nobody knows. Whoever is told here goes and reads, and would
// then wait where it meant to wait for other things, too. So the kernel is asked; a clear bit, the common case, asks nobody.
template <direction way> bool commit(alternative& a, wait::claimable**) noexcept {
  auto& d = *static_cast<descriptor*>(a.source);
  a.how = wait::outcome::closed;
  if (d.standing() != status::ok) return true;
  a.how = wait::outcome::done;
  if ((d.ready_bits() & ready_bit(way)) == 0) return false;
  const env::readiness now = d.world->look(d.fd);
  if (way == direction::in ? now.readable : now.writable) return true;
  d.clear_ready(ready_bit(way)); // an edge that comes now waits for the guard
  return false;
}

template <direction way> void enqueue(alternative& a) noexcept {
  static_cast<descriptor*>(a.source)->of(way).cases.push_back(a);
}

template <direction way> void withdraw(alternative& a) noexcept {
  static_cast<descriptor*>(a.source)->of(way).cases.erase(a);
}

template <direction way> constexpr select::source_ops ops{commit<way>, enqueue<way>, withdraw<way>};

} // namespace
} // namespace io

namespace detail {

const void* io_hint(const io::descriptor* d) noexcept { return d == nullptr ? nullptr : &d->ready; }

void prepare_readable(select_case& c) noexcept {
  auto* d = static_cast<io::descriptor*>(c.object);
  select::prepare(c, io::ops<io::direction::in>, d, d->guard);
}

void prepare_writable(select_case& c) noexcept {
  auto* d = static_cast<io::descriptor*>(c.object);
  select::prepare(c, io::ops<io::direction::out>, d, d->guard);
}

} // namespace detail
} // namespace thrum
