// Names of addresses, by addr2line where there is one. It runs as a process of its own: what it needs is large, and a report is
// written once.
#include "env/environment.h"
#include "env/trace.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <map>
#include <memory>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace thrum::env {

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    &std::free);
  return status == 0 ? text.get() : name;
}

namespace {

// Not /proc/self: that is empty when the first thread has ended.
constexpr const char own_program[] = "/proc/thread-self/exe";

struct place {
  std::string module;
  std::uintptr_t offset = 0; // of the call, in the module's own addresses
  std::string function;      // as far as the dynamic symbols tell
};

place locate(const void* address) {
  place p;
  Dl_info info{};
  link_map* module = nullptr;
  // A return address belongs to the call before it.
  const auto* call = static_cast<const char*>(address) - 1;
  if (::dladdr1(call, &info, reinterpret_cast<void**>(&module), RTLD_DL_LINKMAP) == 0 || module == nullptr) {
    p.offset = reinterpret_cast<std::uintptr_t>(address);
    return p;
  }
  p.offset = reinterpret_cast<std::uintptr_t>(call) - module->l_addr;
  p.module = module->l_name != nullptr && module->l_name[0] != 0 ? module->l_name : own_program;
  if (info.dli_sname != nullptr) p.function = demangled(info.dli_sname);
  return p;
}

std::string resolved(const std::string& module) {
  if (module != own_program) return module;
  char path[4096];
  const ssize_t n = ::readlink(module.c_str(), path, sizeof path);
  return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : module;
}

// What a command writes to its standard output; empty if it cannot be started. At most `seconds`.
std::string output_of(const std::vector<std::string>& command, int seconds) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string text;
  if (error == 0) {
    char piece[4096];
    pollfd waiting{ends[0], POLLIN, 0};
    for (;;) {
      if (::poll(&waiting, 1, seconds * 1000) <= 0) {
        ::kill(child, SIGKILL);
        break;
      }
      const ssize_t n = ::read(ends[0], piece, sizeof piece);
      if (n <= 0) break;
      text.append(piece, static_cast<std::size_t>(n));
    }
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
  }
  ::close(ends[0]);
  return text;
}

std::string hex(std::uintptr_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%jx", static_cast<std::uintmax_t>(value));
  return text;
}

// What addr2line -a -C -f -p -i says of one address after another: "0x1139: f() at a.cc:5", and for each function that f was inlined
// into " (inlined by) g() at a.cc:9". A source line for each; the innermost first.
std::vector<std::vector<std::string>> parse(const std::string& text) {
  std::vector<std::vector<std::string>> addresses;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    constexpr const char inlined[] = " (inlined by) ";
    if (line.starts_with(inlined)) {
      line.erase(0, sizeof inlined - 1);
    } else {
      addresses.emplace_back();
      const std::size_t colon = line.find(": ");
      line.erase(0, colon == std::string::npos ? line.size() : colon + 2);
    }
    // "?? ??:0": no debug information, and no symbol.
    if (addresses.empty() || line.empty() || line.starts_with("??")) continue;
    const std::size_t unknown = line.find(" at ??:");
    if (unknown != std::string::npos) line.erase(unknown);
    const std::size_t discriminator = line.rfind(" (discriminator ");
    if (discriminator != std::string::npos) line.erase(discriminator);
    addresses.back().push_back(std::move(line));
  }
  return addresses;
}

} // namespace

std::vector<std::vector<std::string>> describe_addresses(std::span<const void* const> addresses) {
  std::vector<std::vector<std::string>> lines(addresses.size());
  std::map<std::string, std::vector<std::size_t>> by_module;
  std::vector<place> places;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    places.push_back(locate(addresses[i]));
    const place& p = places.back();
    lines[i] = {!p.function.empty() ? p.function
                : p.module.empty()  ? hex(p.offset)
                                    : resolved(p.module) + "+" + hex(p.offset)};
    if (!p.module.empty()) by_module[p.module].push_back(i);
  }
  if (is_set("THRUM_SYMBOLS", "off")) return lines;
  for (const auto& [module, indices] : by_module) {
    std::vector<std::string> command{"addr2line", "-a", "-C", "-f", "-p", "-i", "-e", resolved(module)};
    for (const std::size_t i : indices) command.push_back(hex(places[i].offset));
    std::vector<std::vector<std::string>> found = parse(output_of(command, 10));
    for (std::size_t k = 0; k < indices.size() && k < found.size(); ++k)
      if (!found[k].empty()) lines[indices[k]] = std::move(found[k]);
  }
  return lines;
}

} // namespace thrum::env
