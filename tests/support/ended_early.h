// Every wait for input or output, ended early in every way: what it waits for is delivered or stays where it is.
//
// Each row of a table is an operation that waits for one token: a byte, a datagram, a connection, an event, room for more. It is
// ended before it begins, while it waits, by its own deadline, by that of a scope, and at the moment when the token comes;
// afterwards the token can be taken. (If it were lost, that would wait for ever, and be reported.) That a fiber waits is
// read in dump(), for neither a count of yields nor a time says so.
#pragma once

#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/inspect.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/io/ready.h>
#include <thrum/stop_token.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <unistd.h>

namespace test::early {

using namespace std::chrono_literals;
namespace io = thrum::io;

class cancelling : public on_processors {
protected:
  cancelling() { ::setenv("THRUM_SYMBOLS", "off", 1); } // dump() is to be quick
  ~cancelling() override { ::unsetenv("THRUM_SYMBOLS"); }
};

struct operation {
  virtual ~operation() = default;
  virtual io::result<void> take(io::deadline limit) = 0;
  virtual void give() = 0;      // does not wait for who takes
  virtual void until_there() {} // so that take() has nothing to wait for
  virtual void expect_taken() { // by one take(), after one give()
    const auto more = take(0s);
    EXPECT_TRUE(!more && more.error() == io::errc::deadline);
  }
};

template <class T> io::result<void> without_value(const io::result<T>& r) {
  if (!r) return r.error();
  return {};
}
inline void until_readable(const io::handle& h) { thrum::select(thrum::readable(h)); }
inline void until_writable(const io::handle& h) { thrum::select(thrum::writable(h)); }

inline std::string new_name() {
  static std::atomic<unsigned> last{0};
  return "thrum-cancel-" + std::to_string(::getpid()) + "-" + std::to_string(++last);
}
struct scratch {
  const std::string path = "/tmp/" + new_name();
  scratch() { std::filesystem::create_directory(path); }
  ~scratch() { std::filesystem::remove_all(path); }
};

struct row {
  const char* name;
  std::function<std::unique_ptr<operation>()> make;
  bool starts_programs = false;
};
template <class Operation> std::unique_ptr<operation> made() { return std::make_unique<Operation>(); }

// ---- ways to end

inline void until_it_waits(const char* name) {
  const std::string waits = "'" + std::string(name) + "' waits ";
  const std::string sleeps = "'" + std::string(name) + "' sleeps"; // between two questions
  until([&] {
    const std::string all = thrum::dump();
    return all.find(waits) != std::string::npos || all.find(sleeps) != std::string::npos;
  });
}
inline void until_asked() {
  until([] { return thrum::this_fiber::stop_requested(); });
}

struct ending {
  const char* name;
  bool (*trial)(operation&); // true: the token was given and taken
};
inline const ending endings[] = {
    {"a stop request before",
     [](operation& op) {
       auto taker = thrum::spawn([&] {
         until_asked();
         static_cast<void>(op.take({}));
       });
       taker.request_stop();
       EXPECT_THROW(taker.join(), thrum::cancelled);
       return false;
     }},
    {"a stop request while it waits",
     [](operation& op) {
       auto taker = thrum::spawn({.name = "taker"}, [&] { static_cast<void>(op.take(24h)); });
       until_it_waits("taker");
       taker.request_stop();
       EXPECT_THROW(taker.join(), thrum::cancelled);
       return false;
     }},
    {"a token of the standard library while it waits",
     [](operation& op) {
       std::stop_source source = thrum::detail::make_stop_source();
       auto taker = thrum::spawn({.name = "taker"}, [&] {
         thrum::stop_on(source.get_token(), [&] { static_cast<void>(op.take({})); });
       });
       until_it_waits("taker");
       source.request_stop();
       EXPECT_THROW(taker.join(), thrum::cancelled);
       return false;
     }},
    {"a deadline that has passed",
     [](operation& op) {
       const auto r = op.take(0s);
       EXPECT_TRUE(!r && r.error() == io::errc::deadline);
       return false;
     }},
    {"a deadline",
     [](operation& op) {
       const auto r = op.take(1ms);
       EXPECT_TRUE(!r && r.error() == io::errc::deadline);
       return false;
     }},
    {"the deadline of a scope",
     [](operation& op) {
       EXPECT_THROW(thrum::with_timeout(1ms, [&] { static_cast<void>(op.take(24h)); }), thrum::timed_out);
       return false;
     }},
    {"a stop request and a deadline, too late",
     [](operation& op) {
       op.give();
       op.until_there();
       auto taker = thrum::spawn([&] {
         until_asked();
         op.take(0s).value();
       });
       taker.request_stop();
       taker.join();
       return true;
     }},
};

// Behind a trial. (A SCOPED_TRACE belongs to a thread, which a fiber may leave.)
inline bool is_fine(operation& op, bool taken, const row& r, const std::string& how) {
  if (!taken) { EXPECT_TRUE(op.take({})); }
  op.expect_taken();
  if (testing::Test::HasFailure()) ADD_FAILURE() << "that was: " << r.name << ", " << how;
  return !testing::Test::HasFailure();
}

inline void end_early(std::span<const row> rows) {
  for (const row& r : rows)
    for (const ending& e : endings) {
      const auto op = r.make();
      const bool given = e.trial(*op);
      if (!given) op->give();
      if (!is_fine(*op, given, r, e.name)) return;
    }
}

// Who gives and who asks meet in every order; whoever was first, the token is there once.
inline void end_at_the_moment(std::span<const row> rows) {
  for (const row& r : rows) {
    const auto trials = static_cast<unsigned>(times(r.starts_programs ? 8 : 24));
    for (unsigned number = 0; number < trials; ++number) {
      const auto op = r.make();
      const bool by_deadline = number % 4 == 3;
      auto taker = thrum::spawn({.name = "taker"}, [&] {
        const io::deadline limit =
            by_deadline ? io::deadline(std::chrono::microseconds(number * 10)) : io::deadline();
        try {
          return op->take(limit).has_value();
        } catch (const thrum::cancelled&) { return false; }
      });
      if (number % 2 == 0) until_it_waits("taker");
      auto giver = thrum::spawn([&] { op->give(); });
      for (unsigned i = 0; i < number / 4 % 4; ++i) thrum::this_fiber::yield();
      taker.request_stop();
      const bool taken = taker.join();
      giver.join();
      if (!is_fine(*op, taken, r, "trial " + std::to_string(number))) return;
    }
  }
}

} // namespace test::early

#define THRUM_ENDED_EARLY(suite, rows)                                                                       \
  TEST_P(suite, that_ends_early_leaves_what_it_waited_for) {                                                 \
    run([] { test::early::end_early(rows); });                                                               \
  }                                                                                                          \
  TEST_P(suite, that_ends_while_its_end_comes_takes_all_or_nothing) {                                        \
    run([] { test::early::end_at_the_moment(rows); });                                                       \
  }                                                                                                          \
  THRUM_ON_PROCESSORS(suite)
