// The words for a wrong order of locks (sync/lock_order.h).
#include "inspect/text.h"
#include "sync/wrong_order.h"

#include <new>
#include <string>
#include <vector>

namespace thrum {

namespace inspect {

namespace {

std::string thing(const sync::named_lock& l) {
  const std::string what = l.kind == sync::lock_kind::mutex ? "a mutex" : "a shared_mutex";
  return what + " (" + hex(l.address) + (l.together ? ", as a reader)" : ")");
}

std::string who_of(const sync::nested_lock& n) {
  if (n.thread != 0) return who_is(n.thread);
  if (n.id == 0) return "a coroutine";
  return "fiber #" + std::to_string(n.id) + (n.name.empty() ? "" : " '" + n.name + "'");
}

std::string describe(const std::vector<sync::nested_lock>& cycle) {
  std::vector<const void*> addresses;
  for (const sync::nested_lock& n : cycle) {
    addresses.insert(addresses.end(), n.first_at.begin(), n.first_at.end());
    addresses.insert(addresses.end(), n.second_at.begin(), n.second_at.end());
  }
  const frame_names names(std::move(addresses));
  std::string text = "thrum: lock_order: " + std::to_string(cycle.size()) +
                     " locks are locked in different orders, which ends in a deadlock some day\n";
  for (const sync::nested_lock& n : cycle) {
    text += who_of(n) + " locks " + thing(n.second) + " while it holds " + thing(n.first) + "\n";
    if (const std::string from = origin_of(n.site); !from.empty()) text += "  " + from + "\n";
    text += "  it locks it here:\n";
    names.append(text, n.second_at);
    text += "  it has locked the other here:\n";
    names.append(text, n.first_at);
  }
  text += "  lock mutexes in the same order everywhere (std::scoped_lock takes several)\n";
  return text;
}

} // namespace
} // namespace inspect

void sync::report_wrong_order(const std::vector<nested_lock>& cycle) noexcept {
  try {
    inspect::print(inspect::describe(cycle));
  } catch (const std::bad_alloc&) {} // no memory for a report
}

} // namespace thrum
