// files: the few things that the harness does with files. (<filesystem> costs a second of compile time.)
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace versus {

bool exists(const std::string& path);
bool executable(const std::string& path);
double changed_at(const std::string& path); // seconds; 0 when it is not there
std::string read_file(const std::string& path);
bool write_file(const std::string& path, std::string_view text); // whole or not at all
bool make_directories(const std::string& path);
void remove_tree(const std::string& path);
std::vector<std::string> list_directory(const std::string& path); // names, sorted, without . and ..

// Where PATH has it; empty when it does not. A name with a slash is only checked.
std::string find_program(const std::string& name);

// A directory of our own under TMPDIR, gone with the object.
class scratch_directory {
public:
  scratch_directory();
  ~scratch_directory() { remove_tree(path_); }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace versus
