#include "harness/parts.h"

#include <algorithm>

namespace versus {

std::expected<part_list, std::string> parse_parts(const json::value& members) {
  using kind = json::value::kind;
  if (members.type != kind::object || members.items.empty()) return std::unexpected("a figure without parts");
  if (members.items.size() > most_parts)
    return std::unexpected("more than " + std::to_string(most_parts) + " parts");
  part_list out;
  for (std::size_t i = 0; i < members.items.size(); ++i) {
    if (members.items[i].type != kind::number) return std::unexpected("a part that is no number");
    out.emplace_back(members.names[i], members.items[i].number);
  }
  return out;
}

std::string to_json(const part_list& of) {
  json::writer out;
  for (const auto& [name, amount] : of) out.add(name, amount);
  return out.line();
}

double total(const part_list& of) {
  double sum = 0;
  for (const auto& [name, amount] : of) sum += amount;
  return sum;
}

const part_list* typical(const std::vector<part_list>& runs) {
  std::vector<const part_list*> order;
  for (const part_list& each : runs) order.push_back(&each);
  if (order.empty()) return nullptr;
  std::sort(order.begin(), order.end(),
            [](const part_list* a, const part_list* b) { return total(*a) < total(*b); });
  return order[(order.size() - 1) / 2];
}

} // namespace versus
