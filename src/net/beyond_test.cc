// The tests of TCP once more on connections that have no descriptors: with THRUM_TEST_BEYOND=1, none in this process has one. The
// same tests, because the same holds.
#include "env/env.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include <thrum/net/tcp.h>

namespace thrum::net {
namespace {

class without_descriptors : public testing::Environment {
public:
  void SetUp() override {
    const char* asked = std::getenv("THRUM_TEST_BEYOND");
    if (asked == nullptr || *asked != '1') return;
    env::linux_world().all_beyond = true;
    const bool works = run([] {
      return tcp_stream::connect(endpoint::loopback_v4(1)).error() == std::errc::connection_refused;
    });
    if (works) return;
    std::printf("io_uring is refused here (%d): these connections have descriptors\n",
                env::linux_world().descriptors().beyond);
    env::linux_world().all_beyond = false;
  }
};

[[maybe_unused]] testing::Environment* const installed =
    testing::AddGlobalTestEnvironment(new without_descriptors);

} // namespace
} // namespace thrum::net
