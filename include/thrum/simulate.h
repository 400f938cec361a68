// simulate: runs a program of fibers again and again, in another order each time, and finds the order in which it fails. Each run follows
// from a number, its seed: the same seed is the same run, in every process, and time is virtual.
//
//   int main() {
//     const auto found = thrum::simulate({.runs = 1'000}, [] {
//       thrum::chan<int> replies;
//       thrum::go([=] { replies.send(42); });
//       if (replies.recv() != 42) throw std::runtime_error("a wrong reply");
//     });
//     return found.exit_code();
//   }
//
// simulate(o, f) calls f in a runtime of its own with one processor and one thread, once for each seed from o.seed on, until a run fails.
// What runs next is drawn from the seed wherever the library leaves it open: which ready fiber, which of several timers that are due at the
// same instant, which ready case of a select, and whether a fiber is interrupted where it calls the library. A bug of order
// that needs an unlikely one shows up within some hundred runs, and each run costs about 0.2 ms and what f does.
//
// A run fails if       an exception leaves f, or a detached fiber; f returns false; no fiber can ever go on (at once: there is nothing to wait for);
//                      fibers do not end when f has returned and they are asked to; or it does not end within o.max_steps.
// It is told           on standard error, with the seed, the last decisions, and who waits for what. `THRUM_SEED=123 ./program` then makes that one
//                      run and no other, under a debugger, say. Reports number fibers from 1, so #7 is the same fiber in each replay.
// Interrupted          where a fiber is about to take a channel, a lock, a join or the like, where it selects, and where it has just started or woken
//                      another. Not between: code without a call of the library runs at one go, and so do operations on std::atomic. (Data
//                      races are the thread sanitizer's, which works here as well.)
// Time                 stands still while anybody can run, then jumps to the next timer: an hour of sleeps takes microseconds, and
//                      sleeps are exact. steady_now() (below) tells it; std::chrono::steady_clock does not, so deadlines that are time
//                      points are built from steady_now(). If fibers only yield, it goes on as well.
// When f returns       the other fibers are asked to stop, as at the end of run(), and end within the simulation.
// The network          is simulated: TCP and UDP sockets (net/tcp.h, net/udp.h, and http.h on top) talk to each other within the run, under
//                      any address that they like, and never to the system. How long each part of a stream takes, where a stream is cut
//                      into reads and writes, and what becomes of datagrams follows from the seed; what breaks says simulated_network.
//                      cut(), mend() and break_connections() let a test take an address away and give it back. Each name has an
//                      address of its own, address_of(), at once and always the same; localhost is localhost.
// Within the machine   Unix sockets (net/unix.h) and pipes (io/pipe.h) are simulated, too: what is written is there at once, as the kernel
//                      has it, nothing breaks, and how much of a long write is taken follows from the seed. Names of sockets are the
//                      run's own, and in no file system; the other end is this process.
// Works as outside     files, which are read and written in place, unless the rules let calls fail (simulated_files); io::out() and io::err(),
//                      in place as well; blocking(f), which runs f in place; what the program computes. Time stands still meanwhile.
//                      What they give is to be the same in each run.
// Panics               what another thread, or the kernel, would decide: child processes, signals, descriptors of the system that are
//                      waited for (pipes with a name, a terminal as io::in()), descriptors passed through Unix sockets; fibers of the simulation that
//                      are made ready by other threads (thread_pool, isolate, std::thread); pinned; set_processors().
// What the caller owes f can be called again: what it leaves behind, in globals or files, is not to change the next run. Nothing in it
//                      depends on addresses (the order of a std::set<T*>), on a clock, on threads, or on random numbers but
//                      those of simulation::random(). Called on a plain thread: in a fiber it panics.
// What is guaranteed   The same program, seed and options: the same decisions, which trace_hash sums up.
// May park             simulate() blocks the calling thread. random(), seed(), active() and steady_now() never wait.
// Happens-before       everything before simulate() -> f; the end of every fiber of a run -> the next run, and the return.
// When it dies         A run that ends in a deadlock of fibers that do not listen to stop requests (who waits for a mutex does not) leaves
//                      them behind, with their stacks and what they own, until the process ends. Else what a run has opened and
//                      somebody still holds, a file or a socket, is closed when it ends.
// Errors               std::bad_alloc, std::system_error, as from making a runtime. Not what f throws: that is a failure.
// Cost                 0.15 to 0.2 ms of CPU time a run for its runtime and thread, most of it in the system, and what f costs.
// Source of the idea   FoundationDB's simulation; shuttle's and Coyote's exploration, with PCT (Burckhardt and others, 2010); Go's testing/synctest
//                      for virtual time.
#pragma once

#include <thrum/net/endpoint.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace thrum {

enum class simulation_strategy : std::uint8_t {
  both,      // even seeds uniform, odd ones priorities
  uniform,   // any fiber that could run, each as likely
  priorities // PCT: the fiber with the highest random priority, which changes `depth` - 1 times
};

// How the network of a simulated program behaves. Probabilities are from 0 to 1; all are drawn anew in each case.
struct simulated_network {
  // What is sent takes so long. What one end of a connection sends arrives in order; everything else may overtake.
  std::chrono::nanoseconds least_delay = std::chrono::microseconds(50);
  std::chrono::nanoseconds most_delay = std::chrono::milliseconds(2);
  // Bytes in a direction that were written and not yet read, in Unix sockets and pipes, too. SO_SNDBUF changes it.
  std::size_t buffer = 64 << 10;
  double refused = 0; // a connection, though somebody listens
  double broken = 0;  // a connection at a write: ECONNRESET there, and then at the other end
  double lost = 0;    // a datagram
  double doubled = 0; // a datagram arrives twice
};

// What goes wrong with files that a simulated program opens. Probabilities as above, for each call. The files are real.
struct simulated_files {
  double full = 0;    // a write, or making or resizing a file: ENOSPC; a write may have written a part before
  double broken = 0;  // any call: EIO. (close() has closed.)
  double partial = 0; // a read or a write transfers less than it could
};

struct simulation_options {
  std::uint64_t seed = 1; // of the first run
  std::uint64_t runs = 1; // at most; the environment variable THRUM_SEED replaces both
  simulation_strategy strategy = simulation_strategy::both;
  // How many things must happen in the wrong order for the bug; most need two or three.
  unsigned depth = 3;
  // Further runs, once one has failed, in search of one that fails within fewer steps: that is easier to understand.
  std::uint64_t shorter = 0;
  std::uint64_t max_steps = 1'000'000; // fibers that are chosen to run, before a run counts as endless
  bool quiet = false;                  // nothing on standard error
  simulated_network network = {};
  simulated_files files = {};
};

struct simulation_result {
  bool failed = false;
  std::uint64_t runs = 0;          // that were made
  std::uint64_t seed = 0;          // of the one that failed, or of the last; so are the next three
  std::uint64_t trace_hash = 0;    // of its decisions
  std::uint64_t steps = 0;         // how often a fiber was chosen to run in it
  std::chrono::nanoseconds time{}; // virtual, that it took
  std::string failure;             // what is wrong, and who waits for what; "": nothing

  [[nodiscard]] int exit_code() const noexcept { return failed ? 1 : 0; }
};

namespace detail {
simulation_result simulate(const simulation_options& o, const std::function<bool()>& f,
                           std::source_location site);
}

// Calls f once for each seed, until one fails. f returns nothing, or a bool: false is a failure.
template <class F> simulation_result simulate(const simulation_options& o, F&& f,
                                              std::source_location site = std::source_location::current()) {
  const auto once = [&f]() -> bool {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      f();
      return true;
    } else {
      return f();
    }
  };
  return detail::simulate(o, once, site);
}

// What a program may know of its simulation.
namespace simulation {

[[nodiscard]] bool active() noexcept;        // the caller is a fiber of one
[[nodiscard]] std::uint64_t seed() noexcept; // of the run; 0 outside
// From the seed, and not by what the scheduler draws; outside of a simulation from the system.
[[nodiscard]] std::uint64_t random() noexcept;
// The clock of the calling fiber's runtime: virtual in a simulation, std::chrono::steady_clock outside.
[[nodiscard]] std::chrono::steady_clock::time_point steady_now() noexcept;

// What a simulated program finds when it looks up this name: 10.x.y.z, port 0. Who listens at any address (0.0.0.0) is there, too.
[[nodiscard]] net::endpoint address_of(std::string_view name) noexcept;

// From now on nothing gets through from or to this address; port 0: from or to any of this host's ports. Nobody is told: who waits
// for an answer waits, connections stay as they are, and datagrams are lost. Outside of a simulation it panics, as the next two do.
void cut(const net::endpoint& at);
// What was sent over connections meanwhile, and before that had not arrived, does so now, with new delays.
void mend(const net::endpoint& at);
// Both ends of each connection from or to this address find it broken, at once: ECONNRESET. A restart of that host.
void break_connections(const net::endpoint& at);

} // namespace simulation
} // namespace thrum
