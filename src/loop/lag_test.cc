#include "loop/lag.h"

#include <gtest/gtest.h>

namespace thrum::loop {

TEST(lag_histogram, each_bucket_begins_behind_the_last_of_the_one_before) {
  for (std::size_t b = 0; b + 1 < 8 * 40; ++b) {
    EXPECT_EQ(lag_histogram::bucket_of(lag_histogram::last_of(b)), b);
    EXPECT_EQ(lag_histogram::bucket_of(lag_histogram::last_of(b) + 1), b + 1);
  }
}

TEST(lag_histogram, the_last_bucket_begins_beyond_an_hour) {
  EXPECT_GT(lag_histogram::last_of(8 * 40 - 2), 3'600'000'000'000u);
  EXPECT_EQ(lag_histogram::bucket_of(~std::uint64_t{0}), 8u * 40 - 1);
}

TEST(lag_histogram, quantiles_are_at_most_an_eighth_too_high_and_never_too_low) {
  lag_histogram h;
  for (int i = 1; i <= 1000; ++i) h.record(i * 1000);
  EXPECT_EQ(h.count(), 1000u);
  EXPECT_EQ(h.max(), 1'000'000);
  for (const double q : {0.01, 0.5, 0.9, 0.99}) {
    const auto exact = static_cast<std::int64_t>(q * 1'000'000);
    EXPECT_GE(h.quantile(q), exact);
    EXPECT_LE(h.quantile(q), exact + exact / 8);
  }
  EXPECT_EQ(h.quantile(1), 1'000'000);
}

TEST(lag_histogram, of_nothing_quantiles_are_zero_also_after_reset) {
  lag_histogram h;
  EXPECT_EQ(h.quantile(0.5), 0);
  h.record(5);
  h.record(-1); // a clock may seem to run backwards
  EXPECT_EQ(h.quantile(0.5), 0);
  EXPECT_EQ(h.quantile(1), 5);
  h.reset();
  EXPECT_EQ(h.quantile(1), 0);
  EXPECT_EQ(h.count(), 0u);
}

} // namespace thrum::loop
