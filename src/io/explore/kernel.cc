#include "io/explore/kernel.h"

#include "io/descriptor_pool.h"

namespace thrum {

namespace io {

namespace {

descriptor* only = nullptr; // of the world that is explored
bool is_taken = false;

} // namespace

explored_descriptor::explored_descriptor(sched::explored_core& c) noexcept : core_(c.core) {
  only = &memory_;
  is_taken = false;
}
explored_descriptor::~explored_descriptor() { only = nullptr; }

descriptor& explored_descriptor::open(int fd, std::uint32_t ready) noexcept {
  descriptor* made = nullptr;
  const int error = io::open(fd, {.core = &core_, .ready = ready}, &made);
  base::explore::require(error == 0 && made == &memory_, "it opens");
  return *made;
}

namespace descriptor_pool {

descriptor* take() noexcept {
  base::explore::require(!is_taken, "the memory is free");
  is_taken = true;
  return only;
}
void give(descriptor& d) noexcept {
  base::explore::require(&d == only && is_taken, "it is given back once");
  is_taken = false;
}
void for_each(void (*visit)(descriptor&, void*) noexcept, void* argument) noexcept { visit(*only, argument); }

} // namespace descriptor_pool
} // namespace io

namespace env {
base::atomic<void (*)(poller*) noexcept> poller_closing{nullptr};
} // namespace env

} // namespace thrum
