// What thrum's layer adds to the reading of a file that is in memory: read_exactly_at beside a loop around pread, both in blocks of the
// same size over a file of 16 MiB, and read_file beside open, fstat, read and close.
//
// The time is that of the reading thread alone: the monitor looks a thousand times a second at a fiber that never waits, which on a
// busy machine, where that second has few of our reads in it, would be the larger part. What was found: docs/design/0010-file-reads.md.
#include <thrum/io/file.h>
#include <thrum/thrum.h>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thrum {
namespace {

// Files of so many bytes that are in memory, each made once; gone at the end.
class scratch_files {
public:
  const std::string& of(std::size_t size) {
    std::string& path = paths_[size];
    if (path.empty()) {
      path = "/tmp/thrum_file_bench." + std::to_string(getpid()) + '.' + std::to_string(size);
      std::ofstream(path) << std::string(size, 'x');
    }
    return path;
  }
  ~scratch_files() {
    for (const auto& [size, path] : paths_) std::remove(path.c_str());
  }

private:
  std::map<std::size_t, std::string> paths_;
};
scratch_files files;

constexpr std::size_t whole = 16 << 20;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

void by_hand(benchmark::State& s) {
  const int fd = ::open(files.of(whole).c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<char> block(static_cast<std::size_t>(s.range(0)));
  std::uint64_t at = 0;
  for (auto _ : s) {
    for (std::size_t got = 0; got < block.size();) {
      const ssize_t n = pread(fd, block.data() + got, block.size() - got, static_cast<off_t>(at + got));
      if (n <= 0) give_up("pread");
      got += static_cast<std::size_t>(n);
    }
    at = (at + block.size()) % whole;
  }
  close(fd);
}

void by_thrum(benchmark::State& s) {
  const io::file file = io::file::open(files.of(whole)).value();
  std::vector<char> block(static_cast<std::size_t>(s.range(0)));
  std::uint64_t at = 0;
  for (auto _ : s) {
    file.read_exactly_at(at, block).value();
    at = (at + block.size()) % whole;
  }
}

void whole_by_hand(benchmark::State& s) {
  const std::string& path = files.of(static_cast<std::size_t>(s.range(0)));
  for (auto _ : s) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about{};
    if (fd < 0 || fstat(fd, &about) != 0) give_up("open");
    std::string text(static_cast<std::size_t>(about.st_size), '\0');
    for (std::size_t got = 0; got < text.size();) {
      const ssize_t n = read(fd, text.data() + got, text.size() - got);
      if (n <= 0) give_up("read");
      got += static_cast<std::size_t>(n);
    }
    close(fd);
    benchmark::DoNotOptimize(text.data());
  }
}

void whole_by_thrum(benchmark::State& s) {
  const std::string& path = files.of(static_cast<std::size_t>(s.range(0)));
  for (auto _ : s) benchmark::DoNotOptimize(io::read_file(path).value().data());
}

// The same while another fiber waits for the processor: what is in memory is not to make this one leave it.
void whole_by_thrum_beside_another(benchmark::State& s) {
  const std::string& path = files.of(static_cast<std::size_t>(s.range(0)));
  bool ended = false;
  auto other = spawn([&] {
    while (!ended) this_fiber::yield();
  });
  for (auto _ : s) {
    benchmark::DoNotOptimize(io::read_file(path).value().data());
    this_fiber::yield();
  }
  ended = true;
  other.join();
}

void sizes(benchmark::internal::Benchmark* b) {
  for (const std::int64_t bytes : {4 << 10, 64 << 10, 1 << 20}) b->Arg(bytes);
}
BENCHMARK(by_hand)->Apply(sizes);
BENCHMARK(by_thrum)->Apply(sizes);
BENCHMARK(whole_by_hand)->Apply(sizes);
BENCHMARK(whole_by_thrum)->Apply(sizes);
BENCHMARK(whole_by_thrum_beside_another)->Apply(sizes);

} // namespace
} // namespace thrum

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  return thrum::run([] {
    benchmark::RunSpecifiedBenchmarks();
    return 0;
  });
}
