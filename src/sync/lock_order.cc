// What was seen of the order of locks, and the search for a cycle in it (lock_order.h). One lock guards everything: nobody is in a
// hurry who has switched this on.
#include "sync/lock_order.h"

#include "base/spin_lock.h"
#include "env/trace.h"
#include "sched/park.h"
#include "sync/wrong_order.h"

#include <algorithm>
#include <memory>
#include <new>
#include <set>
#include <unordered_map>
#include <utility>

namespace thrum::sync {

namespace {

struct holding {
  named_lock lock;
  lock_trace at;
};

// An agent that holds locks. Its address may be another's later; `who` may not.
struct holder {
  std::uint64_t who = 0;
  std::vector<holding> locks;
};

using sighting = std::shared_ptr<const nested_lock>;

struct successor {
  std::uint32_t number; // of the lock that was locked second
  std::vector<sighting> seen;
};

struct node {
  std::uint64_t touched = 0; // when it was locked last, or something after it; a count
  std::vector<successor> after;
};

constexpr std::size_t most_sightings = 8; // of one order: by different fibers, or under different locks
constexpr std::size_t most_nodes = 16'384;
constexpr unsigned most_steps = 20'000; // of one search
constexpr std::size_t most_reports = 64;

std::uint64_t identity_of(const wait::agent& a) noexcept {
  switch (a.kind) {
  case wait::agent_kind::fiber: return static_cast<const sched::fiber&>(a).id;
  case wait::agent_kind::thread:
    return std::uint64_t{1} << 63 | static_cast<unsigned>(static_cast<const wait::guest&>(a).number);
  case wait::agent_kind::coroutine: break;
  }
  return std::uint64_t{1} << 62 | reinterpret_cast<std::uintptr_t>(&a);
}

bool keeps_apart(const named_lock& a, const named_lock& b) noexcept {
  return a.number == b.number && !(a.together && b.together);
}

// Could both be there at the same time?
bool go_together(const nested_lock& a, const nested_lock& b) noexcept {
  if (a.who == b.who) return false;
  for (const named_lock& x : a.held)
    for (const named_lock& y : b.held)
      if (keeps_apart(x, y)) return false;
  return true;
}

class order {
public:
  // The locks that the agent holds; null: none.
  holder* held_by(const wait::agent& me) noexcept {
    const auto found = holders_.find(&me);
    if (found == holders_.end()) return nullptr;
    if (found->second.who == identity_of(me)) return &found->second;
    holders_.erase(found); // the one before ended with what it held
    return nullptr;
  }

  void add(const wait::agent& me, const named_lock& l, const lock_trace& at) {
    if (held_by(me) == nullptr) holders_[&me].who = identity_of(me);
    holders_[&me].locks.push_back({l, at});
  }

  void take_away(const wait::agent& me, const named_lock& l) noexcept {
    holder* const mine = held_by(me);
    if (mine != nullptr && forget(*mine, l)) {
      if (mine->locks.empty()) holders_.erase(&me);
      return;
    }
    // Somebody else's: a shared lock may be released by another than who took it. Whose it was is not known.
    for (auto& [agent, other] : holders_)
      while (forget(other, l)) {}
  }

  // Was it seen, or something that means as much?
  bool knows(const nested_lock& n) const noexcept {
    const successor* s = find(n.first.number, n.second.number);
    if (s == nullptr) return false;
    return s->seen.size() >= most_sightings ||
           std::any_of(s->seen.begin(), s->seen.end(), [&](const sighting& before) {
             return before->who == n.who && before->first.together == n.first.together &&
                    before->second.together == n.second.together && is_subset(before->held, n.held);
           });
  }

  // Returns the cycle that it closes; empty: none, or one that was reported.
  std::vector<nested_lock> add(nested_lock&& n) {
    const auto added = std::make_shared<const nested_lock>(std::move(n));
    if (nodes_.size() >= most_nodes) forget_the_oldest();
    node& first = nodes_[added->first.number];
    node& second = nodes_[added->second.number];
    first.touched = second.touched = ++clock_;
    auto s = std::find_if(first.after.begin(), first.after.end(),
                          [&](const successor& x) { return x.number == added->second.number; });
    if (s == first.after.end()) s = first.after.insert(s, {added->second.number, {}});
    s->seen.push_back(added);
    if (!leads_back(*added)) return {};
    chain_.assign(1, added);
    steps_ = 0;
    if (!close_chain() || !is_news()) return {};
    std::vector<nested_lock> cycle;
    for (const sighting& link : chain_) cycle.push_back(*link);
    return cycle;
  }

private:
  static bool forget(holder& h, const named_lock& l) noexcept {
    const auto found = std::find_if(h.locks.rbegin(), h.locks.rend(), [&](const holding& x) {
      return x.lock.number == l.number && x.lock.together == l.together;
    });
    if (found == h.locks.rend()) return false;
    h.locks.erase(std::next(found).base());
    return true;
  }

  static bool is_subset(const std::vector<named_lock>& part, const std::vector<named_lock>& whole) noexcept {
    return std::all_of(part.begin(), part.end(), [&](const named_lock& x) {
      return std::any_of(whole.begin(), whole.end(), [&](const named_lock& y) {
        return x.number == y.number && x.together == y.together;
      });
    });
  }

  const successor* find(std::uint32_t from, std::uint32_t to) const noexcept {
    const auto found = nodes_.find(from);
    if (found == nodes_.end()) return nullptr;
    for (const successor& s : found->second.after)
      if (s.number == to) return &s;
    return nullptr;
  }

  // Is there a way at all? Most orders have none, and this ends soon.
  bool leads_back(const nested_lock& n) {
    std::set<std::uint32_t> seen;
    std::vector<std::uint32_t> ahead{n.second.number};
    while (!ahead.empty()) {
      const std::uint32_t at = ahead.back();
      ahead.pop_back();
      if (at == n.first.number) return true;
      if (!seen.insert(at).second) continue;
      if (const auto found = nodes_.find(at); found != nodes_.end())
        for (const successor& s : found->second.after) ahead.push_back(s.number);
    }
    return false;
  }

  // Extends the chain until its end waits for its beginning.
  bool close_chain() {
    const nested_lock& begin = *chain_.front();
    const nested_lock& end = *chain_.back();
    if (end.second.number == begin.first.number) return keeps_apart(end.second, begin.first);
    const auto here = nodes_.find(end.second.number);
    if (here == nodes_.end()) return false;
    for (const successor& s : here->second.after)
      for (const sighting& next : s.seen) {
        if (++steps_ > most_steps) return false;
        if (!keeps_apart(end.second, next->first)) continue;
        if (!std::all_of(chain_.begin(), chain_.end(),
                         [&](const sighting& link) { return go_together(*link, *next); }))
          continue;
        chain_.push_back(next);
        if (close_chain()) return true;
        chain_.pop_back();
      }
    return false;
  }

  // Not if a cycle of the same places was reported: the same code with other locks.
  bool is_news() {
    std::set<lock_trace> places;
    for (const sighting& link : chain_) places.insert(link->second_at);
    return reported_.size() < most_reports && reported_.insert(std::move(places)).second;
  }

  // The half that was not used for the longest time. Locks that are gone are among them.
  void forget_the_oldest() {
    std::vector<std::uint64_t> times;
    for (const auto& [number, n] : nodes_) times.push_back(n.touched);
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    std::erase_if(nodes_, [&](const auto& entry) { return entry.second.touched < *middle; });
    for (auto& [number, n] : nodes_)
      std::erase_if(n.after, [&](const successor& s) { return !nodes_.contains(s.number); });
  }

  std::unordered_map<const wait::agent*, holder> holders_;
  std::unordered_map<std::uint32_t, node> nodes_; // by the number of the lock
  std::uint64_t clock_ = 0;
  std::vector<sighting> chain_; // of the search
  unsigned steps_ = 0;
  std::set<std::set<lock_trace>> reported_;
};

constinit base::spin_lock order_lock;

order& the_order() { // guarded by order_lock
  static auto* immortal = new order;
  return *immortal;
}

std::uint32_t number_of(const watched_lock& l) noexcept {
  static constinit std::atomic<std::uint32_t> last{0};
  std::uint32_t n = l.number.load(std::memory_order_relaxed); // relaxed: a number; all who ask get the same
  if (n != 0) return n;
  const std::uint32_t mine = last.fetch_add(1, std::memory_order_relaxed) + 1; // relaxed: a count
  return l.number.compare_exchange_strong(n, mine, std::memory_order_relaxed,  // relaxed: as above
                                          std::memory_order_relaxed)           // relaxed: as above
             ? mine
             : n;
}

named_lock named(const watched_lock& l) noexcept { return {number_of(l), l.address, l.kind, l.together}; }

lock_trace where() noexcept {
  lock_trace t{};
  env::trace_here(t.data(), t.size());
  return t;
}

// What the calling agent says by locking `second`: one order for each lock that it holds. Those that are known are left out.
std::vector<nested_lock> news_of(const wait::agent& me, const named_lock& second) {
  std::vector<nested_lock> news;
  const base::spin_guard guard(order_lock);
  const holder* const mine = the_order().held_by(me);
  if (mine == nullptr) return news;
  nested_lock n{};
  n.who = mine->who;
  n.second = second;
  for (const holding& h : mine->locks) {
    if (h.lock.number == second.number) return {}; // again: a mistake of its own
    n.held.push_back(h.lock);
  }
  for (const holding& h : mine->locks) {
    n.first = h.lock;
    n.first_at = h.at;
    if (!the_order().knows(n)) news.push_back(n);
  }
  return news;
}

void introduce(nested_lock& n, const wait::agent& me) {
  if (me.kind == wait::agent_kind::thread) n.thread = static_cast<const wait::guest&>(me).number;
  if (me.kind != wait::agent_kind::fiber) return;
  const auto& f = static_cast<const sched::fiber&>(me);
  n.id = f.id;
  if (f.name != nullptr) n.name = f.name;
  n.site = f.site;
}

} // namespace

void about_to_lock(const watched_lock& l) noexcept {
  if (!wait::locks_are_watched()) return;
  const wait::agent& me = sched::this_agent();
  try {
    std::vector<nested_lock> news = news_of(me, named(l));
    if (news.empty()) return;
    const lock_trace here = where();
    for (nested_lock& n : news) {
      n.second_at = here;
      introduce(n, me);
      std::vector<nested_lock> cycle;
      {
        const base::spin_guard guard(order_lock);
        cycle = the_order().add(std::move(n));
      }
      if (!cycle.empty()) report_wrong_order(cycle);
    }
  } catch (const std::bad_alloc&) {} // no memory: not seen
}

void has_locked(const watched_lock& l) noexcept {
  if (!wait::locks_are_watched()) return;
  const wait::agent& me = sched::this_agent();
  try {
    const lock_trace here = where();
    const base::spin_guard guard(order_lock);
    the_order().add(me, named(l), here);
  } catch (const std::bad_alloc&) {} // as above
}

void about_to_unlock(const watched_lock& l) noexcept {
  // A lock without a number was locked by a thread that is not watched.
  if (!wait::locks_are_watched() || l.number.load(std::memory_order_relaxed) == 0)
    return; // relaxed: number_of
  const wait::agent& me = sched::this_agent();
  const base::spin_guard guard(order_lock);
  the_order().take_away(me, named(l));
}

} // namespace thrum::sync
