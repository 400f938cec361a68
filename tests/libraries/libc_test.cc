// libc and the C++ library, from a thousand fibers: names, sleeps, pipes, file locks, mutexes, stdio, malloc, child processes.
#include "libraries/beside.h"
#include "libraries/server.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <new>
#include <semaphore>
#include <spawn.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace {

using test::callers;
using test::calls;
using test::crowd;
using test::others;
using test::run_beside;

// The address of localhost, in the order of the host; 0 if there is none.
std::uint32_t localhost() {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo("localhost", "80", &hints, &found) != 0) return 0;
  sockaddr_in address{};
  std::memcpy(&address, found->ai_addr, sizeof address);
  ::freeaddrinfo(found);
  return ntohl(address.sin_addr.s_addr);
}

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  operator int() const { return fd_; }
  void close() { ::close(std::exchange(fd_, -1)); }

private:
  int fd_;
};

// Where the calls compute rather than wait, all fibers do their share, and the first few go on until the others have. A thousand
// that never end would leave each thread a five-hundredth of a CPU, and each lock of malloc with a holder that has to wait for it.
constexpr std::size_t to_the_end = 8;

} // namespace

TEST(libc, names_are_looked_up) {
  if (localhost() == 0) GTEST_SKIP() << "this machine does not know localhost";
  run_beside([](others& beside) {
    calls all(callers(), [&beside, since = beside.now()](std::size_t i) {
      do EXPECT_EQ(localhost() >> 24, 127u);
      while (i < to_the_end && !beside.went_on(since));
    });
    all.join();
  });
}

// So long that waking up a thousand threads leaves the CPUs time: with 1 ms they would have no time for anything else, as without
// a runtime.
TEST(libc, sleeps_of_the_kernel_hold_up_nobody_else) {
  run_beside([](others& beside) {
    calls all(callers(), [&beside, since = beside.now()](std::size_t i) {
      do EXPECT_EQ(::usleep(static_cast<useconds_t>(20'000 + 10 * i)), 0);
      while (!beside.went_on(since));
    });
    all.join();
  });
}

// With fewer threads than fibers that block, fibers wait for threads, as the runtime says once; and still all come to their turn.
TEST(libc, there_are_no_more_threads_than_allowed) {
  testing::internal::CaptureStderr();
  run_beside(
      [](others& beside) {
        calls all(callers(), [&beside, since = beside.now()](std::size_t i) {
          do {
            EXPECT_EQ(::usleep(2'000), 0);
            thrum::this_fiber::yield();
          } while (i < to_the_end && !beside.went_on(since));
        });
        all.join();
      },
      64);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(said.empty() || said.find("max_threads") != std::string::npos) << said;
}

// Opening it blocks until there is a writer, reading until it has written.
TEST(libc, readers_wait_for_a_slow_fifo) {
  const test::temporary_folder folder;
  const std::string name = folder.file("fifo");
  ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
  run_beside([&](others& beside) {
    const std::size_t n = callers();
    crowd opening(n), reading(n);
    std::vector<std::atomic<unsigned>> seen(n);
    calls all(n, [&](std::size_t) {
      opening.begin();
      const descriptor fifo(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
      ASSERT_GE(fifo, 0);
      reading.begin();
      std::uint32_t got = 0;
      ASSERT_EQ(::read(fifo, &got, sizeof got), static_cast<ssize_t>(sizeof got));
      ASSERT_LT(got, seen.size());
      ++seen[got];
    });
    opening.wait_until_all_have_begun();
    beside.go_on();
    const descriptor fifo(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_GE(fifo, 0);
    reading.wait_until_all_have_begun();
    beside.go_on();
    for (std::uint32_t i = 0; i < n; ++i)
      ASSERT_EQ(::write(fifo, &i, sizeof i), static_cast<ssize_t>(sizeof i));
    all.join();
    for (const auto& count : seen) EXPECT_EQ(count, 1u);
  });
}

TEST(libc, file_locks_exclude) {
  const test::temporary_folder folder;
  const std::string name = folder.file("lock");
  run_beside([&](others& beside) {
    descriptor held(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_GE(held, 0);
    std::uint32_t count = 0;
    ASSERT_EQ(::pwrite(held, &count, sizeof count, 0), static_cast<ssize_t>(sizeof count));
    ASSERT_EQ(::flock(held, LOCK_EX), 0);
    const std::size_t n = callers();
    crowd begun(n);
    calls all(n, [&](std::size_t) {
      const descriptor file(::open(name.c_str(), O_RDWR | O_CLOEXEC)); // a file description of its own
      ASSERT_GE(file, 0);
      begun.begin();
      ASSERT_EQ(::flock(file, LOCK_EX), 0);
      std::uint32_t now = 0;
      ASSERT_EQ(::pread(file, &now, sizeof now, 0), static_cast<ssize_t>(sizeof now));
      ++now;
      ASSERT_EQ(::pwrite(file, &now, sizeof now, 0), static_cast<ssize_t>(sizeof now));
      ASSERT_EQ(::flock(file, LOCK_UN), 0);
    });
    begun.wait_until_all_have_begun();
    beside.go_on();
    ASSERT_EQ(::flock(held, LOCK_UN), 0);
    all.join();
    ASSERT_EQ(::pread(held, &count, sizeof count, 0), static_cast<ssize_t>(sizeof count));
    EXPECT_EQ(count, n);
  });
}

TEST(libc, a_mutex_held_by_a_thread_blocks_only_those_who_want_it) {
  std::mutex lock;
  std::binary_semaphore locked(0), let_go(0);
  std::thread holder([&] {
    const std::lock_guard hold(lock);
    locked.release();
    let_go.acquire();
  });
  locked.acquire();
  run_beside([&](others& beside) {
    const std::size_t n = callers();
    crowd begun(n);
    std::size_t count = 0; // guarded by lock
    calls all(n, [&](std::size_t) {
      begun.begin();
      const std::lock_guard hold(lock); // nobody parks while it is held
      ++count;
    });
    begun.wait_until_all_have_begun();
    beside.go_on();
    let_go.release();
    all.join();
    EXPECT_EQ(count, n);
  });
  holder.join();
}

TEST(libc, malloc_and_free_in_all_sizes) {
  run_beside([](others& beside) {
    calls all(callers(), [&beside, since = beside.now()](std::size_t i) {
      std::size_t size = i + 1;
      std::array<unsigned char*, 16> blocks{};
      for (std::size_t round = 0; round < 30 || (i < to_the_end && !beside.went_on(since)); ++round) {
        for (std::size_t k = 0; k < blocks.size(); ++k) {
          size = size * 31 % 20'011 + 1;
          blocks[k] = static_cast<unsigned char*>(std::malloc(size));
          ASSERT_NE(blocks[k], nullptr);
          blocks[k][0] = blocks[k][size - 1] = static_cast<unsigned char>(i + k);
        }
        for (std::size_t k = 0; k < blocks.size(); ++k) {
          EXPECT_EQ(blocks[k][0], static_cast<unsigned char>(i + k));
          std::free(blocks[k]);
        }
        size += std::make_unique<std::string>(1000, 'x')->size();
      }
    });
    all.join();
  });
}

// A file of each fiber's own, and one that all write to: no line is torn or lost.
TEST(libc, stdio_keeps_lines_whole) {
  const test::temporary_folder folder;
  std::FILE* shared = std::fopen(folder.file("shared").c_str(), "w+e");
  ASSERT_NE(shared, nullptr);
  std::atomic<std::size_t> written{0};
  run_beside([&](others& beside) {
    calls all(callers(), [&, since = beside.now()](std::size_t i) {
      const std::string name = folder.file(std::to_string(i));
      for (std::size_t line = 0; line < 3 || (i < to_the_end && !beside.went_on(since)); ++line) {
        std::FILE* own = std::fopen(name.c_str(), "w+e");
        ASSERT_NE(own, nullptr);
        EXPECT_GT(std::fprintf(own, "%zu %s %.17g\n", i, "own", 1.0 / 3), 0);
        std::rewind(own);
        std::size_t number = 0;
        double third = 0;
        EXPECT_EQ(std::fscanf(own, "%zu own %lf", &number, &third), 2);
        EXPECT_EQ(number, i);
        EXPECT_EQ(third, 1.0 / 3);
        EXPECT_EQ(std::fclose(own), 0);
        EXPECT_EQ(std::fprintf(shared, "%08zu %08zu %08zu\n", i, line, i + line), 27);
        ++written;
      }
      EXPECT_EQ(std::remove(name.c_str()), 0);
    });
    all.join();
  });
  std::rewind(shared);
  std::size_t lines = 0;
  for (std::size_t a = 0, b = 0, sum = 0; std::fscanf(shared, "%zu %zu %zu\n", &a, &b, &sum) == 3; ++lines)
    ASSERT_EQ(a + b, sum);
  EXPECT_EQ(lines, written);
  std::fclose(shared);
}

// So many processes at a time that a small machine bears them; the other fibers wait for their turn.
TEST(libc, waitpid_gets_the_status_of_each_child) {
  run_beside([](others& beside) {
    constexpr std::ptrdiff_t at_a_time = 32;
    const std::size_t n = test::times(320);
    thrum::counting_semaphore<> turns(at_a_time);
    int gate[2]; // the children read from it, and end when nobody can write any more
    ASSERT_EQ(::pipe2(gate, O_CLOEXEC), 0);
    descriptor read_end(gate[0]), write_end(gate[1]);
    crowd first(std::min<std::size_t>(n, at_a_time));
    calls all(n, [&](std::size_t i) {
      turns.acquire();
      posix_spawn_file_actions_t files;
      ASSERT_EQ(::posix_spawn_file_actions_init(&files), 0);
      ASSERT_EQ(::posix_spawn_file_actions_adddup2(&files, read_end, STDIN_FILENO), 0);
      std::string command = "read line; exit " + std::to_string(i % 100);
      char shell[] = "/bin/sh", option[] = "-c";
      char* arguments[] = {shell, option, command.data(), nullptr};
      pid_t child = 0;
      ASSERT_EQ(::posix_spawn(&child, shell, &files, nullptr, arguments, environ), 0);
      ::posix_spawn_file_actions_destroy(&files);
      first.begin();
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_TRUE(WIFEXITED(status));
      EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(i % 100));
      turns.release();
    });
    first.wait_until_all_have_begun();
    beside.go_on();
    write_end.close();
    all.join();
  });
}

TEST(libc, system_returns_what_the_command_returns) {
  run_beside([](others& beside) {
    thrum::counting_semaphore<> turns(16);
    calls all(test::times(160), [&, since = beside.now()](std::size_t i) {
      do {
        turns.acquire();
        const int status = std::system(("exit " + std::to_string(i % 100)).c_str());
        turns.release();
        EXPECT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(i % 100));
      } while (!beside.went_on(since));
    });
    all.join();
  });
}
