// The main of every behaviour test.
#include "support/scale.h"
#include "support/watchdog.h"

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  test::watch_tests(std::chrono::seconds(test::stress() != 0 ? 600 : 60));
  return RUN_ALL_TESTS();
}
