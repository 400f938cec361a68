// plain: a variable that is not atomic, checked for data races. A harness uses it for what a lock-free
// structure is supposed to protect: the payload behind a published pointer, the data under a lock.
//
// Accesses are not visible steps: a race is a pair of accesses that nothing orders, and that shows in every
// interleaving of the pair.
#pragma once

#include "base/explore/clock.h"
#include "base/explore/site.h"

#include <cstdint>
#include <utility>

namespace thrum::base::explore {

// The last write, and the last read by each thread. Most variables of a model are constructed, destroyed and never read (every
// frame of a wait has a dozen), so the object holds the write alone, and its first read gives it a record of reads (engine.h).
class race_detector {
public:
  void read(site at, bool in_trace = true);
  void write(site at, const char* what = "write", bool in_trace = true);
  void destroy(site at, bool in_trace = true);

private:
  void check_alive(site at);
  [[noreturn]] void race(const char* what, site at, const char* earlier_what, int earlier_thread,
                         site earlier) const;

  std::uint32_t execution_ = 0; // what is below belongs to it; before, nobody has touched the variable
  std::uint16_t reads_ = 0;     // a record of the engine; 0: nobody has read it
  clock::time written_ = 0;
  site write_site_{};
  std::uint8_t writer_ = 0;
  bool destroyed_ = false;
};

template <class T> class plain {
public:
  plain(site at = site::current()) : plain(T{}, at) {}
  explicit plain(T value, site at = site::current()) : value_(std::move(value)) { races_.write(at); }
  ~plain() { races_.destroy(site::current()); }
  plain(const plain&) = delete;
  plain& operator=(const plain&) = delete;

  T get(site at = site::current()) const {
    races_.read(at);
    return value_;
  }
  void set(T value, site at = site::current()) {
    races_.write(at);
    value_ = std::move(value);
  }

private:
  mutable race_detector races_;
  T value_;
};

} // namespace thrum::base::explore
