// Concurrency and parallelism are not the same. Two fibers work in small steps, and after each they let others go on. With one
// processor they take turns: both are under way (each begins before the other has ended), but never both at work. With all
// processors they work at the same instant. The program is the same, and the traces show the difference; the drawings go to standard error.
#include <thrum/thrum.h>
#include <thrum/trace.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

std::atomic<int> working{0};
std::atomic<int> at_most{0}; // at the same instant

void step() {
  const int now = ++working;
  for (int before = at_most; before < now && !at_most.compare_exchange_weak(before, now);) {}
  const auto until = std::chrono::steady_clock::now() + 500us;
  while (std::chrono::steady_clock::now() < until) {}
  --working;
}

// Thirty steps; more, if two processors need longer to meet at work.
void work(int together) {
  for (int i = 0; i < 30 || at_most < together; ++i) {
    step();
    thrum::this_fiber::yield();
  }
}

void show(const char* how_many, unsigned processors) {
  at_most = 0;
  thrum::trace::recording recording;
  // As many threads as processors: nobody runs on without one, however busy this machine is.
  thrum::run(
      [together = processors == 1 ? 1 : 2] {
        auto tea = thrum::spawn({.name = "tea"}, [together] { work(together); });
        auto toast = thrum::spawn({.name = "toast"}, [together] { work(together); });
        tea.join();
        toast.join();
      },
      {.processors = processors, .max_threads = processors});
  const thrum::trace::timeline t = recording.stop();

  // Where each of the two ran.
  const auto slices_of = [&](const char* name) {
    std::vector<thrum::trace::slice> found;
    for (const thrum::trace::slice& s : t.slices)
      if (const auto* who = t.find(s.fiber); who != nullptr && who->name == name) found.push_back(s);
    return found;
  };
  const auto tea = slices_of("tea");
  const auto toast = slices_of("toast");
  std::set<unsigned> used;
  bool parallel = false;
  for (const auto& a : tea)
    for (const auto& b : toast) {
      used.insert({a.track, b.track});
      parallel = parallel || (a.begin < b.end && b.begin < a.end);
    }
  const bool concurrent = tea.front().begin < toast.back().end && toast.front().begin < tea.back().end;
  const auto word = [](bool yes) { return yes ? "yes" : "no"; };
  std::printf("%s: concurrent: %s; parallel: %s; more than one used: %s; at work at the same instant: %d\n",
              how_many, word(concurrent), word(parallel), word(used.size() > 1), at_most.load());
  std::fputs(thrum::trace::draw(t).c_str(), stderr);
}

int main() {
  show("one processor", 1);
  show("all processors",
       std::max(2u, std::thread::hardware_concurrency())); // the kernel shares out a single CPU
}
