// One look at the process, for the console: the numbers of its runtimes, and its fibers in groups of those that do the same and were
// spawned at the same place. docs/debugging.md has the table of names; thrum-console (tools/console) reads them.
#include "env/local_service.h"
#include "env/process.h"
#include "inspect/census.h"
#include "inspect/console.h"
#include "inspect/json.h"
#include "inspect/report.h"
#include "sched/blocking_pools.h"
#include "sched/describe.h"
#include "sched/scheduler.h"

#include <algorithm>
#include <map>
#include <source_location>
#include <string_view>
#include <tuple>
#include <vector>

namespace thrum::inspect {

namespace {

constexpr std::size_t most_groups = 200;
constexpr unsigned most_processors = 64; // whose queues are told
constexpr std::size_t most_holdups = 20;

// Objects and arrays, written one after the other.
class json_writer {
public:
  void begin(const char* key, char bracket) {
    name(key);
    text_ += bracket;
    first_ = true;
  }
  void end(char bracket) {
    text_ += bracket;
    first_ = false;
  }
  template <class T> void number(const char* key, T value) {
    name(key);
    text_ += std::to_string(value);
  }
  void flag(const char* key, bool value) {
    name(key);
    text_ += value ? "true" : "false";
  }
  void string(const char* key, std::string_view value) {
    name(key);
    append_json(text_, value);
  }
  void place(const std::source_location& site) { // line 0: of no place, or of many
    string("file", site.line() == 0 ? "" : site.file_name());
    number("line", site.line());
    string("function", site.line() == 0 ? "" : site.function_name());
  }
  std::string take() { return std::move(text_); }

private:
  void name(const char* key) { // null: an element of an array
    if (!first_) text_ += ',';
    first_ = false;
    if (key == nullptr) return;
    append_json(text_, key);
    text_ += ':';
  }

  std::string text_;
  bool first_ = true;
};

void write(json_writer& to, const runtime_report& r, sched::runtime_core& core) {
  to.begin(nullptr, '{');
  to.string("name", r.name);
  to.number("processors", r.processors);
  to.number("idle", r.idle_processors);
  to.number("threads", r.threads);
  to.number("most_threads", r.most_threads);
  to.number("thread_limit", r.thread_limit);
  to.number("detached", r.detached);
  to.number("spawned", r.spawned);
  to.number("finished", r.finished);
  to.number("polls", core.polls.load(std::memory_order_relaxed)); // relaxed: for a report
  to.number("taken_from_computing", r.taken_from_computing);
  to.number("taken_from_blocked", r.taken_from_blocked);
  to.number("stacks", r.stacks);
  to.begin("queued", '[');
  for (unsigned i = 0; i < std::min(core.count_made(), most_processors); ++i)
    to.number(nullptr, core.processors[i]->queued_hint());
  to.end(']');
  to.begin("holdups", '[');
  for (std::size_t i = 0; i < std::min(r.holdups.size(), most_holdups); ++i) {
    const holdup_report& h = r.holdups[i];
    to.begin(nullptr, '{');
    to.place(h.site);
    to.number("computed", h.computed);
    to.number("computing_ns", h.computing.count());
    to.number("blocked", h.blocked);
    to.number("blocking_ns", h.blocking.count());
    to.end('}');
  }
  to.end(']');
  to.end('}');
}

void write_runtimes(json_writer& to) {
  to.begin("runtimes", '[');
  sched::for_each_runtime([&](sched::runtime_core& core) { write(to, report_of(core), core); });
  to.end(']');
}

void write_pools(json_writer& to) {
  to.begin("blocking_pools", '[');
  for (const blocking_pool_report& p : sched::blocking_pools::all()) {
    to.begin(nullptr, '{');
    to.string("name", p.name);
    to.number("limit", p.limit);
    to.number("running", p.running);
    to.number("most", p.most);
    to.number("waiting", p.waiting);
    to.number("calls", p.calls);
    to.end('}');
  }
  to.end(']');
}

const char* state_of(const agent_view& a) noexcept {
  if (a.asleep) return a.why == wait::reason::none ? "waits" : sched::name_of(a.why);
  if (a.lost_at != 0) return a.lost_blocked ? "blocked" : "computes";
  return a.thread != 0 ? "runs" : "ready";
}

// Fibers that do the same, and were spawned at the same place.
struct kind {
  std::string runtime; // its name
  std::string_view state;
  std::source_location site;
  const char* name = nullptr; // of the first that has one
  bool names_differ = false;
  std::size_t count = 0;
  env::nanoseconds longest = 0; // without a processor
};

class kinds {
public:
  explicit kinds(env::nanoseconds now) noexcept : now_(now) {}

  void add(const agent_view& a) {
    const char* state = state_of(a);
    const auto [at, is_new] = places_.try_emplace(
        key{a.home, state, a.site.line(), a.site.column(), a.site.file_name()}, all_.size());
    if (is_new) all_.push_back({.runtime = a.home->name, .state = state, .site = a.site});
    kind& k = all_[at->second];
    ++k.count;
    if (k.name == nullptr) k.name = a.name;
    k.names_differ |= a.name != k.name;
    if (a.lost_at != 0) k.longest = std::max(k.longest, now_ - a.lost_at);
  }

  // The largest first, and else as they came.
  std::vector<const kind*> sorted() const {
    std::vector<const kind*> list;
    for (const kind& k : all_) list.push_back(&k);
    std::sort(list.begin(), list.end(), [](const kind* x, const kind* y) {
      return x->count != y->count ? x->count > y->count : x < y;
    });
    return list;
  }

private:
  using key = std::tuple<const sched::runtime_core*, std::string_view, std::uint_least32_t,
                         std::uint_least32_t, std::string_view>;
  const env::nanoseconds now_;
  std::map<key, std::size_t> places_;
  std::vector<kind> all_;
};

void write_fibers(json_writer& to, std::size_t most, env::nanoseconds now) {
  kinds found(now);
  const totals all = take_census(
      [&](const agent_view& a) {
        if (a.home != nullptr) found.add(a);
      },
      nullptr, most);
  to.begin("fibers", '{');
  to.number("seen", all.fibers);
  to.flag("all_seen", !all.left_out);
  to.number("waiting", all.asleep);
  if (!all.left_out) to.number("to_begin", all.waiting_to_begin);
  to.number("coroutines", all.coroutines);
  to.number("plain_threads", all.plain_threads);
  to.end('}');

  const std::vector<const kind*> list = found.sorted();
  const std::size_t shown = std::min(list.size(), most_groups);
  to.begin("groups", '[');
  for (std::size_t i = 0; i < shown; ++i) {
    const kind& k = *list[i];
    to.begin(nullptr, '{');
    to.number("count", k.count);
    to.string("runtime", k.runtime);
    to.string("state", k.state);
    to.string("name", name_at(k.name));
    to.flag("names_differ", k.names_differ);
    to.place(k.site);
    if (k.longest != 0) to.number("longest_ns", k.longest);
    to.end('}');
  }
  to.end(']');
  std::size_t left = 0;
  for (std::size_t i = shown; i < list.size(); ++i) left += list[i]->count;
  to.begin("left_out", '{');
  to.number("groups", list.size() - shown);
  to.number("fibers", left);
  to.end('}');
}

} // namespace

std::string look(env::nanoseconds began, std::size_t most_fibers) {
  const env::nanoseconds now = env::linux_world().now();
  json_writer to;
  to.begin(nullptr, '{');
  to.number("thrum_console", 1); // the form of what follows
  to.number("pid", env::this_process());
  to.string("command", env::command_of_this_process());
  to.number("now_ns", now);
  to.number("up_ns", now - began);
  write_runtimes(to);
  write_pools(to);
  write_fibers(to, most_fibers, now);
  to.end('}');
  return to.take() + "\n";
}

} // namespace thrum::inspect
