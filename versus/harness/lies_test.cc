// Planted lies: stand-ins for runtimes that are slow, skip work, crash, hang, chatter or leave processes behind, in front
// of the whole harness as its users have it. What it says about them, and its exit code, is what is tested.
#include "harness/build_paths.h"
#include "harness/files.h"
#include "harness/json.h"
#include "harness/process.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace versus {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool is_gone(const std::string& pid) {
  return std::atoi(pid.c_str()) > 0 && kill(std::atoi(pid.c_str()), 0) == -1 && errno == ESRCH;
}

// A world with one experiment, X99, of one row. "thrum" and "Python" are shell scripts.
class lies : public ::testing::Test {
protected:
  void SetUp() override {
    make_directories(at("experiments/x99_lie"));
    make_directories(at("build/versus/programs"));
    write_file(at("experiments/x99_lie/claim.json"), R"({"id":"X99","title":"A lie","quick_timeout":20,
      "claims":[{"source":"S1:1","text":"Python is quick."}],
      "metrics":[{"id":"cpu","title":"CPU","unit":"ns/op"}],
      "variants":[{"id":"a@1","title":"the row","check":{"rule":"count"}}],
      "verdicts":[{"claim":"Python is quick","left":"python a@1 cpu","below":"1000"}]})");
    write_file(at("experiments/x99_lie/main.py"), "");
    write_file(at("experiments/x99_lie/thrum.cc"), "");
    write_file(at("CMakeLists.txt"), "cmake_minimum_required(VERSION 3.25)\nproject(lie NONE)\n"
                                     "add_custom_target(x99_lie_thrum)\n");
    text_outcome configured = run_for_text(
        {.argv = {build_paths::cmake, "-G", VERSUS_GENERATOR, "-S", at("."), "-B", at("build")}}, stop_);
    ASSERT_TRUE(configured.good()) << configured.describe();
    thrum(lines("thrum", 100));
    python(lines("python", 200));
  }

  std::string at(const std::string& name) const { return scratch_.path() + "/" + name; }

  void script(const std::string& path, const std::string& text) {
    write_file(path, "#!/bin/sh\n" + text);
    chmod(path.c_str(), 0755);
  }
  void thrum(const std::string& text) { script(at("build/versus/programs/x99_lie_thrum"), text); }
  void python(const std::string& text, const std::string& version = "3.99.0") {
    script(at("python"), "if [ \"$1\" = -c ]; then echo " + version + " \"$0\"; exit; fi\n" + text);
  }

  // A cargo whose "build" is this script, a rustc, the sources of a Tokio, and a program that they would be for.
  void tokio(const std::string& build, const std::string& rustc = "1.63.0",
             const std::string& crate = "1.24.2") {
    make_directories(at("crates/tokio-" + crate));
    write_file(at("crates/tokio-" + crate + "/Cargo.toml"),
               "[package]\nname = \"tokio\"\nversion = \"" + crate + "\"\n");
    write_file(at("experiments/x99_lie/main.rs"), "");
    script(at("rustc"), "echo rustc " + rustc);
    script(at("cargo"), "if [ \"$1\" = --version ]; then echo cargo 1.65.0; exit; fi\n" + build);
  }
  // What that build makes is a program that prints these.
  static std::string makes(const std::string& text) {
    return "mkdir -p $CARGO_TARGET_DIR/release\ncat > $CARGO_TARGET_DIR/release/x99_lie << "
           "'END'\n#!/bin/sh\n" +
           text + "END\nchmod +x $CARGO_TARGET_DIR/release/x99_lie\n";
  }

  static std::string line(const std::string& rt, const std::string& metric, double value) {
    return "echo '" +
           json::writer()
               .add("exp", "X99")
               .add("rt", rt)
               .add("variant", "a@1")
               .add("n", 1000)
               .add("metric", metric)
               .add("value", value)
               .add("unit", metric == "check" ? "count" : "ns/op")
               .line() +
           "'\n";
  }
  static std::string lines(const std::string& rt, double cpu, double check = 1000) {
    return line(rt, "cpu", cpu) + line(rt, "check", check);
  }

  command versus_command(std::vector<std::string> arguments) {
    command c;
    c.argv = {VERSUS_EXECUTABLE};
    c.argv.insert(c.argv.end(), arguments.begin(), arguments.end());
    c.argv.insert(c.argv.end(), {"--source", at("."), "--build", at("build"), "--results", at("results")});
    c.set = {{"PYTHON", at("python")},        {"GO", "/no/go"},       {"NODE", "/no/node"},
             {"CARGO", at("cargo")},          {"RUSTC", at("rustc")}, {"TOKIO_CRATES", at("crates")},
             {"RUSTFLAGS", "-C opt-level=0"}, {"COLUMNS", "100"},     {"LC_ALL", "C"},
             {"TMPDIR", scratch_.path()}};
    c.timeout = 100;
    return c;
  }
  text_outcome versus(std::vector<std::string> arguments) {
    return run_for_text(versus_command(std::move(arguments)), stop_);
  }
  // Three runs of both into results/`name`.
  text_outcome measure(const std::string& name,
                       std::vector<std::string> more = {"--runtimes", "thrum,python"}) {
    more.insert(more.begin(), {"run", "X99", "--runs", "3", "--html", at(name + ".html")});
    remove_tree(at("results"));
    text_outcome out = versus(more);
    for (const std::string& file : list_directory(at("results")))
      if (file.ends_with(".jsonl")) write_file(at(name), read_file(at("results/" + file)));
    return out;
  }

  interrupts stop_;
  scratch_directory scratch_;
};

TEST_F(lies, without_one_the_exit_code_is_0) {
  text_outcome out = measure("honest");
  EXPECT_EQ(out.code, 0) << out.output << out.error_output;
  EXPECT_TRUE(has(out.output, "2.0x")) << out.output;
  EXPECT_TRUE(has(out.output, "Python 200 ns/op (to be below 1,000): holds here")) << out.output;
}

TEST_F(lies, a_contestant_that_became_slower_by_a_third_shows_in_the_table_and_in_compare) {
  measure("old");
  python(lines("python", 260));
  EXPECT_TRUE(has(measure("new").output, "2.6x"));
  text_outcome out = versus({"compare", at("old"), at("new"), "--runtimes", "python"});
  EXPECT_TRUE(has(out.output, "1.30x  slower")) << out.output << out.error_output;
  EXPECT_EQ(out.code, 0) << "only thrum's rows fail it";
}

TEST_F(lies, a_thrum_that_became_slower_by_a_third_fails_compare) {
  measure("old");
  thrum(lines("thrum", 130));
  EXPECT_EQ(measure("new").code, 0);
  text_outcome out = versus({"compare", at("old"), at("new")});
  EXPECT_EQ(out.code, 1) << out.output << out.error_output;
  EXPECT_EQ(versus({"compare", at("new"), at("old")}).code, 0) << "faster";
  EXPECT_EQ(versus({"compare", at("old"), at("old")}).code, 0);
  EXPECT_EQ(versus({"compare", at("old")}).code, 2);
  EXPECT_EQ(versus({"compare", at("old"), "/no/file"}).code, 2);
}

TEST_F(lies, a_thrum_that_skips_work_is_marked_never_the_best_and_fails_the_run) {
  measure("old");
  thrum(lines("thrum", 1, 999));
  text_outcome out = measure("new");
  EXPECT_EQ(out.code, 1);
  EXPECT_TRUE(has(out.output, "1.00!")) << out.output;
  EXPECT_TRUE(has(out.output, "did not do the work: reports 999 where 1,000 is right"));
  EXPECT_FALSE(has(out.output, "lowest CPU figure in 1")) << out.output;
  EXPECT_TRUE(has(read_file(at("new.html")), "1.00!"));
  EXPECT_FALSE(has(read_file(at("new.html")), "<b>1.00"));
  text_outcome change = versus({"compare", at("old"), at("new")});
  EXPECT_EQ(change.code, 1) << "a figure that does not count any more is no improvement";
  EXPECT_TRUE(has(change.output, "broken")) << change.output;
}

TEST_F(lies, a_contestant_that_skips_work_is_marked_and_decides_no_claim) {
  python(lines("python", 1, 999));
  text_outcome out = measure("new");
  EXPECT_EQ(out.code, 0) << "that is not thrum's fault";
  EXPECT_TRUE(has(out.output, "1.00!")) << out.output;
  EXPECT_TRUE(has(out.output, "thrum has the lowest CPU figure in 1 of 1 row.")) << out.output;
  EXPECT_TRUE(has(versus({"claims"}).output, "not measured"));
}

TEST_F(lies, what_is_missing_or_too_old_says_so) {
  python("", "3.9.2");
  text_outcome out = measure("new", {"--runtimes", "thrum,go,python"});
  EXPECT_EQ(out.code, 0) << out.output;
  EXPECT_TRUE(has(out.output, "GO=/no/go is no program")) << out.output;
  EXPECT_TRUE(has(out.output, "version 3.9.2 is too old, 3.11 or newer is needed")) << out.output;
  EXPECT_TRUE(has(versus({"claims"}).output, "Python is not here: version 3.9.2 is too old"));
}

TEST_F(lies, a_program_in_rust_is_built_without_the_network_and_below_the_build_directory) {
  tokio("echo \"$*\" > " + at("asked") + "; pwd >> " + at("asked") + "; env >> " + at("asked") + "\n" +
        makes(lines("tokio", 300)));
  text_outcome out = measure("new", {"--runtimes", "thrum,tokio"});
  EXPECT_EQ(out.code, 0) << out.output << out.error_output;
  EXPECT_TRUE(has(out.output, "1.24.2, rustc 1.63.0")) << out.output;
  EXPECT_TRUE(has(out.output, "3.0x")) << out.output;
  const std::string asked = read_file(at("asked")), home = at("build/versus/cache/tokio-1.24.2-rustc-1.63.0");
  EXPECT_TRUE(has(asked, "build --release --offline")) << asked;
  EXPECT_TRUE(has(asked, "source.versus.directory=\"" + at("crates") + "\"")) << asked;
  EXPECT_TRUE(has(asked, "\n/\n")) << "where no config file of the user's is found: " << asked;
  EXPECT_FALSE(has(asked, "RUSTFLAGS")) << "the user's own must not change what is measured: " << asked;
  EXPECT_TRUE(has(asked, "CARGO_HOME=" + home + "/home\n")) << asked;
  EXPECT_TRUE(has(asked, "CARGO_TARGET_DIR=" + home + "/target\n")) << asked;
  EXPECT_TRUE(has(read_file(home + "/packages/x99_lie/Cargo.toml"), "/experiments/x99_lie/main.rs\""));
  remove_tree(at("asked"));
  measure("again", {"--runtimes", "thrum,tokio"});
  EXPECT_FALSE(exists(at("asked"))) << "nothing had changed";
}

TEST_F(lies, a_rust_that_is_missing_or_too_old_says_so_and_what_brings_it) {
  auto said = [&] { return measure("new", {"--runtimes", "thrum,tokio"}); };
  struct {
    std::string rustc, crate, said;
  } cases[] = {{"1.48.0", "1.24.2", "rustc 1.48.0 is too old, 1.63 or newer is needed"},
               {"1.63.0", "1.5.1", "version 1.5.1 is too old, 1.21 or newer is needed"},
               {"; exit 3", "1.24.2", "--version\" gives no version"}};
  for (const auto& each : cases) {
    tokio("exit 1\n", each.rustc, each.crate);
    text_outcome out = said();
    EXPECT_EQ(out.code, 0) << out.output;
    EXPECT_TRUE(has(out.output, each.said)) << out.output;
    remove_tree(at("crates"));
  }
  tokio("exit 1\n");
  remove_tree(at("crates"));
  EXPECT_TRUE(has(said().output, "there are no sources of tokio")) << said().output;
  EXPECT_TRUE(has(versus({"doctor"}).output, "librust-tokio-dev"));
  remove_tree(at("cargo"));
  EXPECT_TRUE(has(said().output, "is no program")) << said().output;
}

TEST_F(lies, a_program_in_rust_that_cannot_be_built_says_what_the_compiler_says) {
  tokio("echo 'warning: unused' >&2; echo 'error[E0425]: cannot find value `x` in this scope' >&2\n"
        "echo 'error: could not compile `x99_lie`' >&2; exit 101\n");
  text_outcome out = measure("new", {"--runtimes", "thrum,tokio"});
  EXPECT_EQ(out.code, 0) << "that is not thrum's fault";
  EXPECT_TRUE(has(out.output, "could not be built: error[E0425]: cannot find value")) << out.output;
  tokio(makes("kill -ABRT $$\n"));
  out = measure("new", {"--runtimes", "thrum,tokio"});
  EXPECT_EQ(out.code, 0);
  EXPECT_TRUE(has(out.output, "failed")) << out.output;
  EXPECT_TRUE(has(out.output, "100")) << "thrum was measured all the same";
}

TEST_F(lies, a_crash_garbage_or_silence_of_thrum_fails_the_run_with_the_reason) {
  struct {
    std::string script, said;
  } cases[] = {{"echo 'stack overflow' >&2; kill -ABRT $$\n", "stack overflow"},
               {lines("thrum", 100) + "echo hello\n", "printed a line that is no result"},
               {"exit 0\n", "reported nothing"},
               {line("thrum", "cpu", 100), "gave no proof of its work"}};
  for (const auto& each : cases) {
    thrum(each.script);
    text_outcome out = measure("new");
    EXPECT_EQ(out.code, 1) << each.said;
    EXPECT_TRUE(has(out.output, each.said)) << out.output;
    EXPECT_TRUE(has(out.output, "200")) << "Python was measured all the same";
  }
}

TEST_F(lies, a_contestant_that_hangs_is_ended_and_the_others_go_on) {
  std::string claim = read_file(at("experiments/x99_lie/claim.json"));
  claim.replace(claim.find(":20,"), 4, ":0.3,");
  write_file(at("experiments/x99_lie/claim.json"), claim);
  python("echo $$ > " + at("pid") + "; sleep 1000\n");
  // A machine that is busy may not let even thrum's stand-in end within that: so it is not asked about the exit code.
  text_outcome out = measure("new");
  EXPECT_TRUE(has(out.output, "timed out after")) << out.output;
  std::string pid = read_file(at("pid")); // empty when it did not even get to writing it
  EXPECT_TRUE(pid.empty() || is_gone(pid));
}

TEST_F(lies, ctrl_c_leaves_no_process_behind) {
  // Its child is in its group, its grandchild has a session of its own, and all three do not want to go.
  python("trap '' INT TERM\nsleep 1000 &\necho $! > " + at("child") +
         "\nsetsid sh -c 'trap \"\" INT TERM; echo $$ > " + at("runaway") +
         "; while :; do sleep 1000; done' &\n" + "until [ -s " + at("runaway") +
         " ]; do :; done\necho $$ > " + at("parent") + "\nkill -INT $PPID\nwhile :; do sleep 1000; done\n");
  text_outcome out = measure("new");
  EXPECT_EQ(out.code, 130) << out.output << out.error_output;
  for (const char* name : {"child", "runaway", "parent"}) EXPECT_TRUE(is_gone(read_file(at(name)))) << name;
  EXPECT_TRUE(has(out.output, "interrupted")) << out.output;
  EXPECT_TRUE(has(read_file(at("new")), "\"rt\":\"thrum\"")) << "what was measured before is kept";
}

} // namespace
} // namespace versus
