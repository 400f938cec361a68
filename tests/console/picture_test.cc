// What thrum-console draws, of looks that are made up.
#include "json.h"
#include "picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

namespace {

using namespace console;

constexpr nanoseconds ms = 1'000'000;
constexpr nanoseconds s = 1'000 * ms;

group_row group(count fibers, const char* state, const char* name, const char* file, unsigned line) {
  return {fibers, "thrum", state, name, false, {file, line, "void serve(int)"}, 0};
}

snapshot a_server() {
  snapshot look;
  look.pid = 4711;
  look.command = "./server --port 80";
  look.now = 1'000 * s;
  look.up = 123 * s;
  runtime_row r;
  r.name = "thrum";
  r.processors = 4;
  r.idle = 1;
  r.threads = 6;
  r.detached = 2;
  r.spawned = 2'000'000;
  r.finished = 1'998'766;
  r.polls = 5;
  r.taken_from_computing = 10;
  r.taken_from_blocked = 7;
  r.holdups = {{{"src/render.cc", 7, "void render()"}, 12, 1'400 * ms, 0, 0}, {{}, 0, 0, 1'003, 20 * ms}};
  look.runtimes = {r};
  look.pools = {{"disks", 4, 4, 12, 307}, {"names", 0, 0, 0, 9}};
  look.groups = {group(1'200, "read", "connection", "/home/me/server.cc", 40),
                 group(31, "chan receive", "", "/home/me/pool.cc", 12),
                 group(2, "computes", "render 1", "src/render.cc", 7), group(1, "sleep", "", "", 0)};
  look.groups[2].names_differ = true;
  look.groups[2].longest = 1'530 * ms;
  look.seen = 1'234;
  return look;
}

snapshot two_seconds_earlier() {
  snapshot look = a_server();
  look.now -= 2 * s;
  runtime_row& r = look.runtimes[0];
  r.spawned -= 24'000;
  r.finished -= 23'999;
  r.polls = 0xffff'ffff; // it wraps around
  r.taken_from_computing -= 1;
  return look;
}

std::string text(const snapshot& now, const snapshot* before, const frame& f = {}) {
  return "\n" + draw(now, before, f);
}

std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

} // namespace

TEST(a_picture, of_one_look_has_totals) {
  EXPECT_EQ(text(a_server(), nullptr), R"(
./server --port 80  process 4711, up 2 min 3 s
runtime 'thrum'  ███·  3 of 4 processors busy, 6 threads, 2 of them detached
  fibers 1,234   started 2,000,000 and ended 1,998,766 in all
  processors taken from fibers that compute 10, that block 7, in all

  FIBERS  STATE           NAME           SPAWNED AT
   1,200  read            connection     server.cc:40 in void serve(int)
      31  chan receive                   pool.cc:12 in void serve(int)
       2  computes 1.5 s  render 1, ...  render.cc:7 in void serve(int)
       1  sleep

  COMPUTED LONG       BLOCKED LONG        SPAWNED AT
  12 x, 1.4 s         -                   render.cc:7 in void render()
  -                   1,003 x, 20 ms      many places

  BLOCKING POOL       RUNNING     WAITING   CALLS
  disks               4 of 4      12        307
  names               0           0         9
)");
}

TEST(a_picture, of_two_looks_has_rates) {
  const snapshot before = two_seconds_earlier();
  EXPECT_EQ(text(a_server(), &before), R"(
./server --port 80  process 4711, up 2 min 3 s
runtime 'thrum'  ███·  3 of 4 processors busy, 6 threads, 2 of them detached
  fibers 1,234   started 12,000/s   ended 12,000/s   polls 3/s
  processors taken from fibers that compute 0.5/s, that block 0/s

  FIBERS  STATE           NAME           SPAWNED AT
   1,200  read            connection     server.cc:40 in void serve(int)
      31  chan receive                   pool.cc:12 in void serve(int)
       2  computes 1.5 s  render 1, ...  render.cc:7 in void serve(int)
       1  sleep

  COMPUTED LONG       BLOCKED LONG        SPAWNED AT
  12 x, 1.4 s         -                   render.cc:7 in void render()
  -                   1,003 x, 20 ms      many places

  BLOCKING POOL       RUNNING     WAITING   CALLS
  disks               4 of 4      12        307
  names               0           0         9
)");
}

TEST(a_picture, has_no_more_columns_and_lines_than_the_screen) {
  const snapshot before = two_seconds_earlier();
  EXPECT_EQ(text(a_server(), &before, {.width = 60, .height = 16, .footer = "q quits"}), R"(
./server --port 80  process 4711, up 2 min 3 s
runtime 'thrum'  ███·  3 of 4 processors busy, 6 threads, 2…
  fibers 1,234   started 12,000/s   ended 12,000/s   polls …
  processors taken from fibers that compute 0.5/s, that blo…

  FIBERS  STATE           NAME           SPAWNED AT
   1,200  read            connection     server.cc:40 in vo…
      31  chan receive                   pool.cc:12 in void…
       2  computes 1.5 s  render 1, ...  render.cc:7 in voi…
       1  sleep

  COMPUTED LONG       BLOCKED LONG        SPAWNED AT
  12 x, 1.4 s         -                   render.cc:7 in vo…
  -                   1,003 x, 20 ms      many places

q quits
)");
  EXPECT_EQ(text(a_server(), nullptr, {.width = 60, .height = 9, .footer = "q quits"}), R"(
./server --port 80  process 4711, up 2 min 3 s
runtime 'thrum'  ███·  3 of 4 processors busy, 6 threads, 2…
  fibers 1,234   started 2,000,000 and ended 1,998,766 in a…
  processors taken from fibers that compute 10, that block …

  FIBERS  STATE  NAME        SPAWNED AT
   1,200  read   connection  server.cc:40 in void serve(int)
  and 3 more groups, 34 fibers
q quits
)");
  for (unsigned width = 1; width <= 100; ++width)
    for (unsigned height = 2; height <= 30; ++height) {
      const std::string drawn =
          draw(a_server(), &before, {.width = width, .height = height, .footer = "p pauses, q quits"});
      std::istringstream lines(drawn);
      unsigned n = 0;
      for (std::string line; std::getline(lines, line); ++n)
        EXPECT_LE(columns(line), width) << width << " x " << height << "\n" << drawn;
      EXPECT_EQ(n, height) << drawn;
    }
}

TEST(a_picture, says_how_many_groups_there_are_besides) {
  snapshot look = a_server();
  look.groups_left_out = 3;
  look.fibers_left_out = 5'000;
  EXPECT_NE(text(look, nullptr).find("  and 3 more groups, 5,000 fibers\n"), std::string::npos);
  look.all_seen = false;
  look.seen = 100'000;
  EXPECT_NE(text(look, nullptr).find("and 3 more groups, 5,000 fibers; only 100,000 fibers were looked at\n"),
            std::string::npos);
}

TEST(a_picture, is_coloured_only_if_wanted) {
  EXPECT_EQ(text(a_server(), nullptr).find('\033'), std::string::npos);
  const std::string coloured = text(a_server(), nullptr, {.colours = true});
  EXPECT_NE(coloured.find("\033[31m       2  computes 1.5 s"), std::string::npos) << coloured;
  std::string plain;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] == '\033') i = coloured.find('m', i) + 1;
    while (i < coloured.size() && coloured[i] == '\033') i = coloured.find('m', i) + 1;
    if (i < coloured.size()) plain += coloured[i];
  }
  EXPECT_EQ(plain, text(a_server(), nullptr));
}

TEST(a_picture, gives_the_terminal_nothing_to_obey) {
  snapshot look = a_server();
  look.command = "evil \033]0;title\a";
  look.runtimes[0].name = "\x9b\x31m\n";
  look.groups[0].name = "\033[2J";
  look.groups[0].state = "\r";
  look.groups[0].at.function = "\xc2\x9b"
                               "2J";
  look.pools[0].name = "\b";
  const std::string drawn = draw(look, nullptr, {});
  for (const char c : drawn) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << drawn;
  EXPECT_EQ(drawn.find("\xc2\x9b"), std::string::npos);
}

TEST(a_picture, of_another_runtime_of_the_same_name_has_no_rates) {
  snapshot before = two_seconds_earlier();
  before.runtimes[0].spawned = 3'000'000;
  EXPECT_EQ(text(a_server(), &before), text(a_server(), nullptr));
}

TEST(a_list, has_a_row_for_each_program) {
  const program_row rows[] = {{4711, 123 * s, 1'234, "./server", ""},
                              {12, 0, 0, "", "the program does not answer"}};
  EXPECT_EQ("\n" + draw_list(rows, 0), R"(
 PID         UP  FIBERS  COMMAND
4711  2 min 3 s   1,234  ./server
  12          -       -  the program does not answer
)");
}

TEST(a_page, is_a_part_of_a_text) {
  EXPECT_EQ(draw_page("one\ntwo\nthree\nfour\n", 1, {.width = 3, .height = 3, .footer = "more"}),
            "two\nth…\nmo…\n");
  EXPECT_EQ(draw_page("one\ntwo", 1, {.width = 9, .height = 4, .footer = "end"}), "two\n\n\nend\n");
  EXPECT_EQ(lines_of(""), 0u);
  EXPECT_EQ(lines_of("one\ntwo"), 2u);
  EXPECT_EQ(lines_of("one\ntwo\n"), 2u);
}

TEST(words, for_numbers_and_times) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(duration(-5), "0 ms");
  EXPECT_EQ(duration(999 * ms), "999 ms");
  EXPECT_EQ(duration(1'000 * ms), "1.0 s");
  EXPECT_EQ(duration(59'940 * ms), "59.9 s");
  EXPECT_EQ(duration(59'960 * ms), "60.0 s");
  EXPECT_EQ(duration(60 * s), "1 min 0 s");
  EXPECT_EQ(duration(3'725 * s), "1 h 2 min");
  EXPECT_EQ(duration(90'000 * s), "1 d 1 h");
}

TEST(words, are_printable) {
  EXPECT_EQ(printable("a ä 😀"), "a ä 😀");
  EXPECT_EQ(printable("\x1b[2J\n\x7f"), "?[2J??");
  EXPECT_EQ(printable("\xc2\x9b|\x9b|\xc3|\xe2\x96"), "?|?|?|??"); // control characters, and halves of others
}

TEST(words, are_cut_at_characters) {
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abcd", 3), "ab…");
  EXPECT_EQ(cut("äöü", 3), "äöü");
  EXPECT_EQ(cut("äöüß", 3), "äö…");
  EXPECT_EQ(cut("ab", 1), "…");
  EXPECT_EQ(cut("ab", 0), "ab");
}

TEST(json_text, is_read_as_it_is_written) {
  const auto v = json::parse(R"( {"a":[1,-2,{"b":true}],"s":"\u00e4\"\\\n\ud83d\ude00","n":null} )");
  ASSERT_TRUE(v);
  EXPECT_EQ((*v)["a"].items().size(), 3u);
  EXPECT_EQ((*v)["a"].items()[1].number(), -2);
  EXPECT_TRUE((*v)["a"].items()[2]["b"].truth());
  EXPECT_EQ((*v)["s"].text(), "ä\"\\\n😀");
  EXPECT_EQ((*v)["nowhere"]["at all"].number(), 0);
  EXPECT_EQ((*v)["a"].text(), "");
}

TEST(json_text, that_is_none_is_refused) {
  for (const char* bad :
       {"", "{", "[1,", "[1]]", "{\"a\"}", "{\"a\":}", "{a:1}", "\"abc", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\ude00\"", "1.5", "99999999999999999999", "tru", "\"\n\""})
    EXPECT_FALSE(json::parse(bad)) << bad;
  EXPECT_FALSE(json::parse(std::string(100'000, '[')));
}

TEST(a_snapshot, of_anything_else_is_refused_with_a_sentence) {
  EXPECT_FALSE(read_snapshot("error: no"));
  EXPECT_FALSE(read_snapshot("[]"));
  EXPECT_NE(read_snapshot("{\"thrum_console\":2}").error().find("another version"), std::string::npos);
  // What cannot be, does no harm.
  const auto odd = read_snapshot(
      R"({"thrum_console":1,"runtimes":[{"processors":2,"idle":7,"spawned":1,"finished":5}],"groups":[{"count":-1}]})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->runtimes[0].idle, 2u);
  EXPECT_EQ(odd->runtimes[0].finished, 1u);
  EXPECT_EQ(odd->groups[0].fibers, 0u);
  EXPECT_FALSE(draw(*odd, nullptr, {}).empty());
}
