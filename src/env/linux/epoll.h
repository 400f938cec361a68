// The poller of the real world: one epoll instance, edge-triggered, and an eventfd that kicks it. Results as system
// calls give them (-1 and errno); world.cc turns them into negative errno values.
#pragma once

#include "env/env.h"

namespace thrum::env {

struct ring_set;
class file_ring;

int epoll_open(poller** out, bool (*fault)(fault_site) noexcept) noexcept; // fault: of its rings
int epoll_shut(poller*) noexcept;
int epoll_watch(poller*, int fd, void* token, std::uint16_t tag) noexcept;
int epoll_rearm(poller*, int fd, void* token,
                std::uint16_t tag) noexcept; // reports what is ready now once more
int epoll_unwatch(poller*, int fd) noexcept;
int epoll_poll(poller*, readiness* events, int capacity, nanoseconds deadline) noexcept;
int epoll_kick(poller*) noexcept;
bool epoll_has_events(poller*) noexcept;
ring_set& epoll_rings(poller*) noexcept;  // what it watches besides (ring.h)
file_ring& epoll_files(poller*) noexcept; // the same
readiness look_at(int fd) noexcept;

} // namespace thrum::env
