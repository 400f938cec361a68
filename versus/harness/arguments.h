// arguments: the command line of versus.
#pragma once

#include "harness/runner.h"

#include <string>
#include <vector>

namespace versus {

extern const char* const usage;

struct arguments {
  std::string command;
  std::vector<std::string> names; // experiments, or files
  std::vector<std::string> runtimes;
  run_options run;
  bool json = false, markdown = false, help = false;
  std::string html, results, source, build, wrong;
};

// What is wrong with them stands in `wrong`.
arguments read_arguments(int argc, char** argv);

} // namespace versus
