#include "pool/mailbox.h"

#include "pool/shared_mapping.h"

#include <algorithm>
#include <new>

#include <thrum/this_fiber.h>

namespace thrum::pool {

namespace {

// What it takes to wake a process on another CPU, at worst (30 us each way in a virtual machine inside another, November 2026).
constexpr env::nanoseconds patience = 60'000;
constexpr env::nanoseconds longest_turn = 1'000;     // in which nobody else did anything
constexpr env::nanoseconds longest_look = 1'000'000; // whatever others do
constexpr unsigned most_left_out = 1024;

} // namespace

bool mailbox::leave(std::span<const std::byte> what) noexcept {
  if (what.size() > room || !flag_.is_watched()) return false;
  std::ranges::copy(what, bytes_); // of nothing too, which has no address
  size_ = static_cast<std::uint32_t>(what.size());
  return flag_.raise();
}

std::span<const std::byte> mailbox::what_was_left() const noexcept {
  return {bytes_, std::min<std::size_t>(size_, room)};
}

shared_mailboxes::shared_mailboxes()
    : memory_(std::make_shared<shared_mapping>(io::world_here(), env::make_shared_memory(sizeof(mailboxes)),
                                               "make memory for another process",
                                               "map memory for another process")) {
  ::new (memory_->at()) mailboxes;
}

shared_mailboxes::shared_mailboxes(int descriptor)
    : memory_(std::make_shared<shared_mapping>(io::world_here(), descriptor, "take memory of the parent",
                                               "map memory of the parent")) {}

mailboxes* shared_mailboxes::operator->() const noexcept {
  return std::launder(static_cast<mailboxes*>(memory_->at()));
}

int shared_mailboxes::descriptor() const noexcept { return memory_->descriptor(); }

bool lookout::await() noexcept {
  if (left_out_ != 0) {
    --left_out_;
    return false;
  }
  env::world& world = io::world_here();
  const env::nanoseconds begun = world.now();
  env::nanoseconds used = 0;
  at_.flag_.watch();
  env::nanoseconds last = begun;
  while (used < patience && last - begun < longest_look) {
    if (at_.flag_.is_raised()) {
      leave_out_ = fewest_left_out;
      return true;
    }
    world.yield_thread(); // the kernel likes to have those who wake each other on one CPU
    this_fiber::yield();
    const env::nanoseconds now = world.now();
    used += std::min(now - last, longest_turn);
    last = now;
  }
  if (!at_.flag_.cease()) return true;
  // Who is awake has to wait for a CPU like all others, who is woken gets one sooner.
  if (last - begun >= longest_look) leave_out_ = std::min(2 * leave_out_, most_left_out);
  left_out_ = leave_out_;
  return false;
}

} // namespace thrum::pool
