// Names: what is asked, how often, what is kept, and who waits for how long. The system's resolver is the test's own.
#include "io/test_kit.h"
#include "net/lookup_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <thrum/net/resolve.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/with_timeout.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using env::lookup_failure;
using io::errc;
using io::test::wait_until;
using test::fake_names;

const endpoint four(endpoint::v4_bytes{192, 0, 2, 1}, 0);
const endpoint six = *endpoint::parse_address("2001:db8::1", 0);

std::vector<endpoint> at_port(std::vector<endpoint> all, std::uint16_t port) {
  for (endpoint& e : all) e = e.with_port(port);
  return all;
}

int failure(lookup_failure why) { return static_cast<int>(why); }

TEST(resolve, numbers_and_localhost_ask_nobody) {
  fake_names system;
  run([] {
    name_resolver r;
    EXPECT_EQ(r.resolve("10.1.2.3", 80).value(), std::vector{endpoint(endpoint::v4_bytes{10, 1, 2, 3}, 80)});
    EXPECT_EQ(r.resolve("::1", 80).value(), std::vector{endpoint::loopback_v6(80)});
    EXPECT_EQ(r.resolve("[::1]:https").value(), std::vector{endpoint::loopback_v6(443)});
    const std::vector<endpoint> here{endpoint::loopback_v6(80), endpoint::loopback_v4(80)};
    for (const char* name : {"localhost", "LocalHost", "localhost.", "a.b.localhost"})
      EXPECT_EQ(r.resolve(name, 80).value(), here) << name;
    EXPECT_EQ(r.resolve("localhost:80").value(), here);
  });
  EXPECT_EQ(system.asked(), 0u);
}

TEST(resolve, addresses_come_in_the_order_of_the_system_with_the_port_that_was_asked_for) {
  fake_names system;
  system.set("example.com", {six, four, six});
  run([] {
    name_resolver r;
    EXPECT_EQ(r.resolve("example.com", 443).value(), at_port({six, four}, 443)); // each once
    EXPECT_EQ(r.resolve("example.com:http").value(), at_port({six, four}, 80));
    EXPECT_EQ(r.resolve("Example.COM:8080").value(), at_port({six, four}, 8080));
  });
  EXPECT_EQ(system.asked(), 1u); // and the name is known, in whatever case
}

TEST(resolve, a_service_that_is_not_well_known_is_asked_for) {
  fake_names system;
  system.set("example.com postgresql", {four.with_port(5432)});
  system.set("example.com nonsense", failure(lookup_failure::unknown_service));
  system.set("127.0.0.1 postgresql", {endpoint::loopback_v4(5432)});
  run([] {
    name_resolver r;
    EXPECT_EQ(r.resolve("example.com:postgresql").value(), std::vector{four.with_port(5432)});
    EXPECT_EQ(r.resolve("example.com:nonsense").error(), resolve_errc::unknown_service);
    EXPECT_EQ(r.resolve("localhost:postgresql").value(),
              (std::vector{endpoint::loopback_v6(5432), endpoint::loopback_v4(5432)}));
  });
}

TEST(resolve, each_failure_has_its_code_and_its_sentence) {
  fake_names system;
  system.set("none.invalid", failure(lookup_failure::unknown_name));
  system.set("empty.test", failure(lookup_failure::no_address));
  system.set("nothing.test", std::vector<endpoint>{});
  system.set("silent.test", failure(lookup_failure::no_answer));
  system.set("refused.test", failure(lookup_failure::refused));
  system.set("strange.test", failure(lookup_failure::other));
  system.set("full.test", -EMFILE);
  run([] {
    name_resolver r;
    const auto error = [&](const char* name) { return r.resolve(name, 1).error(); };
    EXPECT_EQ(error("none.invalid").message(), "resolve none.invalid: name or service not known");
    EXPECT_EQ(error("none.invalid"), std::errc::host_unreachable);
    EXPECT_EQ(error("empty.test"), resolve_errc::no_address);
    EXPECT_EQ(error("nothing.test"), resolve_errc::no_address);
    EXPECT_EQ(error("silent.test"), resolve_errc::no_answer);
    EXPECT_EQ(error("silent.test"), std::errc::resource_unavailable_try_again);
    EXPECT_EQ(error("refused.test"), resolve_errc::refused);
    EXPECT_EQ(error("strange.test"), resolve_errc::failed);
    EXPECT_EQ(error("full.test"), std::errc::too_many_files_open);
    EXPECT_THROW(static_cast<void>(r.resolve("none.invalid", 1).value()), std::system_error);
  });
}

TEST(resolve, what_can_be_no_name_is_refused_without_asking) {
  fake_names system;
  run([] {
    name_resolver r;
    for (const std::string name : {"", "a b", "1.2", "010.0.0.1", "0x7f.1", "1.2.3.4.", "a\nb"})
      EXPECT_EQ(r.resolve(name, 1).error(), resolve_errc::not_known) << name;
    EXPECT_EQ(r.resolve(std::string("a\0b", 3), 1).error(), resolve_errc::not_known);
    EXPECT_EQ(r.resolve(std::string(300, 'x'), 1).error(), resolve_errc::not_known);
    for (const char* text : {"", "example.com", ":80", "example.com:", "::1:80", "[example.com]:80",
                             "example.com:080", "example.com:65536", "example.com:8x"})
      EXPECT_EQ(r.resolve(text).error(), errc::not_an_endpoint) << text;
    EXPECT_EQ(r.resolve("example.com:a b").error(), resolve_errc::unknown_service);
  });
  EXPECT_EQ(system.asked(), 0u);
}

TEST(resolve, a_name_is_looked_up_once_for_all_who_ask_meanwhile) {
  fake_names system;
  system.set("example.com", {four});
  system.hold_back();
  run(
      [&] {
        name_resolver r;
        std::vector<fiber<bool>> asking;
        for (int i = 0; i < 100; ++i)
          asking.push_back(spawn([&, i] {
            const auto port = static_cast<std::uint16_t>(i);
            return r.resolve("example.com", port).value() == std::vector{four.with_port(port)};
          }));
        system.wait_until_answering(1);
        system.release();
        for (auto& f : asking) EXPECT_TRUE(f.join());
      },
      {.processors = 4});
  EXPECT_EQ(system.asked(), 1u);
}

TEST(resolve, failures_are_kept_if_they_are_about_the_name) {
  fake_names system;
  system.set("none.invalid", failure(lookup_failure::unknown_name));
  system.set("silent.test", failure(lookup_failure::no_answer));
  run([&] {
    name_resolver r({.keep_failure = 1h});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(r.resolve("none.invalid", 1).error(), resolve_errc::not_known);
    EXPECT_EQ(system.asked(), 1u);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(r.resolve("silent.test", 1).error(), resolve_errc::no_answer);
    EXPECT_EQ(system.asked(), 4u);
  });
}

TEST(resolve, what_is_known_is_forgotten_in_time_by_clear_and_when_there_is_too_much) {
  fake_names system;
  for (const char* name : {"a.test", "b.test", "c.test"}) system.set(name, {four});
  run([&] {
    name_resolver brief({.keep = 0ms});
    for (int i = 0; i < 2; ++i) brief.resolve("a.test", 1).value();
    EXPECT_EQ(system.asked(), 2u);

    name_resolver r({.names = 2, .keep = 1h});
    for (int i = 0; i < 2; ++i) r.resolve("a.test", 1).value();
    EXPECT_EQ(system.asked(), 3u);
    r.clear();
    r.resolve("a.test", 1).value();
    EXPECT_EQ(system.asked(), 4u);
    r.resolve("b.test", 1).value();
    r.resolve("c.test", 1).value(); // a.test, the oldest, goes
    r.resolve("c.test", 1).value();
    r.resolve("b.test", 1).value();
    EXPECT_EQ(system.asked(), 6u);
    r.resolve("a.test", 1).value();
    EXPECT_EQ(system.asked(), 7u);

    name_resolver none({.names = 0});
    for (int i = 0; i < 2; ++i) none.resolve("a.test", 1).value();
    EXPECT_EQ(system.asked(), 9u);
  });
}

TEST(resolve, a_clear_also_forgets_what_is_being_looked_up) {
  fake_names system;
  system.set("a.test", {four});
  system.hold_back();
  run([&] {
    name_resolver r;
    auto first = spawn([&] { return r.resolve("a.test", 0).value(); });
    system.wait_until_answering(1);
    r.clear();
    auto second = spawn([&] { return r.resolve("a.test", 0).value(); });
    system.wait_until_answering(2); // not joined to the first
    system.release();
    EXPECT_EQ(first.join(), std::vector{four});
    EXPECT_EQ(second.join(), std::vector{four});
  });
}

TEST(resolve, a_deadline_ends_the_wait_of_one_and_not_the_lookup) {
  fake_names system;
  system.set("slow.test", {four});
  system.hold_back();
  run([&] {
    name_resolver r;
    auto patient = spawn([&] { return r.resolve("slow.test", 0).value(); });
    system.wait_until_answering(1);
    for (const std::chrono::milliseconds wait : {0ms, 1ms}) {
      const auto late = r.resolve("slow.test", 1, wait);
      ASSERT_FALSE(late);
      EXPECT_EQ(late.error(), errc::deadline);
      EXPECT_EQ(late.error().message(), "resolve slow.test: the deadline has passed");
    }
    system.release();
    EXPECT_EQ(patient.join(), std::vector{four});
    EXPECT_EQ(r.resolve("slow.test", 1, 0ms).value(), std::vector{four.with_port(1)}); // known: no wait
    EXPECT_EQ(system.asked(), 1u);
  });
}

TEST(resolve, a_lookup_that_everybody_has_left_fills_the_cache) {
  fake_names system;
  system.set("slow.test", {four});
  system.hold_back();
  run([&] {
    name_resolver r;
    auto asking = spawn([&] { static_cast<void>(r.resolve("slow.test", 1)); });
    system.wait_until_answering(1);
    asking.request_stop();
    EXPECT_THROW(asking.join(), cancelled);
    system.release();
    EXPECT_EQ(r.resolve("slow.test", 0).value(), std::vector{four});
    EXPECT_EQ(system.asked(), 1u);
  });
}

TEST(resolve, a_stop_request_ends_the_wait_and_nothing_else) {
  fake_names system;
  system.set("slow.test", {four});
  system.hold_back();
  run([&] {
    name_resolver r;
    auto stopped = spawn([&] { static_cast<void>(r.resolve("slow.test", 1)); });
    auto patient = spawn([&] { return r.resolve("slow.test", 0).value(); });
    system.wait_until_answering(1);
    stopped.request_stop();
    EXPECT_THROW(stopped.join(), cancelled);
    EXPECT_THROW(with_timeout(1ms, [&] { static_cast<void>(r.resolve("slow.test", 1)); }), timed_out);
    system.release();
    EXPECT_EQ(patient.join(), std::vector{four});
    // What is known is said to one who was asked to stop, too.
    auto asked = spawn([&] {
      wait_until([] { return this_fiber::stop_requested(); });
      return r.resolve("slow.test", 0).value();
    });
    asked.request_stop();
    EXPECT_EQ(asked.join(), std::vector{four});
  });
}

TEST(resolve, no_more_lookups_go_on_than_are_allowed_and_all_have_their_turn) {
  fake_names system;
  for (int i = 0; i < 50; ++i) system.set("h" + std::to_string(i), {four});
  system.hold_back();
  run(
      [&] {
        name_resolver r({.at_a_time = 3});
        std::vector<fiber<bool>> asking;
        for (int i = 0; i < 50; ++i)
          asking.push_back(spawn([&, i] { return r.resolve("h" + std::to_string(i), 1).has_value(); }));
        system.wait_until_answering(3);
        system.release();
        for (auto& f : asking) EXPECT_TRUE(f.join());
      },
      {.processors = 4});
  EXPECT_EQ(system.asked(), 50u);
  EXPECT_EQ(system.most(), 3u);
}

TEST(resolve, a_lookup_that_has_not_begun_is_dropped_with_the_last_who_wanted_it) {
  fake_names system;
  for (const char* name : {"first.test", "unwanted.test", "wanted.test"}) system.set(name, {four});
  system.hold_back();
  run([&] {
    name_resolver r({.at_a_time = 1});
    auto first = spawn([&] { return r.resolve("first.test", 1).has_value(); });
    system.wait_until_answering(1);
    EXPECT_EQ(r.resolve("unwanted.test", 1, 1ms).error(), errc::deadline);
    EXPECT_EQ(r.resolve("wanted.test", 1, 1ms).error(), errc::deadline);
    auto wanted = spawn([&] { return r.resolve("wanted.test", 1).has_value(); });
    system.release();
    EXPECT_TRUE(first.join());
    EXPECT_TRUE(wanted.join());
  });
  EXPECT_EQ(system.asked(), 2u);
}

TEST(resolve, a_runtime_and_a_resolver_may_end_while_a_lookup_goes_on) {
  fake_names system;
  system.set("slow.test", {four});
  system.hold_back();
  run([&] {
    name_resolver r;
    auto asking = spawn([&] { static_cast<void>(r.resolve("slow.test", 1)); });
    system.wait_until_answering(1);
    asking.request_stop();
    EXPECT_THROW(asking.join(), cancelled);
  });
  EXPECT_EQ(system.answering(), 1u); // neither has waited for it
}

TEST(resolve, works_from_threads_and_several_runtimes) {
  fake_names system;
  system.set("a.test", {four});
  system.hold_back();
  name_resolver r;
  std::atomic<int> right{0};
  const auto ask = [&] { right += r.resolve("a.test", 0).value() == std::vector{four}; };
  std::thread one(ask);
  std::thread two([&] { run(ask); });
  std::thread three([&] { run(ask); });
  system.wait_until_answering(1);
  system.release();
  one.join();
  two.join();
  three.join();
  EXPECT_EQ(right, 3);
}

TEST(resolve, the_resolver_of_the_process_is_used_by_the_free_functions) {
  fake_names system;
  system.set("free.test", {four});
  resolver().clear();
  EXPECT_EQ(resolve("free.test", 7).value(), std::vector{four.with_port(7)});
  EXPECT_EQ(resolve("free.test:7").value(), std::vector{four.with_port(7)});
  EXPECT_EQ(system.asked(), 1u);
  resolver().clear();
}

} // namespace
} // namespace thrum::net
