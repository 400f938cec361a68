// Signals as something to wait for. Each test sends them to this very process: what would happen without a source is its end.
#include "env/descriptors_kit.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <thrum/io/ready.h>
#include <thrum/signals.h>
#include <thrum/thrum.h>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using env::test::descriptor_limit;
using env::test::room_for;
using io::test::open_descriptors;
using io::test::wait_until;

options on(unsigned processors) { return {.processors = processors, .drain = 30s}; }

// To the calling thread: its handler has run when this returns.
void send(int number) { ASSERT_EQ(::raise(number), 0); }
// To whichever thread the kernel chooses.
void send_to_all(int number) { ASSERT_EQ(::kill(::getpid(), number), 0); }

auto action_of(int number) {
  struct sigaction now{};
  ::sigaction(number, nullptr, &now);
  return now.sa_handler;
}

class signals : public testing::Test {
protected:
  signals() {
    signal_source(std::initializer_list<int>{SIGUSR1}).close(); // what the first use makes for good
    before_ = open_descriptors();
  }
  ~signals() override {
    EXPECT_EQ(open_descriptors(), before_);
    for (const int number : {SIGUSR1, SIGUSR2, SIGTERM, SIGHUP})
      EXPECT_EQ(action_of(number), SIG_DFL) << number;
  }

private:
  unsigned before_;
};

TEST_F(signals, one_that_is_sent_is_received) {
  for (const unsigned processors : {1u, 2u, 4u})
    run(
        [] {
          const signal_source s({SIGUSR1, SIGTERM});
          send_to_all(SIGTERM);
          EXPECT_EQ(s.wait().value(), SIGTERM);
          auto waiting = spawn([&] { return s.wait().value(); });
          this_fiber::yield();
          send_to_all(SIGUSR1);
          EXPECT_EQ(waiting.join(), SIGUSR1);
          EXPECT_EQ(s.wait(0s).error(), io::errc::deadline);
        },
        on(processors));
}

TEST_F(signals, every_source_gets_its_own) {
  run(
      [] {
        const signal_source a({SIGUSR1, SIGUSR2});
        const signal_source b({SIGUSR1});
        send(SIGUSR1);
        send(SIGUSR2);
        EXPECT_EQ(a.wait().value(), SIGUSR1); // the lower number first
        EXPECT_EQ(a.wait().value(), SIGUSR2);
        EXPECT_EQ(b.wait().value(), SIGUSR1);
        EXPECT_EQ(b.wait(0s).error(), io::errc::deadline);
      },
      on(1));
}

TEST_F(signals, a_burst_of_one_kind_is_one_and_kinds_are_kept_apart) {
  run(
      [] {
        const signal_source s({SIGUSR1, SIGUSR2, SIGRTMIN});
        for (int i = 0; i < 100; ++i) {
          send(SIGUSR2);
          send(SIGRTMIN);
          send(SIGUSR1);
        }
        EXPECT_EQ(s.wait().value(), SIGUSR1);
        EXPECT_EQ(s.wait().value(), SIGUSR2);
        EXPECT_EQ(s.wait().value(), SIGRTMIN);
        EXPECT_EQ(s.wait(0s).error(), io::errc::deadline);
      },
      on(1));
}

TEST_F(signals, what_they_did_before_they_do_again) {
  static std::atomic<int> own;
  own = 0;
  struct sigaction mine{};
  mine.sa_handler = [](int) { own.fetch_add(1); };
  struct sigaction usual{};
  ::sigaction(SIGUSR2, &mine, &usual);
  run(
      [] {
        signal_source first({SIGUSR1, SIGUSR2});
        {
          const signal_source second({SIGUSR1, SIGUSR2});
          send(SIGUSR2);
          EXPECT_EQ(first.wait().value(), SIGUSR2);
          EXPECT_EQ(second.wait().value(), SIGUSR2);
        }
        send(SIGUSR2); // one is left
        EXPECT_EQ(first.wait().value(), SIGUSR2);
        EXPECT_EQ(own.load(), 0);
        first.close();
        EXPECT_EQ(action_of(SIGUSR1), SIG_DFL);
        send(SIGUSR2);
        wait_until([] { return own.load() == 1; });
        first = signal_source({SIGUSR2}); // in the same seat, perhaps
        send(SIGUSR2);
        EXPECT_EQ(first.wait().value(), SIGUSR2);
        first = signal_source();
        EXPECT_EQ(own.load(), 1);
      },
      on(1));
  ::sigaction(SIGUSR2, &usual, nullptr);
}

TEST_F(signals, a_handler_that_was_installed_meanwhile_is_left_alone) {
  struct sigaction later{};
  later.sa_handler = SIG_IGN;
  run(
      [&] {
        const signal_source s({SIGUSR1});
        ::sigaction(SIGUSR1, &later, nullptr);
      },
      on(1));
  EXPECT_EQ(action_of(SIGUSR1), SIG_IGN);
  later.sa_handler = SIG_DFL;
  ::sigaction(SIGUSR1, &later, nullptr);
}

TEST_F(signals, sigquit_shows_a_dump_again_afterwards) {
  run(
      [] {
        const auto dump = action_of(SIGQUIT);
        EXPECT_NE(dump, SIG_DFL);
        {
          const signal_source s({SIGQUIT});
          EXPECT_NE(action_of(SIGQUIT), dump);
          send(SIGQUIT);
          EXPECT_EQ(s.wait().value(), SIGQUIT);
        }
        EXPECT_EQ(action_of(SIGQUIT), dump);
      },
      on(1));
}

TEST_F(signals, a_wait_ends_at_its_deadline_by_a_stop_and_by_close) {
  run(
      [] {
        const signal_source s({SIGUSR1});
        EXPECT_EQ(s.wait(1ms).error().message(), "wait for signals: the deadline has passed");
        const auto waiting = [&] {
          auto f = spawn([&] { return s.wait(); });
          this_fiber::yield();
          EXPECT_FALSE(f.ended());
          return f;
        };
        auto f = waiting();
        f.request_stop();
        EXPECT_THROW(static_cast<void>(f.join()), cancelled);
        send(SIGUSR1);
        EXPECT_EQ(s.wait().value(), SIGUSR1);
        f = waiting();
        s.close();
        EXPECT_EQ(f.join().error(), io::errc::closed);
        EXPECT_EQ(s.wait().error(), io::errc::closed);
        s.close();
        EXPECT_EQ(signal_source().wait().error(), io::errc::closed);
      },
      on(1));
}

TEST_F(signals, a_stop_and_a_signal_that_meet_lose_no_signal) {
  for (const unsigned processors : {1u, 2u})
    run(
        [] {
          const signal_source s({SIGUSR1});
          for (int i = 0; i < io::test::repetitions(100); ++i) {
            auto f = spawn([&] { return s.wait().value(); });
            if (i % 2 == 0) this_fiber::yield();
            if (i % 3 == 0) send(SIGUSR1);
            f.request_stop();
            if (i % 3 != 0) send(SIGUSR1);
            try {
              EXPECT_EQ(f.join(), SIGUSR1);
            } catch (const cancelled&) { EXPECT_EQ(s.wait().value(), SIGUSR1); }
          }
        },
        on(processors));
}

TEST_F(signals, each_is_given_to_one_of_those_who_wait) {
  run(
      [] {
        const signal_source s({SIGUSR1, SIGUSR2});
        std::vector<fiber<int>> waiting;
        for (int i = 0; i < 2; ++i) waiting.push_back(spawn([&] { return s.wait().value(); }));
        send(SIGUSR1);
        send(SIGUSR2);
        EXPECT_EQ(waiting[0].join() + waiting[1].join(), SIGUSR1 + SIGUSR2);
      },
      on(2));
}

TEST_F(signals, they_are_cases_of_a_select) {
  run(
      [] {
        const signal_source s({SIGUSR1, SIGUSR2});
        EXPECT_EQ(select(readable(s), after(1ms)), 1u);
        auto chosen = spawn([&] { return select(readable(s), after(1h)); });
        this_fiber::yield();
        send(SIGUSR1);
        EXPECT_EQ(chosen.join(), 0u);
        send(SIGUSR2);
        EXPECT_EQ(s.wait(0s).value(), SIGUSR1);
        EXPECT_EQ(select(readable(s), otherwise()), 0u); // there is another
        EXPECT_EQ(s.wait(0s).value(), SIGUSR2);
        EXPECT_EQ(select(readable(s), otherwise()), 1u);
      },
      on(1));
}

TEST_F(signals, plain_threads_wait_and_a_source_may_outlive_its_runtime) {
  signal_source s;
  run([&] { s = signal_source({SIGUSR1}); }, on(1));
  EXPECT_EQ(s.wait().error(), io::errc::runtime_ended);
  s = signal_source({SIGUSR1});
  std::thread waiting([&] { EXPECT_EQ(s.wait().value(), SIGUSR1); });
  send(SIGUSR1);
  waiting.join();
}

TEST_F(signals, without_a_free_descriptor_a_source_is_an_error_and_nothing_is_changed) {
  run(
      [] {
        const unsigned held = open_descriptors();
        for (unsigned more = 0; more < 2; ++more) {
          const auto s = [&] {
            const descriptor_limit few(room_for(more));
            return signal_source::open({SIGUSR1});
          }();
          EXPECT_EQ(s.error(), std::errc::too_many_files_open);
          EXPECT_TRUE(s.error().message().starts_with("open signals: Too many open files ("))
              << s.error().message();
          EXPECT_EQ(open_descriptors(), held);
          EXPECT_EQ(action_of(SIGUSR1), SIG_DFL);
        }
      },
      on(1));
}

// Handlers on several threads, one who takes, and sources that come and go: what is counted at the end is that nothing hangs, that
// no bell rings in a descriptor of somebody else, and that the last signal arrives.
TEST_F(signals, sources_come_and_go_while_signals_rain) {
  for (const unsigned processors : {1u, 2u, 4u})
    run(
        [] {
          const signal_source keeps({SIGUSR1, SIGUSR2}); // or the process would end
          std::atomic<bool> done{false};
          std::thread rain([&] {
            for (int i = 0; !done.load(); ++i) ::kill(::getpid(), i % 2 == 0 ? SIGUSR1 : SIGUSR2);
          });
          task_group<> all;
          for (int f = 0; f < 4; ++f)
            all.spawn([] {
              for (int i = 0; i < io::test::repetitions(25); ++i) {
                const signal_source s({SIGUSR1, SIGUSR2});
                const int number = s.wait().value();
                EXPECT_TRUE(number == SIGUSR1 || number == SIGUSR2);
              }
            });
          all.join();
          done = true;
          rain.join();
          while (keeps.wait(0s)) {}
          send(SIGUSR1);
          EXPECT_EQ(keeps.wait().value(), SIGUSR1);
        },
        on(processors));
}

using signals_death = signals;

TEST_F(signals_death, those_that_cannot_be_waited_for_are_refused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(signal_source({SIGKILL}), "signal 9, which no process can catch");
  EXPECT_DEATH(signal_source({SIGTERM, SIGSTOP}), "signal 19, which no process can catch");
  EXPECT_DEATH(signal_source({SIGSEGV}), "signal 11, which says that the program itself has failed");
  EXPECT_DEATH(signal_source({0}), "signal 0, which does not exist");
  EXPECT_DEATH(signal_source({-1}), "signal -1, which does not exist");
  EXPECT_DEATH(signal_source({65}), "signal 65, which does not exist");
}

TEST_F(signals_death, a_signal_ends_the_program_again_when_its_source_is_gone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        {
          const signal_source s({SIGTERM});
          send(SIGTERM);
          static_cast<void>(s.wait());
        }
        send(SIGTERM);
        for (;;) ::pause();
      },
      testing::KilledBySignal(SIGTERM), "");
}

} // namespace
} // namespace thrum
