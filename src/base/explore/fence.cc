// Fences, and the turn of a waiting loop.
#include "base/explore/atomic.h"
#include "base/explore/engine.h"

#include <string>

namespace thrum::base::explore {

void thread_fence(std::memory_order order, site at) {
  engine& e = the_engine;
  if (!e.running()) return;
  order = the_sites.effective(site_kind::fence, order, at);
  // Only a seq_cst fence is a step of its own: the others change nothing that another thread could notice.
  if (order == std::memory_order_seq_cst)
    e.before({.kind = step_kind::fence, .sequential = true, .where = at});
  e.mem().fence(e.current(), order);
  if (order != std::memory_order_acquire) e.acted();
  if (e.tracing()) e.note(at, "thread_fence(" + std::string(name_of(strength_of(order))) + ')');
}

namespace {

void asymmetric_fence(strength written, site at) {
  engine& e = the_engine;
  if (!e.running()) return;
  const strength half = the_sites.effective(site_kind::asymmetric_fence, written, at);
  const asymmetric_fences mode = e.wanted().fences;
  // Before the threads begin, what is known of them is left from the execution before; afterwards thread 0 knows it all.
  const int threads = e.in_threads() ? e.threads() : 1;
  if (half == strength::none || (half == strength::light && mode == asymmetric_fences::instant)) return;

  // A light fence takes part in S only towards heavy ones.
  const bool paired = mode == asymmetric_fences::paired;
  e.before({.kind = step_kind::asymmetric_fence,
            .sequential = !paired || half == strength::heavy,
            .light = paired && half == strength::light,
            .heavy = paired && half == strength::heavy,
            .everywhere = half == strength::heavy && mode == asymmetric_fences::instant,
            .where = at});
  e.acted();
  switch (mode) {
  case asymmetric_fences::full: e.mem().fence(e.current(), std::memory_order_seq_cst); break;
  case asymmetric_fences::paired:
    if (half == strength::light)
      e.mem().light_fence(e.current());
    else
      e.mem().heavy_fence(e.current(), threads);
    break;
  case asymmetric_fences::instant:
    e.mem().fence(e.current(), std::memory_order_seq_cst);
    for (int t = 0; t < threads; ++t)
      if (t != e.current()) e.mem().fence(t, std::memory_order_seq_cst);
    e.mem().fence(e.current(), std::memory_order_seq_cst);
    break;
  }
  if (e.tracing()) e.note(at, std::string(name_of(half)) + "_fence()");
}

} // namespace

void light_fence(site at) { asymmetric_fence(strength::light, at); }
void heavy_fence(site at) { asymmetric_fence(strength::heavy, at); }
void relax(site at) { the_engine.relax(at); }

} // namespace thrum::base::explore
