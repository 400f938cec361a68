// The executable memory model against the axioms, on random programs: both must allow exactly the same
// outcomes.
#include "base/explore/axioms.h"
#include "base/explore/explore.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <set>
#include <sstream>
#include <string>

namespace explore = thrum::base::explore;
namespace axioms = thrum::base::explore::axioms;
using axioms::op;
using axioms::op_kind;

namespace {

const axioms::program* running = nullptr;
std::set<axioms::outcome>* seen = nullptr;

template <int Threads> struct interpreter {
  static constexpr int threads = Threads;
  std::array<thrum::base::atomic<int>, axioms::max_locations> cells;
  std::array<axioms::outcome, Threads> read;

  void thread(int index) {
    for (const op& o : running->threads[static_cast<std::size_t>(index)]) {
      auto& cell = cells[static_cast<std::size_t>(o.location)];
      int value = 0;
      switch (o.kind) {
      case op_kind::load: value = cell.load(o.order); break;
      case op_kind::store: cell.store(o.value, o.order); break;
      case op_kind::exchange: value = cell.exchange(o.value, o.order); break;
      case op_kind::compare_exchange:
        value = o.expected;
        cell.compare_exchange_strong(value, o.value, o.order, o.failure);
        break;
      case op_kind::fence: thrum::base::thread_fence(o.order); break;
      case op_kind::light: thrum::base::light_fence(); break;
      case op_kind::heavy: thrum::base::heavy_fence(); break;
      }
      read[static_cast<std::size_t>(index)].push_back(value);
    }
  }
  void finish() {
    axioms::outcome all;
    for (const auto& each : read) all.insert(all.end(), each.begin(), each.end());
    for (auto& cell : cells)
      all.push_back(cell.load(std::memory_order_relaxed)); // relaxed: everything is over
    seen->insert(all);
  }
};

std::set<axioms::outcome> explored(const axioms::program& p, const explore::options& how) {
  std::set<axioms::outcome> outcomes;
  running = &p;
  seen = &outcomes;
  const explore::result r = p.threads.size() == 2   ? explore::run<interpreter<2>>(how)
                            : p.threads.size() == 3 ? explore::run<interpreter<3>>(how)
                                                    : explore::run<interpreter<4>>(how);
  EXPECT_TRUE(r.ok() && r.complete) << r;
  return outcomes;
}

using generator = std::mt19937_64;
int below(generator& random, int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); }

// Mostly small: the interesting shapes (store buffering, message passing, IRIW, 2+2W, Z6.U ...) have four to
// six accesses.
class program_maker {
public:
  program_maker(generator& random, bool asymmetric) : random_(random), asymmetric_(asymmetric) {
    // A program draws from few orders, so that the rare combinations meet each other.
    much_ = below(random_, 4);
    fences_of_100_ = asymmetric ? 80 : (below(random_, 2) == 0 ? 15 : 60);
  }

  axioms::program make() {
    axioms::program p;
    const int threads = 2 + below(random_, asymmetric_ ? 2 : 3);
    int accesses = 4 + below(random_, 3);
    for (int t = 0; t < threads; ++t) {
      auto& ops = p.threads.emplace_back();
      const int here = t + 1 == threads ? std::min(accesses, 4) : std::min(1 + below(random_, 3), accesses);
      for (int i = 0; i < here; ++i, --accesses) {
        if (i > 0 && below(random_, 100) < fences_of_100_) ops.push_back(fence());
        ops.push_back(access());
      }
    }
    return p;
  }

private:
  op fence() {
    using enum std::memory_order;
    op o{};
    const int which = asymmetric_ ? below(random_, 5) : 4;
    o.kind = which < 2 ? op_kind::light : which < 4 ? op_kind::heavy : op_kind::fence;
    if (o.kind == op_kind::fence) o.order = pick(std::array{acquire, release, acq_rel, seq_cst});
    return o;
  }

  op access() {
    using enum std::memory_order;
    constexpr std::array loads{relaxed, acquire, seq_cst};
    constexpr std::array stores{relaxed, release, seq_cst};
    constexpr std::array updates{relaxed, acquire, release, acq_rel, seq_cst};
    op o{};
    const int kind = below(random_, 100);
    o.kind = kind < 42   ? op_kind::load
             : kind < 84 ? op_kind::store
             : kind < 93 ? op_kind::exchange
                         : op_kind::compare_exchange;
    o.location = below(random_, axioms::max_locations);
    o.value = next_value_++;
    if (o.kind == op_kind::load) o.order = pick(loads);
    if (o.kind == op_kind::store) o.order = pick(stores);
    if (o.kind == op_kind::exchange) o.order = pick(updates);
    if (o.kind == op_kind::compare_exchange) {
      o.order = pick(updates);
      o.failure = pick(loads);
      o.expected = below(random_, 4);
    }
    return o;
  }

  template <std::size_t N> std::memory_order pick(const std::array<std::memory_order, N>& from) {
    if (much_ == 0 && below(random_, 2) == 0) return from.back();  // seq_cst
    if (much_ == 1 && below(random_, 2) == 0) return from.front(); // relaxed
    return from[static_cast<std::size_t>(below(random_, static_cast<int>(N)))];
  }

  generator& random_;
  bool asymmetric_;
  int much_;
  int fences_of_100_;
  int next_value_ = 1;
};

std::string to_string(const axioms::program& p) {
  constexpr std::array kinds{"load", "store", "exchange", "compare_exchange", "fence", "light", "heavy"};
  std::ostringstream out;
  for (std::size_t t = 0; t < p.threads.size(); ++t) {
    out << "  T" << t << ':';
    for (const op& o : p.threads[t])
      out << ' ' << kinds[static_cast<std::size_t>(o.kind)] << '('
          << explore::name_of(explore::strength_of(o.order)) << ' ' << (o.location == 0 ? 'x' : 'y') << ' '
          << o.expected << "->" << o.value << " fail " << explore::name_of(explore::strength_of(o.failure))
          << ')';
    out << '\n';
  }
  return out.str();
}

std::string difference(const std::set<axioms::outcome>& a, const std::set<axioms::outcome>& b) {
  std::ostringstream out;
  for (const auto& [from, other, name] :
       {std::tuple{&a, &b, "only explored"}, std::tuple{&b, &a, "only in the axioms"}})
    for (const axioms::outcome& each : *from)
      if (!other->contains(each)) {
        out << "  " << name << ':';
        for (int v : each) out << ' ' << v;
        out << '\n';
      }
  return out.str();
}

int programs_to_try() {
  const char* wanted = std::getenv("THRUM_EXPLORE_PROGRAMS");
  return wanted != nullptr ? std::atoi(wanted) : 3000;
}

void compare(bool asymmetric, std::uint64_t seed) {
  generator random(seed);
  std::size_t outcomes = 0, beyond = 0;
  const int programs = programs_to_try();
  for (int i = 0; i < programs; ++i) {
    const axioms::program p = program_maker(random, asymmetric).make();
    const auto allowed = axioms::enumerator(p, axioms::reading::executable).outcomes();
    const auto reduced = explored(p, {.strategy = explore::dfs{}});
    ASSERT_EQ(reduced, allowed) << "seed " << seed << ", program " << i << '\n'
                                << to_string(p) << difference(reduced, allowed);
    if (i % 8 == 0) { // slow: every order of independent steps
      const auto full = explored(p, {.strategy = explore::dfs{.reduce = false}});
      ASSERT_EQ(full, allowed) << "without reduction, seed " << seed << ", program " << i << '\n'
                               << to_string(p) << difference(full, allowed);
    }
    const auto standard = axioms::enumerator(p, axioms::reading::standard).outcomes();
    outcomes += allowed.size();
    for (const axioms::outcome& each : allowed)
      ASSERT_TRUE(standard.contains(each)) << "not allowed by the standard\n" << to_string(p);
    beyond += standard.size() - allowed.size();
  }
  testing::Test::RecordProperty("outcomes", std::to_string(outcomes));
  std::cout << programs << " random programs, seed " << seed << ": " << outcomes
            << " outcomes, as the axioms say; the standard allows " << beyond << " more (limit M2)\n";
}

} // namespace

TEST(axioms, random_programs_have_exactly_the_outcomes_of_the_axioms) { compare(false, 20240611); }

TEST(axioms, random_programs_with_asymmetric_fences_have_exactly_the_outcomes_of_the_axioms) {
  compare(true, 7);
}
