// The fixture of most behaviour tests: a program is run with 1, 2, 4 and 16 processors. One shows the order of things, two
// the races of this machine, more than there are CPUs what happens when the kernel stops a worker at any point.
#pragma once

#include <thrum/runtime.h>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

namespace test {

class on_processors : public testing::TestWithParam<unsigned> {
protected:
  static thrum::options options() { return with(GetParam()); }
  static thrum::options with(unsigned processors) {
    thrum::options o;
    o.processors = processors;
    o.name = "test";
    o.drain = std::chrono::seconds(30); // a fiber that does not stop is a failure, and is named
    return o;
  }
  template <class F> static decltype(auto) run(F&& f) { return thrum::run(std::forward<F>(f), options()); }
};

// For what has one right order only when one thing runs at a time: with a second thread, a fiber whose CPU is taken away by a
// machine with much else to do would be handed off, and run on beside the next one.
class on_one_processor : public testing::Test {
protected:
  template <class F> static decltype(auto) run(F&& f) {
    thrum::options o;
    o.processors = 1;
    o.max_threads = 1;
    o.name = "test";
    o.drain = std::chrono::seconds(30);
    return thrum::run(std::forward<F>(f), o);
  }
};

inline std::string processors_name(const testing::TestParamInfo<unsigned>& info) {
  return std::to_string(info.param) + (info.param == 1 ? "_processor" : "_processors");
}

} // namespace test

#define THRUM_ON_PROCESSORS(suite)                                                                           \
  INSTANTIATE_TEST_SUITE_P(on, suite, testing::Values(1u, 2u, 4u, 16u), test::processors_name)
