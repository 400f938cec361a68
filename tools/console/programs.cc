#include "programs.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <thrum/io/directory.h>
#include <thrum/limit.h>
#include <thrum/net/unix.h>

#include <sys/stat.h>
#include <unistd.h>

namespace console {

using namespace std::chrono_literals;
using thrum::net::unix_stream;

namespace {

constexpr auto time_to_look = 4s;
constexpr std::size_t longest_answer = std::size_t{64} << 20;

bool means_gone(const thrum::io::error& e) {
  return e == std::errc::connection_refused || e == std::errc::no_such_file_or_directory;
}

std::unexpected<trouble> no_answer(const thrum::io::error& e) {
  if (e == thrum::io::errc::deadline) return std::unexpected(trouble{false, "the program does not answer"});
  return std::unexpected(trouble{means_gone(e), e.message()});
}

bool is_own_folder(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid();
}

bool is_dead(std::int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH; }

// "4711.sock" gives 4711; anything else 0.
std::int64_t number_in(const std::string& file) {
  constexpr std::string_view end = ".sock";
  if (!file.ends_with(end)) return 0;
  std::int64_t pid = 0;
  const char* last = file.data() + file.size() - end.size();
  const auto [at, error] = std::from_chars(file.data(), last, pid);
  return error == std::errc() && at == last && pid > 0 ? pid : 0;
}

} // namespace

std::expected<std::string, trouble> ask(const std::string& path, const std::string& request,
                                        std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  const auto stream = unix_stream::connect(path, until);
  if (!stream) return no_answer(stream.error());
  if (const auto sent = stream->write_all(request + "\n", until); !sent) return no_answer(sent.error());
  std::string answer;
  for (char bytes[16 << 10]; answer.size() < longest_answer;) {
    const auto n = stream->read_some(bytes, until);
    if (!n) return no_answer(n.error());
    if (*n == 0) break;
    answer.append(bytes, *n);
  }
  if (!answer.ends_with('\n'))
    return std::unexpected(trouble{false, "the program has ended its answer early"});
  if (answer.starts_with("error: ")) {
    answer.pop_back();
    return std::unexpected(trouble{false, "the program answers: " + answer.substr(7)});
  }
  return answer;
}

std::expected<snapshot, trouble> look_at(const std::string& path) {
  const auto answer = ask(path, "look", time_to_look);
  if (!answer) return std::unexpected(answer.error());
  auto s = read_snapshot(*answer);
  if (!s) return std::unexpected(trouble{false, s.error()});
  return std::move(*s);
}

std::vector<std::string> folders() {
  const std::string user = std::to_string(::geteuid());
  std::vector<std::string> all;
  const auto add = [&](const std::string& path) {
    if (std::find(all.begin(), all.end(), path) == all.end() && is_own_folder(path)) all.push_back(path);
  };
  // A program may have been started with another environment than ours.
  if (const char* base = std::getenv("XDG_RUNTIME_DIR"); base != nullptr && *base != '\0')
    add(std::string(base) + "/thrum");
  add("/run/user/" + user + "/thrum");
  add("/tmp/thrum-" + user);
  return all;
}

std::vector<program> find_programs() {
  std::vector<program> found;
  for (const std::string& folder : folders()) {
    const auto entries = thrum::io::entries(folder);
    if (!entries) continue;
    for (const thrum::io::directory_entry& e : *entries) {
      const std::int64_t pid = number_in(e.path().filename().string());
      if (pid == 0) continue;
      const auto stream = unix_stream::connect(e.path().string(), 1s);
      if (!stream && stream.error() == std::errc::connection_refused && is_dead(pid))
        ::unlink(e.path().c_str()); // or it is about to listen
      else if (stream || !means_gone(stream.error()))
        found.push_back({e.path().string(), pid});
    }
  }
  std::sort(found.begin(), found.end(), [](const program& x, const program& y) { return x.pid < y.pid; });
  return found;
}

std::vector<program_row> ask_all(const std::vector<program>& programs) {
  return thrum::map_limit(16, programs, [](const program& p) {
    const auto s = look_at(p.path);
    program_row row;
    row.pid = p.pid;
    if (!s) {
      row.trouble = s.error().why;
      return row;
    }
    row.up = s->up;
    row.command = s->command;
    for (const runtime_row& r : s->runtimes) row.fibers += r.spawned - r.finished;
    return row;
  });
}

} // namespace console
