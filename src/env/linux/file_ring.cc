#include "env/linux/file_ring.h"

#include "base/check.h"
#include "base/sanitizer.h"
#include "env/linux/epoll.h"
#include "env/linux/quietly.h"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <utility>

namespace thrum::env {

void file_ring::belong_to(poller* owner, int epoll, bool (*fault)(fault_site) noexcept) noexcept {
  owner_ = owner;
  epoll_ = epoll;
  fault_ = fault;
}

void file_ring::shut() noexcept {
  THRUM_CHECK(going_on_.load(std::memory_order_acquire) == 0); // F2
  kernel_.shut();
}

int file_ring::open() noexcept {
  if (const int now = state(); now != 0) return now;
  const std::lock_guard hold(opening_);
  if (const int now = state(); now != 0) return now;
  int error = fault_ != nullptr && fault_(fault_site::ring_open) ? -EPERM : kernel_.open(most, most_at_once);
  if (error == 0) {
    epoll_event interest{.events = EPOLLIN, .data = {.u64 = token}};
    error = quietly([&] { return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, kernel_.fd(), &interest); });
    if (error != 0) kernel_.shut();
  }
  const int now = error == 0 ? 1 : error;
  state_.store(now, std::memory_order_release); // F1
  return now;
}

bool file_ring::submit(file_request& r, int injected) noexcept {
  if (open() != 1) return false;
  if (fault_ != nullptr && fault_(fault_site::ring_call)) return false;
  if (going_on_.fetch_add(1, std::memory_order_relaxed) >= most) { // relaxed: a count
    going_on_.fetch_sub(1, std::memory_order_relaxed);             // relaxed: a count
    return false;
  }
  r.next = nullptr;
  if (injected != 0) {
    r.result = injected;
    fail(&r);
    return true;
  }
  {
    const std::lock_guard hold(listing_);
    *last_ = &r;
    last_ = &r.next;
    if (has_submitter_) return true;
    has_submitter_ = true;
  }
  bring_all();
  return true;
}

// Until nothing is listed any more. We are the submitter.
void file_ring::bring_all() noexcept {
  for (;;) {
    file_request* all;
    {
      const std::lock_guard hold(listing_);
      all = std::exchange(first_, nullptr);
      last_ = &first_;
      if (all == nullptr) {
        has_submitter_ = false;
        return;
      }
    }
    bring(all);
  }
}

// A request may be over, and its memory gone, as soon as the kernel has it.
void file_ring::bring(file_request* first) noexcept {
  while (first != nullptr) {
    file_request* brought[most_at_once];
    while (first != nullptr && kernel_.prepared() < most_at_once) {
      file_request& r = *first;
      first = r.next;
      brought[kernel_.prepared()] = &r;
      uring_abi::request& said = kernel_.prepare(uring_abi::read, reinterpret_cast<std::uintptr_t>(&r));
      said.fd = r.fd;
      said.address = reinterpret_cast<std::uintptr_t>(r.data);
      said.size = r.size;
      said.offset = static_cast<std::uint64_t>(r.offset);
      base::tsan_release(&r);
    }
    const unsigned n = kernel_.prepared();
    unsigned taken;
    if (kernel_.submit(taken) == 0) continue;
    for (unsigned i = taken; i < n; ++i) {
      brought[i]->result = file_request::not_begun;
      brought[i]->next = i + 1 < n ? brought[i + 1] : nullptr;
    }
    fail(brought[taken]);
  }
}

void file_ring::fail(file_request* first) noexcept {
  {
    const std::lock_guard hold(ending_);
    for (file_request* r = first; r != nullptr; r = first) {
      first = r->next;
      r->next = std::exchange(first_failed_, r);
    }
    failed_.store(true, std::memory_order_relaxed); // relaxed: a hint, behind a kick
  }
  epoll_kick(owner_);
}

void file_ring::withdraw(file_request& r) noexcept {
  kernel_.cancel_if_it_waits(reinterpret_cast<std::uintptr_t>(&r));
}

int file_ring::collect(readiness* out, int capacity) noexcept {
  if (state() != 1) return 0;
  int count = 0;
  const auto report = [&](file_request& r, std::int64_t result) {
    base::tsan_acquire(&r);
    r.result = result;
    out[count++] = {
        .token = r.token, .tag = 0, .readable = true, .writable = false, .hangup = false, .tail = false};
  };
  const std::lock_guard hold(ending_);
  const unsigned n = std::min(kernel_.ready(), static_cast<unsigned>(capacity));
  for (unsigned i = 0; i < n; ++i) {
    const uring_abi::completion& c = kernel_.at(i);
    report(*reinterpret_cast<file_request*>(c.user_data), c.result);
  }
  kernel_.drop(n);
  while (first_failed_ != nullptr && count < capacity) {
    file_request& r = *first_failed_;
    first_failed_ = r.next;
    report(r, r.result);
  }
  failed_.store(first_failed_ != nullptr, std::memory_order_relaxed); // relaxed: as above
  if (first_failed_ != nullptr) epoll_kick(owner_);
  going_on_.fetch_sub(static_cast<unsigned>(count), std::memory_order_release); // F2
  return count;
}

// ---- by poller

constinit base::atomic<bool> nothing_is_in_memory{false};

bool submit_read(poller* p, file_request& r) noexcept {
  file_ring& files = epoll_files(p);
  if (files.open() != 1) return false;
  auto* const fail = linux_world().fail_file;
  return files.submit(r, fail != nullptr && !r.only_to_have_it ? fail(file_call::read) : 0);
}

void withdraw_read(poller* p, file_request& r) noexcept { epoll_files(p).withdraw(r); }

int can_submit_reads(poller* p) noexcept { return epoll_files(p).state(); }

} // namespace thrum::env
