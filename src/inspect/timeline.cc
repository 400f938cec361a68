// The events of all workers, sorted by time, are played again: who runs on which processor now, and who of the workers has none. A
// slice begins and ends where that changes.
//
// A worker whose processor is taken hears of it late: the monitor's event ends the slice on the processor, and another begins on the
// thread. Should the worker have come back before the monitor has read the clock, its own events come first, and the monitor's finds
// it elsewhere: it says nothing new then.
//
// Of what was there before the recording began, the first event tells: who leaves a processor, and was not seen before, has been on it
// since the beginning; who starts without having been made ready was ready.
//
// The end is clean: who finds the tape gone, and so does not write, does so before what follows from his deed, and whoever does that
// finds it gone, too.
#include "inspect/timeline.h"

#include "inspect/census.h"
#include "sched/describe.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace thrum::inspect {

namespace {

namespace record = sched::record;
using record::event;
using record::kind;
using record::leaving;
using trace::ending;
using trace::time;

constexpr std::size_t nowhere = ~std::size_t{0};

const char* name_of_loss(std::uint8_t why) noexcept {
  switch (static_cast<record::loss>(why)) {
  case record::loss::computes: return "computes";
  case record::loss::blocked: return "blocked in the kernel";
  case record::loss::idle: return "nothing to do";
  case record::loss::blocking: return "blocking()";
  case record::loss::pinned: return "pinned";
  case record::loss::moves: return "THRUM_DEBUG=migrate";
  case record::loss::unwanted: return "fewer processors";
  }
  return "";
}

const char* name_of_reason(std::uint8_t why) noexcept {
  const auto reason = static_cast<wait::reason>(why);
  return reason == wait::reason::none ? "" : sched::name_of(reason);
}

// Sorts by key(element); those of the same key keep their order. (The std::stable_sort of libstdc++ 12 uses what is deprecated.)
template <class T, class Key> void in_order(std::vector<T>& all, Key key) {
  using value = decltype(key(all.front()));
  std::vector<std::pair<value, std::size_t>> order;
  order.reserve(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) order.emplace_back(key(all[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<T> sorted;
  sorted.reserve(all.size());
  for (const auto& [at, i] : order) sorted.push_back(std::move(all[i]));
  all = std::move(sorted);
}

class player {
public:
  explicit player(const record::tape& t) : tape_(t) {}

  trace::timeline play() {
    gather();
    for (const entry& e : entries_) step(*e.what, *e.where);
    finish();
    name_the_rest();
    return std::move(out_);
  }

private:
  struct entry {
    const event* what;
    const record::chunk* where;
  };
  struct runtime {
    unsigned group = 0;
    std::string name;
    std::vector<unsigned> processors; // their tracks
  };
  struct thread {
    int number = 0;
    runtime* home = nullptr; // null: no worker
    unsigned track = 0;
    bool seen = false;           // there was an event of it that tells where it is
    std::size_t slice = nowhere; // open
    std::size_t nap = nowhere;   // open
    std::vector<std::size_t> unnamed;
  };
  // Of a fiber, or of a task that has not begun: how it came to be runnable.
  struct cause {
    bool is_arrow = false; // not, if it has yielded
    unsigned from = 0;
    time made{0};
    std::uint64_t by = 0;
    bool in_slice = false; // of `by`: it is known where it ran
    bool begins = false;
    const char* why = "";
  };

  // What was before counts as the beginning.
  time time_of(const event& e) const noexcept {
    return time(std::max<env::nanoseconds>(0, e.at - tape_.since));
  }

  void gather() {
    const env::nanoseconds end = std::min(
        tape_.until, tape_.complete_until.load(std::memory_order_relaxed)); // relaxed: nobody writes any more
    out_.length = time(std::max<env::nanoseconds>(0, end - tape_.since));
    out_.lost = tape_.lost.load(std::memory_order_relaxed); // relaxed: as above
    const std::uint32_t chunks = tape_.chunks_used();
    for (std::uint32_t c = 0; c < chunks; ++c) {
      const record::chunk& from = tape_.chunks[c];
      if (from.home != nullptr) meet(from);
      for (std::uint32_t i = 0; i < from.used; ++i) {
        const event& e = from.slots[i].e;
        if (e.what == kind::origin) continue; // comes with the one before
        if (e.at > end)
          ++out_.lost;
        else
          entries_.push_back({&e, &from});
        if (i + 1 == from.used) continue;
        if (e.what == kind::begun) note_origin(e.fiber, from.slots[i + 1].o);
        if (e.what == kind::enters) called_[&e] = name_in(from.slots[i + 1].o);
      }
    }
    out_.events = entries_.size();
    in_order(entries_, [](const entry& e) { return e.what->at; });
  }

  static std::string name_in(const record::origin& o) {
    const std::string_view name(o.name, sizeof o.name);
    return std::string(name.substr(0, name.find('\0')));
  }
  void note_origin(std::uint64_t fiber, const record::origin& o) {
    origins_[fiber] = {.id = fiber, .name = name_in(o), .site = o.site};
  }

  void meet(const record::chunk& c) {
    auto [at, is_new] = runtimes_.try_emplace(c.home);
    runtime& r = at->second;
    if (is_new) {
      r.group = static_cast<unsigned>(runtimes_.size() - 1);
      r.name = c.runtime;
    }
    while (r.processors.size() < c.processors)
      r.processors.push_back(
          add_track(trace::track::kind::processor, &r, static_cast<int>(r.processors.size())));
    if (!threads_.contains(c.thread)) add_thread(c.thread, &r);
  }

  unsigned add_track(trace::track::kind what, const runtime* r, int number) {
    out_.tracks.push_back({.what = what,
                           .runtime = r != nullptr ? r->name : std::string(),
                           .group = r != nullptr ? r->group : 0,
                           .number = number});
    return static_cast<unsigned>(out_.tracks.size() - 1);
  }

  thread& add_thread(int number, runtime* home) {
    thread& t = threads_[number];
    t.number = number;
    t.home = home;
    t.track =
        add_track(home != nullptr ? trace::track::kind::worker : trace::track::kind::thread, home, number);
    return t;
  }

  thread& thread_of(int number) {
    const auto at = threads_.find(number);
    return at != threads_.end() ? at->second : add_thread(number, nullptr);
  }

  // The processor's, or the thread's.
  unsigned track_of(const event& e, const thread& t) const noexcept {
    return e.processor == event::no_processor || t.home == nullptr || e.processor >= t.home->processors.size()
               ? t.track
               : t.home->processors[e.processor];
  }

  std::size_t add_slice(unsigned track, std::uint64_t fiber, time begin) {
    out_.slices.push_back({.track = track, .fiber = fiber, .begin = begin, .end = begin});
    return out_.slices.size() - 1;
  }

  void open(thread& t, unsigned track, std::uint64_t fiber, time at) {
    t.slice = add_slice(track, fiber, at);
    if (fiber == 0) t.unnamed.push_back(t.slice);
  }

  void close(thread& t, time at, ending how, const char* why) {
    if (t.slice == nowhere) return;
    trace::slice& s = out_.slices[t.slice];
    s.end = std::max(at, s.begin);
    s.how = how;
    s.why = why;
    t.slice = nowhere;
  }

  // Who it was is known now.
  static void name_slices(thread& t, std::vector<trace::slice>& slices, std::uint64_t fiber) {
    for (const std::size_t s : t.unnamed) slices[s].fiber = fiber;
    t.unnamed.clear();
  }

  void change_level(time at, int by) {
    runnable_ += by;
    if (!changes_.empty() && changes_.back().first == at)
      changes_.back().second = runnable_;
    else
      changes_.emplace_back(at, runnable_);
  }

  // Where a thread is now, for an arrow.
  unsigned place_of(const thread& t, const event& e) const noexcept {
    return t.slice != nowhere ? out_.slices[t.slice].track : track_of(e, t);
  }

  void step(const event& e, const record::chunk& c) {
    const bool of_worker = c.home != nullptr;
    thread& t = thread_of(of_worker ? c.thread : static_cast<int>(e.number));
    const time at = time_of(e);
    switch (e.what) {
    case kind::created:
      if (of_worker) learn(t, e, e.fiber);
      tasks_[e.other] = {.is_arrow = true,
                         .from = place_of(t, e),
                         .made = at,
                         .by = e.fiber,
                         .in_slice = t.slice != nowhere,
                         .begins = true};
      change_level(at, 1);
      break;
    case kind::begun: {
      const auto task = tasks_.find(e.other);
      if (task == tasks_.end()) break;
      origins_[e.fiber].started_by = task->second.by;
      causes_[e.fiber] = task->second;
      tasks_.erase(task);
      break;
    }
    case kind::ready:
      if (of_worker) learn(t, e, e.other);
      causes_[e.fiber] = {.is_arrow = true,
                          .from = place_of(t, e),
                          .made = at,
                          .by = e.other,
                          .in_slice = t.slice != nowhere,
                          .why = name_of_reason(e.why)};
      change_level(at, 1);
      break;
    case kind::runs: leave(t, e, at); break;
    case kind::holds:
      close(t, at, ending::gets_processor, "");
      if (e.fiber != 0) {
        name_slices(t, out_.slices, e.fiber);
        open(t, track_of(e, t), e.fiber, at);
      }
      break;
    case kind::gives_up:
      learn(t, e, e.fiber);
      close(t, at, ending::loses_processor, name_of_loss(e.why));
      if (e.fiber != 0) open(t, t.track, e.fiber, at);
      break;
    case kind::taken: lose(t, e, at); break;
    case kind::enters:
      learn(t, e, e.fiber);
      open_calls_[e.fiber].push_back(out_.calls.size());
      out_.calls.push_back(
          {.track = place_of(t, e), .fiber = e.fiber, .begin = at, .end = at, .name = called_[&e]});
      break;
    case kind::leaves: {
      learn(t, e, e.fiber);
      std::vector<std::size_t>& in = open_calls_[e.fiber];
      if (in.empty()) break; // since before the recording
      out_.calls[in.back()].end = at;
      in.pop_back();
      break;
    }
    case kind::sleeps:
      t.nap = out_.naps.size();
      out_.naps.push_back({.track = t.track, .begin = at, .end = at, .polls = e.why != 0});
      break;
    case kind::wakes:
      if (t.nap == nowhere) { // since before the recording
        if (!t.seen) out_.naps.push_back({.track = t.track, .begin = time(0), .end = at});
      } else {
        out_.naps[t.nap].end = at;
      }
      t.nap = nowhere;
      break;
    case kind::nothing:
    case kind::origin: break;
    }
    t.seen |=
        e.what == kind::runs || e.what == kind::holds || e.what == kind::gives_up || e.what == kind::taken;
  }

  // It runs there, and has since before the recording if nothing else is known.
  void learn(thread& t, const event& e, std::uint64_t fiber) {
    if (fiber != 0) name_slices(t, out_.slices, fiber);
    if (t.seen || fiber == 0) return;
    open(t, track_of(e, t), fiber, time(0));
    t.seen = true;
  }

  void leave(thread& t, const event& e, time at) {
    const unsigned track = track_of(e, t);
    const auto how = static_cast<leaving>(e.number);
    learn(t, e, e.other);
    close(t, at,
          how == leaving::waits    ? ending::waits
          : how == leaving::yields ? ending::yields
                                   : ending::ends,
          how == leaving::waits ? name_of_reason(e.why) : "");
    if (how == leaving::yields) {
      causes_[e.other] = {};
      change_level(at, 1);
    }
    if (e.fiber == 0) return;
    open(t, track, e.fiber, at);
    const auto why = causes_.find(e.fiber);
    if (why == causes_.end()) {
      ++ready_before_;
    } else {
      if (const cause& c = why->second; c.is_arrow)
        out_.arrows.push_back({.from = c.from,
                               .made = c.made,
                               .by = c.in_slice ? c.by : 0,
                               .to = track,
                               .runs = at,
                               .fiber = e.fiber,
                               .begins = c.begins,
                               .why = c.why});
      causes_.erase(why);
    }
    change_level(at, -1);
  }

  void lose(thread& t, const event& e, time at) {
    const auto home = runtimes_.find(reinterpret_cast<const sched::runtime_core*>(e.other));
    if (home == runtimes_.end() || e.processor >= home->second.processors.size()) return;
    const unsigned track = home->second.processors[e.processor];
    if (!t.seen) open(t, track, 0, time(0));
    if (t.slice == nowhere || out_.slices[t.slice].track != track) return;
    const std::uint64_t fiber = out_.slices[t.slice].fiber;
    close(t, at, ending::loses_processor, name_of_loss(e.why));
    open(t, t.track, fiber, at);
  }

  void finish() {
    for (auto& [number, t] : threads_) {
      close(t, out_.length, ending::recording_ends, "");
      if (t.nap != nowhere) out_.naps[t.nap].end = out_.length;
    }
    for (const auto& [fiber, in] : open_calls_)
      for (const std::size_t c : in) out_.calls[c].end = out_.length;
    // Nobody knows who that was.
    std::erase_if(out_.slices, [](const trace::slice& s) { return s.fiber == 0; });
    in_order(out_.slices, [](const trace::slice& s) { return s.begin; });
    in_order(out_.naps, [](const trace::nap& n) { return n.begin; });
    for (const auto& [at, n] : changes_) {
      const std::int64_t all = n + ready_before_;
      out_.levels.push_back({.at = at, .runnable = all > 0 ? static_cast<std::uint64_t>(all) : 0});
    }
    sort_tracks();
  }

  // Processors first, by runtime and number; then the threads.
  void sort_tracks() {
    std::vector<unsigned> order(out_.tracks.size());
    for (unsigned i = 0; i < order.size(); ++i) order[i] = i;
    const auto rank = [&](unsigned i) {
      const trace::track& t = out_.tracks[i];
      return std::tuple(t.what, t.group, t.number);
    };
    std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) { return rank(a) < rank(b); });
    std::vector<unsigned> place(order.size());
    std::vector<trace::track> sorted;
    for (unsigned i = 0; i < order.size(); ++i) {
      place[order[i]] = i;
      sorted.push_back(std::move(out_.tracks[order[i]]));
    }
    out_.tracks = std::move(sorted);
    for (auto& s : out_.slices) s.track = place[s.track];
    for (auto& n : out_.naps) n.track = place[n.track];
    for (auto& c : out_.calls) c.track = place[c.track];
    for (auto& a : out_.arrows) {
      a.from = place[a.from];
      a.to = place[a.to];
    }
  }

  // Fibers that had begun before can be asked, if they live.
  void name_the_rest() {
    constexpr std::size_t most = 10'000; // a census of more takes too long
    bool unknown = false;
    for (const trace::slice& s : out_.slices) unknown |= !origins_.contains(s.fiber);
    if (unknown && fibers_about() <= most)
      take_census([&](const agent_view& a) {
        if (a.id != 0 && !origins_.contains(a.id))
          origins_[a.id] = {.id = a.id, .name = name_of(a), .site = a.site};
      });
    for (auto& [id, o] : origins_) {
      o.id = id;
      out_.fibers.push_back(std::move(o));
    }
  }

  const record::tape& tape_;
  trace::timeline out_;
  std::vector<entry> entries_;
  std::map<const sched::runtime_core*, runtime> runtimes_; // their elements stay where they are
  std::map<int, thread> threads_;                          // these, too
  std::unordered_map<std::uint64_t, cause> tasks_;         // by address
  std::unordered_map<std::uint64_t, cause> causes_;        // by fiber
  std::map<std::uint64_t, trace::fiber_origin> origins_;
  std::unordered_map<const event*, std::string> called_;                   // the names of `enters`
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> open_calls_; // by fiber, the innermost last
  std::int64_t runnable_ = 0;
  std::int64_t ready_before_ = 0;
  std::vector<std::pair<time, std::int64_t>> changes_;
};

} // namespace

trace::timeline timeline_of(const sched::record::tape& t) { return player(t).play(); }

std::string label_of(const trace::timeline& t, std::uint64_t fiber) {
  const trace::fiber_origin* o = t.find(fiber);
  if (o != nullptr && !o->name.empty()) return o->name;
  if (o == nullptr || o->site.line() == 0) return "fiber #" + std::to_string(fiber);
  const std::string_view path = o->site.file_name();
  return std::string(path.substr(path.rfind('/') + 1)) + ":" + std::to_string(o->site.line());
}

} // namespace thrum::inspect
