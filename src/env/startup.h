// How this process began, and how it is to end: for one that is to work for another instead of running its own main
// (pool/worker.cc).
#pragma once

namespace thrum::env {

// As the loader calls constructors.
using constructor = void (*)(int argc, char** argv, char** environment);

// Called in `self`, a constructor of some module: calls the constructors of that module that come after it, as the loader would have
// done next.
void call_constructors_after(constructor self, int argc, char** argv, char** environment);

void forget_variable(const char* name) noexcept;
// Makes a descriptor that was inherited like ours: close-on-exec, and not blocking. A negative errno if it is none.
int take_over(int fd) noexcept;
void name_this_process(const char* name) noexcept; // as `ps` shows it

// exit().
[[noreturn]] void end_process(int code);
// At once; with all processes of its group, if it leads one.
[[noreturn]] void end_group() noexcept;

} // namespace thrum::env
