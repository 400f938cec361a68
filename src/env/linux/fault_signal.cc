#include "env/fault_signal.h"

#include "base/sanitizer.h"

#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(AT_MINSIGSTKSZ)
#define AT_MINSIGSTKSZ 51
#endif

namespace thrum::env {

namespace {

fault_explainer explainer = nullptr;
struct sigaction previous_segv;
struct sigaction previous_bus;

// The frame of a signal alone can be 12 KiB (AVX-512, AMX); the kernel says how much.
std::size_t signal_stack_bytes() noexcept {
  const std::size_t frame = ::getauxval(AT_MINSIGSTKSZ);
  return (frame + (16 << 10) + 4095) & ~std::size_t{4095};
}

void on_fault(int number, siginfo_t* info, void* context) {
  report message;
  if (info->si_code > 0 && explainer != nullptr && explainer(info->si_addr, message)) {
    message.flush();
    std::abort();
  }
  // Not ours: as if we were not here.
  const struct sigaction& previous = number == SIGBUS ? previous_bus : previous_segv;
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN &&
             previous.sa_handler != nullptr) {
    previous.sa_handler(number);
  } else {
    // The default action, for the faulting instruction, so that a core dump shows it.
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    ::sigaction(number, &standard, nullptr);
    if (info->si_code <= 0) ::raise(number); // sent by kill: would not happen again by itself
  }
}

} // namespace

void explain_faults(fault_explainer explain) noexcept {
  explainer = explain;
  struct sigaction action{};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGSEGV, &action, &previous_segv);
  ::sigaction(SIGBUS, &action, &previous_bus);
}

void prepare_thread(thread_stack& out) noexcept {
  stack_t present;
  if (::sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) != 0) {
    const std::size_t bytes = signal_stack_bytes();
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
      stack_t mine{};
      mine.ss_sp = memory;
      mine.ss_size = bytes;
      if (::sigaltstack(&mine, nullptr) == 0)
        out.signal_stack = memory;
      else
        ::munmap(memory, bytes);
    }
  }
#if THRUM_ASAN
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
    void* bottom = nullptr;
    ::pthread_attr_getstack(&attributes, &bottom, &out.size);
    out.bottom = bottom;
    ::pthread_attr_destroy(&attributes);
  }
#endif
}

void release_thread(thread_stack& s) noexcept {
  if (s.signal_stack == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
  ::munmap(s.signal_stack, signal_stack_bytes());
  s.signal_stack = nullptr;
}

void thread_name(char (&out)[16], const char* name, unsigned number) noexcept {
  std::snprintf(out, sizeof out, "%.10s/%u", name, number);
}

} // namespace thrum::env
