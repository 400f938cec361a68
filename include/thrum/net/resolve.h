// resolve: the addresses that belong to a name. A fiber that has to wait for them parks; a thread blocks.
//
//   auto where = thrum::net::resolve("example.com", 443, 5s);  // std::expected: an error or a std::vector<endpoint>
//   if (!where) return report(where.error().message());        // "resolve example.com: name or service not known"
//   for (const thrum::net::endpoint& e : *where) report(e.to_string());
//   auto same = thrum::net::resolve("example.com:https");      // the port, or the name of a service, in the text
//   thrum::net::resolver().clear();                            // forget what is known
//
// Who wants a connection needs none of this: tcp_stream::connect("example.com:443") asks, and tries the addresses (net/tcp.h).
//
// Whom it asks           Numeric addresses answer themselves, "localhost" and what ends in ".localhost" are [::1] and 127.0.0.1 (RFC
//                        6761), and a few well-known services (http, https, ssh, smtp, ...) are known; else the system: getaddrinfo(3),
//                        and so /etc/hosts, DNS and what nsswitch.conf(5) says. Addresses come in its order, the best first.
// What the caller owes   Nothing.
// What is guaranteed     A name is looked up once, however many ask for it meanwhile, and what comes out, an address or a failure,
//                        is kept for a short time (resolver_options); nothing of it is kept when memory, descriptors or the name
//                        server failed. Not more lookups than resolver_options.at_a_time go on; the others wait for their turn,
//                        first come, first served.
// Deadline, stop         end the wait, although getaddrinfo cannot be interrupted: the lookup goes on in a fiber of the default
//                        runtime, and what it finds is kept for the next who asks. One that has not begun, and for which nobody
//                        waits any more, is dropped. What is known is said, although the deadline has passed or a stop was requested.
// May park               resolve.
// Happens-before         nothing.
// When it dies           A name_resolver may be destroyed while lookups go on, but not while anybody waits in resolve.
// Errors                 io::result (io/error.h): resolve_errc; io::errc::deadline; io::errc::not_an_endpoint for a text without a
//                        port; of the system: too_many_files_open, not_enough_memory. `cancelled` is thrown from waits of a
//                        fiber that was asked to stop. std::bad_alloc.
// Cost                   what is known: about 300 ns; a lookup: what getaddrinfo takes, a fiber with a stack of 1 MiB, of which only what
//                        is touched is memory, and a thread while it lasts.
// Source of the idea     Go's net.Resolver and its limit of lookups that hold threads; nscd for keeping failures, too.
#pragma once

#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/net/endpoint.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

namespace thrum::net {

enum class resolve_errc {
  not_known = 1, // nobody has that name; compares equal to std::errc::host_unreachable
  no_address,    // the name is known, but has no address; the same
  no_answer, // no name server has answered; later one may; equal to std::errc::resource_unavailable_try_again
  refused,   // the name servers answer, but not this
  unknown_service, // the name of the port; equal to std::errc::invalid_argument
  failed           // another failure of the system's resolver
};

const std::error_category& resolve_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(resolve_errc e) noexcept {
  return {static_cast<int>(e), resolve_category()};
}

struct resolver_options {
  unsigned at_a_time = 16;                       // lookups; each holds a thread
  std::size_t names = 1024;                      // that are kept; 0: none
  std::chrono::milliseconds keep{30'000};        // addresses; the system does not say how long they are good
  std::chrono::milliseconds keep_failure{3'000}; // that there is none
};

class name_resolver {
public:
  explicit name_resolver(const resolver_options& options = {});
  ~name_resolver();
  name_resolver(const name_resolver&) = delete;
  name_resolver& operator=(const name_resolver&) = delete;

  // The endpoints at that host ("example.com", "::1", "10.0.0.1"), at least one.
  io::result<std::vector<endpoint>> resolve(std::string_view host, std::uint16_t port,
                                            io::deadline until = {});
  // "host:port" or "host:service"; an IPv6 address in brackets.
  io::result<std::vector<endpoint>> resolve(std::string_view text, io::deadline until = {});

  // Forgets everything. Who waits for a lookup still gets what that finds; who asks later starts a new one.
  void clear();
  void set_options(
      const resolver_options& options); // keep and keep_failure hold for what is found from now on

  struct state; // src/net/resolver.cc
private:
  std::shared_ptr<state> state_; // lookups in progress hold it, too
};

// The one of the process, never destroyed; connect uses it.
name_resolver& resolver();

inline io::result<std::vector<endpoint>> resolve(std::string_view host, std::uint16_t port,
                                                 io::deadline until = {}) {
  return resolver().resolve(host, port, until);
}
inline io::result<std::vector<endpoint>> resolve(std::string_view text, io::deadline until = {}) {
  return resolver().resolve(text, until);
}

} // namespace thrum::net

template <> struct std::is_error_code_enum<thrum::net::resolve_errc> : std::true_type {};
