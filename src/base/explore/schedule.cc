// Who goes on: the decision before each visible step, waiting, and the reduction. The ideas are in engine.h.
#include "base/explore/engine.h"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace thrum::base::explore {

namespace {

// Turns that waiting threads get without anybody storing anything before it is called a livelock. Greater
// than the turns of any loop that gives up, small enough to stay below max_steps.
constexpr int max_rounds_without_store = 64;

} // namespace

// --- Scheduling -------------------------------------------------------------------------------------------

void engine::too_long() {
  fail("livelock: " + std::to_string(options_.max_steps) +
       " steps and no end (a loop that waits without relax(), or max_steps is too small)");
}

void engine::keep_for_each_thread(void** word) {
  for (std::size_t i = 0; i < kept_count_; ++i)
    if (kept_[i] == word) return;
  if (kept_count_ == kept_words || phase_ != phase::idle) {
    std::fprintf(stderr, "explore: at most %zu words are kept for each thread, named outside a run\n",
                 kept_words);
    std::abort();
  }
  kept_[kept_count_++] = word;
}

int engine::pick() {
  if (enabled_ == 0) unstick();
  if (reducing_) return pick_reduced();
  if ((enabled_ & (enabled_ - 1)) == 0) return std::countr_zero(enabled_);

  const bool could_go_on = is_enabled(current_);
  std::uint32_t candidates = enabled_;
  if (could_go_on && preemption_bound_ >= 0 && preemptions_ >= preemption_bound_) candidates = 1u << current_;
  std::uint32_t explored;
  const int next = chooser_.thread(enabled_, candidates, current_, explored);
  if (could_go_on && next != current_) ++preemptions_;
  return next;
}

void engine::abandon() {
  abandoned_ = true;
  context nowhere;
  context::switch_to(nowhere, harness_);
  std::abort(); // an abandoned thread is never resumed
}

int engine::choose_among(int count) {
  if (count > max_choices) fail("more than " + std::to_string(max_choices) + " possibilities in one choice");
  const std::uint64_t all = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  return chooser_.value(count, all);
}

int engine::choose_among_stores(const location& where, int oldest, std::uint64_t avoid) {
  const int newest = where.count - 1;
  const int count = newest - oldest + 1;
  if (avoid == 0) return newest - choose_among(count);
  std::uint64_t allowed = 0;
  for (int i = 0; i < count; ++i) {
    const int id = memory_.at(where, newest - i).id;
    if (id >= 63 || (avoid >> id & 1u) == 0) allowed |= std::uint64_t{1} << i;
  }
  return newest - chooser_.value(count, allowed);
}

// --- Waiting ----------------------------------------------------------------------------------------------

void engine::poke(int t) noexcept {
  at(t).poked = true;
  if (at(t).in_relax) enabled_ |= 1u << t;
}

void engine::relax(site where) {
  if (phase_ == phase::idle) return;
  if (!in_threads()) fail("relax(): waits for another thread where there is none", where);
  if (reducing_ && !relax_seen_) {
    relax_seen_ = true; // loads and stores are less independent than was assumed so far: start again
    restart_ = true;
    abandon();
  }
  thread_state& waiting = self();
  if (skipping_turns_ && !waiting.sees_newest && waiting.this_turn.repeatable &&
      waiting.this_turn == waiting.last_turn)
    abandon();
  std::uint64_t& looked_at = looked_at_[static_cast<unsigned>(current_)];
  if (looked_at == 0) looked_at = all_of_it; // the loop looks at something else: any store may matter
  waiting.in_relax = true;
  if (!waiting.poked && waiting.idle_turns >= options_.idle_turns) enabled_ &= ~(1u << current_);
  before({.kind = step_kind::relax, .objects = looked_at, .where = where});
  waiting.in_relax = false;
  if (waiting.poked)
    waiting.idle_turns = 0;
  else
    ++waiting.idle_turns;
  waiting.poked = false;
  looked_at = 0;
  waiting.last_turn = waiting.this_turn;
  waiting.this_turn = turn{};
  waiting.this_turn.repeatable = true;
  waiting.this_turn.add(where.line()); // of this loop, not of another
  if (tracing_) note(where, waiting.sees_newest ? "relax(), as nobody else can go on" : "relax()");
}

void engine::unstick() {
  bool any = false;
  for (int t = 0; t < model_->threads; ++t) { // nobody can go on: deadlines pass
    thread_state& sleeper = at(t);
    if (sleeper.sleeps_on == nullptr || sleeper.woken || !sleeper.has_deadline) continue;
    sleeper.woken = sleeper.timed_out = true;
    enabled_ |= 1u << t;
    any = true;
  }
  if (any) return;
  for (int t = 0; t < model_->threads; ++t) {
    if (!at(t).in_relax) continue;
    at(t).sees_newest = true;
    enabled_ |= 1u << t;
    any = true;
  }
  if (!any || ++rounds_without_store_ > max_rounds_without_store) report_stuck();
}

void engine::report_stuck() {
  bool spinning = false;
  std::string waiting;
  for (int t = 0; t < model_->threads; ++t) {
    if ((ended_ >> t & 1u) != 0) continue;
    const step& next = at(t).next;
    spinning |= next.kind == step_kind::relax;
    waiting += waiting.empty() ? "" : "; ";
    waiting += "T" + std::to_string(t) + (next.kind == step_kind::relax ? " spins at " : " is parked at ");
    waiting += std::string(base_name(next.where.file_name())) + ':' + std::to_string(next.where.line());
  }
  stop((spinning ? "livelock: nothing that the waiting threads look at will change: "
                 : "deadlock: every thread that has not ended is parked: ") +
       waiting);
}

void engine::park(bool& token, const view& carried, std::uint64_t object, site where) {
  if (!in_threads()) fail("park() outside the model's threads", where);
  do { // a loop, because try_park() of another thread may have been quicker
    if (!token) enabled_ &= ~(1u << current_);
    before({.kind = step_kind::park, .objects = object, .where = where});
  } while (!token);
  token = false;
  self().sees_newest = false;
  acted();
  memory_.learn(current_, carried);
  if (tracing_) note(where, "park(), the token was there");
}

bool engine::try_park(bool& token, const view& carried, std::uint64_t object, site where) {
  before({.kind = step_kind::unpark,
          .objects = object,
          .where = where}); // never blocks, so not a park to the engine
  const bool had = std::exchange(token, false);
  acted();
  if (had) memory_.learn(current_, carried);
  if (tracing_)
    note(where, had ? "try_park(), the token was there" : "try_park(), no token: the timeout comes first");
  return had;
}

void engine::unpark(bool& token, view& carried, std::uint64_t object, site where) {
  before({.kind = step_kind::unpark, .objects = object, .where = where});
  const bool had = std::exchange(token, true);
  self().sees_newest = false;
  acted();
  rounds_without_store_ = 0;
  memory_.publish(current_, carried);
  if (phase_ == phase::threads)
    for (int t = 0; t < model_->threads; ++t)
      if (at(t).next.kind == step_kind::park && at(t).next.objects == object && (ended_ >> t & 1u) == 0)
        enabled_ |= 1u << t;
  if (tracing_) note(where, had ? "unpark(), the token was there already" : "unpark()");
}

void engine::before_take(const location& where, std::uint64_t object, site at) {
  const auto taken = [&] { return memory_.at(where, where.count - 1).value != 0; };
  if (!in_threads()) {
    if (taken()) fail("nobody could give back what is taken here", at);
    return;
  }
  const std::uint32_t mine = 1u << current_;
  do { // a loop, because another thread may have been quicker
    takers_ |= mine;
    if (taken()) enabled_ &= ~mine;
    before({.kind = step_kind::take, .objects = object, .takes = &where, .where = at});
    takers_ &= ~mine;
  } while (taken());
  self().sees_newest = false;
}

void engine::admit_takers(const location& where) noexcept {
  const bool possible = memory_.at(where, where.count - 1).value == 0;
  for (std::uint32_t left = takers_; left != 0; left &= left - 1) {
    const int t = std::countr_zero(left);
    if (at(t).next.kind != step_kind::take || at(t).next.takes != &where) continue;
    if (possible)
      enabled_ |= 1u << t;
    else
      enabled_ &= ~(1u << t);
  }
}

clock engine::woken_floor(const location& word) const noexcept {
  for (std::size_t i = 0; i < wake_count_; ++i)
    if (wakes_[i].word == &word) return wakes_[i].floor;
  return clock{};
}

bool engine::sleep_on(const location& word, std::uint64_t object, bool may_time_out, site at) {
  thread_state& me = self();
  me.sleeps_on = &word;
  me.slept_since = steps_;
  me.woken = me.timed_out = false;
  me.has_deadline = may_time_out;
  const view nothing; // the kernel promises no order: who wakes up looks at the word again
  park(me.woken, nothing, object, at);
  self().sleeps_on = nullptr;
  self().sees_newest = self().timed_out; // much time has passed
  return self().timed_out;
}

int engine::wake_sleepers(const location& word, std::uint64_t object, int how_many) {
  self().sees_newest = false;
  acted();
  rounds_without_store_ = 0;
  std::size_t w = 0;
  while (w < wake_count_ && wakes_[w].word != &word) ++w;
  if (w == wakes_.size()) fail("more words to sleep on than the explorer can remember");
  if (w == wake_count_) wakes_[wake_count_++] = {&word, clock{}};
  wakes_[w].floor.join(memory_.now(current_).floor);
  int woken = 0;
  while (woken < how_many) { // who sleeps longest comes first
    int first = -1;
    for (int t = 0; t < model_->threads; ++t)
      if (at(t).sleeps_on == &word && !at(t).woken &&
          (first < 0 || at(t).slept_since < at(first).slept_since))
        first = t;
    if (first < 0) break;
    at(first).woken = true;
    ++woken;
    if (at(first).next.kind == step_kind::park && at(first).next.objects == object) enabled_ |= 1u << first;
  }
  return woken;
}

// --- Reduction --------------------------------------------------------------------------------------------

// By what a sleeping step is known: a load that is not seq_cst by the stores it may return, anything else as
// a whole.
std::uint64_t engine::labels(int t) const noexcept {
  const step& next = at(t).next;
  if (next.loads == nullptr || next.sequential || relax_seen_) return all_of_it;
  std::uint64_t stores = 0;
  for (int place = memory_.floor_place(*next.loads, t, false); place < next.loads->count; ++place) {
    const int id = memory_.at(*next.loads, place).id;
    if (id >= 63) return all_of_it; // bit 63 is kept free, so that no set of labels looks like all_of_it
    stores |= std::uint64_t{1} << id;
  }
  return stores;
}

bool engine::sleeping(int t) const noexcept {
  const std::uint64_t asleep = at(t).asleep;
  return asleep == all_of_it || (asleep != 0 && (labels(t) & ~asleep) == 0);
}

bool engine::dependent(const thread_state& asleep, const step& taken) const noexcept {
  const step& sleeper = asleep.next;
  if (sleeper.sequential && taken.sequential) return true;
  if (sleeper.everywhere || taken.everywhere) return true;
  if ((sleeper.light && taken.heavy) || (sleeper.heavy && taken.light)) return true;
  if ((sleeper.objects & taken.objects) == 0) return false;
  const bool sleeper_loads = sleeper.kind == step_kind::load;
  const bool taken_loads = taken.kind == step_kind::load;
  if (sleeper_loads && taken_loads) return false;
  if (relax_seen_ || sleeper.sequential || taken.sequential) return true;
  if (sleeper_loads) return asleep.asleep == all_of_it; // not known by its stores
  return !taken_loads;
}

int engine::pick_reduced() {
  std::uint32_t candidates = enabled_;
  if (!chooser_.on_known_path()) { // there, nothing was abandoned, and what sleeps is the same as then
    for (std::uint32_t left = enabled_ & asleep_; left != 0; left &= left - 1) {
      const int t = std::countr_zero(left);
      if (sleeping(t)) candidates &= ~(1u << t);
    }
    if (candidates == 0) abandon();
  }

  std::uint32_t explored = 0;
  const int next = (enabled_ & (enabled_ - 1)) == 0
                       ? std::countr_zero(enabled_)
                       : chooser_.thread(enabled_, candidates, current_, explored);
  asleep_ |= explored;
  for (; explored != 0; explored &= explored - 1) {
    const int t = std::countr_zero(explored);
    at(t).asleep |= labels(t);
  }
  const step& taken = at(next).next;
  avoid_ = at(next).asleep;
  for (std::uint32_t left = asleep_; left != 0; left &= left - 1) {
    const int t = std::countr_zero(left);
    if (t != next && !dependent(at(t), taken)) continue;
    at(t).asleep = 0;
    asleep_ &= ~(1u << t);
  }
  return next;
}

} // namespace thrum::base::explore
