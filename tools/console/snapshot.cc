#include "snapshot.h"

#include "json.h"

#include <algorithm>

namespace console {

namespace {

count whole(const json& from, std::string_view name) noexcept {
  return static_cast<count>(std::max<std::int64_t>(from[name].number(), 0));
}

place place_of(const json& from) {
  return {from["file"].text(), static_cast<unsigned>(whole(from, "line")), from["function"].text()};
}

runtime_row runtime_of(const json& from) {
  runtime_row r;
  r.name = from["name"].text();
  r.processors = whole(from, "processors");
  r.idle = std::min(whole(from, "idle"), r.processors);
  r.threads = whole(from, "threads");
  r.detached = whole(from, "detached");
  r.spawned = whole(from, "spawned");
  r.finished = std::min(whole(from, "finished"), r.spawned); // they were not counted at the same instant
  r.polls = static_cast<std::uint32_t>(whole(from, "polls"));
  r.taken_from_computing = whole(from, "taken_from_computing");
  r.taken_from_blocked = whole(from, "taken_from_blocked");
  for (const json& h : from["holdups"].items())
    r.holdups.push_back({place_of(h), whole(h, "computed"), h["computing_ns"].number(), whole(h, "blocked"),
                         h["blocking_ns"].number()});
  return r;
}

} // namespace

std::expected<snapshot, std::string> read_snapshot(std::string_view text) {
  const std::optional<json> all = json::parse(text);
  if (!all || !all->is_object()) return std::unexpected("what it has answered is no look at a program");
  const json& from = *all;
  if (from["thrum_console"].number() != 1)
    return std::unexpected("the program was built with another version of thrum; use its own thrum-console");
  snapshot s;
  s.pid = from["pid"].number();
  s.command = from["command"].text();
  s.now = from["now_ns"].number();
  s.up = from["up_ns"].number();
  for (const json& r : from["runtimes"].items()) s.runtimes.push_back(runtime_of(r));
  for (const json& p : from["blocking_pools"].items())
    s.pools.push_back(
        {p["name"].text(), whole(p, "limit"), whole(p, "running"), whole(p, "waiting"), whole(p, "calls")});
  for (const json& g : from["groups"].items())
    s.groups.push_back({whole(g, "count"), g["runtime"].text(), g["state"].text(), g["name"].text(),
                        g["names_differ"].truth(), place_of(g), g["longest_ns"].number()});
  s.groups_left_out = whole(from["left_out"], "groups");
  s.fibers_left_out = whole(from["left_out"], "fibers");
  s.seen = whole(from["fibers"], "seen");
  s.all_seen = from["fibers"]["all_seen"].truth();
  return s;
}

} // namespace console
