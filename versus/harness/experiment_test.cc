#include "harness/experiment.h"

#include "harness/cargo.h"
#include "harness/contestant.h"
#include "harness/files.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace versus {
namespace {

TEST(experiment, the_sum_rule_is_what_adding_up_gives) {
  for (double parts : {1.0, 4.0})
    for (long each : {1L, 2L, 1023L, 1024L, 1025L, 5000L, 123457L}) {
      double sum = 0;
      for (long i = 0; i < each; ++i) sum += static_cast<double>(i & 1023);
      check_rule rule;
      rule.how = check_rule::kind::sum;
      rule.parts = parts;
      EXPECT_EQ(rule.expected(parts * static_cast<double>(each), false), parts * sum) << each;
    }
}

TEST(experiment, the_each_rule_knows_the_smaller_size_of_a_quick_run) {
  check_rule rule;
  rule.how = check_rule::kind::each;
  rule.per = 1000, rule.amount = 499500;
  rule.quick_per = 10, rule.quick_amount = 45;
  EXPECT_EQ(rule.expected(3000, false), 3 * 499500);
  EXPECT_EQ(rule.expected(3000, true), 300 * 45);
}

TEST(experiment, a_claim_file_with_a_mistake_names_it) {
  EXPECT_NE(parse_experiment("{").error().find("byte"), std::string::npos);
  EXPECT_NE(parse_experiment("{}").error().find("id"), std::string::npos);
  const char* suffix =
      R"({"id":"X1","title":"t","metrics":[{"id":"cpu"}],"variants":[{"id":"a","title":"t"}]})";
  EXPECT_NE(parse_experiment(suffix).error().find("@1"), std::string::npos);
  const char* check =
      R"({"id":"X1","title":"t","metrics":[{"id":"cpu"}],"variants":[{"id":"a@1","title":"t"}]})";
  EXPECT_NE(parse_experiment(check).error().find("check"), std::string::npos);
  const char* named = R"({"id":"X1","title":"t","metrics":[{"id":"cpu"}],
    "variants":[{"id":"a@1","title":"t","check":{"rule":"count"},"metrics":["speed"]}]})";
  EXPECT_NE(parse_experiment(named).error().find("speed"), std::string::npos);
  const char* side = R"({"id":"X1","title":"t","metrics":[{"id":"cpu"}],
    "variants":[{"id":"a@1","title":"t","check":{"rule":"count"}}],
    "verdicts":[{"claim":"c","left":"go b@1 cpu","below":"5"}]})";
  EXPECT_NE(parse_experiment(side).error().find("not measured"), std::string::npos);
}

const char* two_kinds = R"({"id":"X1","title":"t",
  "metrics":[{"id":"late","title":"late","unit":"us"},{"id":"cpu","title":"CPU","unit":"ns/op"},
             {"id":"lost","title":"lost","unit":"%"}],
  "variants":[{"id":"a@1","title":"t","check":{"rule":"count"}},
              {"id":"b@1","title":"t","check":{"rule":"count"},"metrics":["lost","cpu"]}] )";

TEST(experiment, a_variant_measures_what_it_names_or_else_everything) {
  auto e = parse_experiment(std::string(two_kinds) + "}");
  ASSERT_TRUE(e) << e.error();
  EXPECT_EQ(e->metrics_of(e->variants[0]).size(), 3u);
  EXPECT_EQ(e->deciding(e->variants[0]).id, "late");
  ASSERT_EQ(e->metrics_of(e->variants[1]).size(), 2u);
  EXPECT_EQ(e->deciding(e->variants[1]).id, "lost");
  EXPECT_EQ(e->metrics_of(e->variants[1])[1]->id, "cpu");
  EXPECT_TRUE(e->deciding(e->variants[1]).is_share());
  EXPECT_FALSE(e->deciding(e->variants[0]).is_share());
}

TEST(experiment, a_verdict_on_what_a_variant_does_not_measure_is_a_mistake) {
  auto with = [](const std::string& side) {
    return parse_experiment(std::string(two_kinds) + R"(,"verdicts":[{"claim":"c","left":")" + side +
                            R"(","below":"5"}]})");
  };
  EXPECT_TRUE(with("go b@1 lost"));
  EXPECT_FALSE(with("go b@1 late"));
}

TEST(experiment, all_claim_files_are_right_and_have_a_program_of_every_kind) {
  places where = places::of_this_build();
  auto all = load_experiments(where.source + "/experiments");
  ASSERT_TRUE(all) << all.error();
  EXPECT_GE(all->size(), 7u);
  for (const experiment& e : *all) {
    EXPECT_FALSE(e.claims.empty()) << e.id;
    for (const char* runtime : {"thrum", "go", "node", "python", "java"}) {
      contestant c;
      c.id = runtime;
      bool absent = std::all_of(e.variants.begin(), e.variants.end(),
                                [&](const variant& v) { return v.absence_for(runtime) != nullptr; });
      EXPECT_TRUE(has_program(c, e) || absent) << e.folder << " " << runtime;
    }
  }
}

TEST(experiment, a_verdict_names_its_sentences_where_there_are_several) {
  auto all = load_experiments(places::of_this_build().source + "/experiments");
  ASSERT_TRUE(all) << all.error();
  for (const experiment& e : *all)
    for (const verdict& v : e.verdicts)
      EXPECT_FALSE(e.claims.size() > 1 && v.sources.empty())
          << e.folder << "/claim.json: add \"sources\": [\"" << e.claims[0].source
          << "\", ...], the claims that this is about, to the verdict \"" << v.claim << "\"";
}

TEST(contestant, a_jdk_is_known_by_its_release_file) {
  std::string whole;
  EXPECT_EQ(jdk_version("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"25.0.3\"\nJAVA_VERSION_DATE=\"2026\"\n", whole),
            25);
  EXPECT_EQ(whole, "25.0.3");
  EXPECT_EQ(jdk_version("JAVA_VERSION=\"1.8.0_292\"\n", whole), 8);
  EXPECT_EQ(jdk_version("", whole), 0);
}

TEST(contestant, the_newest_tokio_1_is_found_by_its_manifest) {
  scratch_directory scratch;
  auto crate = [&](const std::string& folder, const std::string& name, const std::string& version) {
    make_directories(scratch.path() + "/" + folder);
    write_file(scratch.path() + "/" + folder + "/Cargo.toml",
               "# made by cargo\n[package]\nedition = \"2018\"\nname = \"" + name + "\"\nversion = \"" +
                   version + "\"\n[dependencies.bytes]\nversion = \"9.9\"\n");
  };
  EXPECT_EQ(cargo::tokio_version(scratch.path()), "");
  crate("tokio-macros-1.99.0", "tokio-macros", "1.99.0");
  crate("tokio-0.3.7", "tokio", "0.3.7");
  crate("tokio-1.99.1", "something", "1.99.1");
  EXPECT_EQ(cargo::tokio_version(scratch.path()), "");
  crate("tokio-1.9.0", "tokio", "1.9.0");
  crate("tokio-1.24.2", "tokio", "1.24.2");
  EXPECT_EQ(cargo::tokio_version(scratch.path()), "1.24.2");
  crate("tokio", "tokio", "1.40.0"); // as cargo vendor names it
  EXPECT_EQ(cargo::tokio_version(scratch.path()), "1.40.0");
}

TEST(contestant, the_apt_line_names_what_is_missing_only) {
  contestant here, missing, old;
  here.found = contestant::state::here, here.package = "nodejs";
  missing.package = "golang-go";
  old.found = contestant::state::too_old, old.package = "openjdk-25-jdk-headless";
  EXPECT_EQ(apt_line({here, missing, old}), "sudo apt install golang-go openjdk-25-jdk-headless");
  EXPECT_EQ(apt_line({here}), "");
}

} // namespace
} // namespace versus
