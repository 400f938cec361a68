// site: a place in the source where an ordered operation is written. Sites are what a trace prints, and what
// the mutation gate weakens one at a time while the program runs, without compiling anything again.
//
// Every instrumented operation takes std::source_location::current() as its last, defaulted argument. The
// object it yields is one pointer to a constant that the compiler made for that call, so a site costs nothing
// until somebody asks for it. One call may be several constants (one for each instantiation of a template),
// and one constant may carry several orders (a wrapper that passes an order on); the registry joins the
// former and splits the latter.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::base::explore {

using site = std::source_location;

// The kinds of operation that carry an order of their own. A compare-and-exchange is two sites: what it does
// when it succeeds, and what it does when it fails.
enum class site_kind : std::uint8_t {
  load,
  store,
  read_modify_write,
  compare_exchange,
  compare_exchange_failure,
  fence,
  asymmetric_fence,
};
std::string_view name_of(site_kind kind) noexcept;

// What a site asks for. The names of std::memory_order, and the three strengths of an asymmetric fence.
enum class strength : std::uint8_t { none, relaxed, acquire, release, acq_rel, seq_cst, light, heavy };
std::string_view name_of(strength order) noexcept;
strength strength_of(std::memory_order order) noexcept;
std::memory_order order_of(strength order) noexcept; // none and relaxed are both relaxed

// The orders just below `order` for an operation of this kind: every weaker order is reached through one of
// them. As a weaker order allows every execution that a stronger one allows, what these do not survive,
// nothing below does.
std::vector<strength> next_weaker(site_kind kind, strength order);

struct site_record {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string function;
  site_kind kind = site_kind::load;
  strength order = strength::relaxed;
};

std::string_view base_name(std::string_view path) noexcept;
// "run_ring.h:141:12 load(acquire)"
std::string to_string(const site_record& record);
// The text of the line a site stands on, without leading blanks; empty when the source cannot be read.
std::string source_line(const std::string& file, unsigned line);

// All sites that were reached since the last clear(), and the one that is weakened.
class site_registry {
public:
  // Called by every instrumented operation. Unless the gate is at work this is one predictable branch.
  strength effective(site_kind kind, strength order, site where) {
    return active_ ? lookup(kind, order, where) : order;
  }
  std::memory_order effective(site_kind kind, std::memory_order order, site where) {
    return active_ ? order_of(lookup(kind, strength_of(order), where)) : order;
  }

  void clear();
  void set_active(bool active) noexcept { active_ = active; }
  void weaken(std::size_t index, strength order) noexcept;
  void restore() noexcept { weakened_ = nothing; }

  const std::vector<site_record>& records() const noexcept { return records_; }

private:
  static constexpr std::size_t nothing = ~std::size_t{0};
  struct cached {
    const void* where = nullptr;
    std::uint32_t index = 0;
    site_kind kind = site_kind::load;
    strength order = strength::none;
  };

  strength lookup(site_kind kind, strength order, site where);
  std::size_t slot_of(const void* where) const noexcept { // where to look first
    return reinterpret_cast<std::uintptr_t>(where) * 0x9e3779b97f4a7c15u >> slot_shift_;
  }
  void grow_cache();
  std::size_t enter(site_kind kind, strength order, const site& where);

  bool active_ = false;
  std::size_t weakened_ = nothing;
  strength weakened_to_ = strength::none;
  std::vector<site_record> records_;
  std::vector<cached>
      cache_; // open addressing by the site's constant, kind and order; 2^(64 - slot_shift_) slots
  int slot_shift_ = 0;
  std::size_t cached_count_ = 0;
};

extern site_registry the_sites;

} // namespace thrum::base::explore
