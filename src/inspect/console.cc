// THRUM_CONSOLE: a thread that answers who asks what the process does.
//
// A thread of its own, so that it answers also while every processor is kept by fibers that compute or block. It sleeps in the kernel until
// somebody connects: an idle program wakes up no more often than without it. Whoever connects asks one question, a line, and reads the
// answer to its end; so one after the other is served, and nobody keeps the console for longer than it takes, or than the limits below.
//
//   look    one line of JSON (look.cc)
//   dump    what dump() says
//
// Anything else, and what goes wrong, is answered with a line that begins with "error: ".
//
// The file of the socket is for this user alone: mode 0600, before anybody can connect, in a folder that nobody else can use. Where
// the program was given another path, the kernel is asked for each connection whose process is at the other end.
//
// It begins with the first runtime and ends in exit(). A process that is killed leaves its file: nobody answers there, so thrum-console
// passes it over, and a later program takes its place.
#include "inspect/console.h"

#include "base/atomic.h"
#include "env/environment.h"
#include "env/local_service.h"
#include "env/panic.h"
#include "env/process.h"
#include "sched/inspector.h"
#include "sched/worker.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <thrum/inspect.h>

namespace thrum::inspect {

namespace {

constexpr env::nanoseconds request_limit = 1'000'000'000;     // a program that asks does so at once
constexpr env::nanoseconds reading_limit = 2'000'000'000;     // and reads on
constexpr env::nanoseconds without_descriptors = 100'000'000; // between tries to accept
constexpr std::size_t longest_request = 32;

constinit base::atomic<int> the_thread{0};

// Why nobody can watch, and what to do about it.
struct refusal {
  std::string cause;
  std::string remedy;
};

std::string reason(int error) { return std::generic_category().message(-error); }

std::string in_place_of(std::string path, const char* what, const std::string& value) {
  if (const std::size_t at = path.find(what); at != path.npos) path.replace(at, std::strlen(what), value);
  return path;
}

std::string usual_folder() {
  const char* base = env::variable("XDG_RUNTIME_DIR");
  const bool has_base = base != nullptr && *base != '\0';
  const std::string path =
      has_base ? std::string(base) + "/thrum" : "/tmp/thrum-" + std::to_string(env::this_user());
  const std::string elsewhere = "set THRUM_CONSOLE=/path/of.sock, in a folder of yours";
  int error = 0;
  switch (env::make_own_folder(path.c_str(), &error)) {
  case env::folder_state::own: break;
  case env::folder_state::of_another: throw refusal{"the folder " + path + " is another user's", elsewhere};
  case env::folder_state::no_folder: throw refusal{path + " is no folder", "remove it, or " + elsewhere};
  case env::folder_state::open_to_others:
    throw refusal{"other users can use the folder " + path, "chmod 700 " + path};
  case env::folder_state::failed:
    throw refusal{"the folder " + path + " cannot be made: " + reason(error),
                  has_base ? "set XDG_RUNTIME_DIR to a folder of yours, or unset it" : elsewhere};
  }
  return path;
}

std::string path_of(std::string_view wanted) {
  const std::string number = std::to_string(env::this_process());
  if (wanted == "1") return usual_folder() + "/" + number + ".sock";
  if (wanted.find('/') == wanted.npos)
    throw refusal{"its value is '" + std::string(wanted) + "'", "set it to 1, or to a path with a / in it"};
  return in_place_of(std::string(wanted), "%p", number);
}

struct socket_address {
  sockaddr_un address{};
  unsigned size = sizeof(sockaddr_un);

  explicit socket_address(const std::string& path) {
    if (path.size() >= sizeof address.sun_path)
      throw refusal{"the path " + path + " has " + std::to_string(path.size()) + " bytes",
                    "that of a socket has at most " + std::to_string(sizeof address.sun_path - 1)};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  }
  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&address); }
};

class own_socket {
public:
  own_socket(env::world& world, int fd) noexcept : world_(world), fd_(fd) {}
  ~own_socket() {
    if (fd_ >= 0) world_.close(fd_);
  }
  own_socket(const own_socket&) = delete;
  own_socket& operator=(const own_socket&) = delete;
  int fd() const noexcept { return fd_; }

private:
  env::world& world_;
  const int fd_;
};

class console {
public:
  explicit console(std::string_view wanted) : path_(path_of(wanted)), listener_(world_, open()) {
    const int error = world_.start_thread(&thread_, "thrum-console", env::world::small_stack, &main, this);
    if (error == 0) return;
    world_.remove_socket(path_.c_str(), file_);
    throw refusal{"there is no thread to answer with: " + reason(error),
                  "the limit of threads may be reached: ulimit -u, or pids.max of the cgroup"};
  }

  ~console() {
    if (env::this_process() != process_) return; // a copy, made by fork(): thread and file are the original's
    the_thread.store(0, std::memory_order_relaxed); // relaxed: a census counts it as unknown from here on
    ending_.store(1, std::memory_order_relaxed);    // relaxed: a flag; the thread is joined
    world_.shutdown(listener_.fd(), SHUT_RDWR);
    world_.wake_word(&ending_, 1);
    world_.join_thread(thread_);
    world_.remove_socket(path_.c_str(), file_);
  }

  console(const console&) = delete;
  console& operator=(const console&) = delete;

private:
  // A socket that listens at the path, with a file for this user alone.
  int open() {
    const socket_address at(path_);
    const int fd = world_.socket(AF_UNIX, SOCK_STREAM, 0, nullptr);
    const auto check = [&](int error) {
      if (error >= 0) return;
      if (fd >= 0) world_.close(fd);
      throw refusal{"no socket at " + path_ + ": " + reason(error),
                    "set THRUM_CONSOLE to another path, in a folder that is there and yours"};
    };
    check(fd);
    int error = world_.bind(fd, at.raw(), at.size);
    if (error == -EADDRINUSE) {
      if (!remove_stale(at)) {
        world_.close(fd);
        throw refusal{path_ + " is in use",
                      "give each program its own: THRUM_CONSOLE=1, or a path with %p, which is its number"};
      }
      error = world_.bind(fd, at.raw(), at.size);
    }
    check(error);
    check(world_.identify_socket(path_.c_str(), &file_));
    check(world_.set_socket_mode(path_.c_str(), 0600));
    check(world_.listen(fd, 16));
    return fd;
  }

  // True: nobody answered there, and the file is gone.
  bool remove_stale(const socket_address& at) noexcept {
    env::file_identity seen;
    if (world_.identify_socket(path_.c_str(), &seen) != 0) return false; // no socket
    const own_socket probe(world_, world_.socket(AF_UNIX, SOCK_STREAM, 0, nullptr));
    if (probe.fd() < 0 || world_.connect(probe.fd(), at.raw(), at.size) != -ECONNREFUSED) return false;
    return world_.remove_socket(path_.c_str(), seen) == 0;
  }

  static void main(void* raw) noexcept { static_cast<console*>(raw)->serve(); }

  bool ending() const noexcept {
    return ending_.load(std::memory_order_relaxed) != 0; // relaxed: a flag; the thread is joined
  }

  void serve() noexcept {
    const int number = world_.this_thread();
    the_thread.store(number, std::memory_order_relaxed); // relaxed: until then, we are one too many
    world_.set_time_slice(number, sched::worker::short_slice);
    while (!ending()) {
      if (wait(listener_.fd(), false, env::forever) != 0) continue; // it ends
      const own_socket asks(world_, world_.accept(listener_.fd(), nullptr, nullptr, nullptr));
      if (asks.fd() >= 0)
        answer(asks.fd());
      else // gone already; or no descriptor is left, and the next call would say so at once
        world_.wait_word(&ending_, 0, world_.now() + without_descriptors);
    }
  }

  int wait(int fd, bool to_write, env::nanoseconds deadline) const noexcept {
    return env::wait_for_socket(fd, to_write, listener_.fd(), deadline);
  }

  void answer(int fd) const noexcept {
    try {
      if (env::user_of_peer(fd) != std::int64_t{env::this_user()})
        return send(fd, "error: this program is another user's\n");
      const std::optional<std::string> request = read_request(fd);
      if (!request) return;
      if (*request == "look") return send(fd, look(began_));
      if (*request == "dump") return send(fd, dump());
      send(fd, "error: the console answers \"look\" and \"dump\"\n");
    } catch (const std::bad_alloc&) {
      send(fd, "error: the program has no memory to look with\n");
    } catch (const std::exception&) { send(fd, "error: the program cannot look\n"); }
  }

  // A line, without its end. Nothing: it did not come.
  std::optional<std::string> read_request(int fd) const {
    const env::nanoseconds deadline = world_.now() + request_limit;
    std::string line;
    while (line.size() <= longest_request) {
      if (wait(fd, false, deadline) != 0) return std::nullopt;
      char bytes[longest_request];
      const std::int64_t n = world_.read(fd, bytes, sizeof bytes);
      if (n == -EAGAIN) continue;
      if (n <= 0) return std::nullopt;
      line.append(bytes, static_cast<std::size_t>(n));
      if (const std::size_t end = line.find('\n'); end != line.npos) return line.substr(0, end);
    }
    return "";
  }

  void send(int fd, std::string_view text) const noexcept {
    while (!text.empty()) {
      const std::int64_t n = world_.write(fd, text.data(), text.size());
      if (n > 0)
        text.remove_prefix(static_cast<std::size_t>(n));
      else if (n != -EAGAIN || wait(fd, true, world_.now() + reading_limit) != 0)
        return; // who asked has gone, or does not read
    }
  }

  env::world& world_ = env::linux_world();
  const int process_ = env::this_process();
  const env::nanoseconds began_ = world_.now();
  const std::string path_;
  env::file_identity file_;
  own_socket listener_;
  base::atomic<std::uint32_t> ending_{0}; // a word to sleep on
  std::uintptr_t thread_ = 0;
};

// From the first runtime to the end of the process, if THRUM_CONSOLE asks for it.
class wanted_console {
public:
  wanted_console() noexcept {
    const char* wanted = env::variable("THRUM_CONSOLE");
    if (wanted == nullptr || *wanted == '\0' || std::strcmp(wanted, "0") == 0) return;
    try {
      console_.emplace(wanted);
    } catch (const refusal& r) {
      complain(r.cause.c_str(), r.remedy.c_str());
    } catch (const std::exception& e) { complain(e.what(), "try again"); }
  }

private:
  static void complain(const char* cause, const char* remedy) noexcept {
    env::report()
        .text("thrum: THRUM_CONSOLE: nobody can watch this program: ")
        .text(cause)
        .text("; ")
        .text(remedy)
        .text("\n")
        .flush();
  }

  std::optional<console> console_;
};

} // namespace

int console_thread() noexcept { return the_thread.load(std::memory_order_relaxed); } // relaxed: a number

} // namespace thrum::inspect

void thrum::sched::begin_console_if_wanted() noexcept {
  static const thrum::inspect::wanted_console whole_process;
}
