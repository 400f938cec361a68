// Standard streams.
//
// The problem. 0, 1 and 2 are shared with other processes, first of all with the shell. Not to block is a property of the open file,
// not of the number: whoever sets O_NONBLOCK on 0 sets it for the shell, too, and leaves it behind when it dies; programs started
// later from there then fail at their first read. And whatever 0 is, no fiber but the one that reads may wait for it.
//
// The way taken depends on what the stream is:
//   - a pipe or a terminal is opened once more through /proc/self/fd: the same pipe, the same terminal, but an open file of our own,
//     which may be non-blocking. (A terminal of another user refuses, as after `su`; and /proc may be missing.)
//   - a socket cannot be opened, but its calls take a flag each, MSG_DONTWAIT.
//   - a regular file is not opened once more, for its position is shared with good reason: `(one; two) > log` writes one after the
//     other. It is never waited for, either; its calls run in a blocking region.
//   - what is left, and a terminal or pipe that refuses: if the poller takes it, the kernel is asked before each call whether it will
//     wait; the call is made in a blocking region, and writes no more than a pipe that is writable has room for. Only if
//     another process is quicker does the thread wait, without its processor.
// Of what is not opened anew we use a duplicate, so that the number in the poller is ours, and closes with us.
//
// Rejected
//   - one reading thread per stream that feeds a queue: it takes bytes from the terminal that a child should have had.
//   - O_NONBLOCK set for the time of a call and taken back: other processes see it meanwhile, and a crash leaves it.
//   - RWF_NOWAIT: terminals do not take it.
//
// Each runtime has its own handles, because each has its own poller. The places for them are never freed, and known by the address of
// the runtime. The place of one that has ended goes to the next that asks; so no more stay open than runtimes lived at a time.
#include "base/spin_lock.h"
#include "io/fresh_descriptor.h"
#include "io/transfer.h"
#include "sched/runtime_core.h"
#include "wait/thread_context.h"

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <utility>

#include <thrum/io/standard.h>

namespace thrum::io {

namespace {

struct open_reader : byte_reader {
  open_reader() noexcept = default;
  explicit open_reader(descriptor* d) noexcept : byte_reader(d) {}
};
struct open_writer : byte_writer {
  open_writer() noexcept = default;
  explicit open_writer(descriptor* d) noexcept : byte_writer(d) {}
};

constexpr const char* names[] = {"standard input", "standard output", "standard error"};

// Takes over `fd`, by whatever the poller says to it. 0 or a negative errno.
int open_as(fresh_descriptor& fresh, medium through, bool is_stream, int number, sched::runtime_core& core,
            descriptor** out) noexcept {
  return fresh.open_even_a_device(
      {.core = &core, .is_stream = is_stream, .through = through, .about = subject::named(names[number])},
      out);
}

bool is_open_for(env::world& world, int number, direction way) noexcept {
  const int flags = world.flags_of(number);
  return flags >= 0 && goes(flags, way);
}

// What number 0, 1 or 2 is now; null: nothing to be used.
descriptor* open_standard(int number, sched::runtime_core& core) {
  env::world& world = core.world;
  const direction way = number == 0 ? direction::in : direction::out;
  env::file_facts facts;
  if (!is_open_for(world, number, way) || world.facts_of(number, &facts) != 0) return nullptr;
  descriptor* d = nullptr;
  if (facts.reopens) {
    const int access = way == direction::in ? O_RDONLY : O_WRONLY;
    fresh_descriptor ours(world, world.reopen(number, access | O_NONBLOCK));
    if (open_as(ours, medium::pipe, S_ISFIFO(facts.mode), number, core, &d) == 0) return d;
  }
  fresh_descriptor copy(world, world.duplicate(number));
  const medium through = S_ISREG(facts.mode) || S_ISDIR(facts.mode) ? medium::file
                         : S_ISSOCK(facts.mode)                     ? medium::shared_socket
                                                                    : medium::shared;
  const int error = open_as(copy, through, false, number, core, &d);
  if (error != 0) throw_failure(system_error("open", subject::named(names[number]), error));
  return d;
}

status standing_of(descriptor& d) noexcept {
  const wait::lock::held guard = d.guard.acquire(wait::this_thread());
  const status s = d.standing();
  wait::lock::release(guard);
  return s;
}

// One number, for all runtimes.
template <class Stream> class places {
public:
  constexpr explicit places(int number) noexcept : number_(number) {}

  const Stream& here() {
    sched::runtime_core& core = runtime_here();
    place& mine = place_of(core);
    lock_.lock();
    descriptor* const before = descriptor_of(mine.stream);
    lock_.unlock();
    if (before != nullptr && standing_of(*before) == status::ok) return mine.stream;
    // Made without the lock, for it takes system calls. If somebody else was quicker, theirs stays.
    Stream made(open_standard(number_, core));
    const base::spin_guard guard(lock_);
    if (descriptor_of(mine.stream) == before) std::swap(mine.stream, made);
    return mine.stream;
  }

private:
  struct place {
    const sched::runtime_core* core = nullptr;
    place* next = nullptr;
    Stream stream;
  };

  place& place_of(const sched::runtime_core& core) {
    {
      const base::spin_guard guard(lock_);
      if (place* p = find(core)) return *p;
    }
    if (place* p = take_over(core)) return *p;
    auto fresh = std::make_unique<place>();
    const base::spin_guard guard(lock_);
    if (place* p = find(core)) return *p;
    fresh->core = &core;
    fresh->next = std::exchange(first_, fresh.get());
    return *fresh.release();
  }
  // The place of a runtime that has ended; what it had is closed. Null: there is none.
  place* take_over(const sched::runtime_core& core) {
    lock_.lock();
    place* p = first_;
    lock_.unlock();
    for (; p != nullptr; p = p->next) { // constant
      lock_.lock();
      descriptor* const there = descriptor_of(p->stream);
      lock_.unlock();
      if (there == nullptr || standing_of(*there) == status::ok) continue;
      Stream old; // closes without the lock
      const base::spin_guard guard(lock_);
      if (place* mine = find(core)) return mine;
      if (descriptor_of(p->stream) != there) continue; // somebody else took it
      std::swap(p->stream, old);
      p->core = &core;
      return p;
    }
    return nullptr;
  }
  place* find(const sched::runtime_core& core) const noexcept { // under the lock
    place* p = first_;
    while (p != nullptr && p->core != &core) p = p->next;
    return p;
  }

  base::spin_lock lock_; // guards the list and the streams in it
  place* first_ = nullptr;
  const int number_;
};

// Never destroyed: they may be used while static objects are.
constinit places<open_reader> in_places(0);
constinit places<open_writer> out_places(1);
constinit places<open_writer> err_places(2);

} // namespace

const byte_reader& in() { return in_places.here(); }
const byte_writer& out() { return out_places.here(); }
const byte_writer& err() { return err_places.here(); }

} // namespace thrum::io
