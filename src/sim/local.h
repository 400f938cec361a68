// local: Unix sockets and pipes of a simulated program. Both ends are in the program, and what one writes lies with the other at once, as
// the kernel has it: no delays, and nothing breaks. What it leaves open comes from the seed: how much of a long write it takes.
//
//   connect ----> listener: the other end, connected, in its queue; EAGAIN while that is full
//   write ------> unread bytes of the other end; at most so many, as in the network
//   close ------> read gives 0, or ECONNRESET if bytes were left unread; write fails with EPIPE
//
// Names are of the run, and in no file system, also where they look like paths: no directory needs to be there. As there, a path stays
// when its socket is gone, until somebody removes it; an abstract name does not.
//
// Used by the worker of the run only.
#pragma once

#include "env/env.h"
#include "sim/chance.h"
#include "sim/sockets.h"

#include <deque>
#include <map>
#include <string>
#include <thrum/net/unix.h>
#include <utility>

namespace thrum::sim {

class local final : public protocol {
public:
  // `buffer`: bytes in a direction that were written and not yet read.
  local(env::world& real, sockets& all, std::size_t buffer, std::uint64_t seed) noexcept;

  int make(int type) noexcept;
  int make_pair(int type, int* two) noexcept;
  int make_pipe(int* ends) noexcept;
  int identify(const char* path, env::file_identity* out) const noexcept;
  int remove_name(const char* path, const env::file_identity& which) noexcept;

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

private:
  enum class kind : std::uint8_t { stream, datagram, reader, writer }; // the last two: of a pipe
  struct end : socket {
    kind what = kind::stream;
    enum class stage : std::uint8_t { fresh, listening, connected } at = stage::fresh;
    net::unix_address name;
    net::unix_address peer_name; // of a datagram socket: of the one that it sends to, as is `other`
    std::deque<std::pair<net::unix_address, std::string>> datagrams; // who sent them, and what

    bool is_pipe() const noexcept { return what == kind::reader || what == kind::writer; }
    std::size_t room_behind(const end& peer) const noexcept {
      return buffer > peer.in.size() ? buffer - peer.in.size() : 0;
    }
  };
  using stage = end::stage;
  struct named {
    int number = -1; // -1: its socket is gone
    std::uint64_t identity = 0;
  };

  end* find(int fd) noexcept { return static_cast<end*>(all_.find(fd)); }
  end& add(kind what);
  void join(end& one, end& other);
  end* live_at(const net::unix_address& name, kind what, int& error) noexcept;
  bool takes(const end& receiver) const noexcept;
  void tell_senders(const end& receiver) noexcept;
  void leave(end& e, bool was_accepted) noexcept;
  static int tell(const net::unix_address& name, ::sockaddr* address, unsigned* size) noexcept;

  env::world& real_;
  sockets& all_;
  const std::size_t buffer_;
  chance chance_;
  std::map<net::unix_address, named> names_;
  std::uint64_t bound_ = 0;
};

} // namespace thrum::sim
