#include "console/kit.h"

#include <algorithm>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace console_kit {

a_console::a_console() {
  char name[] = "/tmp/thrum-console-test-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp failed");
  base_ = name;
  ::setenv("XDG_RUNTIME_DIR", name, 1);
  ::setenv("THRUM_SYMBOLS", "off", 1);
}

a_console::~a_console() {
  ::unsetenv("XDG_RUNTIME_DIR");
  ::unsetenv("THRUM_SYMBOLS");
  std::error_code ignored;
  std::filesystem::remove_all(base_, ignored);
}

std::string a_console::program(const char* name) { return test::own_folder() + "/" + name; }

std::vector<std::string> a_console::files() const {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(folder(), none)) names.push_back(e.path());
  return names;
}

std::unique_ptr<test::live_child> a_console::start(const std::string& name, const char* wanted) {
  if (wanted != nullptr) ::setenv("THRUM_CONSOLE", wanted, 1);
  auto child = std::make_unique<test::live_child>(std::vector<std::string>{program(), name});
  ::unsetenv("THRUM_CONSOLE");
  EXPECT_TRUE(child->says("ready"));
  return child;
}

std::string a_console::only_path() const {
  const std::vector<std::string> all = files();
  EXPECT_EQ(all.size(), 1u);
  return all.empty() ? "" : all.front();
}

client::client(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path) throw std::runtime_error("a long path");
  path.copy(at.sun_path, path.size());
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return;
  ::close(fd_);
  fd_ = -1;
}

client::~client() {
  if (fd_ >= 0) ::close(fd_);
}

void client::say(const std::string& text) const {
  EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

void client::wait_for_much() const {
  for (int bytes = 0; bytes < 50'000; ::sched_yield())
    if (::ioctl(fd_, FIONREAD, &bytes) != 0) throw std::runtime_error("FIONREAD failed");
}

std::string client::hear_all() const {
  std::string all;
  for (char bytes[4096];;) {
    pollfd file{fd_, POLLIN, 0};
    if (::poll(&file, 1, 30'000) <= 0) return "";
    const ssize_t n = ::read(fd_, bytes, sizeof bytes);
    if (n <= 0) return all;
    all.append(bytes, static_cast<std::size_t>(n));
  }
}

std::string ask(const std::string& path, const std::string& request) {
  const client c(path);
  if (!c.connected()) return "";
  c.say(request + "\n");
  return c.hear_all();
}

console::snapshot look(const std::string& path) {
  const std::string text = ask(path, "look");
  auto s = console::read_snapshot(text);
  if (s) return *s;
  ADD_FAILURE() << s.error() << ": " << text;
  return {};
}

console::count in_state(const console::snapshot& s, const std::string& state) {
  console::count n = 0;
  for (const console::group_row& g : s.groups)
    if (g.state == state) n += g.fibers;
  return n;
}

} // namespace console_kit
