// The life of a run and of an execution, and the telling of failures. Decisions are in schedule.cc, ideas in
// engine.h.
#include "base/explore/engine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <cxxabi.h>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace thrum::base::explore {

engine the_engine;

namespace {

// CPU time of this thread: a figure that a busy machine does not change.
double seconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string describe_strategy(const strategy& s) {
  if (const dfs* d = std::get_if<dfs>(&s)) {
    if (d->preemptions == dfs::unlimited) return d->reduce ? "dfs" : "dfs without reduction";
    return "dfs, at most " + std::to_string(d->preemptions) + " preemptions";
  }
  if (const pct* p = std::get_if<pct>(&s)) return "pct of depth " + std::to_string(p->depth);
  return "random walk";
}

} // namespace

// --- A run ------------------------------------------------------------------------------------------------

result engine::run(const model& what, const options& wanted) {
  if (std::holds_alternative<pct>(wanted.strategy)) {
    // Change points are drawn from the length of an execution. Measured the same way each time, so that the
    // seed of an execution alone determines it.
    options probe = wanted;
    probe.strategy = random_walk{};
    probe.max_executions = 16;
    probe.seed = 1;
    const bool to_the_end =
        run_all(what, probe).ok(); // a failure is left to be found again, by the strategy asked for
    chooser_.set_expected_steps(std::max(to_the_end ? longest_ : 2 * longest_, 2));
  }
  result found = run_all(what, wanted);
  if (!found.ok()) {
    const result again = replay(what, wanted, found.path);
    found.trace = again.trace;
    if (again.failure != found.failure)
      found.trace +=
          "  (the replay ended differently: the model depends on something that the explorer does not "
          "control, such as addresses or state kept between executions)\n";
  }
  return found;
}

result engine::replay(const model& what, const options& wanted, std::string_view script) {
  options once = wanted;
  once.max_executions = 1;
  chooser_.follow(script);
  trace_.clear();
  tracing_ = true;
  result found = run_all(what, once);
  tracing_ = false;
  if (chooser_.diverged()) found.trace += "  (the path does not fit this model)\n";
  for (const std::string& line : trace_) found.trace += line + '\n';
  return found;
}

result engine::run_all(const model& what, const options& wanted) {
  if (phase_ != phase::idle || what.threads < 1 || what.threads > max_threads || wanted.max_steps > 10'000) {
    std::fprintf(stderr, "explore: 1 to %d threads, at most 10000 steps, and no run inside a run\n",
                 max_threads);
    std::abort();
  }
  model_ = &what;
  options_ = wanted;
  if (!tracing_) chooser_.configure(wanted, what.threads);
  const dfs* search = tracing_ ? nullptr : std::get_if<dfs>(&wanted.strategy);
  preemption_bound_ = search != nullptr ? search->preemptions : dfs::unlimited;
  reducing_ = search != nullptr && search->reduce && search->preemptions == dfs::unlimited;
  skipping_turns_ = search != nullptr && search->reduce && wanted.idle_turns == 0;
  relax_seen_ = false;
  executions_ = pruned_ = total_steps_ = 0;
  longest_ = 0;
  complete_ = histories_dropped_ = restart_ = false;
  failure_.clear();

  // What belongs to a thread besides its stack: the exceptions that it handles (two words, by the Itanium C++ ABI).
  auto* exceptions = reinterpret_cast<void**>(abi::__cxa_get_globals());
  keep_for_each_thread(exceptions);
  keep_for_each_thread(exceptions + 1);
  save(outer_);
  const std::align_val_t alignment{std::max(what.alignment, alignof(std::max_align_t))};
  world_ = static_cast<std::byte*>(::operator new(what.size, alignment));
  started_at_ = seconds_now();
  harness_.restart(&engine::drive, this);
  context::switch_to(main_, harness_);
  load(outer_);
  phase_ = phase::idle;
  // A failing execution stops where it is: its world is not destroyed, for its threads are still in the
  // middle of it.
  ::operator delete(world_, alignment);
  world_ = nullptr;

  result r;
  r.model = what.name;
  r.strategy = describe_strategy(wanted.strategy);
  r.seed = failure_.empty() || chooser_.searching() ? wanted.seed : chooser_.execution_seed();
  r.executions = executions_;
  r.pruned = pruned_;
  r.steps = total_steps_;
  r.seconds = seconds_now() - started_at_;
  r.complete = complete_;
  r.histories_dropped = histories_dropped_;
  r.failure = failure_;
  if (!failure_.empty()) r.path = chooser_.script();
  return r;
}

bool engine::out_of_budget() {
  if (executions_ + pruned_ >= options_.max_executions) return true;
  return options_.seconds > 0 && (executions_ + pruned_) % 256 == 0 &&
         seconds_now() - started_at_ > options_.seconds;
}

void engine::drive(void* self) {
  engine& e = *static_cast<engine*>(self);
  for (;;) {
    e.run_one_execution();
    if (std::exchange(e.restart_, false)) {
      e.chooser_.forget_path();
      e.executions_ = e.pruned_ = e.total_steps_ = 0;
      continue;
    }
    if (!e.chooser_.next_execution()) {
      e.complete_ = e.chooser_.searching();
      break;
    }
    if (e.out_of_budget()) break;
  }
  context::switch_to(e.harness_, e.main_);
  std::abort(); // a finished run is never resumed
}

void engine::run_one_execution() {
  if (++execution_ == 0) execution_ = 1;
  memory_.begin();
  chooser_.begin_execution();
  steps_ = preemptions_ = rounds_without_store_ = 0;
  parkers_ = 0;
  reads_used_ = 0;
  ended_ = takers_ = asleep_ = 0;
  wake_count_ = ended_count_ = known_count_ = 0;
  abandoned_ = false;
  avoid_ = 0;
  current_ = 0;
  phase_ = phase::setup;
  model_->construct(world_);

  // Each thread runs to its first visible step, in turn: nothing before it can be noticed by another.
  const int threads = model_->threads;
  kept harness_locals;
  save(harness_locals);
  memory_.start_threads(threads);
  enabled_ = (1u << threads) - 1;
  phase_ = phase::starting;
  current_ = -1;
  start_next(harness_); // returns when all have ended, or the execution is abandoned
  load(harness_locals);

  total_steps_ += static_cast<std::uint64_t>(steps_);
  longest_ = std::max(longest_, steps_);
  histories_dropped_ |= memory_.history_dropped();
  current_ = 0;
  if (abandoned_) {
    ++pruned_;
  } else {
    memory_.join_threads(threads);
    phase_ = phase::finishing;
    model_->finish(world_);
    ++executions_;
  }
  phase_ = phase::idle;
  model_->destroy(world_);
}

void engine::thread_main(void* index) {
  const int t = static_cast<int>(reinterpret_cast<std::intptr_t>(index));
  the_engine.load(kept{});
  std::string thrown;
  try {
    the_engine.model_->thread(the_engine.world_, t);
  } catch (const std::exception& e) {
    thrown = std::string("an exception left the thread: ") + e.what();
  } catch (...) { thrown = "an exception left the thread"; }
  if (!thrown.empty()) the_engine.fail(thrown);
  the_engine.thread_ended();
}

// From one thread, or the harness, to the next thread that has not begun; or, when all stand before their first visible step,
// to the one that takes it.
void engine::start_next(context& from) {
  const int next = current_ + 1;
  if (next < model_->threads) {
    thread_state& started = at(next);
    started.next = step{};
    looked_at_[static_cast<unsigned>(next)] = started.asleep = 0;
    started.this_turn = started.last_turn = turn{};
    started.idle_turns = started.weak_failures = 0;
    started.in_relax = started.poked = started.sees_newest = started.woken = false;
    started.sleeps_on = nullptr;
    started.stack.restart(&engine::thread_main, reinterpret_cast<void*>(static_cast<std::intptr_t>(next)));
    current_ = next;
    return context::switch_to(from, started.stack);
  }
  if (all_have_ended()) return context::switch_to(from, harness_);
  phase_ = phase::threads;
  current_ = max_threads; // nobody has been running
  current_ = pick();
  if (&self().stack != &from) context::switch_to(from, self().stack);
}

void engine::wait_for_the_others() {
  thread_state& me = self();
  save(me.locals);
  start_next(me.stack);
  load(me.locals);
}

void engine::thread_ended() {
  thread_state& ending = self();
  enabled_ &= ~(1u << current_);
  ended_ |= 1u << current_;
  if (phase_ == phase::starting) {
    start_next(ending.stack);
  } else if (all_have_ended()) {
    context::switch_to(ending.stack, harness_);
  } else {
    current_ = pick();
    context::switch_to(ending.stack, self().stack);
  }
  std::abort(); // an ended thread is never resumed
}

// --- The lives of objects ---------------------------------------------------------------------------------

void engine::object_ends(const void* object, std::size_t size, site where) {
  if (!running()) return;
  const auto* begin = static_cast<const std::byte*>(object);
  for (std::size_t i = 0; i < known_count_; ++i) {
    location& each = *known_[i];
    const auto* place = reinterpret_cast<const std::byte*>(&each);
    if (place < begin || place >= begin + size || each.destroyed || each.execution != execution_) continue;
    clock others = each.accessed;
    others.set(current_, 0);
    if (!memory_.now(current_).before.covers_all(others))
      fail("data race: an object ends while another thread's access to it is not known to be over", where);
    each.destroyed = true;
  }
  if (ended_count_ == ended_objects_.size()) fail("more objects end than the explorer can remember", where);
  ended_objects_[ended_count_++] = {begin, begin + size};
  acted();
  if (tracing_) note(where, "an object ends");
}

bool engine::is_ended(const void* at) const noexcept {
  const auto* place = static_cast<const std::byte*>(at);
  for (std::size_t i = 0; i < ended_count_; ++i)
    if (place >= ended_objects_[i].begin && place < ended_objects_[i].end) return true;
  return false;
}

// --- Failures and traces ----------------------------------------------------------------------------------

void engine::fail(std::string what) {
  if (in_threads()) what += " (in T" + std::to_string(current_) + ')';
  if (phase_ == phase::finishing) what += " (in finish)";
  stop(std::move(what));
}

void engine::stop(std::string why) {
  failure_ = std::move(why);
  longest_ = std::max(longest_, steps_);
  if (tracing_) trace_.push_back("       " + failure_);
  context nowhere;
  context::switch_to(nowhere, main_);
  std::abort(); // a failed execution is never resumed
}

void engine::too_many_reads() {
  fail("the execution reads more plain variables than the explorer can remember");
}

void engine::fail(std::string what, site where) {
  fail(std::string(base_name(where.file_name())) + ':' + std::to_string(where.line()) + ": " + what);
}

void engine::note(site where, std::string_view text) {
  char head[64];
  if (phase_ == phase::threads || phase_ == phase::starting)
    std::snprintf(head, sizeof head, "%5d  T%d  ", steps_, current_);
  else
    std::snprintf(head, sizeof head, "%11s", phase_ == phase::setup ? "setup  " : "finish  ");
  std::string line = head;
  line += text;
  if (line.size() < 60) line.resize(60, ' ');
  line += "  " + std::string(base_name(where.file_name())) + ':' + std::to_string(where.line());
  const std::string code = source_line(where.file_name(), where.line());
  if (!code.empty()) line += "  " + code;
  trace_.push_back(std::move(line));
}

std::string engine::describe(std::uint64_t value) const {
  const auto from = reinterpret_cast<std::uintptr_t>(world_);
  if (value >= from && value < from + model_->size) return "world+" + std::to_string(value - from);
  if (value < 1u << 20) return std::to_string(value);
  if (value > ~std::uint64_t{0} - (1u << 20)) return std::to_string(static_cast<std::int64_t>(value));
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string engine::who(int thread, int at_step) const {
  return at_step == 0 ? std::string("setup")
                      : "T" + std::to_string(thread) + " in step " + std::to_string(at_step);
}

} // namespace thrum::base::explore
