// For tests that look inside descriptors. (Not for those that use select: inside, that name is a namespace.)
#pragma once

#include "io/descriptor.h"
#include "io/test_kit.h"
#include "io/transfer.h"
#include "wait/thread_context.h"

#include <cstdlib>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

#include <thrum/io/handle.h>

namespace thrum::io::test {

template <class Look> auto guarded(descriptor& d, Look look) {
  const wait::lock::held guard = d.guard.acquire(wait::this_thread());
  auto seen = look();
  wait::lock::release(guard);
  return seen;
}
inline bool is_parked(descriptor& d, direction way) {
  return guarded(d, [&] { return !d.of(way).parked.empty(); });
}
inline unsigned queued(descriptor& d, direction way) {
  return guarded(d, [&] {
    unsigned n = 0;
    for (const wait::waiter* w = d.of(way).queued.front(); w != nullptr; w = w->next) ++n;
    return n;
  });
}
inline bool has_cases(descriptor& d, direction way) {
  return guarded(d, [&] { return !d.of(way).cases.empty(); });
}

// What the system is told and asked about a handle that may have no descriptor.
inline env::readiness look(const handle& h) {
  const use in_use(descriptor_of(h));
  return in_use.world().look(in_use.fd());
}
inline int option(const handle& h, int level, int name) {
  const use in_use(descriptor_of(h));
  int value = -1;
  unsigned size = sizeof value;
  return in_use.world().get_option(in_use.fd(), level, name, &value, &size) == 0 ? value : -1;
}
inline int set_option(const handle& h, int level, int name, int value) {
  const use in_use(descriptor_of(h));
  return in_use.world().set_option(in_use.fd(), level, name, &value, sizeof value);
}
inline std::int64_t send(const handle& h, std::string_view text, int flags) {
  const use in_use(descriptor_of(h));
  ::iovec part{const_cast<char*>(text.data()), text.size()};
  ::msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return in_use.world().send_message(in_use.fd(), &message, flags);
}

// The two ends of a stream within the process.
struct stream_pair {
  descriptor* a = nullptr;
  descriptor* b = nullptr;

  stream_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
    if (open(fds[0], {.about = subject::named("end a")}, &a) != 0) std::abort();
    if (open(fds[1], {.about = subject::named("end b")}, &b) != 0) std::abort();
  }
  ~stream_pair() {
    drop_a();
    drop_b();
  }
  void drop_a() {
    if (a != nullptr) close_and_release(*std::exchange(a, nullptr));
  }
  void drop_b() {
    if (b != nullptr) close_and_release(*std::exchange(b, nullptr));
  }
  stream_pair(const stream_pair&) = delete;
  stream_pair& operator=(const stream_pair&) = delete;
};

} // namespace thrum::io::test
