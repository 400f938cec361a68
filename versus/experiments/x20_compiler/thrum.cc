// X20 in thrum: a small compiler. All processors work at one program: a fiber for each file, and one table of symbols, which they share
// by reference. Then the same by one fiber, and in chunks on an event loop.
#include "experiments/x20_compiler/compiler.h"
#include "kit/kit.h"

#include <thrum/event_loop.h>
#include <thrum/thrum.h>

#include <array>
#include <atomic>
#include <unordered_map>

namespace {

// Sixteen parts, each with a lock of its own, so that those who look up different names seldom meet.
class symbol_table {
public:
  void add(std::string_view name, const compiler::symbol& s) {
    if (!part_of(name).lock()->emplace(name, s).second)
      throw std::runtime_error(std::string(name) + " is declared twice");
  }
  // It stays where it is, and nothing but its uses changes.
  const compiler::symbol& use(std::string_view name) {
    return *part_of(name).with([&](part& symbols) {
      const auto found = symbols.find(name);
      if (found == symbols.end()) throw std::runtime_error(std::string(name) + " is not declared");
      ++found->second.uses;
      return &found->second;
    });
  }
  std::uint32_t checksum() {
    std::uint32_t sum = 0;
    for (auto& each : parts_)
      for (const auto& [name, s] : *each.lock()) sum += s.id * s.uses;
    return sum;
  }

private:
  using part = std::unordered_map<std::string_view, compiler::symbol>;
  thrum::guarded<part>& part_of(std::string_view name) {
    return parts_[std::hash<std::string_view>()(name) % parts_.size()];
  }
  std::array<thrum::guarded<part>, 16> parts_;
};

using files = std::vector<std::string>;

files read_files(int n) {
  files out(1);
  const char* load = std::getenv("VERSUS_LOAD");
  FILE* from =
      load != nullptr ? ::popen((std::string(load) + " " + std::to_string(n)).c_str(), "re") : nullptr;
  if (from == nullptr) return {};
  for (int c = 0; (c = std::fgetc(from)) != EOF;)
    c == '\f' ? static_cast<void>(out.emplace_back()) : out.back().push_back(static_cast<char>(c));
  out.pop_back();
  ::pclose(from);
  return out;
}

std::uint32_t in_one_fiber(const files& sources) {
  symbol_table table;
  std::vector<std::unique_ptr<compiler::file>> parsed;
  for (const std::string& source : sources) parsed.push_back(compiler::declare(source, table));
  std::uint32_t sum = 0;
  for (const auto& file : parsed) sum += compiler::finish(*file, table);
  return sum + table.checksum();
}

std::uint32_t in_a_fiber_each(const files& sources) {
  symbol_table table;
  std::atomic<std::uint32_t> sum = 0;
  thrum::latch declared(static_cast<std::ptrdiff_t>(sources.size()));
  thrum::wait_group all;
  for (const std::string& source : sources)
    all.go([&] {
      const auto file = compiler::declare(source, table);
      declared.arrive_and_wait();
      sum.fetch_add(compiler::finish(*file, table),
                    std::memory_order_relaxed); // relaxed: `all` is waited for
    });
  all.wait();
  return sum + table.checksum();
}

// A file at a time, so that whatever else the loop has to do gets its turn.
std::uint32_t in_chunks_on_a_loop(const files& sources) {
  symbol_table table;
  std::vector<std::unique_ptr<compiler::file>> parsed;
  std::uint32_t sum = 0;
  std::size_t finished = 0;
  thrum::event_loop loop;
  std::function<void()> step = [&] {
    if (parsed.size() < sources.size())
      parsed.push_back(compiler::declare(sources[parsed.size()], table));
    else
      sum += compiler::finish(*parsed[finished++], table);
    if (finished < sources.size()) loop.set_immediate(step);
  };
  loop.set_immediate(step);
  loop.run();
  return sum + table.checksum();
}

using pass = std::uint32_t (*)(const files&);

struct time_taken {
  double cpu = 1e18, wall = 1e18;
  std::uint32_t sum = 0;

  static time_taken of(pass f, const files& sources) {
    const double cpu = kit::cpu_ns(), wall = kit::wall_ns();
    const std::uint32_t sum = f(sources);
    return {kit::cpu_ns() - cpu, kit::wall_ns() - wall, sum};
  }
  void keep_least(const time_taken& other) {
    cpu = std::min(cpu, other.cpu), wall = std::min(wall, other.wall), sum = other.sum;
  }
};

// The first pass, and the best of those that follow for so long.
template <class F> void repeat(const kit::bench& b, F f) {
  const double end = kit::cpu_ns() + (b.quick() ? 150e6 : 1500e6);
  for (int i = 0; i < 3 || kit::cpu_ns() < end; ++i) f();
}

void alone(const kit::bench& b, const char* variant, pass f, const files& sources) {
  if (!b.wants(variant)) return;
  const double us = 1e-3 / static_cast<double>(sources.size());
  const auto n = static_cast<long>(sources.size());
  const time_taken first = time_taken::of(f, sources);
  time_taken least;
  repeat(b, [&] { least.keep_least(time_taken::of(f, sources)); });
  b.emit(variant, n, "cpu", least.cpu * us, "us/file");
  b.emit(variant, n, "first", first.cpu * us, "us/file");
  b.emit(variant, n, "check", least.sum, "count");
}

void together(const kit::bench& b, const char* variant, pass f, const files& sources) {
  if (!b.wants(variant)) return;
  const double us = 1e-3 / static_cast<double>(sources.size());
  const auto n = static_cast<long>(sources.size());
  time_taken one;
  time_taken all;
  repeat(b, [&] {
    one.keep_least(time_taken::of(in_one_fiber, sources));
    all.keep_least(time_taken::of(f, sources));
  });
  b.emit(variant, n, "cpu", all.cpu * us, "us/file");
  b.emit(variant, n, "wall", all.wall * us, "us/file");
  b.emit(variant, n, "slowdown", all.wall * thrum::runtime::current().processors() / one.wall, "times one");
  b.emit(variant, n, "check", all.sum == one.sum ? all.sum : 0, "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X20", "thrum", argc, argv);
  const files sources = read_files(b.quick() ? 200 : 2000);
  if (sources.empty()) {
    std::fprintf(
        stderr,
        "there are no files: VERSUS_LOAD is to name the program that writes them (x20_compiler_load)\n");
    return 1;
  }
  return thrum::run(
      [&] {
        alone(b, "one", in_one_fiber, sources);
        alone(b, "chunks", in_chunks_on_a_loop, sources);
        together(b, "files", in_a_fiber_each, sources);
        return 0;
      },
      {.processors = b.processors()});
}
