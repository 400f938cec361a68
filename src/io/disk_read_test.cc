// Reads that wait for the disk, through io_uring: the same bytes and positions, requests that are withdrawn, and the way that is taken
// where there is no ring. The tests of files run once more this way, too: see ring_files_test.cc.
#include "io/disk_read.h"

#include "base/sanitizer.h"
#include "io/file_kit.h"
#include "io/test_kit.h"
#include "sched/runtime_core.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <thrum/inspect.h>
#include <thrum/io/file.h>
#include <thrum/spawn.h>
#include <thrum/with_timeout.h>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;
using enum file_mode;
using test::pattern;
using test::scratch;

// For the time of its life nothing of any file is in memory, so every read has to wait.
struct nothing_in_memory {
  explicit nothing_in_memory(ring_use how = ring_use::on) : use_before_(use_ring(how)) { set(true); }
  ~nothing_in_memory() {
    set(before_);
    use_ring(use_before_);
  }
  static void set(bool on) {
    env::nothing_is_in_memory.store(on, std::memory_order_relaxed); // relaxed: before and after the runtimes
  }
  const bool before_ = env::nothing_is_in_memory.load(std::memory_order_relaxed); // relaxed: as above
  const ring_use use_before_;
};

// A disk that is as slow as a test wants: a read of an empty pipe waits.
struct slow_disk {
  int ends[2];
  slow_disk() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
  ~slow_disk() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  std::int64_t read(char* to, std::size_t size, detail::deadline_t until = detail::no_deadline) const {
    return read_from_disk(env::linux_world(), ends[0], to, size, env::world::own_position, until);
  }
  void write(const char* text) const {
    EXPECT_EQ(::write(ends[1], text, std::strlen(text)), static_cast<ssize_t>(std::strlen(text)));
  }
  std::string rest() const {
    char b[100];
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const ssize_t n = ::read(ends[0], b, sizeof b);
    return std::string(b, n > 0 ? static_cast<std::size_t>(n) : 0);
  }
};

int can_submit() {
  sched::runtime_core& core = sched::current_runtime();
  return env::can_submit_reads(core.poller);
}

class disk_reads : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void run(F&& f) { thrum::run(std::forward<F>(f), {.processors = GetParam()}); }
  // For tests of what only a ring does.
  void run_with_ring(void (*f)()) {
    bool refused = false;
    run([&] {
      const scratch folder;
      write_file(folder.name("a"), "x").value();
      read_file(folder.name("a")).value();
      refused = can_submit() != 1;
      if (!refused) f();
    });
    if (refused) GTEST_SKIP() << "io_uring is refused here";
  }
  const nothing_in_memory all_wait;
};
INSTANTIATE_TEST_SUITE_P(processors, disk_reads, testing::Values(1u, 2u, 4u));

TEST_P(disk_reads, give_the_bytes_of_their_places) {
  run([&] {
    const scratch folder;
    const std::string text = pattern(1'000'000);
    write_file(folder.name("a"), text).value();
    const file f = file::open(folder.name("a"), read | write).value();
    std::vector<fiber<void>> all;
    for (std::size_t i = 0; i < 500; ++i)
      all.push_back(spawn([&, i] {
        std::string got(3'000, ' ');
        f.read_exactly_at(i * 1'990, got).value();
        EXPECT_TRUE(got == text.substr(i * 1'990, got.size())) << i;
      }));
    for (auto& one : all) one.join();
    char b[10];
    EXPECT_EQ(f.read_at(text.size(), b).value(), 0u);
    EXPECT_EQ(f.read_at(text.size() - 3, b).value(), 3u);
    EXPECT_EQ(f.position().value(), 0u);
  });
}

TEST_P(disk_reads, move_the_position_by_what_they_give) {
  run([&] {
    const scratch folder;
    const std::string text = pattern(1'000'000); // more than is brought at once
    write_file(folder.name("a"), text).value();
    const file f = file::open(folder.name("a"), read | write).value();
    std::string got(text.size(), ' ');
    f.read_exactly(got).value();
    EXPECT_TRUE(got == text);
    char b[10];
    EXPECT_EQ(f.read_some(b).value(), 0u);
    EXPECT_EQ(f.position().value(), text.size());
    f.seek(5).value();
    f.read_exactly(b).value();
    EXPECT_EQ(std::string(b, 10), text.substr(5, 10));
    f.write_all("at 15").value();
    f.read_exactly(b).value();
    EXPECT_EQ(std::string(b, 10), text.substr(20, 10));
    EXPECT_TRUE(read_file(folder.name("a")).value() == text.substr(0, 15) + "at 15" + text.substr(20));
  });
}

// Many at one position: each byte is given to one of them.
TEST_P(disk_reads, at_one_position_share_the_bytes) {
  run([&] {
    const scratch folder;
    const std::string text = pattern(20'000);
    write_file(folder.name("a"), text).value();
    const file f = file::open(folder.name("a")).value();
    std::size_t total = 0;
    std::vector<fiber<std::size_t>> all;
    for (int i = 0; i < 10; ++i)
      all.push_back(spawn([&] {
        std::size_t mine = 0;
        for (;;) {
          char b[100];
          const std::size_t n = f.read_some(b).value();
          if (n == 0) return mine;
          mine += n;
        }
      }));
    for (auto& one : all) total += one.join();
    EXPECT_EQ(total, text.size());
  });
}

TEST_P(disk_reads, let_others_run_meanwhile) {
  run_with_ring(+[] {
    const slow_disk disk;
    auto reader = spawn([&] {
      char b[10] = {};
      EXPECT_EQ(disk.read(b, sizeof b), 5);
      return std::string(b);
    });
    auto writer = spawn([&] { disk.write("later"); });
    EXPECT_EQ(reader.join(), "later");
    writer.join();
  });
}

TEST_P(disk_reads, are_shown_as_such_while_they_wait) {
  run_with_ring(+[] {
    const slow_disk disk;
    char b[10] = {};
    auto reader = spawn([&] { return disk.read(b, sizeof b); });
    while (dump().find(" waits for a disk") == std::string::npos) this_fiber::yield();
    disk.write("x");
    EXPECT_EQ(reader.join(), 1);
  });
}

// What a ring says of itself, or of a thread that has ended, is nobody's error.
TEST_P(disk_reads, that_a_ring_does_not_make_are_made_by_threads) {
  test::file_failures failures;
  run([&] {
    const scratch folder;
    write_file(folder.name("a"), "text").value();
    const file f = file::open(folder.name("a")).value();
    char b[10];
    EXPECT_EQ(f.read_at(0, b).value(), 4u);
    if (can_submit() != 1) return;
    for (const int reason : {ECANCELED, EAGAIN, EFAULT, EINTR}) {
      failures.next(env::file_call::read, reason, 1); // the first looks in memory
      EXPECT_EQ(f.read_at(0, b).value(), 4u);
      EXPECT_TRUE(failures.all_happened());
    }
  });
}

TEST_P(disk_reads, are_withdrawn_by_a_stop_request) {
  run_with_ring(+[] {
    for (int i = 0; i < test::repetitions(100); ++i) {
      const slow_disk disk;
      char b[10] = {};
      auto reader = spawn([&] {
        const std::int64_t n = disk.read(b, sizeof b);
        if (n == read_stopped) throw_read_stopped();
        return n;
      });
      for (int k = 0; k < i % 4; ++k) this_fiber::yield();
      reader.request_stop();
      EXPECT_THROW(reader.join(), cancelled);
      disk.write("kept");
      EXPECT_EQ(std::string(b), ""); // the kernel has nothing to do with it any more
      EXPECT_EQ(disk.rest(), "kept");
    }
  });
}

TEST_P(disk_reads, that_have_ended_when_they_are_withdrawn_count) {
  run_with_ring(+[] {
    for (int i = 0; i < test::repetitions(300); ++i) {
      const slow_disk disk;
      char b[10] = {};
      auto reader = spawn([&] { return disk.read(b, sizeof b); });
      if (i % 2 == 0) this_fiber::yield();
      auto writer = spawn([&] { disk.write("x"); });
      if (i % 3 == 0) this_fiber::yield();
      reader.request_stop();
      const std::int64_t n = reader.join();
      writer.join();
      EXPECT_TRUE(n == 1 || n == read_stopped) << n;
      EXPECT_EQ(n == 1 ? std::string(b) : disk.rest(), "x");
    }
  });
}

TEST_P(disk_reads, are_withdrawn_by_their_deadline_and_by_a_scope) {
  run_with_ring(+[] {
    const slow_disk disk;
    char b[10] = {};
    EXPECT_EQ(disk.read(b, sizeof b, detail::deadline_after(1ms)), read_late);
    EXPECT_EQ(disk.read(b, sizeof b, detail::steady_now()), read_late);
    EXPECT_THROW(with_timeout(1ms,
                              [&] {
                                if (disk.read(b, sizeof b) == read_stopped) throw_read_stopped();
                              }),
                 timed_out);
    disk.write("kept");
    EXPECT_EQ(disk.read(b, sizeof b, detail::deadline_after(1h)), 4);
    EXPECT_EQ(std::string(b), "kept");
  });
}

TEST_P(disk_reads, end_with_their_runtime) {
  const slow_disk disk;
  char b[10] = {};
  std::int64_t n = 0;
  run([&] {
    if (can_submit() < 0) return;
    spawn([&] { n = disk.read(b, sizeof b); }).detach();
    this_fiber::yield();
  });
  EXPECT_TRUE(n == read_stopped || n == not_read) << n;
  disk.write("kept");
  EXPECT_EQ(disk.rest(), "kept");
}

// ---- where there is no ring

TEST_P(disk_reads, go_on_in_threads_where_io_uring_is_refused) {
  const test::fault_hook refused(&test::refuse_rings);
  run([&] {
    const scratch folder;
    write_file(folder.name("a"), pattern(100'000)).value();
    EXPECT_TRUE(read_file(folder.name("a")).value() == pattern(100'000));
    EXPECT_EQ(can_submit(), -EPERM);
    const std::string report = dump();
    EXPECT_NE(
        report.find(
            "files are read from disks by blocked threads; io_uring is refused: Operation not permitted"),
        std::string::npos)
        << report;
  });
}

bool refuse_calls(env::fault_site site) noexcept {
  static std::atomic<unsigned> n{0};
  return site == env::fault_site::ring_call && n++ % 3 != 0;
}

TEST_P(disk_reads, go_on_in_threads_where_the_kernel_takes_no_more) {
  const test::fault_hook refused(&refuse_calls);
  run([&] {
    const scratch folder;
    write_file(folder.name("a"), pattern(100'000)).value();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(read_file(folder.name("a")).value() == pattern(100'000));
  });
}

TEST_P(disk_reads, use_no_ring_that_is_switched_off) {
  const nothing_in_memory off(ring_use::off);
  run([&] {
    const scratch folder;
    write_file(folder.name("a"), "text").value();
    EXPECT_EQ(read_file(folder.name("a")).value(), "text");
    EXPECT_EQ(can_submit(), 0);
    EXPECT_NE(dump().find("files are read from disks by blocked threads (THRUM_FILE_RING=off)\n"),
              std::string::npos);
  });
}

TEST_P(disk_reads, tell_in_a_dump_that_they_use_a_ring) {
  run_with_ring(
      +[] { EXPECT_NE(dump().find("files are read from disks through io_uring\n"), std::string::npos); });
}

TEST(disk_reads_left_to_themselves, take_a_ring_only_while_others_wait) {
  const nothing_in_memory all_wait(ring_use::automatic);
  thrum::run(
      [] {
        const scratch folder;
        write_file(folder.name("a"), "text").value();
        const file f = file::open(folder.name("a")).value();
        const auto reads = [&] {
          char b[10];
          EXPECT_EQ(f.read_at(0, b).value(), 4u);
        };
        reads();
        EXPECT_EQ(can_submit(), 0);
        auto a = spawn(reads), b = spawn(reads);
        a.join();
        b.join();
        EXPECT_NE(can_submit(), 0);
      },
      {.processors = 1, .max_threads = 1}); // so that nothing is handed off
}

TEST(disk_reads_of_threads, block_them) {
  const nothing_in_memory all_wait;
  const scratch folder;
  write_file(folder.name("a"), pattern(100'000)).value();
  EXPECT_TRUE(read_file(folder.name("a")).value() == pattern(100'000));
}

// The same numbers on all processors.
constexpr unsigned io_uring_setup = 425;
constexpr unsigned openat2 = 437;

// As containers do it: the call is answered with that error.
bool forbid(unsigned number, unsigned error) {
  sock_filter rules[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(rules)), rules};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

// f in a process of its own in which that call is forbidden.
void in_a_container_without(unsigned number, unsigned error, bool (*f)()) {
  constexpr int cannot_filter = 77;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid(number, error)) ::_exit(cannot_filter);
    ::_exit(run(f) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == cannot_filter) GTEST_SKIP() << "no filters here";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

class disk_reads_in_a_container : public testing::Test {
  void SetUp() override {
    if (THRUM_TSAN)
      GTEST_SKIP() << "the sanitizer starts no threads in the fork of a process that has several";
  }
};

TEST_F(disk_reads_in_a_container, that_forbids_io_uring_go_on_in_threads) {
  in_a_container_without(
      io_uring_setup, EPERM, +[] {
        const nothing_in_memory all_wait;
        const scratch folder;
        write_file(folder.name("a"), pattern(100'000)).value();
        return read_file(folder.name("a")).value() == pattern(100'000) && can_submit() == -EPERM;
      });
}

// What is in memory is then opened as everything else, also while others wait for the processor.
TEST_F(disk_reads_in_a_container, that_forbids_openat2_find_their_files) {
  for (const unsigned error : {unsigned{ENOSYS}, unsigned{EPERM}})
    in_a_container_without(
        openat2, error, +[] {
          const scratch folder;
          write_file(folder.name("a"), "text").value();
          std::vector<fiber<bool>> all;
          for (int i = 0; i < 20; ++i)
            all.push_back(spawn([&] { return read_file(folder.name("a")).value() == "text"; }));
          bool ok = true;
          for (auto& one : all) ok = one.join() && ok;
          return ok;
        });
}

} // namespace
} // namespace thrum::io
