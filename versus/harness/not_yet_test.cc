#include "harness/not_yet.h"

#include "harness/build_paths.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

constexpr const char* entry =
    R"({"id":"X8","title":"Boot","question":"How long?","waits_for":"isolates","claims":[{"source":"S0:7","text":"own V8"}]})";

std::vector<experiment> with_ids(const std::vector<std::string>& ids) {
  std::vector<experiment> out;
  for (const std::string& id : ids) out.emplace_back().id = id;
  return out;
}

TEST(not_yet, an_entry_says_what_it_waits_for) {
  auto all = parse_not_yet("[" + std::string(entry) + "]");
  ASSERT_TRUE(all) << all.error();
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ((*all)[0].waits_for, "isolates");
  EXPECT_EQ((*all)[0].claims[0].source, "S0:7");
}

TEST(not_yet, an_entry_that_lacks_something_is_refused_by_name) {
  EXPECT_EQ(parse_not_yet(R"([{"id":"X8","title":"Boot","question":"How long?","claims":[]}])").error(),
            "X8: \"waits_for\" is missing");
  EXPECT_EQ(parse_not_yet(R"([{"id":"X8","title":"t","question":"q","waits_for":"w"}])").error(),
            "X8: \"claims\" is missing");
  EXPECT_NE(
      parse_not_yet(
          R"([{"id":"X8","title":"t","question":"q","waits_for":"w","claims":[{"source":"S9","text":"x"}]}])")
          .error()
          .find("S1:10"),
      std::string::npos);
  EXPECT_FALSE(parse_not_yet("{}"));
}

TEST(not_yet, every_planned_experiment_exists_or_stands_in_the_list) {
  std::string directory = std::string(build_paths::source) + "/experiments";
  auto built = load_experiments(directory);
  auto waiting = load_not_yet(directory);
  ASSERT_TRUE(built) << built.error();
  ASSERT_TRUE(waiting) << waiting.error();
  for (const std::string& mistake : plan_mistakes(*built, *waiting)) ADD_FAILURE() << mistake;
}

TEST(not_yet, a_list_that_is_behind_is_a_mistake_that_says_what_to_do) {
  auto waiting = parse_not_yet("[" + std::string(entry) + "]");
  auto mistakes = plan_mistakes(with_ids({"X8"}), *waiting);
  ASSERT_EQ(mistakes.size(), 30u) << "the others are nowhere";
  EXPECT_EQ(mistakes[0],
            "X1 is neither an experiment nor planned: add an entry to versus/experiments/not_yet.json");
  EXPECT_EQ(mistakes[7], "X8 has a folder now: remove its entry from versus/experiments/not_yet.json");
}

} // namespace
} // namespace versus
