// one_by_one: fibers that ask, wait for the answer, and only then ask for the next one, many times in a row (THRUM_DEBUG=one_by_one;
// docs/debugging.md): the trap of N+1 queries, and of `await` in a loop.
//
// What is to be seen? That the next question did not need the answer before, nobody can see from outside. What can be seen is a fiber
// that again and again, at the same place, waits for what it has set going itself. That is counted, and the report leaves the rest to
// its reader.
//
//   an answer        a wait to read from a connection that this process has opened, after something was written to it; and a wait for
//                    the end of a fiber, or for a future, if exactly one fiber was spawned since the last such wait
//   the same place   all return addresses from the wait to the fiber's beginning are the same
//   in a row         within one operation. A new one begins when the fiber waits for work: for a message, a select, a time; when it
//                    takes a message from somebody who waits to send it; and when it reads from a connection that others have
//                    opened, whether it has to wait or not. All other waits (for locks, for room, for further bytes of an answer)
//                    change nothing
//
// So nobody is named for serving: a server waits on connections that it has accepted, a worker for messages, a ticker for times. Nor
// for joining fibers that were all spawned before, nor for reading a long answer in pieces. Not seen are questions that pass through
// channels, pipes and datagrams, since there the two sides look alike; nor calls that block their thread.
//
// What nobody can tell here is that a message was taken from the buffer of a channel, for that must not cost anything: a worker that always
// finds its next message there looks as if all were one operation.
//
// Who asks is told by recorder.h, where switches, wake-ups and spawns come by while `recorded` is set, which this mode does for good.
// Without it, the only thing that is done for it is that reads and writes look at a flag.
#pragma once

#include "base/spin_lock.h"
#include "env/env.h"

#include <cstdint>
#include <source_location>
#include <unordered_map>
#include <vector>

namespace thrum::sched {

struct fiber;

class one_by_one {
public:
  static constexpr unsigned many = 10;      // from here on it counts
  static constexpr unsigned endless = 1000; // who goes on for so long is reported before its end

  // What fibers that were spawned at one place did.
  struct row {
    std::source_location site;
    std::uint64_t times = 0; // operations with many waits
    std::uint64_t waits = 0; // in them
    std::uint64_t most = 0;  // in one of them
    env::nanoseconds waiting = 0;
    bool reported = false;
  };

  explicit one_by_one(env::world& world) noexcept;

  // What the fiber does; called on its own stack.
  void spawns(const fiber& f) noexcept;
  void works(const fiber& f) noexcept; // it has got something to do
  void waits(
      const fiber& f) noexcept; // it is about to leave its stack, and holds the guard of what it waits for
  void ends(const fiber& f) noexcept;
  // It is about to go on.
  void resumes(const fiber& f) noexcept;

  // A copy. Throws std::bad_alloc.
  std::vector<row> rows();

private:
  struct place {
    std::uint64_t hash = 0;
    unsigned count = 0;
    env::nanoseconds waiting = 0;
  };
  struct operation {
    std::uint64_t id = 0; // of the fiber
    unsigned spawned = 0; // since an answer was waited for
    std::vector<place> places;
    std::size_t current = none; // where it waits
    env::nanoseconds since = 0;
  };
  static constexpr std::size_t none = SIZE_MAX;

  // All of these: lock_ is held.
  operation& operation_of(const fiber& f);
  row& row_of(const fiber& f);
  static std::size_t index_of(operation& o, std::uint64_t hash);
  place take_report(operation& o, const fiber& f);           // what is to be told now; count 0: nothing
  static void tell(const fiber& f, const place& p) noexcept; // but here it is not

  env::world& world_;
  base::spin_lock lock_; // guards the rest
  std::unordered_map<const fiber*, operation> operations_;
  std::vector<row> rows_;
};

} // namespace thrum::sched
