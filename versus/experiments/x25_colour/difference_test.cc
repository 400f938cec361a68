#include "experiments/x25_colour/difference.h"

#include "harness/build_paths.h"
#include "harness/files.h"

#include <gtest/gtest.h>

namespace {

TEST(difference, the_same_is_no_change_however_it_is_indented) {
  EXPECT_EQ(x25::changed_lines("a\n  b\n", "a\n\nb"), 0);
  EXPECT_EQ(x25::changed_lines("", ""), 0);
}

TEST(difference, comments_and_the_name_of_the_module_do_not_count) {
  EXPECT_EQ(x25::changed_lines("// old\npackage before\na\n", "// new\npackage after\na\n"), 0);
  EXPECT_EQ(
      x25::changed_lines("namespace b {\na\n} // namespace b\n", "namespace c {\na\n} // namespace c\n"), 0);
}

TEST(difference, a_change_is_as_many_lines_as_its_larger_side) {
  EXPECT_EQ(x25::changed_lines("a\nb\nc\n", "a\nx\nc\n"), 1) << "replaced";
  EXPECT_EQ(x25::changed_lines("a\nc\n", "a\nb\nc\n"), 1) << "put in";
  EXPECT_EQ(x25::changed_lines("a\nb\nc\n", "a\nc\n"), 1) << "taken out";
  EXPECT_EQ(x25::changed_lines("a\nb\nc\n", "a\nx\ny\nz\nc\n"), 3);
  EXPECT_EQ(x25::changed_lines("a\n", "b\n"), 1);
  EXPECT_EQ(x25::changed_lines("a\nb\nc\nd\n", "x\nb\ny\nd\n"), 2) << "two changes";
}

TEST(difference, a_signature_is_the_first_line_with_the_name_up_to_the_body) {
  EXPECT_EQ(x25::signature("int f(int a) { return 1; }\nint g() { return f(2); }\n", "f"), "int f(int a)");
  EXPECT_EQ(x25::signature("def f(a):\n  pass\n", "f"), "def f(a):");
  EXPECT_EQ(x25::signature("func Report(id int) int {\n", "report"), "func Report(id int) int");
  EXPECT_EQ(x25::signature("int half(int a) {\nint f(int a) {\n", "f"), "int f(int a)") << "a whole word";
  EXPECT_EQ(x25::signature("int g() {\n", "f"), "");
}

TEST(difference, signatures_that_differ_are_counted_and_missing_ones_told) {
  const char* before = "function f(a) {\nfunction g(a) {\n";
  EXPECT_EQ(x25::changed_signatures(before, before, {"f", "g"}), 0);
  EXPECT_EQ(x25::changed_signatures(before, "async function f(a) {\nfunction g(a) {\n", {"f", "g"}), 1);
  EXPECT_EQ(x25::changed_signatures(before, before, {"f", "h"}), -1);
}

// What the sources of the experiment are must not be an accident of how one of them is formatted.
TEST(difference, the_trees_before_differ_in_nothing_but_the_language) {
  const std::string folder = std::string(versus::build_paths::source) + "/experiments/x25_colour/before/";
  for (const char* name : {"tree.h", "tree.go", "tree.mjs", "tree.py", "Tree.java"}) {
    const std::string text = versus::read_file(folder + name);
    int bodies = 0;
    for (const std::string& line : x25::lines_that_count(text))
      bodies += line.find("second") != std::string::npos ? 1 : 0;
    EXPECT_EQ(bodies, 10) << name << ": two lines in each function but the leaf";
    for (const char* function : {"price", "line", "basket", "customer", "region", "report"})
      EXPECT_NE(x25::signature(text, function), "") << name << " " << function;
  }
}

} // namespace
