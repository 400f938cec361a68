// The rarer steps of the memory model: the life of an execution, construction, fences.
#include "base/explore/memory.h"

namespace thrum::base::explore {

void memory::begin() noexcept {
  of(0) = knowledge{};
  sc_floor_ = clock{};
  heavy_floor_ = clock{};
  s_time_ = 0;
  locations_ = 0;
  stores_used_ = 0;
  history_dropped_ = false;
}

// The ticks make the plain accesses since the last event part of what is handed over.
void memory::start_threads(int count) noexcept {
  tick(0);
  for (int t = 1; t < count; ++t) {
    of(t) = knowledge{};
    of(t).now = of(0).now;
  }
}

void memory::join_threads(int count) noexcept {
  for (int t = 0; t < count; ++t) tick(t);
  for (int t = 1; t < count; ++t) of(0).now.join(of(t).now);
}

void memory::construct(location& where, int thread, std::uint32_t execution, bool before_all) noexcept {
  where.execution = execution;
  where.listed = 0;
  where.index = locations_;
  locations_ = (locations_ + 1) % 64;
  where.destroyed = false;
  where.birth_thread = static_cast<std::uint8_t>(thread);
  // Not an atomic operation, but an event that must be ordered before every access.
  where.birth = before_all ? clock::time{0} : plain_time(thread);
  where.accessed = clock::one(thread, where.birth, 0);
}

void memory::list(location& where) noexcept {
  where.listed = where.execution;
  where.count = 1;
  where.created = 1;
  where.order[0] = static_cast<std::uint16_t>(stores_used_++);

  store_record& made = stores_[where.order[0]];
  made.carried = view{};
  made.light_carried = clock{};
  made.heavy_carried = clock{};
  made.seen = clock::one(where.birth_thread, where.birth, clock::never);
  made.value = where.initial;
  made.step = 0;
  made.thread = where.birth_thread;
  made.id = 0;
  made.is_rmw = false;
}

void memory::fence(int thread, std::memory_order order) noexcept {
  knowledge& self = of(thread);
  if (order == std::memory_order_relaxed) return;
  if (acquires(order)) self.now.join(self.unacquired);
  tick(thread); // whatever this fence publishes includes the plain accesses since the last event
  if (order == std::memory_order_seq_cst) {
    self.now.floor.join(sc_floor_);                  // S4
    self.now.floor.set(clock::sc_lane, next_in_s()); // S3
    sc_floor_ = self.now.floor;
  }
  if (releases(order)) self.released = self.now;
}

void memory::light_fence(int thread) noexcept {
  knowledge& self = of(thread);
  asymmetric_ = true;
  tick(thread);
  self.now.before.join(self.heavy_unacquired);
  self.now.floor.join(heavy_floor_); // more than what was read from behind a heavy fence
  self.light_floor = self.now.floor;
  self.light_released = self.now.before;
}

void memory::heavy_fence(int thread, int threads) noexcept {
  knowledge& self = of(thread);
  asymmetric_ = true;
  self.now.before.join(self.light_unacquired);
  for (int t = 0; t < threads; ++t)
    self.now.floor.join(of(t).light_floor); // includes what was read from behind one
  fence(thread, std::memory_order_seq_cst);
  heavy_floor_ = self.now.floor;
  self.heavy_released = self.now.before;
}

void memory::publish(int thread, view& to) noexcept {
  tick(thread);
  to.join(of(thread).now);
}

} // namespace thrum::base::explore
