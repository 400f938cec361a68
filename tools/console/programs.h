// The programs of this user that can be watched, and what they answer. All of it may park; a stop request ends it.
#pragma once

#include "picture.h"

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace console {

struct trouble {
  bool gone = false; // nobody listens there any more
  std::string why;
};

// Asks the program that listens at the path, and gives its whole answer.
std::expected<std::string, trouble> ask(const std::string& path, const std::string& request,
                                        std::chrono::milliseconds limit);
// The same for a look.
std::expected<snapshot, trouble> look_at(const std::string& path);

// The folders where programs with THRUM_CONSOLE=1 of this user listen; those that are there, and belong to the user.
std::vector<std::string> folders();

struct program {
  std::string path;
  std::int64_t pid = 0; // as the name of the file says
};
// Those that somebody listens for. Files that dead programs have left are removed.
std::vector<program> find_programs();
// All of them are asked at the same time.
std::vector<program_row> ask_all(const std::vector<program>& programs);

} // namespace console
