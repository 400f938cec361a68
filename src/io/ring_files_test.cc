// The tests of files once more through io_uring: with THRUM_TEST_RING=1, nothing of any file is in memory in this process, and
// every read goes through a ring. The same tests, because the same holds.
#include "io/disk_read.h"
#include "io/file_kit.h"
#include "sched/runtime_core.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include <thrum/io/file.h>

namespace thrum::io {
namespace {

class through_rings : public testing::Environment {
public:
  void SetUp() override {
    const char* asked = std::getenv("THRUM_TEST_RING");
    if (asked == nullptr || *asked != '1') return;
    env::nothing_is_in_memory.store(true, std::memory_order_relaxed); // relaxed: before all runtimes
    use_ring(ring_use::on);
    const int state = run([] {
      const test::scratch folder;
      write_file(folder.name("a"), "x").value();
      read_file(folder.name("a")).value();
      sched::runtime_core& core = sched::current_runtime();
      return env::can_submit_reads(core.poller);
    });
    if (state != 1) std::printf("io_uring is refused here (%d): files are read by threads\n", state);
  }
};

[[maybe_unused]] testing::Environment* const installed = testing::AddGlobalTestEnvironment(new through_rings);

} // namespace
} // namespace thrum::io
