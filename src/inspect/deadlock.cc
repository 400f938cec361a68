#include "inspect/deadlock.h"

#include "inspect/text.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace thrum::inspect {

namespace {

using graph = std::unordered_map<const wait::agent*, const agent_view*>;

// Unlike those of all others that live: a plain thread has the kernel's number, and no fiber.
std::pair<std::uint64_t, int> number_of(const agent_view& a) { return {a.id, a.thread}; }

// The cycles of a graph in which everybody waits for one other at most.
std::vector<std::vector<const agent_view*>> cycles_of(const std::vector<agent_view>& waiting,
                                                      const graph& by_address) {
  std::unordered_map<const agent_view*, std::size_t> walk_of; // which walk came by first
  std::vector<std::vector<const agent_view*>> cycles;
  std::size_t walk = 0;
  for (const agent_view& start : waiting) {
    ++walk;
    const agent_view* a = &start;
    while (a != nullptr && walk_of.try_emplace(a, walk).second) {
      const auto next = by_address.find(a->waits_on);
      a = next == by_address.end() ? nullptr : next->second;
    }
    if (a == nullptr || walk_of[a] != walk) continue; // an end, or somebody who was seen to lead to one
    std::vector<const agent_view*> cycle;
    const agent_view* first = a;
    do {
      cycle.push_back(a);
      a = by_address.at(a->waits_on);
    } while (a != first);
    std::rotate(cycle.begin(),
                std::min_element(cycle.begin(), cycle.end(),
                                 [](auto x, auto y) { return number_of(*x) < number_of(*y); }),
                cycle.end());
    cycles.push_back(std::move(cycle));
  }
  return cycles;
}

std::string describe(const std::vector<const agent_view*>& cycle) {
  std::string text = "thrum: deadlock: " + std::to_string(cycle.size()) + " wait for each other, for ever\n";
  std::vector<agent_view> members;
  for (const agent_view* a : cycle) members.push_back(*a);
  list(text, members, {.grouped = false});
  text += "  lock mutexes in the same order everywhere (std::scoped_lock takes several), and join nobody who "
          "joins you\n";
  return text;
}

} // namespace

std::string who_waits(const sched::runtime_core& core) {
  std::vector<agent_view> asleep;
  take_census([&](const agent_view& a) {
    if (a.home == &core && a.asleep) asleep.push_back(a);
  });
  std::string text;
  list(text, asleep);
  return text;
}

deadlock_finder::findings deadlock_finder::look() {
  std::vector<agent_view> waiting; // for one other agent, without end
  bool can_be_woken = false;
  bool selects = false;
  const totals all = take_census([&](const agent_view& a) {
    can_be_woken |= a.may_be_woken_from_outside();
    selects |= a.why == wait::reason::select || a.why == wait::reason::coroutine;
    if (a.asleep && a.waits_on != nullptr && !a.has_deadline && !a.in_scope) waiting.push_back(a);
  });
  can_be_woken |=
      all.timers || (selects && all.descriptors); // a select may wait for a descriptor, as may a coroutine
  findings found;
  if (all.fibers != 0 && all.nobody_runs && !can_be_woken) {
    std::vector<agent_view> agents;
    take_census([&](const agent_view& a) { agents.push_back(a); });
    found.all_sleep = true; // and always will
    found.report =
        "thrum: panic: deadlock: " +
        (all.fibers == 1 ? "the only fiber is" : "all " + std::to_string(all.fibers) + " fibers are") +
        " asleep, and nobody is left who could wake them\n";
    list(found.report, agents);
    return found;
  }
  found.suspicious = all.fibers != 0 && all.asleep == all.fibers && !can_be_woken;

  graph by_address;
  for (const agent_view& a : waiting) by_address[a.who] = &a;
  for (const auto& cycle : cycles_of(waiting, by_address)) {
    // It is in one wait at a time, so its wait names the cycle.
    const agent_view& first = *cycle.front();
    const bool is_new = reported_.emplace(first.id, first.thread, first.waits).second;
    if (is_new) found.report += describe(cycle);
  }
  return found;
}

} // namespace thrum::inspect
