// The registry of sites, and which order is just below which.
#include "base/explore/site.h"

#include <bit>
#include <fstream>

namespace thrum::base::explore {

constinit site_registry the_sites;

std::string_view name_of(site_kind kind) noexcept {
  switch (kind) {
  case site_kind::load: return "load";
  case site_kind::store: return "store";
  case site_kind::read_modify_write: return "read-modify-write";
  case site_kind::compare_exchange: return "compare_exchange";
  case site_kind::compare_exchange_failure: return "compare_exchange failure";
  case site_kind::fence: return "thread_fence";
  case site_kind::asymmetric_fence: return "asymmetric fence";
  }
  return "?";
}

std::string_view name_of(strength order) noexcept {
  switch (order) {
  case strength::none: return "none";
  case strength::relaxed: return "relaxed";
  case strength::acquire: return "acquire";
  case strength::release: return "release";
  case strength::acq_rel: return "acq_rel";
  case strength::seq_cst: return "seq_cst";
  case strength::light: return "light";
  case strength::heavy: return "heavy";
  }
  return "?";
}

strength strength_of(std::memory_order order) noexcept {
  switch (order) {
  case std::memory_order_relaxed: return strength::relaxed;
  case std::memory_order_consume: // compilers make it acquire, and so do we
  case std::memory_order_acquire: return strength::acquire;
  case std::memory_order_release: return strength::release;
  case std::memory_order_acq_rel: return strength::acq_rel;
  case std::memory_order_seq_cst: return strength::seq_cst;
  }
  return strength::seq_cst;
}

std::memory_order order_of(strength order) noexcept {
  switch (order) {
  case strength::acquire: return std::memory_order_acquire;
  case strength::release: return std::memory_order_release;
  case strength::acq_rel: return std::memory_order_acq_rel;
  case strength::seq_cst:
  case strength::heavy: return std::memory_order_seq_cst;
  case strength::none:
  case strength::relaxed:
  case strength::light: break;
  }
  return std::memory_order_relaxed;
}

std::vector<strength> next_weaker(site_kind kind, strength order) {
  using enum strength;
  switch (kind) {
  case site_kind::load:
  case site_kind::compare_exchange_failure:
    if (order == seq_cst) return {acquire};
    if (order == acquire) return {relaxed};
    return {};
  case site_kind::store:
    if (order == seq_cst) return {release};
    if (order == release) return {relaxed};
    return {};
  case site_kind::read_modify_write:
  case site_kind::compare_exchange:
    if (order == seq_cst) return {acq_rel};
    if (order == acq_rel) return {acquire, release};
    if (order == acquire || order == release) return {relaxed};
    return {};
  case site_kind::fence:
    if (order == seq_cst) return {acq_rel};
    if (order == acq_rel) return {acquire, release};
    if (order == acquire || order == release) return {none};
    return {};
  case site_kind::asymmetric_fence:
    if (order == heavy) return {light};
    if (order == light) return {none};
    return {};
  }
  return {};
}

std::string_view base_name(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string to_string(const site_record& record) {
  std::string text{base_name(record.file)};
  text += ':' + std::to_string(record.line) + ':' + std::to_string(record.column) + ' ';
  text += name_of(record.kind);
  text += '(';
  text += name_of(record.order);
  text += ')';
  return text;
}

std::string source_line(const std::string& file, unsigned line) {
  std::ifstream source(file);
  std::string text;
  for (unsigned i = 0; i < line; ++i)
    if (!std::getline(source, text)) return {};
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string::npos ? std::string{} : text.substr(start);
}

void site_registry::clear() {
  records_.clear();
  cache_.clear();
  cached_count_ = 0;
  weakened_ = nothing;
}

void site_registry::weaken(std::size_t index, strength order) noexcept {
  weakened_ = index;
  weakened_to_ = order;
}

void site_registry::grow_cache() {
  std::vector<cached> old(cache_.empty() ? 256 : 2 * cache_.size());
  old.swap(cache_);
  slot_shift_ = 64 - std::countr_zero(cache_.size());
  for (const cached& entry : old) {
    if (entry.where == nullptr) continue;
    std::size_t slot = slot_of(entry.where);
    while (cache_[slot].where != nullptr) slot = (slot + 1) & (cache_.size() - 1);
    cache_[slot] = entry;
  }
}

strength site_registry::lookup(site_kind kind, strength order, site where) {
  if (2 * cached_count_ >= cache_.size()) [[unlikely]] // keep the table at most half full
    grow_cache();
  static_assert(sizeof(site) == sizeof(void*), "a source_location is expected to be one pointer");
  const void* key = std::bit_cast<const void*>(where);
  std::size_t slot = slot_of(key);
  while (cache_[slot].where != nullptr) {
    const cached& entry = cache_[slot];
    if (entry.where == key && entry.kind == kind && entry.order == order)
      return entry.index == weakened_ ? weakened_to_ : order;
    slot = (slot + 1) & (cache_.size() - 1);
  }
  cache_[slot] = {key, static_cast<std::uint32_t>(enter(kind, order, where)), kind, order};
  ++cached_count_;
  return cache_[slot].index == weakened_ ? weakened_to_ : order;
}

std::size_t site_registry::enter(site_kind kind, strength order, const site& where) {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const site_record& known = records_[i];
    if (known.line == where.line() && known.column == where.column() && known.kind == kind &&
        known.order == order && known.file == where.file_name())
      return i;
  }
  records_.push_back({where.file_name(), where.line(), where.column(), where.function_name(), kind, order});
  return records_.size() - 1;
}

} // namespace thrum::base::explore
