#include "harness/series.h"

#include <algorithm>

namespace versus {

std::expected<series, std::string> parse_series(const json::value& pairs) {
  using kind = json::value::kind;
  if (pairs.type != kind::array || pairs.items.empty()) return std::unexpected("a series without ticks");
  if (pairs.items.size() > most_ticks)
    return std::unexpected("a series of more than " + std::to_string(most_ticks) + " ticks");
  series out;
  for (const json::value& pair : pairs.items) {
    if (pair.type != kind::array || pair.items.size() != 2 || pair.items[0].type != kind::number ||
        pair.items[1].type != kind::number)
      return std::unexpected("a tick that is no pair of numbers");
    late_tick tick{pair.items[0].number, pair.items[1].number};
    if (tick.late < 0 || tick.at < tick.late) return std::unexpected("a tick that was due before the start");
    if (!out.empty() && tick.at < out.back().at) return std::unexpected("ticks that are not in order");
    out.push_back(tick);
  }
  return out;
}

std::string to_json(const series& ticks) {
  std::string out = "[";
  for (const late_tick& t : ticks) {
    out += out.size() > 1 ? ",[" : "[";
    out += json::number(t.at) + "," + json::number(t.late) + "]";
  }
  return out + "]";
}

double latest(const series& ticks) {
  double most = 0;
  for (const late_tick& t : ticks) most = std::max(most, t.late);
  return most;
}

const series* typical(const std::vector<series>& runs) {
  std::vector<const series*> order;
  for (const series& each : runs) order.push_back(&each);
  if (order.empty()) return nullptr;
  std::sort(order.begin(), order.end(),
            [](const series* a, const series* b) { return latest(*a) < latest(*b); });
  return order[(order.size() - 1) / 2];
}

} // namespace versus
