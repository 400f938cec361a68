// The tree of addresses in a lot, against a map: places come, go and move in any order.
#include "sync/parking.h"

#include "sync/testing.h"

#include <map>
#include <memory>

namespace thrum::sync {
namespace {

using testing::dice;

TEST(places, what_was_put_in_is_found_until_it_is_taken_out) {
  dice d(GTEST_FLAG_GET(random_seed) + 1u);
  for (int few : {2, 10, 1'000}) {
    constexpr unsigned first_bit = 40;
    places all(first_bit);
    std::map<parking_key, std::unique_ptr<place>> there;
    for (int step = 0; step < 20'000; ++step) {
      // Keys differ in the bits that count, some of them late.
      const parking_key key =
          d.roll(4) == 0 ? d.roll(static_cast<unsigned>(few)) : d.roll(static_cast<unsigned>(few)) << 20;
      base::guarded<place*>* link = all.find(key);
      const auto known = there.find(key);
      ASSERT_EQ(*link, known == there.end() ? nullptr : known->second.get());
      if (known == there.end()) {
        auto fresh = std::make_unique<place>();
        fresh->key = key;
        *link = fresh.get();
        there.emplace(key, std::move(fresh));
      } else if (d.roll(3) == 0) {
        auto elsewhere = std::make_unique<place>();
        places::move(link, *elsewhere);
        known->second = std::move(elsewhere);
      } else {
        places::remove(link);
        there.erase(known);
      }
      ASSERT_EQ(all.empty(), there.empty());
    }
    for (const auto& [key, p] : there) ASSERT_EQ(*all.find(key), p.get());
  }
}

// Addresses that differ by as little, or as much, as real ones do: the way to each is short.
TEST(places, keys_that_differ_only_in_their_last_bit_are_kept_apart) {
  places all(63);
  place even, odd;
  even.key = 2;
  odd.key = 3;
  *all.find(2) = &even;
  *all.find(3) = &odd;
  EXPECT_EQ(*all.find(2), &even);
  EXPECT_EQ(*all.find(3), &odd);
  places::remove(all.find(2));
  EXPECT_EQ(*all.find(2), nullptr);
  EXPECT_EQ(*all.find(3), &odd);
  places::remove(all.find(3));
  EXPECT_TRUE(all.empty());
}

} // namespace
} // namespace thrum::sync
