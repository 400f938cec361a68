// session: what earlier runs left behind: files of JSON lines, read back into boards.
#pragma once

#include "harness/board.h"

#include <expected>
#include <string>
#include <vector>

namespace versus {

struct session {
  std::string file;
  board what;
};

// Adds a file's lines to a board. Lines that are no events are left out and named in `wrong` ("FILE:3: why"); only
// a file that cannot be read is an error.
std::expected<void, std::string> apply_file(board& to, const std::string& file,
                                            std::vector<std::string>& wrong);

// All runs of a directory, the newest first. Files that are no runs are passed over.
std::vector<session> read_sessions(const std::string& directory);

} // namespace versus
