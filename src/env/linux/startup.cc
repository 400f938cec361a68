#include "env/startup.h"

#include "env/linux/quietly.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

// The list of a program without a dynamic section (ld -static), as the linker tells it; elsewhere both are null.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const thrum::env::constructor __init_array_start[];
[[gnu::weak, gnu::visibility("hidden")]] extern const thrum::env::constructor __init_array_end[];
}

namespace thrum::env {

namespace {

struct constructor_list {
  constructor self;
  const constructor* begin = nullptr;
  const constructor* end = nullptr;
};

bool look_into(constructor_list& list, const constructor* all, const constructor* end) noexcept {
  for (const constructor* c = all; c != end; ++c) {
    if (*c != list.self) continue;
    list.begin = c + 1;
    list.end = end;
    return true;
  }
  return false;
}

// Is `self` in the list of constructors of this module?
int look_for_list(::dl_phdr_info* module, std::size_t, void* raw) noexcept {
  auto& list = *static_cast<constructor_list*>(raw);
  const ElfW(Dyn)* entry = nullptr;
  for (int i = 0; i < module->dlpi_phnum; ++i)
    if (module->dlpi_phdr[i].p_type == PT_DYNAMIC)
      entry = reinterpret_cast<const ElfW(Dyn)*>(module->dlpi_addr + module->dlpi_phdr[i].p_vaddr);
  const constructor* all = nullptr;
  std::size_t bytes = 0;
  for (; entry != nullptr && entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_INIT_ARRAY)
      all = reinterpret_cast<const constructor*>(module->dlpi_addr + entry->d_un.d_ptr);
    if (entry->d_tag == DT_INIT_ARRAYSZ) bytes = entry->d_un.d_val;
  }
  return all != nullptr && look_into(list, all, all + bytes / sizeof *all) ? 1 : 0;
}

} // namespace

void call_constructors_after(constructor self, int argc, char** argv, char** environment) {
  constructor_list rest{.self = self};
  if (::dl_iterate_phdr(&look_for_list, &rest) == 0) look_into(rest, __init_array_start, __init_array_end);
  for (const constructor* c = rest.begin; c != rest.end; ++c) {
    const auto number = reinterpret_cast<std::uintptr_t>(*c);
    if (number != 0 && number != UINTPTR_MAX) (*c)(argc, argv, environment); // both mean none, by tradition
  }
}

void forget_variable(const char* name) noexcept { ::unsetenv(name); }

int take_over(int fd) noexcept {
  return quietly([&] {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -1;
    return ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  });
}

void name_this_process(const char* name) noexcept {
  quietly([&] { return ::prctl(PR_SET_NAME, name); });
}

void end_process(int code) { std::exit(code); }

void end_group() noexcept {
  if (::getpgrp() == ::getpid()) ::kill(0, SIGKILL);
  ::_exit(0);
}

} // namespace thrum::env
