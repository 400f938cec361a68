#include "harness/stats.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

TEST(stats, the_median_of_an_odd_number_is_the_middle_one) {
  summary s = summarize({5, 1, 9});
  EXPECT_EQ(s.median, 5);
  EXPECT_EQ(s.low, 1);
  EXPECT_EQ(s.high, 9);
  EXPECT_EQ(s.count, 3);
}

TEST(stats, the_median_of_an_even_number_lies_between_the_middle_two) {
  EXPECT_EQ(summarize({4, 1, 2, 9}).median, 3);
}

TEST(stats, one_sample_has_no_spread) {
  EXPECT_EQ(summarize({7}).spread(), 0);
  EXPECT_EQ(summarize({7}).median, 7);
}

TEST(stats, no_sample_is_told_by_the_count) { EXPECT_EQ(summarize({}).count, 0); }

TEST(stats, one_bad_sample_does_not_move_the_median) {
  EXPECT_EQ(summarize({10, 10, 10, 10, 5000}).median, 10);
}

TEST(stats, the_spread_is_half_the_range_by_the_median) {
  EXPECT_DOUBLE_EQ(summarize({90, 100, 110}).spread(), 0.1);
}

TEST(stats, figures_keep_three_digits_or_all_of_a_whole_number) {
  EXPECT_EQ(figure(0), "0.00");
  EXPECT_EQ(figure(5.432), "5.43");
  EXPECT_EQ(figure(9.996), "10.0");
  EXPECT_EQ(figure(56.24), "56.2");
  EXPECT_EQ(figure(99.96), "100");
  EXPECT_EQ(figure(1789.4), "1,789");
  EXPECT_EQ(figure(999999), "999,999");
  EXPECT_EQ(figure(1048576), "1.05M");
  EXPECT_EQ(figure(650376704), "650M");
  EXPECT_EQ(figure(2.5e9), "2.50G");
  EXPECT_EQ(figure(-1234), "-1,234");
}

TEST(stats, ratios_are_short_at_every_size) {
  EXPECT_EQ(ratio(56.2, 15.1), "3.7x");
  EXPECT_EQ(ratio(10, 15), "0.67x");
  EXPECT_EQ(ratio(1500, 10), "150x");
  EXPECT_EQ(ratio(50000, 10), "5kx");
  EXPECT_EQ(ratio(5, 0), "");
}

TEST(stats, durations_change_to_minutes) {
  EXPECT_EQ(duration(4.24), "4.2 s");
  EXPECT_EQ(duration(95), "1:35 min");
}

} // namespace
} // namespace versus
