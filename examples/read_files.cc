// Many files at once, eight at a time: how many lines they have together. Each is read in plain blocking style.
#include <thrum/io/directory.h>
#include <thrum/io/file.h>
#include <thrum/limit.h>
#include <thrum/thrum.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

namespace io = thrum::io;

std::size_t lines_of(const std::string& path) {
  const std::string text = io::read_file(path).value();
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

int main() {
  return thrum::run([] {
    std::string folder = (std::filesystem::temp_directory_path() / "read_files-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) return 1;
    std::vector<int> numbers(200);
    std::iota(numbers.begin(), numbers.end(), 1);
    thrum::for_each_limit(8, numbers, [&](int n) { // the file n has n lines
      std::string text;
      for (int line = 1; line <= n; ++line) text += "line " + std::to_string(line) + '\n';
      io::write_file(folder + '/' + std::to_string(n), text).value();
    });

    std::vector<std::string> paths;
    const auto entries = io::entries(folder).value();
    for (const io::directory_entry& e : entries) paths.push_back(e.path().string());
    const std::vector<std::size_t> counts = thrum::map_limit(8, paths, lines_of);
    std::printf("%zu files, %zu lines\n", counts.size(),
                std::accumulate(counts.begin(), counts.end(), std::size_t{0}));

    const auto missing = io::read_file("/no/such/file");
    if (!missing) std::printf("%s\n", missing.error().message().c_str());
    io::remove_all(folder).value();
    return 0;
  });
}
