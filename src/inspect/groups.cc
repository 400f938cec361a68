#include "inspect/groups.h"

#include "inspect/text.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace thrum::inspect {

namespace {

constexpr std::size_t kinds_at_most = 100; // shown
constexpr std::size_t deepest = 32;        // a tree of groups that come and go meanwhile might be none

struct kind {
  const group_view* first = nullptr;
  std::string name;
  std::size_t groups = 0;
  std::uint64_t started = 0;
  std::uint64_t running = 0; // have not ended
  std::uint64_t begun = 0;   // of these
  std::vector<std::size_t> inside;
};

class tree {
public:
  tree(const group_census& census, std::span<const agent_view> agents) : census_(census) {
    for (const agent_view& a : agents) by_address_[a.who] = &a;
    for (const group_view& g : census.groups) groups_[g.address] = &g;
    for (const group_view& g : census.groups) {
      kind& k = kinds_[kind_of(g, 0)];
      ++k.groups;
      k.started += g.started;
      k.running += g.running;
      k.begun += std::min(g.begun, g.running);
    }
  }
  void write(std::string& to) {
    std::size_t left = kinds_at_most;
    for (const std::size_t k : kinds_[0].inside) write(to, k, 0, left);
    if (census_.left_out) to += "and more task groups\n";
  }

private:
  std::size_t kind_of(const group_view& g, std::size_t depth) {
    if (const auto known = kind_by_group_.find(g.address); known != kind_by_group_.end())
      return known->second;
    const auto outer = depth < deepest ? groups_.find(g.inside) : groups_.end();
    const std::size_t parent = outer == groups_.end() ? 0 : kind_of(*outer->second, depth + 1);
    const auto [at, is_new] =
        kinds_by_key_.try_emplace({parent, origin_of(g.site, "made"), name_at(g.name)}, kinds_.size());
    if (is_new) {
      kinds_[parent].inside.push_back(kinds_.size());
      kind& k = kinds_.emplace_back();
      k.first = &g;
      k.name = name_at(g.name);
    }
    kind_by_group_[g.address] = at->second;
    return at->second;
  }

  std::string owner_of(const group_view& g) const {
    if (const auto a = by_address_.find(g.owner); a != by_address_.end()) return who(*a->second);
    return g.thread != 0 ? who_is(g.thread) : "a fiber that has ended";
  }

  // "10 tasks: 3 at work, 1 has yet to begin, 6 have ended"
  std::string tasks_of(const kind& k) const {
    std::string text = std::to_string(k.started) + (k.started == 1 ? " task" : " tasks");
    const char* separator = ": ";
    const auto add = [&](std::uint64_t n, const char* one, const char* many) {
      if (n == 0) return;
      text += separator + std::to_string(n) + (n == 1 ? one : many);
      separator = ", ";
    };
    const std::uint64_t begun = census_.left_out ? k.running : k.begun; // not counted to the end
    add(begun, " at work", " at work");
    add(k.running - begun, " has yet to begin", " have yet to begin");
    add(k.started - std::min(k.started, k.running), " has ended", " have ended");
    return text;
  }

  void write(std::string& to, std::size_t number, std::size_t depth, std::size_t& left) const {
    if (left == 0) return;
    const kind& k = kinds_[number];
    const group_view& g = *k.first;
    const std::string margin(2 * depth, ' ');
    if (--left == 0) {
      to += margin + "and more kinds of task groups\n";
      return;
    }
    to += margin + "task group ";
    if (!k.name.empty()) to += "'" + k.name + "' ";
    to += "of " + owner_of(g);
    if (k.groups > 1) to += " and " + std::to_string(k.groups - 1) + " like it";
    to += ", " + tasks_of(k);
    if (g.limit != 0) to += "; at most " + std::to_string(g.limit) + " at a time";
    if (k.groups == 1) {
      if (g.owner_does == group_view::doing::wants_a_place) to += "; its owner waits for a place";
      if (g.owner_does == group_view::doing::joins) to += "; its owner joins it";
      if (g.has_deadline) to += "; it has a deadline";
      if (g.stopped) to += "; its tasks were asked to stop";
    }
    to += "\n";
    if (const std::string from = origin_of(g.site, "made"); !from.empty()) to += margin + "  " + from + "\n";
    for (const std::size_t inner : k.inside) write(to, inner, depth + 1, left);
  }

  const group_census& census_;
  std::unordered_map<const wait::agent*, const agent_view*> by_address_;
  std::unordered_map<const void*, const group_view*> groups_;
  std::unordered_map<const void*, std::size_t> kind_by_group_;
  std::map<std::tuple<std::size_t, std::string, std::string>, std::size_t> kinds_by_key_;
  std::vector<kind> kinds_ = std::vector<kind>(1); // the first is the root
};

} // namespace

void list_groups(std::string& to, const group_census& groups, std::span<const agent_view> agents) {
  if (!groups.groups.empty()) tree(groups, agents).write(to);
}

} // namespace thrum::inspect
