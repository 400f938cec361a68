// child_core: a child that somebody holds a handle of.
//
// Whether it was reaped decides whether its number still means it. Reaping and signalling are short system calls that do not wait;
// both are made under one lock, so that no signal goes to a number that was given away.
#pragma once

#include "base/spin_lock.h"
#include "env/child.h"
#include "env/env.h"
#include "io/descriptor.h"

#include <thrum/io/error.h>
#include <thrum/io/handle.h>
#include <thrum/process.h>

namespace thrum::detail {

// How what an io::handle owns is made from a descriptor, outside of io/.
template <class Handle> struct opened : Handle {
  explicit opened(io::descriptor* d) noexcept : Handle(d) {}
};

struct child_core {
  child_core(env::world& w, const io::subject& program) noexcept : world(w), about(program) {}
  child_core(const child_core&) = delete;
  child_core& operator=(const child_core&) = delete;

  env::world& world;
  env::child child;
  const io::subject about;
  io::handle watch; // of child.watch
  bool leads_group = false;

  base::spin_lock lock; // guards:
  bool reaped = false;  //   by us, or by somebody else
  int error = 0;        //   what reaping it gave
  env::child_end end;   //   reaped and no error: how it ended

  // -EAGAIN: it runs. 0 or an error: it has ended; with `take` it is reaped now.
  int look(bool take) noexcept;
  int send(int signal) noexcept;
  // Parks until look() says something else. What it says is a result without a value if it has ended well.
  io::result<void> await(bool take, io::deadline until);
  // Kills it, its group, too, and reaps it, whatever happens.
  void end_now() noexcept;
  void reap() noexcept; // however long it takes; listens to no stop request
  exit_status status() const noexcept {
    return {.code = end.code, .signal = end.signal, .core_dumped = end.core_dumped};
  }
};

} // namespace thrum::detail
