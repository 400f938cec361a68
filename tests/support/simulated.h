// For tests of programs that are simulated: what holds with every seed, and what happens with some.
#pragma once

#include <thrum/simulate.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace test {

// f holds with each of these seeds.
template <class F> void always(F f, thrum::simulated_network how = {}, std::uint64_t runs = 60) {
  const auto found = thrum::simulate({.runs = runs, .quiet = true, .network = how}, f);
  EXPECT_FALSE(found.failed) << "seed " << found.seed << ": " << found.failure;
}
// f happens with some of these seeds.
template <class F> void sometimes(F f, thrum::simulated_network how = {}, std::uint64_t runs = 300) {
  const auto found = thrum::simulate({.runs = runs, .quiet = true, .network = how}, [&] { return !f(); });
  EXPECT_TRUE(found.failed) << "never in " << found.runs << " runs";
}

void send(const auto& stream, std::string_view text) { stream.write_all({text.data(), text.size()}).value(); }

std::string read_to_the_end(const auto& stream) {
  std::string all;
  char piece[100];
  for (;;) {
    const std::size_t n = stream.read_some(piece).value();
    if (n == 0) return all;
    all.append(piece, n);
  }
}

} // namespace test
