// traffic: what is on its way in a simulated network, and when it arrives. Sockets are numbers here, and no more (network.h).
//
// Each parcel takes as long as the seed says. Those of one direction of a connection arrive in the order in which they were sent;
// others overtake each other. Parcels from or to an address that is cut wait until it is mended, and datagrams are lost there.
#pragma once

#include "env/env.h"
#include "sim/chance.h"

#include <cstdint>
#include <map>
#include <string>
#include <thrum/net/endpoint.h>
#include <thrum/simulate.h>
#include <vector>

namespace thrum::sim {

enum class carried : std::uint8_t {
  knock,   // somebody connects: from `from` to whoever listens at `target`
  welcome, // the connection is there
  refusal, // it will not be
  bytes,
  end,   // nothing comes behind it
  reset, // the connection is broken
  datagram,
  room // for the sender itself: it may go on
};

struct parcel {
  carried what;
  int to = -1;   // a socket; -1: whoever is at `target` then
  int from = -1; // a socket, which may be gone
  net::endpoint source;
  net::endpoint target;
  std::string bytes = {};
  env::nanoseconds at = 0; // written by traffic, as is the next
  std::uint64_t number = 0;
};

class traffic {
public:
  traffic(const simulated_network& how, std::uint64_t seed) noexcept;

  void send(parcel p, env::nanoseconds now);
  env::nanoseconds next() const noexcept; // when something arrives; env::forever: nothing will
  bool take(env::nanoseconds now, parcel& out);

  void cut(const net::endpoint& at);
  void mend(const net::endpoint& at, env::nanoseconds now);
  // Port 0 of `which` stands for all of them.
  static bool covers(const net::endpoint& which, const net::endpoint& one) noexcept;

  bool happens(double probability) noexcept { return chance_.happens(probability); }
  std::uint64_t below(std::uint64_t n) noexcept { return chance_.below(n); }
  const simulated_network& rules() const noexcept { return how_; }

private:
  bool is_cut(const parcel& p) const noexcept;

  const simulated_network how_;
  chance chance_;
  std::uint64_t sent_ = 0;
  std::vector<parcel> under_way_; // a heap: the earliest in front
  std::vector<parcel> held_;      // as they would have arrived
  std::vector<net::endpoint> cuts_;
  std::map<int, env::nanoseconds>
      last_; // when the last parcel that a socket sent over its connection arrives
};

} // namespace thrum::sim
