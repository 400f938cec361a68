#include "sched/holdups.h"

#include <cstring>

namespace thrum::sched {

namespace {

bool same(const std::source_location& a, const std::source_location& b) noexcept {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

} // namespace

holdup& holdup_table::row_of(const std::source_location& site) noexcept {
  for (unsigned i = 0; i + 1 < capacity; ++i) {
    holdup& h = rows_[i];
    const bool is_free = h.computed == 0 && h.blocked == 0;
    if (is_free) h.site = site;
    if (is_free || same(h.site, site)) return h;
  }
  return rows_[capacity - 1];
}

void holdup_table::add(const std::source_location& site, bool blocked, env::nanoseconds time) noexcept {
  const base::spin_guard guard(lock_);
  holdup& h = row_of(site);
  ++(blocked ? h.blocked : h.computed);
  (blocked ? h.blocking : h.computing) += time;
}

} // namespace thrum::sched
