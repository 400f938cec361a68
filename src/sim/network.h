// network: TCP connections and UDP sockets of a simulated program, without the kernel. A run's calls on them come here from its world.
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
// Used by the worker of the run only.
#pragma once

#include "env/env.h"
#include "net/socket_address.h"
#include "sim/sockets.h"
#include "sim/traffic.h"

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace thrum::sim {

class simulator;

class network final : public protocol {
public:
  network(simulator& s, env::world& world, sockets& all, const simulated_network& how,
          std::uint64_t seed) noexcept
      : simulator_(s), world_(world), all_(all), traffic_(how, seed) {}

  int make(int family, int type) noexcept;
  void arrive(); // what is due by now
  env::nanoseconds next() const noexcept { return traffic_.next(); }

  env::readiness look(int fd) noexcept override;
  int set_option(int fd, int level, int name, const void* value, unsigned size) noexcept override;
  int get_option(int fd, int level, int name, void* value, unsigned* size) noexcept override;
  int bind(int fd, const ::sockaddr* address, unsigned size) noexcept override;
  int listen(int fd, int backlog) noexcept override;
  int accept(int fd, ::sockaddr* address, unsigned* size) noexcept override;
  int connect(int fd, const ::sockaddr* address, unsigned size) noexcept override;
  int local_address(int fd, ::sockaddr* address, unsigned* size) noexcept override;
  int peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept override;
  std::int64_t read(int fd, void* data, std::size_t size) noexcept override;
  std::int64_t write(int fd, const void* data, std::size_t size) noexcept override;
  std::int64_t receive_message(int fd, ::msghdr* message) noexcept override;
  std::int64_t send_message(int fd, const ::msghdr* message) noexcept override;
  int shutdown(int fd, int how) noexcept override;
  int close(int fd) noexcept override;

  // The same for a name in each process; no two of a program's are likely to have the same.
  static net::endpoint address_of(std::string_view name) noexcept;

  void cut(const net::endpoint& at) { traffic_.cut(at); }
  void mend(const net::endpoint& at) { traffic_.mend(at, world_.now()); }
  void break_connections(const net::endpoint& at);

private:
  struct inet_socket : socket {
    bool is_stream = true;
    enum class stage : std::uint8_t { fresh, listening, connecting, connected, broken } at = stage::fresh;
    bool is_bound = false;
    bool v6_only = false;
    bool shares_port = false;
    bool resets_on_close = false;
    net::endpoint local;
    net::endpoint peer;
    std::deque<std::pair<net::endpoint, std::string>> datagrams;
    std::size_t outstanding = 0; // written, and not yet read by the peer

    bool is_over() const noexcept { return socket::is_over() || at == stage::broken; }
  };
  using stage = inet_socket::stage;

  inet_socket* find(int fd) noexcept { return static_cast<inet_socket*>(all_.find(fd)); }
  inet_socket& add(int family, bool is_stream);
  inet_socket* listener_at(const net::endpoint& where, bool is_stream) noexcept;
  int claim(inet_socket& s, net::endpoint at);
  net::endpoint unused(const net::endpoint& at);
  void send(carried what, const inet_socket& from, std::string bytes = {});
  void answer(const parcel& p, carried what, int to, int from = -1);
  void send_bytes(const inet_socket& from, const char* data, std::size_t size);
  void break_now(inet_socket& s, int error);
  void remove(inet_socket& s) noexcept;

  void deliver(parcel& p);
  void knocks(const parcel& p);
  void welcomed(const parcel& p);
  void refused(const parcel& p);
  void bytes_arrive(parcel& p);
  void datagram_arrives(parcel& p);
  static int tell(const net::endpoint& what, ::sockaddr* address, unsigned* size) noexcept;

  simulator& simulator_;
  env::world& world_;
  sockets& all_;
  traffic traffic_;
  std::multimap<net::endpoint, int> bound_; // streams and datagrams
  std::uint16_t next_port_ = 32768;
};

} // namespace thrum::sim
