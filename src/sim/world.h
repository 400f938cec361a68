// world: the outside of a simulated program. Threads, memory and files are real; time, sockets and pipes are not; and what would bring
// in the decisions of others (children, signals, descriptors of the system) ends the program with a sentence.
#pragma once

#include "base/atomic.h"
#include "env/forwarding_world.h"
#include "sim/chance.h"
#include "sim/disk.h"
#include "sim/local.h"
#include "sim/network.h"
#include "sim/sockets.h"

namespace thrum::sim {

class simulator;

class world final : public env::forwarding_world {
public:
  // Not 0, which means "never" here and there; and far from what the real clock says in most processes.
  static constexpr env::nanoseconds beginning = 1'000'000'000'000'000;

  world(simulator& s, const simulation_options& o, std::uint64_t seed) noexcept;

  env::nanoseconds now() noexcept override {
    return now_.load(std::memory_order_relaxed); // relaxed: the worker's own; others know that it has ended
  }
  void jump(env::nanoseconds to) noexcept { now_.store(to, std::memory_order_relaxed); } // relaxed: as above
  network& net() noexcept { return network_; }
  std::uint64_t random(env::stream which) noexcept override;
  env::topology cpus() noexcept override { return {.processors = 1, .cpus = 1}; }
  void set_time_slice(int, env::nanoseconds) noexcept override {}
  void wait_word(const void* word, std::uint32_t expected, env::nanoseconds deadline) noexcept override;

  int open_poller(env::poller** out) noexcept override;
  void close_poller(env::poller*) noexcept override {}
  int poll(env::poller*, env::readiness*, int, env::nanoseconds deadline) noexcept override;
  void kick(env::poller*) noexcept override;
  bool has_events(env::poller*) noexcept override { return sockets_.have_news() || network_.next() <= now(); }

  int watch(env::poller*, int fd, void* token, std::uint16_t tag) noexcept override;
  void unwatch(env::poller*, int fd) noexcept override { sockets_.unwatch(fd); }
  env::readiness look(int fd) noexcept override;
  int socket(int family, int type, int protocol, env::poller* beyond) noexcept override;
  int set_option(int fd, int level, int name, const void* value, unsigned size) noexcept override;
  int get_option(int fd, int level, int name, void* value, unsigned* size) noexcept override;
  int bind(int fd, const ::sockaddr* address, unsigned size) noexcept override;
  int listen(int fd, int backlog) noexcept override;
  int accept(int fd, ::sockaddr* address, unsigned* size, env::poller* beyond) noexcept override;
  int connect(int fd, const ::sockaddr* address, unsigned size) noexcept override;
  int local_address(int fd, ::sockaddr* address, unsigned* size) noexcept override;
  int peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept override;
  std::int64_t read(int fd, void* data, std::size_t size) noexcept override;
  std::int64_t write(int fd, const void* data, std::size_t size) noexcept override;
  std::int64_t read_vector(int fd, const ::iovec* parts, int count) noexcept override;
  std::int64_t write_vector(int fd, const ::iovec* parts, int count) noexcept override;
  std::int64_t receive_message(int fd, ::msghdr* message, int flags) noexcept override;
  std::int64_t send_message(int fd, const ::msghdr* message, int flags) noexcept override;
  std::int64_t send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept override;
  int shutdown(int fd, int how) noexcept override;
  int identify_socket(const char* path, env::file_identity* out) noexcept override;
  int remove_socket(const char* path, const env::file_identity& which) noexcept override;
  int set_socket_mode(const char* path, unsigned mode) noexcept override;
  int close(int fd) noexcept override;

  int socket_pair(int family, int type, int* two) noexcept override;
  int make_pipe(int ends[2]) noexcept override;
  int facts_of(int fd, env::file_facts* out) noexcept override;
  int open_file(const char* path, int flags, unsigned permissions, bool now) noexcept override;
  std::int64_t read_at(int fd, void* data, std::size_t size, std::int64_t offset, bool now) noexcept override;
  std::int64_t write_at(int fd, const void* data, std::size_t size, std::int64_t offset) noexcept override;
  int truncate(int fd, std::int64_t size) noexcept override;
  int sync(int fd, bool data_only) noexcept override;
  int rename_file(const char* from, const char* to) noexcept override;

  int look_up(const char* host, const char* service, address_taker take, void* to) noexcept override;
  int open_events() noexcept override;
  int start_child(const env::child_plan& plan, env::child* out) noexcept override;
  int open_signals(std::uint64_t numbers, env::signal_seat** out, int* event) noexcept override;

private:
  protocol& of(int fd) noexcept;

  simulator& simulator_;
  sockets sockets_;
  network network_;
  local local_;
  disk disk_;
  chance user_;
  chance other_;
  base::atomic<env::nanoseconds> now_{beginning};
  base::atomic<std::uint32_t> kicked_{0};
};

} // namespace thrum::sim
