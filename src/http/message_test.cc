// fields: names in any case, and nothing that would begin another field.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <thrum/http/message.h>

namespace thrum::http {
namespace {

TEST(http_fields, are_found_in_any_case_and_keep_their_own) {
  fields f{{"Content-Type", "text/plain"}, {"X-Two", "1"}};
  f.add("x-two", "2");
  EXPECT_EQ(f.get("content-TYPE"), "text/plain");
  EXPECT_EQ(f.get("X-TWO"), "1"); // the first
  EXPECT_TRUE(f.has("x-two"));
  EXPECT_FALSE(f.has("x-tw"));
  EXPECT_EQ(f.get("x-three"), "");
  f.set("X-TWO", "3");
  ASSERT_EQ(f.size(), 2u);
  std::string all;
  for (const auto& [name, value] : f) all += name + '=' + value + ';';
  EXPECT_EQ(all, "Content-Type=text/plain;X-TWO=3;");
  EXPECT_EQ(f.erase("x-two"), 1u);
  EXPECT_EQ(f.erase("x-two"), 0u);
  EXPECT_EQ(f.size(), 1u);
}

TEST(http_fields, that_would_begin_another_are_refused) {
  fields f;
  for (const char* name : {"", "a b", "a:", "a\n", "\xc3\xa4"})
    EXPECT_THROW(f.add(name, "x"), std::invalid_argument) << name;
  for (const std::string& value :
       {std::string("a\r\nSet-Cookie: b"), std::string("a\n"), std::string("a\0b", 3)})
    EXPECT_THROW(f.set("A", value), std::invalid_argument);
  EXPECT_THROW((fields{{"Location", "/\r\n\r\n<script>"}}), std::invalid_argument);
  EXPECT_TRUE(f.empty());
  try {
    f.set("Location", "/a\nb");
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(
        e.what(),
        "thrum::http: the value of the field Location has a line break or a zero in it, and so would begin "
        "another field; take it out");
  }
}

TEST(http_message, a_target_is_a_path_and_a_query) {
  request r{.target = "/a/b?c=d?e"};
  EXPECT_EQ(r.path(), "/a/b");
  EXPECT_EQ(r.query(), "c=d?e");
  r.target = "/a";
  EXPECT_EQ(r.path(), "/a");
  EXPECT_EQ(r.query(), "");
  r.target = "/?";
  EXPECT_EQ(r.path(), "/");
  EXPECT_EQ(r.query(), "");
}

TEST(http_message, a_status_has_its_words) {
  EXPECT_EQ(reason(404), "Not Found");
  EXPECT_EQ(reason(201), "Created");
  EXPECT_FALSE(reason(299).empty());
  EXPECT_FALSE(reason(-1).empty());
}

} // namespace
} // namespace thrum::http
