// More connections than descriptors, in numbers: `idle_connections [connections] [descriptors]`. A server in this process, its clients
// in another, each with so many descriptors at most; when all are connected and idle, it is said what they take, and then each is
// asked for an echo. Fails if one is not answered.
#include <thrum/net/serve.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace thrum;
using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point t) {
  return std::chrono::duration<double>(clock_type::now() - t).count();
}

unsigned open_descriptors() {
  DIR* dir = ::opendir("/proc/self/fd");
  unsigned n = 0;
  if (dir == nullptr) return 0; // there is none left for it
  while (::readdir(dir) != nullptr) ++n;
  ::closedir(dir);
  return n - 3; // ".", "..", and this one
}

// The file is opened while there is a descriptor for it.
const int about_us = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);

long resident_kib() {
  char text[4096] = {};
  if (::pread(about_us, text, sizeof text - 1, 0) <= 0) return 0;
  const char* line = std::strstr(text, "VmRSS:");
  return line != nullptr ? std::atol(line + 6) : 0;
}

void must(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::_Exit(1);
}

// Waits for one byte of the other process; called where blocking harms nobody.
char hear(int from) {
  char c = 0;
  must(::read(from, &c, 1) == 1, "the other process");
  return c;
}
void say(int to) { must(::write(to, "x", 1) == 1, "the other process"); }

constexpr unsigned at_a_time = 64;

int clients(unsigned n, unsigned short port, int from, int to) {
  std::atomic<unsigned> unanswered{0};
  run([&] {
    std::vector<net::tcp_stream> all(n);
    const auto for_all = [&](auto act) {
      std::vector<fiber<void>> parts;
      for (unsigned k = 0; k < at_a_time; ++k)
        parts.push_back(spawn([&, k] {
          for (unsigned i = k; i < n; i += at_a_time) act(i);
        }));
      for (auto& p : parts) p.join();
    };
    for_all(
        [&](unsigned i) { // an address has some 28,000 ports, and searching one takes long when few are left
          const auto last = static_cast<unsigned char>(1 + i / 5'000);
          all[i] =
              net::tcp_stream::connect(net::endpoint(net::endpoint::v4_bytes{127, 0, 0, last}, port)).value();
        });
    say(to);
    blocking([&] { return hear(from); });
    for_all([&](unsigned i) {
      char back[4];
      if (!all[i].write_all("word") || !all[i].read_exactly(back) || std::memcmp(back, "word", 4) != 0)
        ++unanswered;
    });
    say(to);
    blocking([&] { return hear(from); });
  });
  return unanswered == 0 ? 0 : 1;
}

void serve(unsigned n, int from, int to) {
  run([&] {
    net::server server;
    const auto listener = net::tcp_listener::listen("0.0.0.0:0").value();
    const unsigned short port = listener.local_address().value().port();
    must(::write(to, &port, sizeof port) == sizeof port, "the other process");
    std::atomic<unsigned> without{0};
    const long before = resident_kib();
    const auto begin = clock_type::now();
    auto serving = spawn([&] {
      server
          .serve(listener,
                 [&](const net::tcp_stream& s) {
                   if (s.native() < 0) ++without;
                   char buffer[64];
                   while (auto got = s.read_some(buffer))
                     if (*got == 0 || !s.write_all({buffer, *got})) return;
                 })
          .value();
    });
    blocking([&] { return hear(from); });
    while (server.connections() < n) this_fiber::sleep_for(std::chrono::milliseconds(1));
    const double connected = seconds_since(begin);
    std::printf(
        "%zu connections after %.2f s, %u of them without a descriptor; %ld KiB resident before, %ld now: "
        "%.2f KiB each (the kernel's own is not in it)\n",
        server.connections(), connected, without.load(), before, resident_kib(),
        static_cast<double>(resident_kib() - before) / n);
    const auto asked = clock_type::now();
    say(to);
    blocking([&] { return hear(from); });
    std::printf("all asked for an echo within %.2f s; shed: %llu\n", seconds_since(asked),
                static_cast<unsigned long long>(server.shed()));
    must(server.shed() == 0, "a connection");
    say(to);
    must(server.drain(), "the end");
    serving.join();
  });
  std::printf("descriptors open at the end: %u\n", open_descriptors());
}

} // namespace

int main(int argc, char** argv) {
  const unsigned n = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 1'000;
  const rlim_t descriptors = argc > 2 ? static_cast<rlim_t>(std::atoi(argv[2])) : 200;
  const rlimit limit{descriptors, descriptors}; // for good: also the hard one
  must(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  int there[2];
  int back[2];
  must(::pipe(there) == 0 && ::pipe(back) == 0, "pipe");
  const pid_t child = ::fork();
  must(child >= 0, "fork");
  if (child == 0) {
    unsigned short port = 0;
    must(::read(there[0], &port, sizeof port) == sizeof port, "the other process");
    std::_Exit(clients(n, port, there[0], back[1]));
  }
  serve(n, back[0], there[1]);
  int status = 0;
  must(::waitpid(child, &status, 0) == child, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
