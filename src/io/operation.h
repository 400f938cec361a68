// operation: one read, write, accept or connect, from taking the turn to giving it back. descriptor.h explains the protocol.
//
//   operation op(d, direction::in, until);
//   const std::int64_t n = op.run(size, [&] { return d.world->read(d.fd, data, size); });
//
// An operation of several steps (read_exactly, write_all) calls step() for each; nobody else reads or writes in between. The
// turn is given back at the end of its life, or before, by end().
#pragma once

#include "io/descriptor.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace thrum::io {

class operation {
public:
  operation(descriptor& d, direction way, detail::deadline_t until) noexcept
      : d_(d), lane_(d.of(way)), until_(until), way_(way) {}
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() { end(); }

  static constexpr std::int64_t no_result = INT64_MIN;

  // Takes the turn, if it is not ours yet, and calls call(), which makes a system call, whenever it may succeed, until it
  // succeeds or fails for good. Returns what it returned, or no_result: see standing() then. `wanted`: how much was asked
  // for, to see a short transfer; 0: the result is not an amount.
  // May park. Throws `cancelled`; nothing was transferred in this step then.
  template <class Call> std::int64_t step(std::size_t wanted, Call call) {
    standing_ = !has_turn_ ? begin() : short_ ? wait_again(false) : status::ok;
    while (standing_ == status::ok) {
      const std::int64_t n = call();
      if (n == -EINTR) continue;
      if (n != -EAGAIN) {
        short_ = n > 0 && static_cast<std::size_t>(n) < wanted && d_.is_stream;
        return n;
      }
      standing_ = wait_again(true);
    }
    return no_result;
  }

  // One step and the end.
  template <class Call> std::int64_t run(std::size_t wanted, Call call) {
    const std::int64_t n = step(wanted, call);
    end();
    return n;
  }

  // Gives the turn back.
  void end() noexcept {
    if (has_turn_) end_turn();
  }

  // Counts what a stop request would otherwise make the caller lose.
  void add_progress(std::size_t n) noexcept { transferred_ += n; }
  std::size_t transferred() const noexcept { return transferred_; }
  // For calls that wait by themselves (disk_read.h). A stop request has ended one; its deadline has: no_result.
  [[noreturn]] void throw_stopped() const;
  std::int64_t be_late() noexcept {
    standing_ = status::deadline;
    return no_result;
  }
  detail::deadline_t until() const noexcept { return until_; }
  // Why there was no result.
  status standing() const noexcept { return standing_; }

private:
  status begin();
  status wait_again(bool would_block);
  status wait_for_edge(wait::lock::held guard);
  std::uint32_t park(wait::waiter_list& among, waiting& w, wait::lock::held guard, detail::deadline_t until);
  void note_short() noexcept;
  void note_use() noexcept;
  void end_turn() noexcept;
  void give_back(wait::lock::held guard) noexcept;
  [[noreturn]] void throw_stopped(const wait::agent& self) const;

  descriptor& d_;
  lane& lane_;
  const detail::deadline_t until_; // of this operation alone
  std::size_t transferred_ = 0;
  std::uint32_t seen_edges_ = 0; // before the system call in progress
  const direction way_;
  status standing_ = status::ok;
  bool has_turn_ = false;
  bool short_ = false; // the last step transferred less than it wanted
  bool parked_ = false;
  bool tried_ = false; // although not known to be ready, because the deadline had passed
};

} // namespace thrum::io
