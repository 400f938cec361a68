// sockets: what a simulated program has open beside its files, by number, and which of it became ready. The numbers mean nothing to
// the system (env::in_ring), and none comes twice in a run. What a call on one does is up to the protocol that made it: network.h, local.h.
//
// Used by the worker of the run only.
#pragma once

#include "env/env.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct iovec;
struct msghdr;
struct sockaddr;

namespace thrum::sim {

// The calls return what env::world says they return. `fd` is of a socket that the protocol has made, or of none.
class protocol {
public:
  virtual env::readiness look(int fd) noexcept = 0;
  virtual int set_option(int fd, int level, int name, const void* value, unsigned size) noexcept = 0;
  virtual int get_option(int fd, int level, int name, void* value, unsigned* size) noexcept = 0;
  virtual int bind(int fd, const ::sockaddr* address, unsigned size) noexcept = 0;
  virtual int listen(int fd, int backlog) noexcept = 0;
  virtual int accept(int fd, ::sockaddr* address, unsigned* size) noexcept = 0;
  virtual int connect(int fd, const ::sockaddr* address, unsigned size) noexcept = 0;
  virtual int local_address(int fd, ::sockaddr* address, unsigned* size) noexcept = 0;
  virtual int peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept = 0;
  virtual std::int64_t read(int fd, void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t write(int fd, const void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t receive_message(int fd, ::msghdr* message) noexcept = 0;
  virtual std::int64_t send_message(int fd, const ::msghdr* message) noexcept = 0;
  virtual int shutdown(int fd, int how) noexcept = 0;
  virtual int close(int fd) noexcept = 0;

protected:
  ~protocol() = default;

  // read() and write() of whole messages.
  std::int64_t receive_one(int fd, void* data, std::size_t size) noexcept;
  std::int64_t send_one(int fd, const void* data, std::size_t size) noexcept;
};

// Bytes that have arrived, and that nobody has read.
class unread_bytes {
public:
  std::size_t size() const noexcept { return bytes_.size() - taken_; }
  void add(std::string_view more) { bytes_ += more; }
  std::size_t take(void* into, std::size_t most) noexcept; // how many

private:
  std::string bytes_;
  std::size_t taken_ = 0;
};

// What every protocol keeps of one. It adds its addresses, and datagrams.
struct socket {
  virtual ~socket() = default;

  bool is_over() const noexcept { return in_ended || in_shut; } // nothing comes behind what is there
  // An option that has a number. A size of the buffer becomes that.
  void set(int level, int name, int to);
  int get(int level, int name); // an error is told once

  int number = -1;
  protocol* made_by = nullptr;
  int family = 0;

  std::size_t backlog = 0; // of a listener
  std::deque<int> arrived; // of a listener: connections that nobody has accepted

  int other = -1; // its peer, as far as it is known; perhaps gone
  unread_bytes in;
  bool in_ended = false; // by the peer
  bool in_shut = false;  // by shutdown()
  bool out_shut = false;
  std::size_t buffer = 0; // at most so many bytes are written and not yet read
  bool is_full = false;   // somebody wanted to write more
  int error = 0;          // a positive errno, told once
  std::map<std::pair<int, int>, int> options;

private:
  friend class sockets;
  void* token = nullptr;
  std::uint16_t tag = 0;
  bool is_watched = false;
  bool is_listed = false; // in news_
  bool in_edge = false;
  bool out_edge = false;
};

class sockets {
public:
  static bool owns(int fd) noexcept { return env::in_ring(fd); }

  socket* find(int fd) noexcept; // null: closed
  void add(std::unique_ptr<socket> s, protocol& by);
  void remove(int fd) noexcept;
  const std::vector<std::unique_ptr<socket>>& all() const noexcept { return sockets_; } // null: closed

  int watch(int fd, void* token, std::uint16_t tag) noexcept;
  void unwatch(int fd) noexcept;
  void announce(socket& s, bool in, bool out);
  bool have_news() const noexcept { return !news_.empty(); }
  int report(env::readiness* events, int capacity) noexcept;

private:
  std::vector<std::unique_ptr<socket>> sockets_; // by number
  std::deque<int> news_;                         // has an edge to report
};

// All parts of a message, one behind the other; and the way back, which returns how many bytes fitted.
std::string gathered(const ::msghdr& message);
std::int64_t scatter(std::string_view bytes, ::msghdr& message) noexcept;

// The number that an option is to be set to; and one for who asks (0).
int option_number(const void* value, unsigned size) noexcept;
int give_number(int number, void* value, unsigned* size) noexcept;

} // namespace thrum::sim
