#include "inspect/text.h"

#include "env/env.h"
#include "env/panic.h"
#include "env/process.h"
#include "env/trace.h"
#include "sched/blocking_pools.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <unordered_map>

namespace thrum::inspect {

namespace {

std::string held_by(const agent_view& a, const agent_view* holder, const char* does) {
  if (holder != nullptr) return " that " + who(*holder) + " " + does;
  if (a.waits_on_thread != 0) return " that " + who_is(a.waits_on_thread) + " " + does;
  return a.waits_on != nullptr ? std::string(" that a fiber ") + does + " which has ended" : std::string();
}

std::string channel(const agent_view& a) {
  return a.waiting_for == nullptr ? "a nil channel, which never happens"
                                  : "a channel (" + hex(a.waiting_for) + ")";
}

std::string thing(const char* what, const agent_view& a) {
  return std::string(what) + " (" + hex(a.waiting_for) + ")";
}

std::string what_it_does(const agent_view& a, const agent_view* holder) {
  using wait::reason;
  if (!a.asleep) {
    const std::string where = a.thread != 0 ? " on " + who_is(a.thread) : std::string();
    std::string pool = sched::blocking_pools::name_of_call(a.id);
    if (!pool.empty()) pool = ", in the blocking pool '" + pool + "'";
    if (a.lost_at != 0)
      return std::string(a.lost_blocked ? "is blocked in the kernel" : "computes") + " since " +
             std::to_string((env::linux_world().now() - a.lost_at) / 1'000'000) + " ms" + where + pool;
    return (where.empty() ? "runs, or is ready to run" : "runs" + where) + pool;
  }
  switch (a.why) {
  case reason::none: return "waits";
  case reason::sleep: return "sleeps";
  case reason::chan_send: return "waits to send on " + channel(a);
  case reason::chan_recv: return "waits to receive from " + channel(a);
  case reason::select: return "waits in a select";
  case reason::mutex: return "waits for " + thing("a mutex", a) + held_by(a, holder, "holds");
  case reason::shared_mutex: return "waits for " + thing("a shared_mutex", a) + held_by(a, holder, "holds");
  case reason::condition_variable: return "waits for " + thing("a condition_variable", a);
  case reason::semaphore:
    if (const std::string name = sched::blocking_pools::name_of_gate(a.waiting_for); !name.empty())
      return "waits for a place in the blocking pool '" + name + "'";
    return "waits for " + thing("a semaphore", a);
  case reason::latch: return "waits for " + thing("a latch", a);
  case reason::barrier: return "waits at " + thing("a barrier", a);
  case reason::once: return "waits for a call_once" + held_by(a, holder, "is in");
  case reason::wait_group: return "waits for " + thing("a wait_group", a);
  case reason::task_group: return "waits for the tasks of " + thing("a task_group", a);
  case reason::join:
    return holder != nullptr ? "joins " + who(*holder)
                             : std::string("joins a fiber that has not begun, or just ended");
  case reason::future: return "waits for " + thing("a future", a);
  case reason::readable: return "waits to read from a descriptor";
  case reason::writable: return "waits to write to a descriptor";
  case reason::disk: return "waits for a disk";
  case reason::pool_room: return "waits for room in " + thing("a thread_pool", a);
  case reason::pool_work: return "is idle, a thread of " + thing("a thread_pool", a);
  case reason::pool_end: return "waits for the end of " + thing("a thread_pool", a);
  case reason::coroutine: return "waits for a coroutine";
  case reason::loop_event: return "waits for the next event, as " + thing("an event_loop", a);
  case reason::atomic_wait: return "waits for " + thing("an atomic", a);
  case reason::rcu_readers: return "waits for the readers of " + thing("an rcu_domain", a);
  case reason::rcu_deleters: return "waits for what was retired in " + thing("an rcu_domain", a);
  }
  return "waits";
}

constexpr std::size_t deepest = 24; // frames shown
using trace = std::array<const void*, deepest>;

trace trace_of(const agent_view& a) {
  trace t{};
  if (a.asleep && a.home != nullptr)
    env::trace_parked(a.saved, a.top, [&] { return still_waits(a); }, t.data(), t.size());
  return t;
}

// "void thrum::chan<int>::send(int)" is a function of ours, "serve(thrum::chan<int>)" is not: the name before the parameters counts,
// without template arguments.
bool is_our_function(std::string_view function) {
  constexpr std::string_view anonymous = "(anonymous namespace)";
  std::string name;
  int depth = 0;
  for (std::size_t i = 0; i < function.size(); ++i) {
    if (function.substr(i).starts_with(anonymous)) {
      i += anonymous.size() - 1;
      continue;
    }
    const char c = function[i];
    if (c == '<') ++depth;
    if (depth == 0) {
      if (c == '(') break;
      if (c == ' ')
        name.clear(); // what came before was a type
      else
        name += c;
    }
    if (c == '>') --depth;
  }
  return name.starts_with("thrum::") || name.starts_with("thrum_");
}

bool is_our_source(std::string_view path) {
  std::string_view here = __FILE__; // .../src/inspect/text.cc
  for (int up = 0; up < 2; ++up) here = here.substr(0, here.rfind('/'));
  // Ninja compiles ../../src/inspect/text.cc: addr2line puts the directory of the build in front.
  const std::size_t at = path.find(here);
  return at == 0 || (at != std::string_view::npos && here.starts_with("../") && path[at - 1] == '/');
}

// thrum/x.h or thrum/detail/x.h, wherever they are installed.
bool is_our_header(std::string_view path) {
  if (const std::size_t colon = path.rfind(':'); colon != std::string_view::npos)
    path = path.substr(0, colon);
  const auto directory = [&] {
    path = path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/'));
    return path.substr(path.rfind('/') + 1);
  };
  if (!path.ends_with(".h")) return false;
  const std::string_view first = directory();
  return first == "thrum" || (first == "detail" && directory() == "thrum");
}

// Function and file may disagree. Who asks addr2line for what was inlined does not always get it: then it says that a function of the
// user stands in our header, or one of ours in a file of the user. Neither is to be left out. An inlined function may have its short
// name only ("recv"); then the file counts.
bool is_ours(std::string_view line) {
  const std::size_t at = line.rfind(" at ");
  if (at == std::string_view::npos) return is_our_function(line);
  const std::string_view function = line.substr(0, at);
  const std::string_view path = line.substr(at + 4);
  if (is_our_source(path) || function.starts_with("thrum_")) return true; // an assembler has other paths
  const bool is_whole_name = function.ends_with(')') && function != "operator()";
  if (is_our_header(path)) return !is_whole_name || is_our_function(function);
  return path.starts_with("/usr/") && is_our_function(function);
}

// Frames of ours say nothing but that the fiber waits, and how fibers begin.
std::span<const std::string> of_the_user(std::span<const std::string> lines) {
  while (!lines.empty() && is_ours(lines.front())) lines = lines.subspan(1);
  while (!lines.empty() && is_ours(lines.back())) lines = lines.first(lines.size() - 1);
  return lines;
}

struct group {
  const agent_view* first;
  std::size_t count = 0;
  trace frames;
};

} // namespace

std::string hex(const void* address) {
  return std::string(env::report().hex(reinterpret_cast<std::uintptr_t>(address)).view());
}

std::string who_is(int thread) {
  return "the thread '" + env::name_of_thread(thread) + "' (" + std::to_string(thread) + ")";
}

frame_names::frame_names(std::vector<const void*> addresses) : addresses_(std::move(addresses)) {
  std::erase(addresses_, nullptr);
  std::sort(addresses_.begin(), addresses_.end());
  addresses_.erase(std::unique(addresses_.begin(), addresses_.end()), addresses_.end());
  names_ = env::describe_addresses(addresses_);
}

void frame_names::append(std::string& to, std::span<const void* const> trace) const {
  std::vector<std::string> lines;
  for (const void* address : trace) {
    if (address == nullptr) continue;
    const auto at = std::lower_bound(addresses_.begin(), addresses_.end(), address) - addresses_.begin();
    for (const std::string& line : names_[static_cast<std::size_t>(at)]) lines.push_back(line);
  }
  for (const std::string& line : of_the_user(lines)) to += "    " + line + "\n";
}

std::string who(const agent_view& a) {
  if (a.home == nullptr) return who_is(a.thread);
  std::string text = "fiber #" + std::to_string(a.id);
  if (const std::string name = name_of(a); !name.empty()) text += " '" + name + "'";
  return text;
}

std::string origin(const agent_view& a) { return a.home == nullptr ? std::string() : origin_of(a.site); }

std::string origin_of(const std::source_location& place, const char* what) {
  if (place.line() == 0) return {};
  return std::string(what) + " at " + place.file_name() + ":" + std::to_string(place.line()) + ":" +
         std::to_string(place.column()) + " in " + place.function_name();
}

std::string wait_of(const agent_view& a, const agent_view* holder) {
  std::string text = what_it_does(a, holder);
  if (a.asleep && a.has_deadline) text += ", until a deadline";
  return text;
}

void list(std::string& to, std::span<const agent_view> agents, const listing& how) {
  std::unordered_map<const wait::agent*, const agent_view*> by_address;
  for (const agent_view& a : agents) by_address[a.who] = &a;

  constexpr std::size_t most_traces = 10'000; // each costs some microseconds
  std::size_t traced = 0;
  using key = std::tuple<std::string, wait::reason, bool, bool, bool, int, trace>;
  std::map<key, std::size_t> numbers;
  std::vector<group> groups;
  for (const agent_view& a : agents) {
    const trace frames = traced++ < most_traces ? trace_of(a) : trace{};
    const key k{origin(a), a.why, a.asleep, a.has_deadline, a.lost_at != 0, a.thread, frames};
    const auto [at, is_new] = numbers.try_emplace(k, groups.size());
    if (is_new || !how.grouped) groups.push_back({&a, 0, frames});
    ++groups[how.grouped ? at->second : groups.size() - 1].count;
  }
  // The largest first, and else as they came. (Not stable_sort: in libstdc++ it uses what clang calls deprecated.)
  std::sort(groups.begin(), groups.end(), [](const group& x, const group& y) {
    return x.count != y.count ? x.count > y.count : x.first < y.first;
  });
  const std::size_t shown = std::min(groups.size(), how.groups_at_most);

  std::vector<const void*> addresses;
  for (std::size_t i = 0; i < shown; ++i)
    addresses.insert(addresses.end(), groups[i].frames.begin(), groups[i].frames.end());
  const frame_names names(std::move(addresses));

  for (std::size_t i = 0; i < shown; ++i) {
    const group& g = groups[i];
    const auto holder = by_address.find(g.first->waits_on);
    to +=
        who(*g.first) + " " + wait_of(*g.first, holder == by_address.end() ? nullptr : holder->second) + "\n";
    if (g.count > 1) to += "  and " + std::to_string(g.count - 1) + " more like it\n";
    if (const std::string from = origin(*g.first); !from.empty()) to += "  " + from + "\n";
    names.append(to, g.frames);
  }
  if (groups.size() > shown) to += "and " + std::to_string(groups.size() - shown) + " more groups\n";
}

void print(std::string_view text) noexcept {
  env::report message;
  constexpr std::size_t piece = 1024;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    message.text(std::string(text.substr(0, piece)).c_str()).flush();
}

} // namespace thrum::inspect
