#include <signal.h>
#include <string>

#include <thrum/process.h>

namespace thrum {

namespace {

const char* name_of(int signal) noexcept {
  switch (signal) {
  case SIGHUP: return "SIGHUP";
  case SIGINT: return "SIGINT";
  case SIGQUIT: return "SIGQUIT";
  case SIGILL: return "SIGILL";
  case SIGTRAP: return "SIGTRAP";
  case SIGABRT: return "SIGABRT";
  case SIGBUS: return "SIGBUS";
  case SIGFPE: return "SIGFPE";
  case SIGKILL: return "SIGKILL";
  case SIGUSR1: return "SIGUSR1";
  case SIGSEGV: return "SIGSEGV";
  case SIGUSR2: return "SIGUSR2";
  case SIGPIPE: return "SIGPIPE";
  case SIGALRM: return "SIGALRM";
  case SIGTERM: return "SIGTERM";
  case SIGXCPU: return "SIGXCPU";
  case SIGXFSZ: return "SIGXFSZ";
  case SIGSYS: return "SIGSYS";
  default: return nullptr;
  }
}

} // namespace

std::string exit_status::to_string() const {
  if (signal == 0) return "exited with " + std::to_string(code);
  const char* name = name_of(signal);
  return "killed by " + (name != nullptr ? std::string(name) : "signal " + std::to_string(signal)) +
         (core_dumped ? " (core dumped)" : "");
}

} // namespace thrum
