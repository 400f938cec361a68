// Ends a test program whose present test has not ended after its limit, and says which test that was: a hanging test must
// not look like a slow build.
#pragma once

#include <chrono>

namespace test {

// Adds the watchdog to GoogleTest. Call after InitGoogleTest.
void watch_tests(std::chrono::seconds limit);

} // namespace test
