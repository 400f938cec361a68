// network: TCP connections and UDP sockets of a simulated program, without the kernel. A run's calls on sockets come here from its
// world; sockets are numbers that mean nothing to the system (env::in_ring).
//
//   connect ---- knock --->  listener: a socket for the connection, in its queue
//           <-- welcome ---                                                          or refusal
//   write   ---- bytes ---> read          each write in one to three parcels, each with a delay of its own (traffic.h)
//   close   ----- end ----> read gives 0; or reset: bytes were left unread, or come later
//
// What the kernel promises is kept, for programs rely on it: order within a connection, edges as epoll reports them, a limited number
// of bytes between the two ends, errors that are told once. What it leaves open comes from the seed: how long things take, where a
// stream is cut into reads and writes, what becomes of datagrams; and, if the rules of the simulation say so, what breaks.
//
// Used by the worker of the run only. Calls return what env::world says they return.
#pragma once

#include "env/env.h"
#include "net/socket_address.h"
#include "sim/traffic.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thrum::sim {

class simulator;

class network {
public:
  network(simulator& s, env::world& world, const simulated_network& how, std::uint64_t seed) noexcept
      : simulator_(s), world_(world), traffic_(how, seed) {}

  static bool owns(int fd) noexcept { return env::in_ring(fd); }

  int watch(int fd, void* token, std::uint16_t tag) noexcept;
  void unwatch(int fd) noexcept;
  int report(env::readiness* events, int capacity) noexcept; // what has arrived, and what became ready
  bool has_news() noexcept;
  env::nanoseconds next() const noexcept { return traffic_.next(); }
  env::readiness look(int fd) noexcept;

  int make(int family, int type) noexcept;
  int pair(int* two) noexcept;
  int set_option(int fd, int level, int name, const void* value, unsigned size) noexcept;
  int get_option(int fd, int level, int name, void* value, unsigned* size) noexcept;
  int bind(int fd, const ::sockaddr* address, unsigned size) noexcept;
  int listen(int fd, int backlog) noexcept;
  int accept(int fd, ::sockaddr* address, unsigned* size) noexcept;
  int connect(int fd, const ::sockaddr* address, unsigned size) noexcept;
  int local_address(int fd, ::sockaddr* address, unsigned* size) noexcept;
  int peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept;
  std::int64_t read(int fd, void* data, std::size_t size) noexcept;
  std::int64_t write(int fd, const void* data, std::size_t size) noexcept;
  std::int64_t receive_message(int fd, ::msghdr* message) noexcept;
  std::int64_t send_message(int fd, const ::msghdr* message) noexcept;
  std::int64_t send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept;
  int shutdown(int fd, int how) noexcept;
  int close(int fd) noexcept;

  // The same for a name in each process; no two of a program's are likely to have the same.
  static net::endpoint address_of(std::string_view name) noexcept;

  void cut(const net::endpoint& at) { traffic_.cut(at); }
  void mend(const net::endpoint& at) { traffic_.mend(at, world_.now()); }
  void break_connections(const net::endpoint& at);

private:
  struct socket {
    int number = -1;
    int family = 0;
    bool is_stream = true;
    enum class stage : std::uint8_t { fresh, listening, connecting, connected, broken } at = stage::fresh;
    bool is_bound = false;
    bool v6_only = false;
    bool shares_port = false;
    bool resets_on_close = false;
    net::endpoint local;
    net::endpoint peer;

    std::size_t backlog = 0;
    std::deque<int> arrived; // of a listener: connections that nobody has accepted
    std::deque<std::pair<net::endpoint, std::string>> datagrams;

    int other = -1; // its peer, as far as it is known; perhaps gone
    std::string in;
    std::size_t taken = 0; // of `in`
    bool in_ended = false; // by the peer
    bool in_shut = false;  // by shutdown()
    bool out_shut = false;
    std::size_t outstanding = 0; // written, and not yet read by the peer
    std::size_t buffer = 0;      // at most so many
    bool is_full = false;        // somebody wanted to write more
    int error = 0;               // a positive errno, told once
    std::map<std::pair<int, int>, int> options;

    void* token = nullptr;
    std::uint16_t tag = 0;
    bool is_watched = false;
    bool is_listed = false; // in news_
    bool in_edge = false;
    bool out_edge = false;

    std::size_t unread() const noexcept { return in.size() - taken; }
    bool is_over() const noexcept { return in_ended || in_shut || at == stage::broken; }
  };
  using stage = socket::stage;

  socket* find(int fd) noexcept;
  socket& add(int family, bool is_stream);
  socket* listener_at(const net::endpoint& where, bool is_stream) noexcept;
  int claim(socket& s, net::endpoint at);
  net::endpoint unused(const net::endpoint& at);
  void announce(socket& s, bool in, bool out);
  void send(carried what, const socket& from, std::string bytes = {});
  void answer(const parcel& p, carried what, int to, int from = -1);
  void send_bytes(const socket& from, const char* data, std::size_t size);
  void break_now(socket& s, int error);
  void remove(socket& s) noexcept;

  void arrive();
  void deliver(parcel& p);
  void knocks(const parcel& p);
  void welcomed(const parcel& p);
  void refused(const parcel& p);
  void bytes_arrive(parcel& p);
  void datagram_arrives(parcel& p);
  static int tell(const net::endpoint& what, ::sockaddr* address, unsigned* size) noexcept;

  simulator& simulator_;
  env::world& world_;
  traffic traffic_;
  std::vector<std::unique_ptr<socket>> sockets_; // by number; null: closed
  std::multimap<net::endpoint, int> bound_;      // streams and datagrams
  std::deque<int> news_;                         // has an edge to report
  std::uint16_t next_port_ = 32768;
};

} // namespace thrum::sim
