// What a look says that no client can bring about by itself: limits, and names of any bytes.
#include "inspect/console.h"
#include "inspect/json.h"

#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <string>

namespace {

std::string as_json(std::string_view text) {
  std::string to;
  thrum::inspect::append_json(to, text);
  return to;
}

bool says(const std::string& look, const std::string& what) { return look.find(what) != look.npos; }

int seen_in(const std::string& look) {
  const std::string key = "\"seen\":";
  return std::stoi(look.substr(look.find(key) + key.size()));
}

// Beside so many fibers that wait, or are about to.
template <class F> void beside(int fibers, F f) {
  thrum::run([&] {
    const thrum::chan<int> never;
    thrum::wait_group waiting;
    for (int i = 0; i < fibers; ++i)
      waiting.go({.name = i % 2 == 0 ? "even" : "odd"}, [never] { static_cast<void>(never.recv()); });
    f();
    never.close();
    waiting.wait();
  });
}

} // namespace

TEST(a_look, is_one_line_whatever_names_there_are) {
  EXPECT_EQ(as_json("a \"b\" \\ c"), R"("a \"b\" \\ c")");
  EXPECT_EQ(as_json("\n\x7f\x01"), R"("\u000a\u007f\u0001")");
  EXPECT_EQ(as_json("\xc3\xa4\xff\xc3"), "\"\xc3\xa4\\ufffd\\ufffd\"");
}

TEST(a_look, goes_no_further_than_so_many_fibers_and_says_so) {
  beside(50, [] {
    for (;;) { // until all of them have begun
      const std::string all = thrum::inspect::look(0);
      EXPECT_TRUE(says(all, "\"all_seen\":true,")) << all;
      if (says(all, "\"seen\":51,")) break;
      thrum::this_fiber::yield();
    }
    const std::string some = thrum::inspect::look(0, 10);
    EXPECT_LE(seen_in(some), 10) << some; // some of ten stacks, for others are kept warm for fibers to come
    EXPECT_TRUE(says(some, "\"all_seen\":false,")) << some;
    EXPECT_FALSE(says(some, "to_begin")) << some; // which would be a guess
    const std::string none = thrum::inspect::look(0, 0);
    EXPECT_TRUE(says(none, "\"seen\":0,\"all_seen\":false,")) << none;
  });
}

TEST(a_look, says_of_a_group_whether_its_names_differ) {
  beside(4, [] {
    for (;;) {
      const std::string all = thrum::inspect::look(0);
      if (says(all, "\"count\":4,\"runtime\":\"thrum\",\"state\":\"chan receive\"")) {
        EXPECT_TRUE(says(all, "\"names_differ\":true,")) << all;
        EXPECT_TRUE(says(all, "\"name\":\"even\"") || says(all, "\"name\":\"odd\"")) << all;
        return;
      }
      thrum::this_fiber::yield();
    }
  });
}
