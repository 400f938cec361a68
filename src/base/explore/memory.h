// memory: the C++20 memory model as something that can be executed one step at a time.
//
// The problem
//   On a real machine a load may return an old value, and two threads may disagree about the order of two
//   stores. Running the interleavings of a program on one shared array of bytes shows none of that. The
//   standard says what is allowed, but as axioms about finished executions. The explorer needs rules that
//   tell, in the middle of an execution, which stores a load may return and where in the modification order a
//   new store may go.
//
// The way taken
//   Every location keeps its stores in modification order (oldest first). A step by one thread either
//     - reads: it returns any store that is not too old for this thread, or
//     - writes: it puts a new store anywhere after the last store that is too new to be followed, but never
//       between a read-modify-write and the store that it read.
//   Both limits are the same number, the thread's floor at that location: the last store, in modification
//   order, that the thread knows. A thread knows an event (a store, or a read of a store) when the event is
//   in its view. A view is two clocks:
//     before  the events that happen before the thread's next step. It decides data races.
//     floor   the events that coherence forbids to un-see. It contains `before`, and what seq_cst fences add.
//   The two differ because a fence that comes later in the total order S obliges later loads to see what came
//   before an earlier fence, yet that alone makes nothing happen before anything: plain data stay
//   unprotected.
//
//   Happens-before is built as usual. A release store carries the view of its thread; a store after a release
//   fence carries the view the thread had at the fence; a read-modify-write adds what the store it read
//   carries (release sequences, in the C++20 sense: only read-modify-writes continue one). An acquire load
//   joins what the store carries into its view; a relaxed load puts it aside until an acquire fence.
//
//   The order S of seq_cst operations is the order in which they are executed. [atomics.order]/4 asks, for
//   every A that is coherence-ordered before B on one location:
//     S1  A and B seq_cst               => A before B in S
//     S2  A seq_cst, B hb fence Y       => A before Y in S
//     S3  fence X hb A, B seq_cst       => X before B in S
//     S4  fence X hb A, B hb fence Y    => X before Y in S
//   A new step can only break these by being coherence-ordered before something old, that is, by reading or
//   being placed before a store it should not. So each becomes part of the floor:
//     S1  a store that was written or read by a seq_cst access may not be passed by a later seq_cst access
//         (sc lane of `seen`, which a seq_cst access always covers)
//     S2  a seq_cst access may not pass what the latest seq_cst fence knew (sc_floor_)
//     S3  after a fence, and after whatever the fence happens before, what seq_cst accesses had touched
//         before the fence may not be passed: the sc lane of the floor holds the time of the fence in S, the
//         sc lane of `seen` the time of the first seq_cst touch
//     S4  a fence joins what the previous fences knew (sc_floor_)
//
// Asymmetric fences
//   See `asymmetric_fences` in options.h. `paired` is what the contract in base/atomic.h promises: a light
//   fence publishes what its thread knows to later heavy ones and learns what earlier heavy ones knew, and
//   gives the synchronisation a seq_cst fence would give towards heavy fences; two light fences give each
//   other nothing. A missing light fence is therefore an error in this mode, although the machine would often
//   forgive it: in C++ only the light fence keeps the compiler from moving the store below the load.
//
// What is exact, what is missing
//   Nothing is added: every execution shown is allowed by the C++20 standard, so a failure is a bug in the
//   code (or a promise the code relies on that the standard does not make). Missing are
//     M1  load buffering: no load returns a store that is executed later. An order whose only duty is to keep
//         a load before a later store of the same thread cannot be shown to matter (RC11 forbids the effect
//         outright; C++20 and ARM allow it for relaxed accesses).
//     M2  executions whose S disagrees with program order or with reads-from. C++20 lets S disagree with what
//         only non-seq_cst accesses connect (the reason is how seq_cst stores compile on Power and ARM).
//     M3  stores older than the last `location::history` of a location.
//     M4  in the mode `instant`, the other threads fence in one order only (by number).
//   Apart from these the set of executions is complete: axioms_test.cc compares it with an enumeration of the
//   axioms on thousands of random programs.
//   Compilers may do things that no execution of the source shows (fusing of accesses, for one); that is out
//   of reach.
#pragma once

#include "base/explore/clock.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace thrum::base::explore {

struct view {
  clock before;
  clock floor; // contains `before`

  void join(const view& other) noexcept {
    before.join(other.before);
    floor.join(other.floor);
  }
};

struct store_record {
  view carried;        // what an acquire load of this store learns
  clock light_carried; // what a heavy fence after a load of this store learns ...
  clock heavy_carried; // ... and what a light fence does (mode `paired`; clocks of happens-before)
  clock seen;          // a lane for each thread: when it first wrote or read this store; sc lane: time in S
  std::uint64_t value;
  std::uint16_t step; // for the trace
  std::uint8_t thread;
  std::uint8_t id; // the how-manieth store to its location, counting from 0; stays at 255
  bool is_rmw;     // reads the store just before it in modification order
};

// The part of an atomic that the explorer owns. Outside an execution only `initial` is used.
//
// Worlds have many more atomics than an execution touches. So construction writes down who and when, and nothing else; the record
// of the initial value, and with it `count`, `created` and `order`, begins with the first access (`listed`).
struct location {
  static constexpr int history = 30;

  std::uint64_t initial = 0;   // the value at construction, and the value while nothing is explored
  std::uint32_t execution = 0; // the execution for which everything below is valid, ...
  std::uint32_t listed = 0;    // ... and that for which there is a history
  std::uint8_t count = 0;      // stores remembered
  std::uint8_t created = 0;    // stores made; stays at 255
  std::uint8_t index = 0;      // how many locations the execution had before this one, modulo 64
  std::uint8_t birth_thread = 0;
  clock::time birth = 0; // construction is an event too: a use that does not know of it is a race
  bool destroyed = false;
  clock accessed; // the last access by each thread; the destruction must come after all of them
  std::array<std::uint16_t, history> order; // modification order, oldest first: indices into the store pool

  constexpr location() noexcept {
    if consteval { order = {}; } // a constant has no bytes without a value
  }
};

inline bool acquires(std::memory_order o) noexcept {
  return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst ||
         o == std::memory_order_consume; // as compilers do
}
inline bool releases(std::memory_order o) noexcept {
  return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}

class memory {
public:
  static constexpr int max_stores = 4096; // in one execution

  // The life of an execution: setup runs as thread 0, then the threads start with what it knows, then
  // everything that remains runs as thread 0 again, after all threads.
  void begin() noexcept;
  void start_threads(int count) noexcept;
  void join_threads(int count) noexcept;

  // `before_all`: it existed before the execution began.
  void construct(location& where, int thread, std::uint32_t execution, bool before_all) noexcept;
  // The store of the initial value. Before the first access.
  void list(location& where) noexcept;
  bool full() const noexcept { return stores_used_ >= max_stores - 1; }

  // The store that `thread` may not pass, as a place in modification order.
  int floor_place(const location& where, int thread, bool sequential) const noexcept;

  // The last store that is covered by `floor`, as a place in modification order.
  int floor_place(const location& where, const clock& floor) const noexcept {
    int place = where.count - 1;
    while (place > 0 && !floor.covers_any(at(where, place).seen)) --place;
    return place;
  }

  const store_record& at(const location& where, int place) const noexcept {
    return stores_[where.order[static_cast<unsigned>(place)]];
  }

  // Reads the store at `place`; the reference stays valid until the next store to the location.
  const store_record& read(location& where, int thread, int place, std::memory_order order) noexcept;
  // A store that becomes the one at `place`; what stood there and later moves up.
  void write(location& where, int thread, int place, std::memory_order order, std::uint64_t value,
             int step) noexcept;
  // Reads the store at `place` and puts the new one just after it.
  void read_modify_write(location& where, int thread, int place, std::memory_order order, std::uint64_t value,
                         int step) noexcept;

  void fence(int thread, std::memory_order order) noexcept;
  void light_fence(int thread) noexcept;              // mode `paired`
  void heavy_fence(int thread, int threads) noexcept; // mode `paired`

  const view& now(int thread) const noexcept { return of(thread).now; }
  clock::time time(int thread) const noexcept { return of(thread).now.before[thread]; }
  // A plain access is an event between two ticks: it belongs to the next one, which whatever publishes it
  // makes.
  clock::time plain_time(int thread) const noexcept { return static_cast<clock::time>(time(thread) + 1); }
  // Publishing and learning outside locations, for parkers.
  void publish(int thread, view& to) noexcept;
  void learn(int thread, const view& from) noexcept { of(thread).now.join(from); }

  bool history_dropped() const noexcept { return history_dropped_; }

private:
  struct knowledge {
    view now;
    view unacquired;   // carried by the stores that relaxed loads returned: an acquire fence learns it
    view released;     // the view at the latest release fence: what relaxed stores carry
    clock light_floor; // what the thread knew at its latest light fence
    clock light_released, heavy_released; // the same as `released`, for the two halves of an asymmetric fence
    clock light_unacquired, heavy_unacquired; // the same as `unacquired`
  };

  knowledge& of(int thread) noexcept { return threads_[static_cast<unsigned>(thread)]; }
  const knowledge& of(int thread) const noexcept { return threads_[static_cast<unsigned>(thread)]; }
  void tick(int thread) noexcept {
    of(thread).now.before.tick(thread);
    of(thread).now.floor.tick(thread);
  }
  clock::time next_in_s() noexcept { return ++s_time_; }
  store_record& insert(location& where, int place) noexcept;
  void fill(store_record& made, location& where, int thread, std::memory_order order, std::uint64_t value,
            int step) noexcept;
  void learn_from(knowledge& reader, const store_record& from, std::memory_order order) noexcept;

  std::array<knowledge, max_threads> threads_{};
  clock sc_floor_;    // what the latest seq_cst fence knew (S2, S4)
  clock heavy_floor_; // what the latest heavy fence knew
  clock::time s_time_ = 0;
  bool asymmetric_ =
      false; // some thread has made an asymmetric fence in this run: their clocks are maintained
  bool history_dropped_ = false;
  std::uint8_t locations_ = 0;
  int stores_used_ = 0;
  std::array<store_record, max_stores> stores_;
};

// -----------------------------------------------------------------------------------------------------------

inline int memory::floor_place(const location& where, int thread, bool sequential) const noexcept {
  clock floor = of(thread).now.floor;
  if (sequential) {
    floor.join(sc_floor_);                    // S2
    floor.set(clock::sc_lane, clock::always); // S1
  }
  return floor_place(where, floor);
}

inline void memory::learn_from(knowledge& reader, const store_record& from,
                               std::memory_order order) noexcept {
  if (acquires(order))
    reader.now.join(from.carried);
  else
    reader.unacquired.join(from.carried);
  if (asymmetric_) {
    reader.light_unacquired.join(from.light_carried);
    reader.heavy_unacquired.join(from.heavy_carried);
  }
}

inline const store_record& memory::read(location& where, int thread, int place,
                                        std::memory_order order) noexcept {
  store_record& from = stores_[where.order[static_cast<unsigned>(place)]];
  tick(thread);
  from.seen.meet(clock::one(thread, time(thread), clock::never));
  if (order == std::memory_order_seq_cst)
    from.seen.meet(clock::one(clock::sc_lane, next_in_s(), clock::never));
  where.accessed.set(thread, time(thread));
  learn_from(of(thread), from, order);
  return from;
}

inline store_record& memory::insert(location& where, int place) noexcept {
  auto& order = where.order;
  std::uint16_t fresh;
  if (where.count == location::history) { // M3: forget the oldest and use its record again
    fresh = order[0];
    for (int i = 1; i < place; ++i) order[static_cast<unsigned>(i) - 1] = order[static_cast<unsigned>(i)];
    order[static_cast<unsigned>(place) - 1] = fresh;
    history_dropped_ = true;
  } else {
    fresh = static_cast<std::uint16_t>(stores_used_++);
    for (int i = where.count; i > place; --i)
      order[static_cast<unsigned>(i)] = order[static_cast<unsigned>(i) - 1];
    order[static_cast<unsigned>(place)] = fresh;
    ++where.count;
  }
  return stores_[fresh];
}

inline void memory::fill(store_record& made, location& where, int thread, std::memory_order order,
                         std::uint64_t value, int step) noexcept {
  const knowledge& writer = of(thread);
  made.carried = releases(order) ? writer.now : writer.released;
  made.light_carried = writer.light_released;
  made.heavy_carried = writer.heavy_released;
  made.seen = clock::one(thread, time(thread), clock::never);
  if (order == std::memory_order_seq_cst)
    made.seen.meet(clock::one(clock::sc_lane, next_in_s(), clock::never));
  made.value = value;
  made.step = static_cast<std::uint16_t>(step);
  made.thread = static_cast<std::uint8_t>(thread);
  made.id = where.created;
  if (where.created != 255) ++where.created;
}

inline void memory::write(location& where, int thread, int place, std::memory_order order,
                          std::uint64_t value, int step) noexcept {
  tick(thread);
  where.accessed.set(thread, time(thread));
  store_record& made = insert(where, place);
  fill(made, where, thread, order, value, step);
  made.is_rmw = false;
}

inline void memory::read_modify_write(location& where, int thread, int place, std::memory_order order,
                                      std::uint64_t value, int step) noexcept {
  const store_record& read_from = read(where, thread, place, order);
  const view carried = read_from.carried; // copies: insert may use the record again
  const clock light_carried = read_from.light_carried, heavy_carried = read_from.heavy_carried;
  store_record& made = insert(where, place + 1);
  fill(made, where, thread, order, value, step);
  made.is_rmw = true;
  made.carried.join(carried); // the release sequence goes on
  made.light_carried.join(light_carried);
  made.heavy_carried.join(heavy_carried);
}

} // namespace thrum::base::explore
