#include "harness/runner.h"

#include "harness/sample_board.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <sys/stat.h>

namespace versus {
namespace {

struct watcher : observer {
  board what;
  std::vector<std::string> doing;
  watcher(const std::vector<contestant>& all) {
    for (const contestant& c : all)
      what.columns.push_back({c.id, c.title, c.version, c.why, c.here(), c.one_thread});
    what.mode = "quick";
  }
  void event(const std::string& line) override { EXPECT_EQ(what.apply_line(line), "") << line; }
  void now(const progress& p) override {
    if (doing.empty() || doing.back() != p.doing) doing.push_back(p.doing);
  }
  void round_over(const experiment&, int, double) override {}
};

// A contestant "python" whose interpreter is a shell script of ours.
class runner_test : public ::testing::Test {
protected:
  runner_test() {
    make_directories(scratch_.path() + "/x");
    write_file(scratch_.path() + "/x/main.py", "");
    where_.source = where_.build = where_.cache = where_.results = scratch_.path();
  }

  contestant scripted(const std::string& id, const std::string& script) {
    std::string path = scratch_.path() + "/" + id + ".sh";
    write_file(path, "#!/bin/sh\n" + script + "\n");
    chmod(path.c_str(), 0755);
    contestant c;
    c.id = "python", c.title = id, c.program = path;
    c.found = contestant::state::here;
    c.one_thread = true;
    return c;
  }

  static experiment small(const std::string& more = "") {
    experiment e =
        *parse_experiment(R"({"id":"X9","title":"t","metrics":[{"id":"cpu","title":"CPU","unit":"ns/op"}],
      "variants":[{"id":"a@1","title":"a","check":{"rule":"count"} )" +
                          more + "}]}");
    return e;
  }

  static std::string line(const std::string& metric, double value, const std::string& unit,
                          const std::string& variant = "a@1") {
    return "echo '" +
           json::writer()
               .add("exp", "X9")
               .add("rt", "python")
               .add("variant", variant)
               .add("n", 1000)
               .add("metric", metric)
               .add("value", value)
               .add("unit", unit)
               .line() +
           "'\n";
  }

  watcher run(const experiment& e, const std::vector<contestant>& all, int runs = 2) {
    std::vector<experiment> experiments = {e};
    experiments[0].path = scratch_.path() + "/x";
    watcher seen(all);
    interrupts stop;
    runner({.quick = true, .runs = runs}, where_, all, experiments, stop, seen).run();
    return seen;
  }

  shown_cell result(const watcher& w, const experiment& e) {
    return w.what.look(e, e.variants[0], w.what.columns[0]);
  }

  scratch_directory scratch_;
  places where_;
};

TEST_F(runner_test, an_honest_program_gives_a_figure_a_run) {
  experiment e = small();
  watcher w = run(e, {scripted("honest", line("cpu", 12, "ns/op") + line("check", 1000, "count"))});
  shown_cell c = result(w, e);
  EXPECT_EQ(c.state, shown_cell::kind::value) << c.why;
  EXPECT_EQ(c.figures["cpu"].median, 12);
  EXPECT_EQ(c.figures["cpu"].count, 2);
  EXPECT_TRUE(w.what.complete({e}, "python"));
}

TEST_F(runner_test, an_experiment_of_a_full_run_has_as_many_rounds_as_its_part_of_the_half_hour_allows) {
  const auto rounds = [&](double seconds, double long_run) {
    std::vector<experiment> experiments = {small(), small()};
    for (experiment& e : experiments) e.path = scratch_.path() + "/x";
    experiments[0].full_seconds = seconds;
    experiments[1].id = "X8";
    const std::vector<contestant> all = {
        scripted("honest", line("cpu", 12, "ns/op") + line("check", 1000, "count"))};
    watcher seen(all);
    interrupts stop;
    runner({.quick = false, .long_run = long_run}, where_, all, experiments, stop, seen).run();
    return result(seen, experiments[0]).figures["cpu"].count;
  };
  EXPECT_EQ(rounds(60, 10), 3);
  EXPECT_EQ(rounds(0, 10), 1); // at least
  EXPECT_EQ(rounds(60, 0), 1); // it takes longer than that
}

TEST_F(runner_test, what_would_end_behind_the_limit_is_left_out_and_named) {
  std::vector<experiment> experiments = {small(), small(), small()};
  const double seconds[] = {60, 100, 30};
  for (std::size_t i = 0; i < 3; ++i) {
    experiments[i].path = scratch_.path() + "/x";
    experiments[i].round_seconds = seconds[i];
  }
  experiments[1].id = "X8";
  const std::vector<contestant> all = {
      scripted("honest", line("cpu", 12, "ns/op") + line("check", 1000, "count"))};
  watcher seen(all);
  interrupts stop;
  runner r({.quick = true, .limit = 90}, where_, all, experiments, stop, seen);
  r.run();
  EXPECT_EQ(r.left_out(), std::vector<std::string>{"X8"});
  EXPECT_FALSE(seen.what.measured("X8"));
  EXPECT_TRUE(seen.what.complete({experiments[0]}, "python"));
}

TEST_F(runner_test, what_has_to_be_asked_for_is_left_out_of_a_quick_run_of_everything_only) {
  std::vector<experiment> experiments = {small(), small()};
  experiments[1].id = "X8";
  experiments[1].asked_for = true;
  for (experiment& e : experiments) e.path = scratch_.path() + "/x";
  const std::vector<contestant> all = {
      scripted("honest", line("cpu", 12, "ns/op") + line("check", 1000, "count"))};
  interrupts stop;
  for (const double limit : {1000.0, 0.0}) {
    watcher seen(all);
    runner r({.quick = true, .runs = 1, .limit = limit}, where_, all, experiments, stop, seen);
    r.run();
    EXPECT_EQ(r.left_out(), limit > 0 ? std::vector<std::string>{"X8"} : std::vector<std::string>{});
  }
}

TEST_F(runner_test, a_guest_takes_part_only_where_that_pushes_nothing_out) {
  std::vector<experiment> experiments = {small(), small(), small()};
  const char* ids[] = {"X7", "X8", "X9"};
  for (std::size_t i = 0; i < 3; ++i) {
    experiments[i].id = ids[i];
    experiments[i].path = scratch_.path() + "/x";
    experiments[i].round_seconds = 40; // of which a guest adds a quarter
  }
  std::vector<contestant> all = {scripted("host", ""), scripted("guest", "")};
  all[1].id = "node"; // for which nothing is to be built, either
  all[1].guest = true;
  write_file(scratch_.path() + "/x/main.mjs", "");
  struct {
    double limit;
    std::vector<std::string> left_out, without;
  } cases[] = {{80.5, {}, {"X7", "X8"}},     // there the next one would not fit any more
               {0, {}, {}},                  // no limit, no guests
               {45, {}, {"X7", "X8", "X9"}}, // it would end too late itself
               {1000, {}, {}}};
  for (const auto& each : cases) {
    watcher seen(all);
    interrupts stop;
    runner r({.quick = true, .runs = 1, .limit = each.limit}, where_, all, experiments, stop, seen);
    r.run();
    EXPECT_EQ(r.left_out(), each.left_out) << each.limit;
    EXPECT_EQ(r.without_guests(), each.without) << each.limit;
    for (const experiment& e : experiments) {
      const bool out = std::find(each.without.begin(), each.without.end(), e.id) != each.without.end();
      EXPECT_EQ(seen.what.stays_out(e.id, "node"), out) << e.id << " " << each.limit;
      EXPECT_EQ(seen.what.look(e, e.variants[0], seen.what.columns[1]).state,
                out ? shown_cell::kind::not_now : shown_cell::kind::failed);
    }
  }
}

TEST_F(runner_test, a_program_that_skips_work_is_flagged) {
  experiment e = small();
  watcher w = run(e, {scripted("liar", line("cpu", 1, "ns/op") + line("check", 999, "count"))});
  shown_cell c = result(w, e);
  EXPECT_EQ(c.state, shown_cell::kind::wrong);
  EXPECT_NE(c.why.find("did not do the work: reports 999 where 1,000 is right"), std::string::npos) << c.why;
  EXPECT_FALSE(w.what.complete({e}, "python"));
}

TEST_F(runner_test, a_program_without_proof_is_flagged) {
  experiment e = small();
  watcher w = run(e, {scripted("silent", line("cpu", 1, "ns/op"))});
  EXPECT_EQ(result(w, e).state, shown_cell::kind::wrong);
}

TEST_F(runner_test, a_program_that_prints_something_else_is_flagged) {
  experiment e = small();
  std::string good = line("cpu", 12, "ns/op") + line("check", 1000, "count");
  for (const std::string& bad : {std::string("echo hello\n"), line("speed", 1, "ns/op"), line("cpu", 1, "ms"),
                                 line("cpu", 1, "ns/op", "b@1"), std::string("echo '{\"exp\":'\n")}) {
    watcher w = run(e, {scripted("noisy", good + bad)});
    EXPECT_EQ(result(w, e).state, shown_cell::kind::wrong) << bad;
  }
}

TEST_F(runner_test, a_variant_is_asked_for_its_own_metrics_only) {
  experiment e = small();
  e.metrics.push_back({"late", "lateness", "us", "late us"});
  e.variants[0].metrics = {"late"};
  std::string check = line("check", 1000, "count");
  EXPECT_EQ(result(run(e, {scripted("right", line("late", 5, "us") + check)}), e).state,
            shown_cell::kind::value);
  EXPECT_EQ(
      result(run(e, {scripted("more", line("late", 5, "us") + line("cpu", 5, "ns/op") + check)}), e).state,
      shown_cell::kind::wrong);
  EXPECT_EQ(result(run(e, {scripted("less", check)}), e).state, shown_cell::kind::failed);
}

TEST_F(runner_test, a_series_reaches_the_board_beside_the_figures_and_a_bad_one_is_flagged) {
  experiment e = small();
  std::string good = line("cpu", 12, "ns/op") + line("check", 1000, "count");
  auto told = [&](const std::string& ticks, const std::string& unit = "us") {
    return scripted("ticking",
                    R"(echo '{"exp":"X9","rt":"python","variant":"a@1","n":2,"metric":"late","unit":")" +
                        unit + R"(","series":)" + ticks + "}'\n" + good);
  };
  watcher w = run(e, {told("[[1000,5],[2000,70]]")});
  EXPECT_EQ(result(w, e).state, shown_cell::kind::value) << result(w, e).why;
  const series* ticks = w.what.look_at_series(e, e.variants[0], w.what.columns[0]);
  ASSERT_NE(ticks, nullptr);
  EXPECT_EQ(to_json(*ticks), "[[1000,5],[2000,70]]");
  EXPECT_EQ(result(run(e, {told("[[1000,-5]]")}), e).state, shown_cell::kind::wrong);
  EXPECT_EQ(result(run(e, {told("[[1000,5]]", "ms")}), e).state, shown_cell::kind::wrong);
}

TEST_F(runner_test, parts_must_add_up_to_the_figure_before_them) {
  experiment e = small();
  auto told = [&](const std::string& content) {
    return scripted("split",
                    line("cpu", 12, "ns/op") +
                        R"(echo '{"exp":"X9","rt":"python","variant":"a@1","n":1000,"metric":"cpu",)" +
                        R"("unit":"ns/op","parts":)" + content + "}'\n" + line("check", 1000, "count"));
  };
  watcher w = run(e, {told(R"({"one":10,"two":2})")});
  EXPECT_EQ(result(w, e).state, shown_cell::kind::value) << result(w, e).why;
  const part_list* of = w.what.look_at_parts(e, e.variants[0], w.what.columns[0]);
  ASSERT_NE(of, nullptr);
  EXPECT_EQ(total(*of), 12);
  w = run(e, {told(R"({"one":10,"two":3})")});
  EXPECT_EQ(result(w, e).state, shown_cell::kind::wrong);
  EXPECT_NE(result(w, e).why.find("do not add up"), std::string::npos) << result(w, e).why;
}

TEST_F(runner_test, a_program_that_crashes_is_a_failed_cell_with_its_last_words) {
  experiment e = small();
  watcher w = run(e, {scripted("crash", "echo out of memory >&2; exit 134")});
  shown_cell c = result(w, e);
  EXPECT_EQ(c.state, shown_cell::kind::failed);
  EXPECT_EQ(c.why, "exit code 134: out of memory");
}

TEST_F(runner_test, what_the_machine_lacks_for_a_row_is_no_failure_and_no_figure) {
  experiment e = small();
  const std::string variant = e.variants[0].id;
  watcher w = run(e, {scripted("modest", R"(echo '{"exp":"X9","rt":"python","variant":")" + variant +
                                             R"(","lacks":"no newer one is here"}')")});
  EXPECT_EQ(result(w, e).state, shown_cell::kind::not_here);
  EXPECT_EQ(result(w, e).why, "no newer one is here");
  EXPECT_FALSE(w.what.complete({e}, "python")); // thrum has to have what it needs
}

TEST_F(runner_test, a_program_that_reports_nothing_is_a_failed_cell) {
  experiment e = small();
  EXPECT_EQ(result(run(e, {scripted("mute", "exit 0")}), e).state, shown_cell::kind::failed);
}

TEST_F(runner_test, a_program_that_hangs_is_a_failed_cell_and_is_not_tried_again) {
  experiment e = small();
  e.quick_timeout = 0.1;
  watcher w = run(e, {scripted("hang", "exec sleep 1000")}, 3);
  EXPECT_NE(result(w, e).why.find("timed out"), std::string::npos);
  ASSERT_FALSE(w.doing.empty());
  EXPECT_EQ(w.doing.back(), "hang, run 1 of 3");
}

TEST_F(runner_test, contestants_take_turns) {
  experiment e = small();
  std::string good = line("cpu", 12, "ns/op") + line("check", 1000, "count");
  watcher w = run(e, {scripted("A", "echo A >> " + scratch_.path() + "/order\n" + good),
                      scripted("B", "echo B >> " + scratch_.path() + "/order\n" + good)});
  EXPECT_EQ(read_file(scratch_.path() + "/order"), "A\nB\nA\nB\n");
}

TEST_F(runner_test, a_row_that_needs_more_memory_than_there_is_is_not_run) {
  experiment e = small(R"(,"memory_mib":1e9)");
  watcher w = run(e, {scripted("big", "echo x >> " + scratch_.path() + "/tries")});
  EXPECT_NE(result(w, e).why.find("of free memory"), std::string::npos);
  EXPECT_FALSE(exists(scratch_.path() + "/tries"));
}

TEST_F(runner_test, a_missing_runtime_is_a_row_that_says_so) {
  experiment e = small();
  contestant gone = scripted("gone", "");
  gone.found = contestant::state::not_here;
  gone.why = "not found";
  watcher w = run(e, {gone});
  EXPECT_EQ(result(w, e).state, shown_cell::kind::not_here);
  EXPECT_EQ(result(w, e).why, "not found");
}

TEST_F(runner_test, ctrl_c_keeps_what_was_measured) {
  experiment e = small();
  std::string good = line("cpu", 12, "ns/op") + line("check", 1000, "count");
  std::vector<contestant> all = {scripted("first", good),
                                 scripted("second", "kill -INT $PPID; exec sleep 1000")};
  watcher w = run(e, all, 5);
  shown_cell c = result(w, e);
  EXPECT_EQ(c.state, shown_cell::kind::value) << c.why;
  EXPECT_EQ(c.figures["cpu"].count, 1) << "the first had one turn before";
  EXPECT_TRUE(w.what.state_of("X9").ended);
}

TEST(plan, variants_share_a_process_unless_they_need_their_own) {
  experiment e = sample::one();
  contestant go, node;
  go.id = "go", node.id = "node";
  go.found = node.found = contestant::state::here;
  node.one_thread = true;
  e.variants[2].fresh = true;
  std::vector<contestant> all = {go, node}; // turns refer to it
  std::vector<turn> turns = plan(e, all, false);
  auto of = [&](const contestant& c, int processors) {
    std::vector<std::vector<std::string>> out;
    for (const turn& t : turns)
      if (t.who->id == c.id && t.processors == processors) out.push_back(t.ids());
    return out;
  };
  using groups = std::vector<std::vector<std::string>>;
  EXPECT_EQ(of(go, 1), (groups{{"yield@1", "big@1"}, {"select@1"}}));
  EXPECT_EQ(of(go, 0), (groups{{"yield@all"}}));
  EXPECT_EQ(of(node, 1), (groups{{"yield@1", "big@1"}, {"select@1"}})) << "yield@all would be the same again";
}

TEST(plan, a_quick_run_leaves_out_what_takes_long) {
  experiment e = sample::one();
  std::vector<contestant> all(1);
  all[0].id = "go", all[0].found = contestant::state::here;
  auto runs_big = [&](bool quick) {
    for (const turn& t : plan(e, all, quick))
      for (const std::string& id : t.ids())
        if (id == "big@1") return true;
    return false;
  };
  EXPECT_FALSE(runs_big(true));
  EXPECT_TRUE(runs_big(false));
}

} // namespace
} // namespace versus
