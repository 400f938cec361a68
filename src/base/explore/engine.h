// engine: runs a model once for each execution the strategy asks for.
//
// A model is a world with some threads. Every operation that another thread could notice (an access to an
// atomic, a fence that is part of the order S, park, relax) is a visible step; the code between two visible
// steps is local. A model thread announces its next visible step, and the engine decides who goes on. So at
// every decision the engine knows what each thread is about to do, which the reduction needs:
//
// Reduction (sleep sets)
//   Two steps by different threads are independent when either order leads to the same state and neither
//   makes the other possible or impossible. Exploring both orders is wasted. So when all executions that
//   begin with step a have been explored from some state, a is put to sleep while the alternatives are
//   explored, and wakes when a step is taken that depends on it; an execution in which every thread that
//   could go on sleeps is abandoned, since it was explored in another order. What sleeps is not just "thread
//   2" but "the load by thread 2, returning one of these stores": a store to the same location gives the load
//   a new value to return, which must be explored, but leaves the old ones asleep, for reading the old store
//   before or after the new one was made is the same execution.
//   Dependent are: two seq_cst operations or fences (their order in S); two operations on one location unless
//   both are loads, or one is a load that is not seq_cst and is known by the stores it may return; park and
//   unpark of one parker. Once relax() is in play, a load and a store of one location are dependent, because
//   the store wakes the loop that has loaded it. Steps of the model that the engine does not see (plain
//   variables of the harness, written by several threads) are not accounted for: verdicts must not depend on
//   their order. axioms_test.cc compares the outcomes with and without the reduction on random programs.
//
// Waiting
//   relax() says that the thread waits for another. It is not run again before another thread has stored to a
//   location that the loop has loaded in this turn (`idle_turns` allows more). When nobody else can go on,
//   the waiting threads get further turns in which loads return the newest store: on a real machine stores
//   arrive in the end. If many such turns change nothing, it is a livelock. A thread in a park with no token
//   is blocked; when all are, it is a deadlock.
//   A turn that does nothing but load, and loads the same stores as the turn before, might as well not have
//   taken place: the thread could have waited. A search with `reduce` abandons the execution, since the one
//   without that turn is explored too. With `idle_turns` turns may be counted, so this is not done.
//   (Variables of the harness that a turn changes are not seen; plain<T> is.)
#pragma once

#include "base/explore/chooser.h"
#include "base/explore/context.h"
#include "base/explore/memory.h"
#include "base/explore/options.h"
#include "base/explore/site.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thrum::base::explore {

// A world as the engine sees it; made by model_of<World>() in explore.h.
struct model {
  std::string_view name;
  std::size_t size;
  std::size_t alignment;
  int threads;
  void (*construct)(void* at);
  void (*thread)(void* world, int index);
  void (*finish)(void* world);
  void (*destroy)(void* world);
};

enum class step_kind : std::uint8_t {
  none,
  load,
  store,
  read_modify_write,
  take,
  fence,
  asymmetric_fence,
  relax,
  park,
  unpark
};

// A visible step before it is taken.
struct step {
  step_kind kind = step_kind::none;
  bool sequential = false; // takes part in S
  bool light = false,
       heavy = false;              // a half of an asymmetric fence (mode `paired`): depends on the other half
  bool everywhere = false;         // acts on all threads at once (heavy fence, mode `instant`)
  std::uint64_t objects = 0;       // locations or parkers, one bit each; sharing a bit only costs reduction
  const location* loads = nullptr; // for a load
  const location* takes = nullptr; // for a take: possible while its newest value is zero
  site where{};
};

// The last read of a plain variable by each thread (plain.h).
struct plain_reads {
  clock when;
  std::array<site, max_threads> sites; // of the threads whose lane is not 0

  void add(int thread, clock::time now, site at) noexcept {
    when.set(thread, now);
    sites[static_cast<unsigned>(thread)] = at;
  }
};

class engine {
public:
  result run(const model& what, const options& wanted);
  result replay(const model& what, const options& wanted, std::string_view script);

  // --- For the instrumented objects -----------------------------------------------------------------------

  bool running() const noexcept { return phase_ != phase::idle; }
  bool in_threads() const noexcept { return phase_ == phase::threads || phase_ == phase::starting; }
  std::uint32_t execution() const noexcept { return execution_; }
  int current() const noexcept { return current_; }
  int steps() const noexcept { return steps_; }
  memory& mem() noexcept { return memory_; }
  const options& wanted() const noexcept { return options_; }

  // Announces a visible step and returns when it is this thread's turn to take it.
  void before(const step& next) {
    if (!in_threads()) return;
    self().next = next;
    if (phase_ == phase::threads) [[likely]]
      schedule();
    else
      wait_for_the_others(); // the first step of this thread
    if (++steps_ > options_.max_steps) [[unlikely]]
      too_long();
  }

  // One of `count` possibilities; see chooser::value.
  int choose(int count) { return count == 1 ? 0 : choose_among(count); }
  // Which of the stores from `oldest` on the running thread's load returns.
  int choose_store(const location& where, int oldest) {
    const std::uint64_t avoid = std::exchange(avoid_, 0);
    const int newest = where.count - 1;
    return oldest == newest || self().sees_newest ? newest : choose_among_stores(where, oldest, avoid);
  }

  void loaded(const location& where, int place) noexcept {
    looked_at_[static_cast<unsigned>(current_)] |= std::uint64_t{1} << where.index;
    const std::uint8_t id = memory_.at(where, place).id; // two numbers, because records are used again
    self().this_turn.add(where.order[static_cast<unsigned>(place)] * 256u + id);
    if (id == 255) acted(); // not told apart any more
  }
  // The running thread did something in this turn of a loop that may matter if it is done again.
  void acted() noexcept { self().this_turn.repeatable = false; }
  bool sees_newest() const noexcept { return self().sees_newest; }
  // A store was made: whoever waits in relax() for this location may go on.
  void stored(const location& where) noexcept {
    rounds_without_store_ = 0;
    self().sees_newest = false;
    acted();
    for (int t = 0; t < model_->threads; ++t)
      if ((looked_at_[static_cast<unsigned>(t)] >> where.index & 1u) != 0 && t != current_) poke(t);
    if (takers_ != 0) admit_takers(where);
  }
  bool weak_failure_possible() const noexcept {
    return in_threads() && self().weak_failures < options_.weak_failures;
  }
  void weak_failure_happened() noexcept {
    ++self().weak_failures;
    acted();
  }

  void relax(site where);
  std::uint8_t new_parker() noexcept { return parkers_++ % 64; }
  int threads() const noexcept { return model_->threads; }
  void park(bool& token, const view& carried, std::uint64_t object, site where);
  bool try_park(bool& token, const view& carried, std::uint64_t object, site where);
  void unpark(bool& token, view& carried, std::uint64_t object, site where);
  // Announces a take of `where` and returns when its newest value is zero and it is this thread's turn.
  void before_take(const location& where, std::uint64_t object, site at);

  // The kernel's sleep on a word (futex.h). The caller has announced a step on the word.
  clock woken_floor(const location& word) const noexcept; // what the earlier wakers of this word knew
  bool sleep_on(const location& word, std::uint64_t object, bool may_time_out, site at); // true: the deadline
  int wake_sleepers(const location& word, std::uint64_t object, int how_many);

  // Each model thread, and the harness, gets its own copy of *word, a thread-local variable of explored code. Called once,
  // outside a run, for the OS thread that explores. A model thread starts with null in it.
  void keep_for_each_thread(void** word);

  // The lives of whole objects (lifetime.h).
  void object_ends(const void* at, std::size_t size, site where);
  bool any_ended() const noexcept { return ended_count_ != 0; }
  bool is_ended(const void* at) const noexcept;
  void known(location& where) noexcept {
    if (known_count_ < known_.size()) known_[known_count_++] = &where;
  }

  // Records of reads; they last as long as the execution. The number 0 is nobody's.
  std::uint16_t new_reads() {
    if (++reads_used_ == max_reads) [[unlikely]]
      too_many_reads();
    reads_[reads_used_].when = clock{};
    return reads_used_;
  }
  plain_reads& reads(std::uint16_t which) noexcept { return reads_[which]; }

  [[noreturn]] void fail(std::string what);
  [[noreturn]] void fail(std::string what, site where);

  bool tracing() const noexcept { return tracing_; }
  void note(site where, std::string_view text);
  std::string describe(std::uint64_t value) const; // a pointer into the world is shown as such
  std::string who(int thread, int at_step) const;

private:
  enum class phase : std::uint8_t { idle, setup, starting, threads, finishing };

  // What a thread has done since its last relax(): which stores it has loaded, and whether it only loaded.
  struct turn {
    std::uint64_t loads = 0;
    bool repeatable = false;
    void add(std::uint64_t what) noexcept { loads = (loads ^ what) * 0x9e3779b97f4a7c15u; }
    bool operator==(const turn&) const = default;
  };

  static constexpr std::size_t kept_words = 4;
  using kept = std::array<void*, kept_words>;

  struct thread_state {
    context stack;
    kept locals{};
    step next;
    std::uint64_t asleep = 0;  // reduction: see sleeping()
    turn this_turn, last_turn; // of a relax() loop
    int idle_turns = 0;
    int weak_failures = 0;
    bool in_relax = false;
    bool poked = false;                  // another thread stored to a location in its looked_at_
    bool sees_newest = false;            // its loads return the newest store until it does something
    const location* sleeps_on = nullptr; // in the kernel, on this word
    bool woken = false;
    bool has_deadline = false; // of the sleep
    bool timed_out = false;
    int slept_since = 0; // the step in which it went to sleep
  };
  static constexpr std::uint64_t all_of_it = ~std::uint64_t{0};

  thread_state& self() noexcept { return threads_[static_cast<unsigned>(current_)]; }
  const thread_state& self() const noexcept { return threads_[static_cast<unsigned>(current_)]; }
  thread_state& at(int t) noexcept { return threads_[static_cast<unsigned>(t)]; }
  const thread_state& at(int t) const noexcept { return threads_[static_cast<unsigned>(t)]; }
  bool is_enabled(int t) const noexcept { return (enabled_ >> t & 1u) != 0; }

  result run_all(const model& what, const options& wanted);
  void run_one_execution();
  static void drive(void* self); // the harness context: executions, one after the other
  static void thread_main(void* index);
  void thread_ended();
  bool all_have_ended() const noexcept { return ended_ == (1u << model_->threads) - 1; }
  void start_next(context& from);
  void wait_for_the_others();
  [[noreturn]] void too_long();
  [[noreturn]] void too_many_reads();

  void save(kept& locals) const noexcept {
    for (std::size_t i = 0; i < kept_count_; ++i) locals[i] = *kept_[i];
  }
  void load(const kept& locals) const noexcept {
    for (std::size_t i = 0; i < kept_count_; ++i) *kept_[i] = locals[i];
  }
  void schedule() { // inlined into each access, for the sake of the switch (context.h)
    chooser_.on_step(steps_ + 1, current_);
    const int next = pick();
    if (next == current_) return;
    thread_state& from = self();
    current_ = next;
    save(from.locals);
    context::switch_to(from.stack, self().stack);
    load(from.locals);
  }
  void admit_takers(const location& where) noexcept;
  [[noreturn]] void abandon(); // leaves this execution; the next one starts
  int pick();
  int pick_reduced();
  void poke(int t) noexcept;
  void unstick();
  [[noreturn]] void report_stuck();
  [[noreturn]] void stop(std::string why);
  int choose_among(int count);
  int choose_among_stores(const location& where, int oldest, std::uint64_t avoid);

  std::uint64_t labels(int t) const noexcept;
  bool sleeping(int t) const noexcept;
  bool dependent(const thread_state& asleep, const step& taken) const noexcept;

  bool out_of_budget();

  // Configuration of a run.
  const model* model_ = nullptr;
  options options_;
  int preemption_bound_ = dfs::unlimited;
  bool reducing_ = false;       // by sleep sets
  bool skipping_turns_ = false; // abandoning executions with turns that repeat the one before
  bool relax_seen_ = false;     // in this run; see `dependent`
  bool tracing_ = false;
  std::byte* world_ = nullptr;

  // State of an execution.
  phase phase_ = phase::idle;
  int current_ = 0;
  int steps_ = 0;
  int preemptions_ = 0;
  int rounds_without_store_ = 0; // turns given to waiting threads because nobody else could go on
  std::uint32_t enabled_ = 0;    // threads that could take their next step, one bit each
  std::uint32_t ended_ = 0;
  std::uint32_t asleep_ = 0; // threads of which something sleeps, one bit each
  std::uint32_t execution_ = 0;
  std::uint8_t parkers_ = 0;
  bool abandoned_ = false;
  std::uint64_t avoid_ = 0; // reduction: stores the running load has been explored with
  std::array<thread_state, max_threads> threads_;
  std::array<std::uint64_t, max_threads> looked_at_{}; // locations loaded in this turn of a relax() loop
  std::uint32_t takers_ = 0; // threads that are about to take something, one bit each
  struct wake {
    const location* word;
    clock floor;
  };
  std::array<wake, 8> wakes_{}; // one a word
  std::size_t wake_count_ = 0;
  struct range {
    const std::byte* begin;
    const std::byte* end;
  };
  std::array<range, 16> ended_objects_{};
  std::size_t ended_count_ = 0;
  std::array<location*, 256> known_{}; // locations of this execution
  std::size_t known_count_ = 0;
  static constexpr std::uint16_t max_reads = 16'384; // variables that are read in one execution
  std::uint16_t reads_used_ = 0;

  // Thread-locals of explored code. Static: named while static objects are built, perhaps before the engine is.
  static inline constinit std::array<void**, kept_words> kept_{};
  static inline constinit std::size_t kept_count_ = 0;
  kept outer_{}; // of the caller of run()

  // Totals of a run.
  std::uint64_t executions_ = 0;
  std::uint64_t pruned_ = 0;
  std::uint64_t total_steps_ = 0;
  bool complete_ = false;
  bool restart_ = false;
  bool histories_dropped_ = false;
  int longest_ = 0;
  std::string failure_;
  std::vector<std::string> trace_;
  double started_at_ = 0;

  chooser chooser_;
  memory memory_;
  std::vector<plain_reads> reads_ = std::vector<plain_reads>(max_reads);
  context main_;
  context harness_;
};

extern engine the_engine;

} // namespace thrum::base::explore
