#include "harness/arguments.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

arguments read(std::vector<std::string> words) {
  words.insert(words.begin(), "versus");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return read_arguments(static_cast<int>(argv.size()), argv.data());
}

TEST(arguments, the_first_word_is_the_command_and_the_others_are_names) {
  arguments a = read({"--json", "compare", "old", "--runtimes", "thrum,go", "new"});
  EXPECT_EQ(a.command, "compare");
  EXPECT_EQ(a.names, (std::vector<std::string>{"old", "new"}));
  EXPECT_EQ(a.runtimes, (std::vector<std::string>{"thrum", "go"}));
  EXPECT_TRUE(a.json);
  EXPECT_EQ(a.wrong, "");
}

TEST(arguments, a_value_follows_or_is_joined_by_an_equals_sign) {
  EXPECT_EQ(read({"run", "--results=d"}).results, "d");
  EXPECT_EQ(read({"run", "--results", "d"}).results, "d");
  EXPECT_EQ(read({"run", "--runs=5"}).run.runs, 5);
}

TEST(arguments, mistakes_are_named) {
  EXPECT_EQ(read({"run", "--fast"}).wrong, "unknown option --fast");
  EXPECT_EQ(read({"run", "--runs"}).wrong, "--runs needs a value");
  EXPECT_EQ(read({"run", "--runs", "0"}).wrong, "--runs needs a number from 1 on");
}

TEST(arguments, help_names_every_command) {
  for (const char* command : {"list", "run", "claims", "compare", "doctor", "report"})
    EXPECT_NE(std::string(usage).find("versus " + std::string(command)), std::string::npos) << command;
}

} // namespace
} // namespace versus
