#include "harness/session.h"

#include "harness/files.h"

#include <algorithm>

namespace versus {

std::expected<void, std::string> apply_file(board& to, const std::string& file,
                                            std::vector<std::string>& wrong) {
  std::string text = read_file(file);
  if (text.empty()) return std::unexpected("cannot read " + file);
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    ++number;
    if (end > at)
      if (std::string why = to.apply_line(std::string_view(text).substr(at, end - at)); !why.empty())
        wrong.push_back(file + ":" + std::to_string(number) + ": " + why);
    at = end + 1;
  }
  return {};
}

std::vector<session> read_sessions(const std::string& directory) {
  std::vector<session> out;
  std::vector<std::string> wrong; // a file cut off by a crash is a run all the same
  for (const std::string& name : list_directory(directory)) {
    if (!name.ends_with(".jsonl")) continue;
    session one;
    one.file = directory + "/" + name;
    if (apply_file(one.what, one.file, wrong) && !one.what.columns.empty()) out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(), [](const session& a, const session& b) {
    return a.what.date != b.what.date ? a.what.date > b.what.date : a.file > b.file;
  });
  return out;
}

} // namespace versus
