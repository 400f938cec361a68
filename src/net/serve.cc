#include "env/env.h"
#include "env/panic.h"
#include "io/descriptor.h"
#include "sched/runtime_core.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include <sys/socket.h>

#include <thrum/net/serve.h>

namespace thrum::net {

namespace {

using namespace std::chrono_literals;

// Failures that say nothing about the listener, only that there is too little of something for now.
bool is_want(const io::error& e) noexcept {
  return e == std::errc::too_many_files_open || e == std::errc::too_many_files_open_in_system ||
         e == std::errc::no_buffer_space || e == std::errc::not_enough_memory ||
         e == std::errc::no_space_on_device;
}
bool is_want_of_descriptors(const io::error& e) noexcept {
  return e == std::errc::too_many_files_open || e == std::errc::too_many_files_open_in_system;
}

} // namespace

server::~server() {
  const std::lock_guard hold(mutex_);
  if (first_ != nullptr || running_ != 0)
    env::panic("a server was destroyed while it serves", "drain() it and join who is inside serve() first");
}

server::place server::begin_one() {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] {
    return draining_ || options_.max_connections == 0 || running_ < options_.max_connections;
  });
  if (draining_) return {};
  ++running_;
  return place(*this);
}

void server::end_one() noexcept {
  const std::lock_guard hold(mutex_);
  --running_;
  changed_.notify_all(); // few wait: listeners that have a connection in hand, and who drains
}

void server::report_failure(std::exception_ptr error) noexcept {
  go([failure = std::move(error)] { std::rethrow_exception(failure); });
}

bool server::drain(io::deadline until) {
  std::unique_lock hold(mutex_);
  draining_ = true;
  for (serving* s = first_; s != nullptr; s = s->next_) s->close_(s->listener_);
  changed_.notify_all();
  const auto all_ended = [&] { return running_ == 0; };
  if (until.is_none()) {
    changed_.wait(hold, all_ended);
    return true;
  }
  const std::chrono::steady_clock::time_point end{std::chrono::nanoseconds(until.time())};
  if (changed_.wait_until(hold, end, all_ended)) return true;
  for (serving* s = first_; s != nullptr; s = s->next_) s->group_.stop(cancel_reason::user);
  changed_.wait(hold, all_ended);
  return false;
}

std::size_t server::connections() const {
  const std::lock_guard hold(mutex_);
  return running_;
}
std::uint64_t server::accepted() const {
  const std::lock_guard hold(mutex_);
  return accepted_;
}
std::uint64_t server::shed() const {
  const std::lock_guard hold(mutex_);
  return shed_;
}

// ---- serving

server::serving::serving(server& s, task_group<>& g, const void* listener,
                         void (*close)(const void*) noexcept)
    : server_(s), group_(g), listener_(listener), close_(close), world_(io::runtime_here().world) {
  take_reserve();
  const std::lock_guard hold(s.mutex_);
  over_ = s.draining_;
  if (over_) close_(listener_);
  next_ = s.first_;
  if (next_ != nullptr) next_->previous_ = this;
  s.first_ = this;
}

server::serving::~serving() {
  {
    const std::lock_guard hold(server_.mutex_);
    (previous_ != nullptr ? previous_->next_ : server_.first_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  give_reserve();
}

void server::serving::count_accepted() {
  failures_ = 0;
  shedding_ = false;
  const std::lock_guard hold(server_.mutex_);
  ++server_.accepted_;
}

void server::serving::end_shedding() noexcept {
  shedding_ = false;
  take_reserve();
}

void server::serving::count_shed() {
  constexpr unsigned most = 64; // between two whiles, so that a flood of clients leaves time for others
  if (++shed_now_ >= most) shedding_ = false;
  const std::lock_guard hold(server_.mutex_);
  ++server_.accepted_;
  ++server_.shed_;
}

bool server::serving::try_again(const io::error& e) {
  if (!is_want(e)) return false;
  // Who ends a connection does not know that we wait for its descriptor, so we look now and then. 5 ms at first, so that a short
  // want goes unnoticed; 100 ms at most, and at that rate it takes no time worth mentioning.
  const auto pause = std::min(5ms * (1 << std::min(failures_, 5u)), 100ms);
  {
    std::unique_lock hold(server_.mutex_);
    server_.changed_.wait_for(hold, pause, [&] { return server_.draining_; });
  }
  shedding_ = failures_ != 0 && server_.options_.shed && is_want_of_descriptors(e);
  ++failures_;
  shed_now_ = 0;
  return true;
}

void server::serving::give_reserve() noexcept {
  if (reserve_ >= 0) world_.close(std::exchange(reserve_, -1));
}

bool server::serving::take_reserve() noexcept {
  if (reserve_ >= 0 || !server_.options_.shed) return true;
  const int fd = world_.socket(AF_UNIX, SOCK_STREAM, 0, nullptr); // the cheapest thing with a number
  if (fd >= 0) reserve_ = fd;
  return fd >= 0;
}

} // namespace thrum::net
