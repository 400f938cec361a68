#include "harness/json.h"

#include <gtest/gtest.h>

namespace versus::json {
namespace {

TEST(json, a_result_line_reads_as_what_was_written) {
  auto v =
      parse(R"( {"exp":"X4","n":1000,"value":-5.5e1,"ok":true,"none":null,"list":[1,[2]],"o":{"a":"b"}} )");
  ASSERT_TRUE(v) << v.error();
  EXPECT_EQ(v->text("exp"), "X4");
  EXPECT_EQ(v->num("n"), 1000);
  EXPECT_EQ(v->num("value"), -55);
  EXPECT_TRUE(v->flag("ok"));
  EXPECT_EQ(v->list("list").size(), 2u);
  EXPECT_EQ(v->find("o")->text("a"), "b");
  EXPECT_EQ(v->find("missing"), nullptr);
  EXPECT_EQ(v->text("n", "otherwise"), "otherwise");
}

TEST(json, broken_text_is_refused_and_the_place_is_told) {
  for (const char* bad : {"",         "   ",        "{",    "}",           "{\"a\"}",
                          "{\"a\":}", "{\"a\":1,}", "[1,]", "[1",          "\"open",
                          "\"\\x\"",  "\"\\u12\"",  "tru",  "nul",         "+1",
                          ".5",       "-",          "nan",  "inf",         "1e999",
                          "{} {}",    "{\"a\":1}x", "'a'",  "\"\\ud800\"", "\"\\ud800\\u0041\"",
                          "{a:1}"}) {
    auto v = parse(bad);
    EXPECT_FALSE(v) << bad;
    if (!v) { EXPECT_NE(v.error().find("at byte"), std::string::npos) << bad; }
  }
}

TEST(json, control_characters_inside_strings_are_refused) {
  EXPECT_FALSE(parse("\"a\nb\""));
  EXPECT_FALSE(parse(std::string_view("\"a\0b\"", 5)));
}

TEST(json, endless_nesting_is_refused) { EXPECT_FALSE(parse(std::string(100000, '['))); }

TEST(json, escapes_become_utf8) {
  auto v = parse(R"("\u0041\u00e9\u20ac\ud83d\ude00\n\/")");
  ASSERT_TRUE(v) << v.error();
  EXPECT_EQ(v->string, "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n/");
}

TEST(json, what_is_quoted_reads_back_the_same) {
  std::string hard = "quote \" slash \\ line\n tab\t bell\a </script> \xe2\x82\xac";
  auto v = parse(quote(hard));
  ASSERT_TRUE(v) << v.error();
  EXPECT_EQ(v->string, hard);
  EXPECT_EQ(quote("</script>").find('<'), std::string::npos);
}

TEST(json, numbers_read_back_the_same) {
  for (double d : {0.0, 1.0, -2.5, 0.1, 1e-300, 123456789012345.0, 499999500000.0})
    EXPECT_EQ(parse(number(d))->number, d);
  EXPECT_EQ(number(0.0 / 0.0), "null");
}

TEST(json, a_written_object_is_one_line) {
  std::string line = writer()
                         .add("a", 1)
                         .add("b", "x\ny")
                         .add("c", std::vector<std::string>{"p", "q"})
                         .add("d", true)
                         .line();
  EXPECT_EQ(line, R"({"a":1,"b":"x\ny","c":["p","q"],"d":true})");
}

} // namespace
} // namespace versus::json
