// From the cases of select.h to a request of the engine.
#include "env/panic.h"
#include "select/engine.h"

#include <memory>
#include <new>
#include <thrum/detail/chan_core.h>
#include <thrum/detail/select_case.h>

namespace thrum::detail {

namespace {

static_assert(sizeof(select::alternative) <= sizeof(select_case::state));

// The arrays of a request: on the stack for ordinary selects, on the heap for very wide ones.
struct arrays {
  static constexpr std::size_t on_stack = 16;
  select::alternative* small_alternatives[on_stack];
  select::alternative* small_sorted[on_stack];
  wait::lock::held small_held[on_stack];
  std::unique_ptr<void*[]> large;

  void provide(select::request& r, select::alternative**& alternatives, std::size_t n) {
    alternatives = small_alternatives;
    r.sorted = small_sorted;
    r.held = small_held;
    if (n > on_stack) {
      large = std::make_unique_for_overwrite<void*[]>(3 * n);
      alternatives = reinterpret_cast<select::alternative**>(large.get());
      r.sorted = alternatives + n;
      r.held = reinterpret_cast<wait::lock::held*>(large.get() + 2 * n);
    }
    r.alternatives = {alternatives, n};
  }
};

select::alternative* alternative_of(select_case& c) noexcept {
  return std::launder(reinterpret_cast<select::alternative*>(c.state));
}

} // namespace

std::size_t select_cases(select_case* const* cases, std::size_t count, bool ordered) {
  select::request r;
  r.ordered = ordered;
  arrays room;
  select::alternative** alternatives;
  room.provide(r, alternatives, count);
  bool anything = false;
  for (std::size_t i = 0; i < count; ++i) {
    select_case& c = *cases[i];
    alternatives[i] = nullptr;
    switch (c.what) {
    case select_case::kind::source:
      if (c.object == nullptr) break;
      c.prepare(c);
      alternatives[i] = alternative_of(c);
      anything = true;
      break;
    case select_case::kind::after:
      if (r.delay != select::none && r.duration <= c.time) break; // an earlier one is there already
      r.delay = i;
      r.duration = c.time;
      break;
    case select_case::kind::at:
      if (r.timeout != select::none && r.deadline <= c.time) break;
      r.timeout = i;
      r.deadline = c.time;
      break;
    case select_case::kind::stopped: r.stopped = i; break;
    case select_case::kind::otherwise: r.otherwise = i; break;
    }
  }
  if (!anything && r.timeout == select::none && r.delay == select::none) r.why = sched::wait_reason::select_nothing;
  const std::size_t chosen = select::run(r);
  if (chosen < count && cases[chosen]->what == select_case::kind::source) {
    cases[chosen]->closed = alternative_of(*cases[chosen])->how == wait::outcome::closed;
    if (cases[chosen]->closed && cases[chosen]->throws_if_closed) throw_channel_closed();
  }
  return chosen;
}

} // namespace thrum::detail
