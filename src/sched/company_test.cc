#include "sched/company.h"

#include <gtest/gtest.h>

namespace thrum::sched {
namespace {

constexpr env::nanoseconds tiny = 100;
constexpr env::nanoseconds long_enough = 20'000;
constexpr unsigned fight = 30;

// Looks without a collision until sharing pays again.
unsigned looks_until_it_pays(company& c, bool others_run) {
  unsigned n = 0;
  for (; !c.pays(tiny); ++n) c.look(0, others_run);
  return n;
}

TEST(company, pays_from_the_start) {
  const company c;
  EXPECT_TRUE(c.pays(tiny));
}

TEST(company, does_not_pay_for_a_while_after_a_fight) {
  company c;
  c.look(fight, true);
  EXPECT_FALSE(c.pays(tiny));
  EXPECT_GT(looks_until_it_pays(c, false), 0u);
}

TEST(company, now_and_then_a_collision_is_no_fight) {
  company c;
  for (int i = 0; i < 1000; ++i) {
    c.look(2, true);
    EXPECT_TRUE(c.pays(tiny));
  }
}

TEST(company, pays_for_fibers_that_run_for_long_whatever_happened) {
  company c;
  c.look(fight, true);
  EXPECT_TRUE(c.pays(long_enough));
}

TEST(company, each_further_fight_counts_for_twice_as_long_up_to_a_limit) {
  company c;
  unsigned last = 0;
  for (int i = 0; i < 30; ++i) {
    c.look(fight, true);
    const unsigned now = looks_until_it_pays(c, false);
    EXPECT_TRUE(now == 2 * last || last == 0 || (now == last && now >= 1000)) << last << ", then " << now;
    last = now;
  }
  EXPECT_LE(last, 10'000u);
}

TEST(company, without_a_fight_beside_others_all_is_forgotten) {
  company c;
  c.look(fight, true);
  const unsigned first = looks_until_it_pays(c, true);
  for (int i = 0; i < 5; ++i) c.look(fight, true);
  EXPECT_GT(looks_until_it_pays(c, true), first);
  c.look(0, true);
  c.look(fight, true);
  EXPECT_EQ(looks_until_it_pays(c, true), first);
}

TEST(company, peace_while_alone_proves_nothing) {
  company c;
  c.look(fight, true);
  const unsigned first = looks_until_it_pays(c, false);
  for (int i = 0; i < 1000; ++i) c.look(0, false);
  c.look(fight, true);
  EXPECT_EQ(looks_until_it_pays(c, false), 2 * first);
}

} // namespace
} // namespace thrum::sched
