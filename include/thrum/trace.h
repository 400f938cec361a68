// trace: what the scheduler did, recorded: which fiber ran where and when, what it waited for, and who woke it.
//
//   thrum::trace::recording r;                 // from here on
//   work(1);
//   const thrum::trace::timeline t = r.stop(); // to here
//   write_json(t, "trace.json").value();       // for ui.perfetto.dev and chrome://tracing
//   std::fputs(draw(t).c_str(), stdout);       // or for the terminal
//
// A program that was not written for it: THRUM_TRACE=trace.json ./program records from its first runtime to its end and writes the
// file then (%p in the name is the number of the process); THRUM_TRACE=- draws on standard error instead.
//
// What is recorded       Of every runtime of the process: fibers that are started, begin, go on, wait, yield and end; who made them
//                        ready; processors that workers get, give up, or lose to others; workers that sleep; calls of a
//                        blocking_pool.
// In the JSON            A process for the processors of each runtime, one for its threads. A row for each processor: no two
//                        slices of a row overlap. Below a thread stand the fibers that run on it without a processor (docs:
//                        hand-off), and its sleep. Arrows lead from who made a fiber ready, or started it, to where it goes on.
//                        A counter of fibers that could run and do not. Calls of a blocking_pool are drawn by its name.
// What the caller owes   One recording at a time in the process. stop() at most once.
// What is guaranteed     Times are of the monotonic clock, and in order across processors: an arrow never points backwards
//                        (src/sched/recorder.h). Memory is bounded by options.bytes: when it is used up the newest events are
//                        dropped; timeline::lost counts them, and what is there is complete up to the end of the timeline.
//                        Fibers may run, begin and end on all sides while a recording begins and ends.
// What is not shown      A fiber that runs all the time without a call into the runtime, other than who starts the recording. Where
//                        a fiber was spawned that began before the recording and ended in it.
// May park               no. stop() blocks the thread while it sorts, some 0.5 us an event; write_json() as io::write_file().
// Happens-before         nothing.
// When it dies           A recording that was not stopped is dropped. A timeline is a value.
// Errors                 recording: std::system_error, std::errc::device_or_resource_busy if another one is going on (THRUM_TRACE
//                        is one), not_enough_memory if the system refuses options.bytes; stop() and what follows: std::bad_alloc.
//                        Stopping twice panics. write_json() says why a file cannot be written, and leaves an old one as it was.
//                        THRUM_TRACE says on standard error if the file cannot be written: when it begins, or at the end.
// Cost                   Off: one flag is read where a fiber is left, made ready or started. On: some 50 ns and 32 bytes an event; a
//                        fiber that waits once and is woken makes three. The memory is taken from the system as it is written.
// Source of the idea     Go's execution tracer; the formats of Chrome's trace viewer.
#pragma once

#include <thrum/io/error.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

namespace thrum::sched::record {
struct tape;
} // namespace thrum::sched::record

namespace thrum::trace {

struct options {
  std::size_t bytes = std::size_t{16} << 20; // for events, of 32 bytes; 64 KiB at least
};

// Times count from the beginning of the recording.
using time = std::chrono::nanoseconds;

// A row of the picture.
struct track {
  enum class kind : std::uint8_t { processor, worker, thread };
  kind what = kind::processor;
  std::string runtime; // its name; "" of a thread that is no worker
  unsigned group = 0;  // which runtime: counts from 0
  int number = 0;      // of the processor; or the kernel's, of the thread
};

// Why a slice ends.
enum class ending : std::uint8_t {
  waits,           // `why`: "chan receive", "sleep", ...
  yields,          // others go first
  ends,            // the fiber does
  loses_processor, // it runs on as a thread. `why`: "computes", "blocked in the kernel", "blocking()", "pinned", ...
  gets_processor, // the fiber that had none
  recording_ends
};

// A fiber ran here.
struct slice {
  unsigned track = 0; // of timeline::tracks
  std::uint64_t fiber = 0;
  time begin{0};
  time end{0};
  ending how = ending::recording_ends;
  const char* why = "";
};

// Somebody made a fiber ready, or started it: from here to where it ran.
struct arrow {
  unsigned from = 0; // a track
  time made{0};
  std::uint64_t by = 0; // the fiber; 0: the runtime (a timer, a descriptor), a plain thread, or not known
  unsigned to = 0;
  time runs{0};
  std::uint64_t fiber = 0;
  bool begins = false;  // it was started, not woken
  const char* why = ""; // what it waited for
};

// A worker had nothing to do.
struct nap {
  unsigned track = 0;
  time begin{0};
  time end{0};
  bool polls = false; // it waited for descriptors and timers
};

// A fiber was in a call of a blocking_pool (blocking.h).
struct blocking_call {
  unsigned track = 0; // where it began
  std::uint64_t fiber = 0;
  time begin{0};
  time end{0};
  std::string name; // the first 23 bytes of the pool's
};

// How many fibers could run, and did not, from then on.
struct level {
  time at{0};
  std::uint64_t runnable = 0;
};

// Who is who.
struct fiber_origin {
  std::uint64_t id = 0;
  std::string name;             // the first 23 bytes of it
  std::source_location site{};  // line 0: not known
  std::uint64_t started_by = 0; // a fiber; 0: none, or not known
};

struct timeline {
  time length{0};
  std::uint64_t events = 0;
  std::uint64_t lost = 0;    // for which there was no room; the timeline ends where the first of them was
  std::vector<track> tracks; // processors first
  std::vector<slice> slices; // by begin
  std::vector<arrow> arrows; // by runs
  std::vector<nap> naps;     // by begin
  std::vector<blocking_call> calls; // by begin
  std::vector<level> levels;        // by at
  std::vector<fiber_origin> fibers; // by id

  const fiber_origin* find(std::uint64_t fiber) const noexcept; // null: not known
};

class recording {
public:
  explicit recording(const options& o = {});
  ~recording();
  recording(const recording&) = delete;
  recording& operator=(const recording&) = delete;

  // Ends it, and tells what was recorded.
  [[nodiscard]] timeline stop();

private:
  std::unique_ptr<sched::record::tape> tape_; // null: stopped
};

// Chrome's trace event format.
[[nodiscard]] std::string to_json(const timeline& t);
// The same in a file: all of it, or the error, and what was there before.
io::result<void> write_json(const timeline& t, const std::string& path);

// How to draw. A column shows the fiber that ran longest in its time: a capital if it ran for half of the column, a small letter if
// for less; '#' for one that is not among the first 26 by running time.
struct drawing {
  enum class charset : std::uint8_t { by_locale, ascii, utf8 };
  unsigned columns = 72;
  charset characters = charset::by_locale; // UTF-8 if LC_ALL, LC_CTYPE or LANG says so
  time from{0};                            // of the timeline
  time to = time::max();
};
[[nodiscard]] std::string draw(const timeline& t, const drawing& how = {});

} // namespace thrum::trace
