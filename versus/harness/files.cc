#include "harness/files.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace versus {

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool executable(const std::string& path) {
  struct stat s{};
  return stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode) && access(path.c_str(), X_OK) == 0;
}

double changed_at(const std::string& path) {
  struct stat s{};
  if (stat(path.c_str(), &s) != 0) return 0;
  return static_cast<double>(s.st_mtim.tv_sec) + static_cast<double>(s.st_mtim.tv_nsec) / 1e9;
}

std::string read_file(const std::string& path) {
  std::string text;
  FILE* f = std::fopen(path.c_str(), "re");
  if (f == nullptr) return text;
  char bytes[16384];
  for (std::size_t n; (n = std::fread(bytes, 1, sizeof bytes, f)) > 0;) text.append(bytes, n);
  std::fclose(f);
  return text;
}

bool write_file(const std::string& path, std::string_view text) {
  std::string draft = path + "." + std::to_string(getpid());
  FILE* f = std::fopen(draft.c_str(), "we");
  if (f == nullptr) return false;
  bool good = std::fwrite(text.data(), 1, text.size(), f) == text.size();
  good = std::fclose(f) == 0 && good;
  good = good && std::rename(draft.c_str(), path.c_str()) == 0;
  if (!good) std::remove(draft.c_str());
  return good;
}

bool make_directories(const std::string& path) {
  for (std::size_t at = 1; at != std::string::npos && at < path.size();) {
    at = path.find('/', at + 1);
    mkdir(path.substr(0, at).c_str(), 0777);
  }
  struct stat s{};
  return stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  DIR* d = opendir(path.c_str());
  if (d == nullptr) return names;
  while (dirent* entry = readdir(d)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(d);
  std::sort(names.begin(), names.end());
  return names;
}

void remove_tree(const std::string& path) {
  struct stat s{};
  if (path.empty() || lstat(path.c_str(), &s) != 0) return;
  if (S_ISDIR(s.st_mode)) {
    for (const std::string& name : list_directory(path)) remove_tree(path + "/" + name);
    rmdir(path.c_str());
  } else {
    unlink(path.c_str());
  }
}

std::string find_program(const std::string& name) {
  if (name.empty()) return "";
  if (name.find('/') != std::string::npos) return executable(name) ? name : "";
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
    if (end > 0 && executable(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return "";
}

scratch_directory::scratch_directory() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != 0 ? base : "/tmp") + "/versus-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) path_.clear();
}

} // namespace versus
