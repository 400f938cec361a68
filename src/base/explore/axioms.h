// For tests of the explorer: the C++20 memory model as axioms, decided by enumeration for programs without
// branches.
//
// A candidate execution says which store each load reads (rf) and how the stores of each location are ordered
// (mo). It counts when it satisfies
//   coherence   hb ; eco? has no cycle, where eco = (rf | mo | fr)+ and hb = (sb | synchronizes-with)+
//   atomicity   a read-modify-write reads its immediate predecessor in mo
//   no cycle in sb | rf (no load buffering, limit M1 of memory.h)
//   S           the conditions S1..S4 of memory.h leave a total order. In the `executable` reading it must
//               also agree with sb | rf; in the `standard` reading only with what strongly happens before
//               ([intro.races]). The difference is limit M2.
// This shares no code and no idea of how to compute anything with memory.h, which is the point.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <set>
#include <vector>

namespace thrum::base::explore::axioms {

enum class op_kind : std::uint8_t { load, store, exchange, compare_exchange, fence, light, heavy };

struct op {
  op_kind kind;
  int location = 0;
  std::memory_order order = std::memory_order_relaxed;
  std::memory_order failure = std::memory_order_relaxed; // compare_exchange
  int value = 0;                                         // what is stored; unique in the program, never 0
  int expected = 0;                                      // compare_exchange
};

inline constexpr int max_locations = 2;
struct program {
  std::vector<std::vector<op>> threads;
};

// What each op read (in program order; 0 for what does not read), then the last value of each location.
using outcome = std::vector<int>;

enum class reading : std::uint8_t { executable, standard };

// Events 0 .. max_locations-1 are the initial stores; a relation is a bit matrix.
class enumerator {
public:
  enumerator(const program& p, reading how) : how_(how) {
    for (int x = 0; x < max_locations; ++x) events_.push_back({-1, {op_kind::store, x}});
    for (std::size_t t = 0; t < p.threads.size(); ++t)
      for (const op& o : p.threads[t]) events_.push_back({static_cast<int>(t), o});
    for (int a = 0; a < size(); ++a)
      for (int b = 0; b < size(); ++b)
        if (a != b && ((at(a).thread == -1 && at(b).thread != -1) ||
                       (at(a).thread == at(b).thread && a < b && at(a).thread >= 0)))
          add(sb_, a, b);
  }

  std::set<outcome> outcomes() {
    from_.assign(events_.size(), -1);
    choose_sources(0);
    return found_;
  }

private:
  using relation = std::array<std::uint32_t, 32>;
  struct event {
    int thread;
    op what;
  };

  int size() const { return static_cast<int>(events_.size()); }
  const event& at(int e) const { return events_[static_cast<std::size_t>(e)]; }
  int from(int e) const { return from_[static_cast<std::size_t>(e)]; }
  static void add(relation& r, int a, int b) { r[static_cast<unsigned>(a)] |= 1u << b; }
  static bool has(const relation& r, int a, int b) { return (r[static_cast<unsigned>(a)] >> b & 1u) != 0; }
  void close(relation& r) const {
    for (int k = 0; k < size(); ++k)
      for (int a = 0; a < size(); ++a)
        if (has(r, a, k)) r[static_cast<unsigned>(a)] |= r[static_cast<unsigned>(k)];
  }
  bool cyclic(relation r) const {
    close(r);
    for (int a = 0; a < size(); ++a)
      if (has(r, a, a)) return true;
    return false;
  }

  bool is_fence(int e) const {
    const op_kind k = at(e).what.kind;
    return k == op_kind::fence || k == op_kind::light || k == op_kind::heavy;
  }
  bool reads(int e) const {
    const op_kind k = at(e).what.kind;
    return k == op_kind::load || k == op_kind::exchange || k == op_kind::compare_exchange;
  }
  bool fails(int e) const { // a compare_exchange that does not store
    return at(e).what.kind == op_kind::compare_exchange && at(from(e)).what.value != at(e).what.expected;
  }
  bool may_write(int e) const { return !is_fence(e) && at(e).what.kind != op_kind::load; }
  bool writes(int e) const { return may_write(e) && !fails(e); }
  bool is_rmw(int e) const { return reads(e) && writes(e); }
  std::memory_order order(int e) const { return fails(e) ? at(e).what.failure : at(e).what.order; }
  bool sequential(int e) const { // seq_cst accesses, seq_cst fences and heavy fences
    return at(e).what.kind == op_kind::heavy ||
           (at(e).what.kind != op_kind::light && at(e).thread >= 0 && order(e) == std::memory_order_seq_cst);
  }
  bool acquiring(int e) const {
    const std::memory_order o = order(e);
    return at(e).what.kind == op_kind::heavy || o == std::memory_order_acquire ||
           o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
  }
  bool releasing(int e) const {
    const std::memory_order o = order(e);
    return at(e).what.kind == op_kind::heavy || o == std::memory_order_release ||
           o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
  }

  void choose_sources(int e) {
    while (e < size() && !reads(e)) ++e;
    if (e == size()) {
      order_location(0);
      return;
    }
    for (int w = 0; w < size(); ++w) {
      if (w == e || !may_write(w) || at(w).what.location != at(e).what.location) continue;
      from_[static_cast<std::size_t>(e)] = w;
      choose_sources(e + 1);
    }
    from_[static_cast<std::size_t>(e)] = -1;
  }

  // Modification order of location x, store by store; a read-modify-write must follow what it reads at once.
  void order_location(int x) {
    if (x == 0) {
      for (int e = 0; e < size(); ++e)
        if (reads(e) && !writes(from(e))) return; // reads from a compare_exchange that failed
      relation causes = sb_;
      for (int e = 0; e < size(); ++e)
        if (reads(e)) add(causes, from(e), e);
      if (cyclic(causes)) return;
    }
    if (x == max_locations) {
      check();
      return;
    }
    mo_[static_cast<unsigned>(x)] = {x};
    extend(x);
  }
  void extend(int x) {
    auto& mo = mo_[static_cast<unsigned>(x)];
    bool any_left = false;
    for (int w = max_locations; w < size(); ++w) {
      if (is_fence(w) || at(w).what.location != x || !writes(w) || contains(mo, w)) continue;
      any_left = true;
      if (is_rmw(w) && from(w) != mo.back()) continue;
      mo.push_back(w);
      extend(x);
      mo.pop_back();
    }
    if (!any_left) {
      const std::vector<int> keep = mo;
      order_location(x + 1);
      mo = keep;
    }
  }
  static bool contains(const std::vector<int>& v, int e) {
    for (int each : v)
      if (each == e) return true;
    return false;
  }

  // Whether e reads from the release sequence that w heads (or would head): w, or read-modify-writes that
  // follow it.
  bool reads_sequence_of(int e, int w) const {
    for (int s = from(e);; s = from(s)) {
      if (s == w) return true;
      if (s < max_locations || !is_rmw(s)) return false;
    }
  }

  relation synchronizes() const {
    relation sw{};
    for (int w = max_locations; w < size(); ++w) {
      if (is_fence(w) || !writes(w)) continue;
      for (int r = max_locations; r < size(); ++r) {
        if (is_fence(r) || !reads(r) || !reads_sequence_of(r, w)) continue;
        for (int a = max_locations; a < size(); ++a) {
          const bool fence_before = is_fence(a) && has(sb_, a, w);
          if (a != w && !fence_before) continue;
          for (int b = max_locations; b < size(); ++b) {
            const bool fence_after = is_fence(b) && has(sb_, r, b);
            if ((b != r && !fence_after) || at(a).thread == at(b).thread) continue;
            const bool light_a = at(a).what.kind == op_kind::light,
                       light_b = at(b).what.kind == op_kind::light;
            const bool heavy_a = at(a).what.kind == op_kind::heavy,
                       heavy_b = at(b).what.kind == op_kind::heavy;
            const bool ordinary = !light_a && !light_b && releasing(a) && acquiring(b);
            if (ordinary || (light_a && heavy_b) || (heavy_a && light_b)) add(sw, a, b);
          }
        }
      }
    }
    return sw;
  }

  void check() {
    relation sw = synchronizes();
    relation hb = sb_;
    for (int a = 0; a < size(); ++a) hb[static_cast<unsigned>(a)] |= sw[static_cast<unsigned>(a)];
    close(hb);
    relation eco{};
    for (const auto& mo : mo_)
      for (std::size_t i = 0; i < mo.size(); ++i)
        for (std::size_t j = i + 1; j < mo.size(); ++j) add(eco, mo[i], mo[j]);
    const relation mo = eco;
    for (int r = 0; r < size(); ++r) {
      if (!reads(r)) continue;
      add(eco, from(r), r);
      for (int w = 0; w < size(); ++w)
        if (w != r && has(mo, from(r), w)) add(eco, r, w); // fr
    }
    close(eco);
    for (int a = 0; a < size(); ++a) {
      if (has(hb, a, a) || has(eco, a, a)) return;
      for (int b = 0; b < size(); ++b)
        if (has(hb, a, b) && has(eco, b, a)) return;
    }
    if (!total_order_exists(sw, hb, eco)) return;
    outcome seen;
    for (int e = max_locations; e < size(); ++e) seen.push_back(reads(e) ? at(from(e)).what.value : 0);
    for (const auto& each : mo_) seen.push_back(at(each.back()).what.value);
    found_.insert(seen);
  }

  // Whether two fences take part in S towards each other: not a light one and an ordinary one, nor two light
  // ones.
  bool ordered_fences(int x, int y) const {
    const bool light_x = at(x).what.kind == op_kind::light, light_y = at(y).what.kind == op_kind::light;
    if (!light_x && !light_y) return sequential(x) && sequential(y);
    return at(x).what.kind == op_kind::heavy || at(y).what.kind == op_kind::heavy;
  }

  bool total_order_exists(const relation& sw, const relation& hb, const relation& eco) const {
    relation before{}; // what must come first in S
    for (int a = max_locations; a < size(); ++a) {
      for (int b = max_locations; b < size(); ++b) {
        if (is_fence(a) || is_fence(b) || !has(eco, a, b)) continue;
        if (sequential(a) && sequential(b)) add(before, a, b); // S1
        for (int y = max_locations; y < size(); ++y)
          if (is_fence(y) && sequential(a) && sequential(y) && has(hb, b, y)) add(before, a, y); // S2
        for (int x = max_locations; x < size(); ++x) {
          if (!is_fence(x) || !has(hb, x, a)) continue;
          if (sequential(x) && sequential(b)) add(before, x, b); // S3
          for (int y = max_locations; y < size(); ++y)
            if (is_fence(y) && has(hb, b, y) && ordered_fences(x, y)) add(before, x, y); // S4
        }
      }
    }
    if (how_ == reading::executable) {
      for (int a = 0; a < size(); ++a) {
        before[static_cast<unsigned>(a)] |= sb_[static_cast<unsigned>(a)];
        if (reads(a)) add(before, from(a), a);
      }
      return !cyclic(before);
    }
    relation strongly = sb_; // [intro.races]: sb, sw between seq_cst operations, sb;hb;sb, and their closure
    for (int a = 0; a < size(); ++a)
      for (int d = 0; d < size(); ++d) {
        if (has(sw, a, d) && sequential(a) && sequential(d) && !is_fence(a) && !is_fence(d))
          add(strongly, a, d);
        for (int b = 0; b < size(); ++b)
          for (int c = 0; c < size(); ++c)
            if (has(sb_, a, b) && has(hb, b, c) && has(sb_, c, d)) add(strongly, a, d);
      }
    close(strongly);
    for (int a = 0; a < size(); ++a)
      for (int b = 0; b < size(); ++b) {
        const bool take_part = at(a).thread >= 0 && at(b).thread >= 0 && in_s(a) && in_s(b);
        if (take_part && has(strongly, a, b)) add(before, a, b);
      }
    return !cyclic(before);
  }
  bool in_s(int e) const { return sequential(e) || at(e).what.kind == op_kind::light; }

  reading how_;
  std::vector<event> events_;
  relation sb_{};
  std::vector<int> from_;
  std::array<std::vector<int>, max_locations> mo_;
  std::set<outcome> found_;
};

} // namespace thrum::base::explore::axioms
