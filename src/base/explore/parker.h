// parker: the model of a thread that sleeps until it is woken, as a binary token (a futex word, a runtime's
// park). A wake-up that comes first is kept; a second one is not. When every thread that has not ended is
// parked, the engine reports a deadlock: this is how a lost wake-up shows.
#pragma once

#include "base/explore/engine.h"
#include "base/explore/site.h"

#include <cstdint>

namespace thrum::base::explore {

class parker {
public:
  parker() : object_(std::uint64_t{1} << the_engine.new_parker()) {}
  parker(const parker&) = delete;
  parker& operator=(const parker&) = delete;

  // Waits for the token and takes it. What happened before the unpark() calls so far happens before the
  // return.
  void park(site at = site::current()) { the_engine.park(token_, carried_, object_, at); }
  // Leaves the token.
  void unpark(site at = site::current()) { the_engine.unpark(token_, carried_, object_, at); }
  // A park that times out at once if the token is not there: with it, a timeout is possible at every instant.
  bool try_park(site at = site::current()) { return the_engine.try_park(token_, carried_, object_, at); }

private:
  bool token_ = false;
  view carried_;
  std::uint64_t object_;
};

} // namespace thrum::base::explore
