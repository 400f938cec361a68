// Runs a child program with a time limit and collects what it writes: for programs that are to die, and for those whose
// static constructors or exit are under test.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace test {

struct child {
  bool timed_out = false;
  int signal = 0;    // that ended it, or 0
  int exit_code = 0; // if no signal ended it
  std::string out;
  std::string err;

  std::string summary() const; // for failure messages
};

// arguments[0] is the path of the program.
child run_child(const std::vector<std::string>& arguments,
                std::chrono::seconds limit = std::chrono::seconds(30));

// The folder of the running program, where its siblings lie, too.
std::string own_folder();

} // namespace test
