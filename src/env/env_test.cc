// The Linux world: what the contracts of env.h, switch.h and fault_signal.h promise.
#include "env/env.h"

#include "base/sanitizer.h"
#include "env/fault_signal.h"
#include "env/linux/cpus.h"
#include "env/panic.h"
#include "env/switch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <set>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <unwind.h>
#include <vector>

namespace thrum::env {
namespace {

world& w() { return linux_world(); }

struct pipe_ends {
  int in = -1;
  int out = -1;
  pipe_ends() {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    in = ends[0];
    out = ends[1];
  }
  ~pipe_ends() {
    ::close(in);
    ::close(out);
  }
};

// ---- names

struct endpoints_found {
  std::vector<int> families;
  static void take(void* to, const ::sockaddr* address, unsigned) noexcept {
    static_cast<endpoints_found*>(to)->families.push_back(address->sa_family);
  }
};

TEST(look_up, numbers_are_found_without_a_network_each_once) {
  endpoints_found all;
  EXPECT_EQ(w().look_up("127.0.0.1", nullptr, &endpoints_found::take, &all), 0);
  EXPECT_EQ(w().look_up("::1", "80", &endpoints_found::take, &all), 0);
  EXPECT_EQ(all.families, (std::vector<int>{AF_INET, AF_INET6}));
}

TEST(look_up, failures_are_told_and_errno_is_left_alone) {
  endpoints_found all;
  errno = EDOM;
  EXPECT_EQ(w().look_up("127.0.0.1", "no such service", &endpoints_found::take, &all),
            static_cast<int>(lookup_failure::unknown_service));
  EXPECT_EQ(errno, EDOM);
  EXPECT_TRUE(all.families.empty());
}

// ---- how many processors

TEST(cpus, a_quota_is_rounded_up_to_whole_processors) {
  EXPECT_EQ(quota_from_cpu_max("max 100000\n"), 0u);
  EXPECT_EQ(quota_from_cpu_max("100000 100000\n"), 1u);
  EXPECT_EQ(quota_from_cpu_max("150000 100000\n"), 2u);
  EXPECT_EQ(quota_from_cpu_max("200000 100000"), 2u);
  EXPECT_EQ(quota_from_cpu_max("200001 100000"), 3u);
  EXPECT_EQ(quota_from_cpu_max("1000 100000"), 1u);
  EXPECT_EQ(quota_from_cpu_max("400000 50000"), 8u);
}

TEST(cpus, what_cannot_be_read_is_no_limit) {
  for (const char* text : {"", "\n", "nonsense", "100000", "100000 0", "0 100000", "-1 100000", "100000 -5"})
    EXPECT_EQ(quota_from_cpu_max(text), 0u) << text;
  EXPECT_EQ(quota_from_cfs("", ""), 0u);
  EXPECT_EQ(quota_from_cfs("100000\n", ""), 0u);
  EXPECT_EQ(quota_from_cfs("", "100000\n"), 0u);
}

TEST(cpus, the_older_files_say_the_same_in_two_parts) {
  EXPECT_EQ(quota_from_cfs("-1\n", "100000\n"), 0u);
  EXPECT_EQ(quota_from_cfs("150000\n", "100000\n"), 2u);
  EXPECT_EQ(quota_from_cfs("50000\n", "100000\n"), 1u);
}

TEST(cpus, no_more_are_usable_than_the_affinity_mask_allows) {
  const topology all = w().cpus();
  EXPECT_GE(all.processors, 1u);
  EXPECT_LE(all.processors, all.cpus);
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &before)) {
      CPU_SET(i, &one);
      break;
    }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const topology pinned = w().cpus();
  ::sched_setaffinity(0, sizeof before, &before);
  EXPECT_EQ(pinned.cpus, 1u);
  EXPECT_EQ(pinned.processors, 1u);
}

TEST(cpus, a_thread_that_may_use_one_cpu_only_is_told_its_number) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  for (unsigned i = 0; i < CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(i, &before)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(i, &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(current_cpu(), i);
    EXPECT_EQ(end_of_cpus(), i + 1);
  }
  ::sched_setaffinity(0, sizeof before, &before);
}

// ---- clock and chance

TEST(clock, is_the_steady_clock_and_does_not_go_back) {
  const auto standard = [] {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  nanoseconds before = standard();
  for (int i = 0; i < 10'000; ++i) {
    const nanoseconds now = w().now();
    ASSERT_LE(before, now);
    before = now;
  }
  EXPECT_LE(before, standard());
}

TEST(chance, numbers_do_not_repeat) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(w().random(stream::steal));
  EXPECT_EQ(seen.size(), 1'000u);
}

// ---- threads

TEST(threads, a_thread_runs_with_its_name_and_is_joined) {
  struct seen {
    std::thread::id id;
    char name[16];
  } s{};
  std::uintptr_t handle = 0;
  ASSERT_EQ(w().start_thread(
                &handle, "a_name_of_more_than_fifteen", 0,
                [](void* raw) {
                  auto& out = *static_cast<seen*>(raw);
                  out.id = std::this_thread::get_id();
                  ::prctl(PR_GET_NAME, out.name);
                },
                &s),
            0);
  w().join_thread(handle);
  EXPECT_NE(s.id, std::thread::id());
  EXPECT_NE(s.id, std::this_thread::get_id());
  EXPECT_STREQ(s.name, "a_name_of_more_");
}

TEST(threads, a_thread_has_the_stack_that_was_asked_for) {
  constexpr std::size_t wanted = 20 << 20; // more than the default anywhere
  std::size_t got = 0;
  std::uintptr_t handle = 0;
  ASSERT_EQ(w().start_thread(
                &handle, "x", wanted,
                [](void* raw) {
                  pthread_attr_t attributes;
                  ::pthread_getattr_np(::pthread_self(), &attributes);
                  ::pthread_attr_getstacksize(&attributes, static_cast<std::size_t*>(raw));
                  ::pthread_attr_destroy(&attributes);
                },
                &got),
            0);
  w().join_thread(handle);
  EXPECT_GE(got, wanted);
  EXPECT_LT(got, 2 * wanted);
}

TEST(threads, a_refused_thread_is_an_error_number) {
  w().fault = [](fault_site s) noexcept { return s == fault_site::thread_start; };
  std::uintptr_t handle = 0;
  EXPECT_EQ(w().start_thread(&handle, "x", 0, [](void*) {}, nullptr), -EAGAIN);
  w().fault = nullptr;
}

TEST(threads, names_carry_their_number_within_what_the_kernel_keeps) {
  char out[16];
  thread_name(out, "thrum", 0);
  EXPECT_STREQ(out, "thrum/0");
  thread_name(out, "a_very_long_name", 1'023);
  EXPECT_STREQ(out, "a_very_lon/1023");
}

TEST(words, a_wait_for_a_word_that_has_changed_returns_at_once) {
  const std::uint32_t word = 1;
  w().wait_word(&word, 0, forever);
  w().wait_word(&word, 0, 0);
}

TEST(words, a_wait_ends_at_its_deadline_and_not_before) {
  const std::uint32_t word = 0;
  const nanoseconds deadline = w().now() + 2'000'000;
  while (w().now() < deadline) w().wait_word(&word, 0, deadline);
  w().wait_word(&word, 0, deadline); // passed already
  w().wait_word(&word, 0, -1);
}

TEST(words, a_change_and_a_wake_end_the_wait) {
  std::atomic<std::uint32_t> word{0};
  std::thread waker([&] {
    word = 1;
    w().wake_word(&word, 1);
  });
  while (word.load() == 0) w().wait_word(&word, 0, forever);
  waker.join();
}

// ---- memory

TEST(memory, is_zero_aligned_as_asked_and_committed_by_touching) {
  for (const std::size_t alignment : {4096uz, 64uz << 10, 2uz << 20}) {
    auto* p = static_cast<unsigned char*>(w().map(256 << 10, alignment));
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % alignment, 0u);
    EXPECT_TRUE(std::all_of(p, p + (256 << 10), [](unsigned char c) { return c == 0; }));
    std::memset(p, 7, 256 << 10);
    w().discard(p + 4096, 8192);
    EXPECT_EQ(p[4095], 7);
    EXPECT_TRUE(std::all_of(p + 4096, p + 4096 + 8192, [](unsigned char c) { return c == 0; }));
    EXPECT_EQ(p[4096 + 8192], 7);
    w().unmap(p, 256 << 10);
  }
}

// mincore says which pages have memory, and refuses to answer for what is not mapped.
std::size_t pages_with_memory(void* address, std::size_t bytes) {
  std::vector<unsigned char> pages(bytes / 4096);
  if (::mincore(address, bytes, pages.data()) != 0) return ~0uz;
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; }));
}

TEST(memory, that_will_be_written_to_may_get_its_pages_and_no_others_do) {
  constexpr std::size_t distance = 64 << 10;
  constexpr unsigned count = 150; // more than one system call takes
  auto* p = static_cast<char*>(w().map(count * distance, 4096));
  ASSERT_NE(p, nullptr);
  std::vector<char*> addresses;
  for (unsigned i = 0; i < count; ++i) addresses.push_back(p + i * distance);
  w().commit(addresses.data(), count, 4096);
  const std::size_t committed = pages_with_memory(p, count * distance);
  EXPECT_TRUE(committed == count || committed == 0) << committed; // 0: a kernel that refuses
  for (unsigned i = 0; i < count; ++i) EXPECT_EQ(p[i * distance], 0);
  w().unmap(p, count * distance);
}

TEST(memory, guards_are_installed_at_every_address_and_nowhere_else) {
  constexpr std::size_t distance = 64 << 10;
  constexpr unsigned count = 150;
  auto* p = static_cast<char*>(w().map(count * distance, 4096));
  ASSERT_NE(p, nullptr);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto readable = [&](const char* address) { // the kernel answers EFAULT where a program would die
    char c;
    return ::write(ends[1], address, 1) == 1 && ::read(ends[0], &c, 1) == 1;
  };
  std::vector<char*> addresses;
  for (unsigned i = 0; i < count; ++i) addresses.push_back(p + i * distance);
  ASSERT_NE(w().guard(addresses.data(), count, 8192), guard_kind::none);
  for (unsigned i = 0; i < count; ++i) {
    EXPECT_FALSE(readable(p + i * distance)) << i;
    EXPECT_FALSE(readable(p + i * distance + 8191)) << i;
    EXPECT_TRUE(readable(p + i * distance + 8192)) << i;
    EXPECT_TRUE(readable(p + (i + 1) * distance - 1)) << i;
  }
  ::close(ends[0]);
  ::close(ends[1]);
  w().unmap(p, count * distance);
}

TEST(memory, the_weakest_of_several_guards_is_told) {
  constexpr std::size_t distance = 64 << 10;
  auto* p = static_cast<char*>(w().map(4 * distance, 4096));
  ASSERT_NE(p, nullptr);
  static std::atomic<int> asked;
  asked = 0;
  w().fault = [](fault_site site) noexcept { return site == fault_site::guard && ++asked == 2; };
  char* const addresses[] = {p, p + distance, p + 2 * distance};
  EXPECT_EQ(w().guard(addresses, 3, 8192), guard_kind::protection);
  EXPECT_EQ(asked, 3);
  w().fault = nullptr;
  w().unmap(p, 4 * distance);
}

TEST(memory, that_nobody_has_is_refused) { EXPECT_EQ(w().map(std::size_t{1} << 60, 4096), nullptr); }

TEST(memory, the_callers_error_number_is_left_alone) {
  errno = 77;
  EXPECT_EQ(w().map(std::size_t{1} << 60, 4096), nullptr);
  w().discard(reinterpret_cast<void*>(4096), 4096);
  char* const nowhere[] = {reinterpret_cast<char*>(4096), reinterpret_cast<char*>(8192)};
  w().commit(nowhere, 1, 4096);
  w().commit(nowhere, 2, 4096);
  EXPECT_LT(w().close(-1), 0);
  EXPECT_LT(w().read(-1, nullptr, 0), 0);
  const std::uint32_t word = 0;
  w().wait_word(&word, 1, forever);
  poller* p = nullptr;
  ASSERT_EQ(w().open_poller(&p), 0);
  EXPECT_LT(w().watch(p, -1, nullptr, 0), 0);
  w().unwatch(p, -1);
  w().close_poller(p);
  EXPECT_EQ(errno, 77);
}

TEST(descriptors, errors_come_back_as_negative_numbers) {
  char c = 0;
  EXPECT_EQ(w().read(-1, &c, 1), -EBADF);
  EXPECT_EQ(w().close(-1), -EBADF);
  const pipe_ends p;
  EXPECT_EQ(w().read(p.in, &c, 1), -EAGAIN);
  EXPECT_EQ(w().write(p.out, "x", 1), 1);
  EXPECT_EQ(w().read(p.in, &c, 1), 1);
  EXPECT_EQ(c, 'x');
}

TEST(descriptors, a_write_to_a_socket_whose_peer_is_gone_is_an_error_and_no_signal) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  ::close(ends[1]);
  EXPECT_EQ(w().write(ends[0], "x", 1), -EPIPE);
  ::close(ends[0]);
}

// ---- readiness

class pollers : public testing::Test {
protected:
  void SetUp() override { ASSERT_EQ(w().open_poller(&poller_), 0); }
  void TearDown() override { w().close_poller(poller_); }
  int poll_now() { return w().poll(poller_, events_.data(), 8, 0); }

  poller* poller_ = nullptr;
  std::array<readiness, 8> events_{};
};

TEST_F(pollers, what_is_ready_already_is_reported_with_its_token_and_tag) {
  const pipe_ends p;
  int token = 0;
  ASSERT_EQ(w().write(p.out, "x", 1), 1);
  ASSERT_EQ(w().watch(poller_, p.in, &token, 7), 0);
  ASSERT_EQ(poll_now(), 1);
  EXPECT_EQ(events_[0].token, &token);
  EXPECT_EQ(events_[0].tag, 7);
  EXPECT_TRUE(events_[0].readable);
  EXPECT_FALSE(events_[0].writable);
  w().unwatch(poller_, p.in);
}

TEST_F(pollers, readiness_is_reported_once_per_change) {
  const pipe_ends p;
  ASSERT_EQ(w().watch(poller_, p.in, this, 0), 0);
  EXPECT_EQ(poll_now(), 0);
  ASSERT_EQ(w().write(p.out, "x", 1), 1);
  EXPECT_EQ(poll_now(), 1);
  EXPECT_EQ(poll_now(), 0) << "still readable, but that was said";
  ASSERT_EQ(w().write(p.out, "y", 1), 1);
  EXPECT_EQ(poll_now(), 1);
  w().unwatch(poller_, p.in);
  ASSERT_EQ(w().write(p.out, "z", 1), 1);
  EXPECT_EQ(poll_now(), 0);
}

TEST_F(pollers, the_end_of_the_other_side_is_told) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  ASSERT_EQ(w().watch(poller_, ends[0], this, 0), 0);
  ASSERT_EQ(poll_now(), 1);
  EXPECT_TRUE(events_[0].writable);
  EXPECT_FALSE(events_[0].hangup);
  ::close(ends[1]);
  ASSERT_EQ(poll_now(), 1);
  EXPECT_TRUE(events_[0].hangup);
  EXPECT_TRUE(events_[0].tail);
  w().unwatch(poller_, ends[0]);
  ::close(ends[0]);
}

TEST_F(pollers, a_kick_before_or_during_a_poll_ends_it) {
  w().kick(poller_);
  EXPECT_EQ(w().poll(poller_, events_.data(), 8, forever), 0);
  for (int i = 0; i < 100; ++i) {
    std::thread kicker([&] { w().kick(poller_); });
    EXPECT_EQ(w().poll(poller_, events_.data(), 8, forever), 0);
    kicker.join();
  }
}

TEST_F(pollers, a_poll_ends_at_its_deadline_and_not_before) {
  const nanoseconds deadline = w().now() + 2'000'000;
  EXPECT_EQ(w().poll(poller_, events_.data(), 8, deadline), 0);
  EXPECT_GE(w().now(), deadline);
}

TEST_F(pollers, a_look_asks_about_one_descriptor_now) {
  const pipe_ends p;
  EXPECT_FALSE(w().look(p.in).readable);
  EXPECT_TRUE(w().look(p.out).writable);
  ASSERT_EQ(w().write(p.out, "x", 1), 1);
  EXPECT_TRUE(w().look(p.in).readable);
}

TEST(pollers_refused, by_the_system_are_error_numbers) {
  poller* p = nullptr;
  w().fault = [](fault_site s) noexcept { return s == fault_site::poller_open; };
  EXPECT_EQ(w().open_poller(&p), -EMFILE);
  w().fault = nullptr;
}

// ---- reports

TEST(report, numbers_and_texts_are_written_as_they_are) {
  report r;
  r.text("n=").number(0).text(" ").number(18446744073709551615u).text(" ").hex(0xdeadbeef).text(nullptr);
  EXPECT_EQ(r.view(), "n=0 18446744073709551615 0xdeadbeef");
}

TEST(report, what_does_not_fit_is_cut) {
  report r;
  for (int i = 0; i < 1'000; ++i) r.text("0123456789");
  EXPECT_EQ(r.view().size(), 2'048u);
  r.number(5);
  EXPECT_EQ(r.view().size(), 2'048u);
}

// ---- the switch. The sanitizers want to be told of each switch, which sched/ does and these tests do not.

constexpr std::size_t stack_bytes = 256 << 10;

class contexts : public testing::Test {
protected:
  void SetUp() override {
    if (THRUM_ASAN || THRUM_TSAN) GTEST_SKIP() << "an unannounced switch confuses the sanitizer";
  }

  // Begins `body` on a stack of its own; it goes back with out().
  void begin(void (*body)(contexts&)) {
    body_ = body;
    there_ = new_context(
        stack_.get() + stack_bytes,
        [](void* raw) {
          auto& self = *static_cast<contexts*>(raw);
          self.body_(self);
          self.ended_ = true;
          self.out();
        },
        this);
    in();
  }
  void in() { switch_context(here_, there_); }
  void out() { switch_context(there_, here_); }

  std::unique_ptr<char[]> stack_{new char[stack_bytes]}; // operator new aligns to 16
  void (*body_)(contexts&) = nullptr;
  context here_;
  context there_;
  bool ended_ = false;

public:
  int steps = 0;
  void* a_local = nullptr;
  std::string text;

  void pause() { out(); }
};

TEST_F(contexts, go_back_and_forth_and_keep_their_locals) {
  begin([](contexts& c) {
    int local = 0;
    double real = 0.5;
    for (int i = 0; i < 1'000; ++i) {
      ++local;
      real *= 1.5;
      real /= 1.5;
      c.steps = local;
      c.pause();
    }
    c.text = real > 0.49 && real < 0.51 ? "kept" : "lost";
  });
  for (int i = 1; i <= 1'000; ++i) {
    EXPECT_EQ(steps, i);
    in();
  }
  EXPECT_TRUE(ended_);
  EXPECT_EQ(text, "kept");
}

TEST_F(contexts, begin_on_the_stack_they_were_given_aligned_as_the_abi_asks) {
  begin([](contexts& c) {
    alignas(16) char local[16];
    asm volatile("" : : "r"(local) : "memory");
    c.a_local = local;
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.3f", 1.25); // uses aligned vector stores
    c.text = buffer;
  });
  EXPECT_TRUE(ended_);
  EXPECT_EQ(text, "1.250");
  EXPECT_GT(static_cast<char*>(a_local), stack_.get());
  EXPECT_LT(static_cast<char*>(a_local), stack_.get() + stack_bytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a_local) % 16, 0u);
}

TEST_F(contexts, exceptions_are_thrown_and_caught_on_a_fresh_stack) {
  begin([](contexts& c) {
    try {
      try {
        throw std::runtime_error("thrown there");
      } catch (const std::exception& e) {
        c.text = e.what();
        throw;
      }
    } catch (const std::runtime_error&) { ++c.steps; }
    c.pause();
    try {
      throw 5;
    } catch (int n) { c.steps += n; }
  });
  EXPECT_EQ(text, "thrown there");
  EXPECT_EQ(steps, 1);
  in();
  EXPECT_TRUE(ended_);
  EXPECT_EQ(steps, 6);
}

[[gnu::noinline]] int count_frames() {
  int frames = 0;
  const auto reason = _Unwind_Backtrace(
      [](_Unwind_Context*, void* n) {
        return ++*static_cast<int*>(n) < 1'000 ? _URC_NO_REASON : _URC_NORMAL_STOP;
      },
      &frames);
  return reason == _URC_END_OF_STACK ? frames : -frames;
}

TEST_F(contexts, back_traces_end_where_the_stack_begins) {
  begin([](contexts& c) {
    c.steps = count_frames();
    asm volatile("");
  });
  EXPECT_GT(steps, 0) << "the unwinder ran off the stack after " << -steps << " frames";
  EXPECT_LT(steps, 10);
  EXPECT_TRUE(ended_);
}

[[gnu::noinline]] int count_frame_pointers() {
  struct frame {
    const frame* next;
    void* from;
  };
  int frames = 0;
  for (auto* f = static_cast<const frame*>(__builtin_frame_address(0)); f != nullptr && frames < 1'000;
       f = f->next)
    ++frames;
  return frames;
}

TEST_F(contexts, a_walk_along_frame_pointers_ends_there_too) {
  begin([](contexts& c) {
    c.steps = count_frame_pointers();
    asm volatile("");
  });
  EXPECT_GT(steps, 1);
  EXPECT_LT(steps, 10);
}

TEST_F(contexts, an_exception_that_leaves_the_first_function_ends_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(begin([](contexts&) { throw std::runtime_error("nobody is there"); }), "nobody is there");
}

TEST_F(contexts, a_first_function_that_returns_ends_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const context wrong = new_context(stack_.get() + stack_bytes, [](void*) {}, nullptr);
        switch_context(here_, wrong);
      },
      "");
}

// ---- writing

TEST(descriptors, writing_to_a_pipe_that_nobody_reads_is_an_error_and_no_signal) {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL; // would end this program
  struct sigaction usual{};
  ::sigaction(SIGPIPE, &standard, &usual);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_EQ(w().write(ends[1], "x", 1), 1);
  ::close(ends[0]);
  sigset_t pending;
  EXPECT_EQ(w().write(ends[1], "x", 1), -EPIPE);
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
  // On a thread that holds it back itself, what it does is its own affair.
  sigset_t set;
  sigset_t before;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  EXPECT_EQ(w().write(ends[1], "x", 1), -EPIPE);
  sigset_t after;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
  EXPECT_EQ(::sigismember(&after, SIGPIPE), 1);
  const timespec at_once{};
  while (::sigtimedwait(&set, nullptr, &at_once) == SIGPIPE) {}
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::sigaction(SIGPIPE, &usual, nullptr);
  ::close(ends[1]);
}

// ---- files

// Where the kernel refuses to look in memory alone, nothing is opened, and the caller asks without it.
TEST(a_file_opened_now, is_opened_if_its_path_is_in_memory_and_never_made_or_emptied) {
  char path[] = "/tmp/thrum-env-XXXXXX";
  const int made = ::mkostemp(path, O_CLOEXEC);
  ASSERT_EQ(::write(made, "text", 4), 4);
  const int fd = w().open_file(path, O_RDONLY, 0, true);
  const int refused = w().open_file("/proc/self/status", O_RDONLY, 0, true);
  if (fd >= 0) {
    struct stat a, b;
    ASSERT_EQ(::fstat(made, &a), 0);
    ASSERT_EQ(::fstat(fd, &b), 0);
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    ::close(fd);
  } else {
    EXPECT_LT(refused, 0) << fd;
  }
  if (refused >= 0) ::close(refused);
  EXPECT_EQ(w().open_file(path, O_WRONLY | O_TRUNC, 0, true), -EAGAIN);
  EXPECT_EQ(::lseek(made, 0, SEEK_END), 4);
  const std::string other = std::string(path) + "x";
  EXPECT_EQ(w().open_file(other.c_str(), O_WRONLY | O_CREAT, 0600, true), -EAGAIN);
  EXPECT_LT(w().open_file(other.c_str(), O_RDONLY, 0, true), 0);
  const int whatever = w().open_file(path, O_RDWR, 0, false);
  EXPECT_GE(whatever, 0);
  EXPECT_EQ(w().flags_of(whatever) & O_ACCMODE, O_RDWR);
  ::close(whatever);
  EXPECT_EQ(w().flags_of(9'999'999), -EBADF);
  ::close(made);
  ::unlink(path);
}

} // namespace
} // namespace thrum::env
