#include "inspect/census.h"

#include "base/atomic.h"
#include "env/process.h"
#include "inspect/console.h"
#include "sched/scheduler.h"
#include "sync/holders.h"
#include "wait/guest.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <thrum/detail/task_group_core.h>
#include <unordered_map>
#include <utility>

namespace thrum::inspect {

namespace {

using sched::fiber;
using sched::runtime_core;
using wait::guest;

// A copy of an object of type T, to be looked at, not used.
template <class T> struct alignas(alignof(T)) copy_of {
  unsigned char bytes[sizeof(T)];
  const T& operator*() const noexcept { return *std::launder(reinterpret_cast<const T*>(bytes)); }
  const T* operator->() const noexcept { return &**this; }
};

bool is_waiting(const wait::agent& copy) noexcept {
  return wait::decision::is_pending(copy.decided.load(std::memory_order_relaxed)); // relaxed: a copy
}

bool sleeps(const guest& copy) noexcept {
  return is_waiting(copy) && copy.token.load(std::memory_order_relaxed) == 2; // relaxed: a copy
}

// What the first copy says.
struct first_look {
  const void* block;
  const runtime_core* home; // null: a guest
  std::uint64_t id = 0;
  std::uint32_t waits = 0;
  bool alive = false;
  bool waiting = false;
};

// Calls visit(look, copy) for each of a kind of block, in batches.
template <class T, class Visit> void copy_all(std::vector<first_look>& looks, Visit visit) {
  constexpr std::size_t batch = 64;
  std::array<copy_of<T>, batch> copies;
  for (std::size_t first = 0; first < looks.size(); first += batch) {
    const std::size_t n = std::min(batch, looks.size() - first);
    std::array<env::copy_request, batch> requests;
    for (std::size_t i = 0; i < n; ++i)
      requests[i] = {copies[i].bytes, looks[first + i].block, sizeof(T), false};
    env::copy_memory({requests.data(), n});
    for (std::size_t i = 0; i < n; ++i)
      if (requests[i].done)
        visit(looks[first + i], copies[i]);
      else
        looks[first + i].alive = false;
  }
}

// False: some are left out, because there are more than `most` of all runtimes.
bool add_fibers(runtime_core& core, std::vector<first_look>& looks, std::size_t most) {
  const std::size_t there = looks.size() + core.stacks.in_use();
  looks.reserve(std::min(there, most)); // about: what comes now is in the next census
  core.stacks.for_each_in_use([&](stack::stack_ref s) {
    if (looks.size() < std::min(looks.capacity(), most))
      looks.push_back({.block = s.top() - sizeof(fiber), .home = &core});
  });
  return there <= most;
}

// Who must act first, for waits where that is known. Read between the copies.
class holders {
public:
  void ask(const wait::agent* who, const wait::agent& copy) {
    if (const sync::holder_word word = sync::holder_word_of(copy.why, copy.waiting_for);
        word.address != nullptr)
      asked_.push_back({who, word, nullptr});
  }
  void read() {
    for (question& q : asked_) {
      if (!env::copy_memory(&q.answer, q.word.address, sizeof q.answer)) q.answer = nullptr;
      if (q.answer == nullptr) continue;
      by_agent_[q.who] = q.word.is_fiber
                             ? static_cast<const wait::agent*>(static_cast<const fiber*>(q.answer))
                             : static_cast<const wait::agent*>(q.answer);
    }
  }
  const wait::agent* of(const wait::agent* who) const {
    const auto found = by_agent_.find(who);
    return found == by_agent_.end() ? nullptr : found->second;
  }

private:
  struct question {
    const wait::agent* who;
    sync::holder_word word;
    const void* answer;
  };
  std::vector<question> asked_;
  std::unordered_map<const wait::agent*, const wait::agent*> by_agent_;
};

// Which thread a fiber is on; and since when that has lost its processor, if it has.
struct mount {
  const void* current = nullptr;
  int thread = 0;
  env::nanoseconds lost_at = 0;
  bool lost_blocked = false;
};
using mounted_fibers = std::unordered_map<const void*, mount>;

void add_mounted(runtime_core& core, mounted_fibers& all) {
  const std::size_t room = core.worker_count.load(std::memory_order_relaxed) + 8; // relaxed: a hint
  std::vector<mount> mounts(room);
  std::vector<env::copy_request> requests(2 * room);
  std::size_t n = 0;
  {
    // Two words of each worker are its own; so the kernel copies them, of all of them in one step. None ends meanwhile.
    const base::spin_guard guard(core.idle_lock);
    for (const sched::worker* w = core.workers; w != nullptr && n < room; w = w->all_link, ++n) {
      mount& m = mounts[n];
      m.lost_at = w->lost_at.load(std::memory_order_relaxed);           // relaxed: for a report
      m.lost_blocked = w->lost_blocked.load(std::memory_order_relaxed); // relaxed: for a report
      requests[2 * n] = {&m.current, &w->current, sizeof m.current, false};
      requests[2 * n + 1] = {&m.thread, &w->thread_number, sizeof m.thread, false};
    }
    env::copy_memory({requests.data(), 2 * n});
  }
  for (std::size_t i = 0; i < n; ++i)
    if (requests[2 * i].done && requests[2 * i + 1].done && mounts[i].current != nullptr)
      all[mounts[i].current] = mounts[i];
}

// The groups of those who own some, or are tasks of some.
class group_reader {
public:
  // Of what the first copy says.
  void note(const first_look& look, const wait::agent* who, const wait::agent& copy,
            const detail::group_link* first, int thread) {
    if (first == nullptr) return;
    if (agents_.size() < agents_at_most)
      agents_.push_back({who, first, look.waiting ? copy.why : wait::reason::none, copy.waiting_for, thread});
    else
      left_out_ = true;
  }
  // Between the copies.
  void read() {
    constexpr std::size_t batch = 64; // most agents are tasks, and own nothing: one entry tells all
    std::array<copy_of<group_link>, batch> copies;
    for (std::size_t first = 0; first < agents_.size(); first += batch) {
      const std::size_t n = std::min(batch, agents_.size() - first);
      std::array<env::copy_request, batch> requests;
      for (std::size_t i = 0; i < n; ++i)
        requests[i] = {copies[i].bytes, agents_[first + i].first, sizeof(group_link), false};
      env::copy_memory({requests.data(), n});
      for (std::size_t i = 0; i < n; ++i)
        if (requests[i].done) follow(agents_[first + i], *copies[i]);
    }
  }
  void give(group_census& to) {
    for (group_view& g : groups_)
      if (const auto found = begun_.find(g.address); found != begun_.end()) g.begun = found->second;
    to.groups = std::move(groups_);
    to.left_out = left_out_;
  }

private:
  using group_link = detail::group_link;
  using group_core = detail::task_group_core;
  static constexpr std::size_t agents_at_most = 100'000;
  static constexpr std::size_t groups_at_most = 10'000; // each costs a system call or two
  static constexpr std::size_t groups_of_one = 100;

  struct noted {
    const wait::agent* who;
    const group_link* first;
    wait::reason why;
    const void* waiting_for;
    int thread;
  };

  void follow(const noted& a, group_link link) {
    const std::size_t first = groups_.size();
    const group_link* at = a.first;
    while (link.was_listed_at(at, group_link::role::owner)) {
      if (groups_.size() == groups_at_most || groups_.size() - first == groups_of_one) {
        left_out_ = true;
        break;
      }
      if (!add(a, at, link.group)) break;
      at = link.outer;
      if (at == nullptr || !env::copy_memory(&link, at, sizeof link)) return;
    }
    if (!link.was_listed_at(at, group_link::role::task)) return;
    for (std::size_t i = first; i < groups_.size(); ++i) groups_[i].inside = link.group;
    ++begun_[link.group];
  }

  bool add(const noted& a, const group_link* at, const group_core* address) {
    copy_of<group_core> copy;
    if (!env::copy_memory(copy.bytes, address, sizeof(group_core))) return false;
    // The entry is a part of the group: read again with it.
    const std::ptrdiff_t offset = reinterpret_cast<const char*>(at) - reinterpret_cast<const char*>(address);
    const std::ptrdiff_t expected =
        reinterpret_cast<const char*>(&copy->link()) - reinterpret_cast<const char*>(&*copy);
    if (offset != expected || !copy->link().was_listed_at(at, group_link::role::owner)) return false;
    const detail::group_facts facts = copy->facts();
    group_view g;
    g.address = address;
    g.owner = a.who;
    g.thread = a.thread;
    g.name = facts.name;
    g.site = facts.site;
    g.limit = facts.limit;
    g.stopped = facts.stopped;
    g.has_deadline = facts.has_deadline;
    g.started = facts.started;
    g.running = facts.running;
    const auto waits_in = reinterpret_cast<std::uintptr_t>(a.waiting_for) - // beyond it, if it is before
                          reinterpret_cast<std::uintptr_t>(address);
    if (waits_in < sizeof(group_core)) {
      if (a.why == wait::reason::semaphore) g.owner_does = group_view::doing::wants_a_place;
      if (a.why == wait::reason::task_group) g.owner_does = group_view::doing::joins;
    }
    groups_.push_back(g);
    return true;
  }

  std::vector<noted> agents_;
  std::vector<group_view> groups_;
  std::unordered_map<const void*, std::uint64_t> begun_; // tasks, by group
  bool left_out_ = false;
};

struct sums {
  std::uint64_t spawned = 0;
  std::uint64_t finished = 0;
  std::uint64_t coroutines = 0; // that have waited and not ended; spawned, too
  unsigned threads = 0;         // workers and monitors
  bool all_asleep = true;
  bool timers = false;
  bool descriptors = false;
};

bool workers_asleep(runtime_core& core) noexcept {
  const base::spin_guard guard(core.idle_lock);
  unsigned asleep = core.polling.load(std::memory_order_relaxed); // relaxed: the copies decide
  for (const sched::worker* w = core.idle_workers; w != nullptr; w = w->idle_link) ++asleep;
  for (const sched::worker* w = core.workers; w != nullptr; w = w->all_link)
    asleep += w->awaits_summons.load(std::memory_order_relaxed) &&      // relaxed: as above
              w->summons.load(std::memory_order_relaxed) == 0;          // relaxed: as above
  return asleep == core.worker_count.load(std::memory_order_relaxed) && // relaxed: guarded
         core.idle_count.load(std::memory_order_relaxed) ==
             core.active.load(std::memory_order_relaxed); // relaxed: guarded
}

void add_up(runtime_core& core, sums& s) noexcept {
  s.all_asleep &= workers_asleep(core);
  s.timers |= sched::earliest_timer(core) != env::forever;
  s.descriptors |=
      core.watched.load(std::memory_order_relaxed) != 0; // relaxed: nobody runs, or it does not count
  s.threads += core.worker_count.load(std::memory_order_relaxed);        // relaxed: as above
  s.threads += core.monitor_thread.load(std::memory_order_relaxed) != 0; // relaxed: as above
  s.coroutines -= core.coroutines.ended.load(std::memory_order_relaxed); // relaxed: for a report
  s.finished += sched::count_finished(core);
  s.spawned += sched::count_spawned(core);
  s.coroutines += core.coroutines.begun.load(std::memory_order_relaxed); // relaxed: for a report
}

bool same_wait(const first_look& look, const wait::agent& copy) noexcept {
  return look.waiting && is_waiting(copy) && look.waits == copy.waits;
}

// One census, in the order of its steps. Requires: no runtime comes or goes.
class census {
public:
  census(group_census* groups, std::size_t most) noexcept : wanted_(groups), most_(most) {}
  void list_all();
  void copy_first();
  void look_between();
  totals copy_again(const std::function<void(const agent_view&)>& visit);

private:
  agent_view view_of(const wait::agent& copy, const wait::agent* who) const;
  agent_view view_of(const fiber& copy, const first_look& look) const;

  std::vector<first_look> fibers_;
  std::vector<first_look> guests_;
  std::unordered_map<const wait::agent*, int> numbers_; // of plain threads
  holders held_;
  group_census* const wanted_; // null: groups are not asked for
  const std::size_t most_;     // fibers
  bool left_out_ = false;
  group_reader groups_;
  sums before_; // before and after the kernel was asked for all threads
  sums after_;
  env::thread_census threads_;
  mounted_fibers mounted_;
};

void census::list_all() {
  sched::for_each_registered([&](runtime_core& core) { left_out_ |= !add_fibers(core, fibers_, most_); });
  wait::for_each_thread([&](const wait::thread_context& t) {
    if (!t.is_worker) guests_.push_back({.block = static_cast<const guest*>(&t), .home = nullptr});
  });
}

void census::copy_first() {
  copy_all<fiber>(fibers_, [&](first_look& look, const copy_of<fiber>& copy) {
    look.alive = copy->alive.load(std::memory_order_relaxed); // relaxed: a copy
    look.id = copy->id;
    look.waits = copy->waits;
    look.waiting = look.alive && is_waiting(*copy);
    if (look.waiting) held_.ask(static_cast<const fiber*>(look.block), *copy);
    if (wanted_ != nullptr && look.alive && copy->has_groups)
      groups_.note(look, static_cast<const fiber*>(look.block), *copy, copy->groups, 0);
  });
  copy_all<guest>(guests_, [&](first_look& look, const copy_of<guest>& copy) {
    look.alive = true;
    look.waits = copy->waits;
    look.waiting = sleeps(*copy);
    numbers_[static_cast<const guest*>(look.block)] = copy->number;
    if (look.waiting) held_.ask(static_cast<const guest*>(look.block), *copy);
    if (wanted_ != nullptr)
      groups_.note(look, static_cast<const guest*>(look.block), *copy, copy->groups, copy->number);
  });
}

void census::look_between() {
  held_.read();
  groups_.read();
  std::vector<int> monitors; // they look at all this, as the console does: they do not count as running
  const int console = console_thread();
  if (console != 0) monitors.push_back(console);
  sched::for_each_registered([&](runtime_core& core) {
    add_up(core, before_);
    monitors.push_back(core.monitor_number.load(std::memory_order_relaxed)); // relaxed: a number
  });
  // What threads do matters only where no timer will wake anybody. The kernel takes some 30 us a thread to tell it, on the monitor's time.
  if (before_.all_asleep && !before_.timers) threads_ = env::look_at_threads(monitors);
  sched::for_each_registered([&](runtime_core& core) {
    add_up(core, after_);
    add_mounted(core, mounted_);
  });
  after_.threads += console != 0 && console_thread() == console; // it was there all the time
}

agent_view census::view_of(const wait::agent& copy, const wait::agent* who) const {
  agent_view v;
  v.who = who;
  v.waits_on = held_.of(who);
  if (const auto number = numbers_.find(v.waits_on); number != numbers_.end())
    v.waits_on_thread = number->second;
  v.why = copy.why;
  v.has_deadline = copy.has_deadline;
  v.waits = copy.waits;
  v.waiting_for = copy.waiting_for;
  return v;
}

agent_view census::view_of(const fiber& copy, const first_look& look) const {
  agent_view v = view_of(copy, static_cast<const fiber*>(look.block));
  v.home = look.home;
  v.in_scope = copy.scope != nullptr;
  v.asleep = same_wait(look, copy);
  v.id = copy.id;
  v.name = copy.name;
  v.site = copy.site;
  v.saved = copy.saved;
  v.top = static_cast<const char*>(look.block);
  if (const auto found = mounted_.find(v.who); !v.asleep && found != mounted_.end()) {
    v.thread = found->second.thread;
    v.lost_at = found->second.lost_at;
    v.lost_blocked = found->second.lost_blocked;
  }
  return v;
}

totals census::copy_again(const std::function<void(const agent_view&)>& visit) {
  totals all;
  if (wanted_ != nullptr) groups_.give(*wanted_);
  copy_all<fiber>(fibers_, [&](first_look& look, const copy_of<fiber>& copy) {
    if (!look.alive || !copy->alive.load(std::memory_order_relaxed) || look.id != copy->id)
      return; // relaxed: a copy
    const agent_view v = view_of(*copy, look);
    ++all.fibers;
    all.asleep += v.asleep;
    visit(v);
  });
  copy_all<guest>(guests_, [&](first_look& look, const copy_of<guest>& copy) {
    if (!same_wait(look, *copy) || !sleeps(*copy)) return;
    agent_view v = view_of(*copy, static_cast<const guest*>(look.block));
    v.asleep = true;
    v.thread = copy->number;
    ++all.plain_threads;
    visit(v);
  });
  const std::uint64_t left = after_.spawned - after_.finished;
  all.coroutines = after_.coroutines;
  const std::uint64_t seen = all.fibers + all.coroutines;
  all.waiting_to_begin = left > seen ? left - seen : 0;
  all.timers = after_.timers || before_.timers;
  all.descriptors = after_.descriptors || before_.descriptors;
  all.left_out = left_out_;
  all.nobody_runs = !left_out_ && before_.all_asleep && after_.all_asleep &&
                    before_.spawned == after_.spawned && before_.finished == after_.finished &&
                    all.asleep == all.fibers && left == all.fibers && threads_.all_wait &&
                    threads_.live == after_.threads + all.plain_threads;
  return all;
}

} // namespace

std::string name_at(const char* somewhere) {
  std::string name;
  if (somewhere == nullptr) return name;
  constexpr std::size_t longest = 64;
  for (char c = 0; name.size() < longest; name += c)
    if (!env::copy_memory(&c, somewhere + name.size(), 1) || c == 0) break;
  return name;
}

std::string name_of(const agent_view& a) { return name_at(a.name); }

bool still_waits(const agent_view& a) noexcept {
  copy_of<fiber> copy;
  if (!env::copy_memory(copy.bytes, a.top, sizeof copy.bytes)) return false;
  return copy->alive.load(std::memory_order_relaxed) && copy->id == a.id && // relaxed: a copy
         copy->waits == a.waits && is_waiting(*copy);
}

std::size_t fibers_about() noexcept {
  std::size_t n = 0;
  sched::for_each_runtime([&](runtime_core& core) { n += core.stacks.in_use(); });
  return n;
}

totals take_census(const std::function<void(const agent_view&)>& visit, group_census* groups,
                   std::size_t most) {
  const base::spin_guard no_runtime_ends(sched::registry::lock);
  census c(groups, most);
  c.list_all();
  c.copy_first();
  base::heavy_fence(); // D1
  c.look_between();
  base::heavy_fence(); // D1
  return c.copy_again(visit);
}

} // namespace thrum::inspect
