// Descriptors that thrum did not open: pipes, sockets, eventfds, timerfds, terminals, files and devices, blocking or not.
#include "env/descriptors_kit.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <span>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <thrum/chan.h>
#include <thrum/io/borrowed.h>
#include <thrum/io/ready.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>

namespace thrum {
namespace {

using namespace std::chrono_literals;
using io::test::open_descriptors;
using io::test::wait_until;

bool is_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// The two ends of something, `in` to be read from; closed at the end.
struct ends {
  int in = -1, out = -1;
  ends(int i, int o) noexcept : in(i), out(o) {}
  ends(ends&& other) noexcept : in(std::exchange(other.in, -1)), out(std::exchange(other.out, -1)) {}
  ends& operator=(ends&&) = delete;
  ~ends() {
    close_in();
    if (out >= 0) ::close(out);
  }
  void close_in() {
    if (in >= 0 && in != out) ::close(in);
    in = -1;
  }
  void put(std::string_view bytes) const {
    EXPECT_EQ(::write(out, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
};

enum class kind { pipe, socket, datagrams, terminal };

ends make(kind k, bool blocking) {
  int two[2] = {-1, -1};
  switch (k) {
  case kind::pipe:
    if (::pipe2(two, O_CLOEXEC) != 0) std::abort();
    break;
  case kind::socket:
  case kind::datagrams:
    if (::socketpair(AF_UNIX, (k == kind::socket ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0, two) != 0)
      std::abort();
    break;
  case kind::terminal: {
    two[0] = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];
    if (::grantpt(two[0]) != 0 || ::unlockpt(two[0]) != 0 || ::ptsname_r(two[0], name, sizeof name) != 0)
      std::abort();
    two[1] = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  }
  }
  if (!blocking)
    for (const int fd : two) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return {two[0], two[1]};
}

class foreign : public testing::TestWithParam<std::tuple<unsigned, kind, bool>> {
protected:
  template <class F> void run(F&& f) {
    thrum::run(std::forward<F>(f), {.processors = std::get<0>(GetParam())});
  }
  static kind what() { return std::get<1>(GetParam()); }
  static bool blocking() { return std::get<2>(GetParam()); }
  static ends make() { return thrum::make(what(), blocking()); }
};
INSTANTIATE_TEST_SUITE_P(all, foreign,
                         testing::Combine(testing::Values(1u, 2u, 4u),
                                          testing::Values(kind::pipe, kind::socket, kind::datagrams,
                                                          kind::terminal),
                                          testing::Bool()));

// The duplicate of a wait is there, so the wait is about to begin or has begun.
void wait_for_duplicates(unsigned before, unsigned n) {
  wait_until([&] { return open_descriptors() >= before + n; });
}

TEST_P(foreign, reading_parks_until_there_is_something_and_leaves_everything_as_it_was) {
  const ends e = make();
  run([&] {
    const unsigned before = open_descriptors();
    auto reader = spawn([&] {
      char b[100];
      return std::string(b, io::read(e.in, b).value());
    });
    wait_for_duplicates(before, 1);
    e.put("hello");
    EXPECT_EQ(reader.join(), "hello");
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(is_blocking(e.in), blocking());
  });
}

TEST_P(foreign, a_wait_takes_nothing_and_several_may_wait_for_one) {
  const ends e = make();
  run([&] {
    const unsigned before = open_descriptors();
    std::vector<fiber<void>> waiting;
    for (int i = 0; i < 5; ++i) waiting.push_back(spawn([&] { io::wait_readable(e.in).value(); }));
    wait_for_duplicates(before, 5);
    e.put("abc");
    for (auto& w : waiting) w.join();
    EXPECT_EQ(open_descriptors(), before);
    char b[100];
    EXPECT_EQ(::read(e.in, b, sizeof b), 3);
    EXPECT_EQ(is_blocking(e.in), blocking());
  });
}

TEST_P(foreign, deadlines_and_stop_requests_end_waits_and_nothing_stays_behind) {
  const ends e = make();
  run([&] {
    const unsigned before = open_descriptors();
    char b[10];
    EXPECT_EQ(io::read(e.in, b, 1ms).error(), io::errc::deadline);
    EXPECT_EQ(io::wait_readable(e.in, 1ms).error(), io::errc::deadline);
    EXPECT_EQ(io::wait_readable(e.in, 0ms).error(), io::errc::deadline);
    auto reading = spawn([&] { static_cast<void>(io::read(e.in, b)); });
    auto waiting = spawn([&] { static_cast<void>(io::wait_readable(e.in)); });
    wait_for_duplicates(before, 2);
    reading.request_stop();
    waiting.request_stop();
    EXPECT_THROW(reading.join(), cancelled);
    EXPECT_THROW(waiting.join(), cancelled);
    EXPECT_EQ(open_descriptors(), before);
    e.put("x");
    auto stopped = spawn([&] { // what is there is read
      while (!this_fiber::stop_requested()) this_fiber::yield();
      EXPECT_TRUE(io::wait_readable(e.in, 0ms));
      return io::read(e.in, b, 0ms).value();
    });
    stopped.request_stop();
    EXPECT_EQ(stopped.join(), 1u);
  });
}

TEST_P(foreign, a_number_that_is_closed_and_given_to_another_file_disturbs_no_wait) {
  ends e = make();
  ends other = thrum::make(kind::pipe, true);
  run([&] {
    const unsigned before = open_descriptors();
    auto waiting = spawn([&] {
      char b[10];
      return std::string(b, io::read(e.in, b).value());
    });
    wait_for_duplicates(before, 1);
    ::dup2(other.in, e.in); // closes, and opens another with the same number
    other.put("not this");
    EXPECT_FALSE(waiting.ended());
    e.put("this");
    EXPECT_EQ(waiting.join(), "this");
    EXPECT_EQ(open_descriptors(), before);
  });
}

TEST_P(foreign, a_borrowed_serves_many_waits_and_is_a_case_of_a_select) {
  const ends e = make();
  run([&] {
    chan<int> numbers;
    const unsigned before = open_descriptors();
    {
      const io::borrowed b = io::borrowed::from(e.in).value();
      std::atomic<int> bytes{0};
      auto served = spawn([&] {
        int sum = 0;
        std::optional<int> n;
        char c;
        for (;;) switch (thrum::select(readable(b), recv(numbers, n))) {
          case 0: // our own read and the owner's, in turns
            bytes += bytes % 2 == 0 ? static_cast<int>(b.read_some({&c, 1}).value())
                                    : static_cast<int>(::read(e.in, &c, 1));
            break;
          case 1:
            if (!n) return sum;
            sum += *n;
          }
      });
      for (int i = 0; i < 100; ++i) {
        e.put("x");
        numbers.send(i);
        if (i % 5 == 4) wait_until([&] { return bytes == i + 1; }); // few datagrams fit
      }
      EXPECT_TRUE(b);
      numbers.close();
      EXPECT_EQ(served.join(), 99 * 50);
      EXPECT_EQ(bytes, 100);
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(is_open(e.in));
  });
}

TEST_P(foreign, waits_of_a_borrowed_obey_its_close_and_its_deadlines) {
  const ends e = make();
  run([&] {
    const io::borrowed b = io::borrowed::from(e.in).value();
    b.set_read_deadline(1ms);
    EXPECT_EQ(b.wait_readable().error(), io::errc::deadline);
    b.set_read_deadline({});
    auto waiting = spawn([&] { return b.wait_readable(); });
    this_fiber::yield();
    b.close();
    const auto r = waiting.join();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), io::errc::closed);
    EXPECT_EQ(r.error().message(),
              "wait to read descriptor " + std::to_string(e.in) + ": closed on this side");
    EXPECT_TRUE(is_open(e.in));
  });
}

class foreign_writes : public testing::TestWithParam<std::tuple<kind, bool>> {};
INSTANTIATE_TEST_SUITE_P(all, foreign_writes,
                         testing::Combine(testing::Values(kind::pipe, kind::socket), testing::Bool()));

TEST_P(foreign_writes, write_waits_for_room_until_all_has_gone_through) {
  const ends e = make(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const std::string sent(1 << 20, 'w');
  run([&] {
    const unsigned before = open_descriptors();
    auto writer = spawn([&] { io::write(e.out, sent).value(); });
    wait_for_duplicates(before, 1);
    EXPECT_EQ(io::wait_writable(e.out, 0ms).error(), io::errc::deadline);
    std::string got;
    char b[5'000];
    while (got.size() < sent.size()) got.append(b, io::read(e.in, b).value());
    writer.join();
    EXPECT_EQ(got, sent);
    io::wait_writable(e.out).value();
    EXPECT_EQ(is_blocking(e.out), std::get<1>(GetParam()));
  });
}

TEST_P(foreign_writes, one_that_is_cut_short_says_how_much_went_through) {
  const ends e = make(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const std::string sent(1 << 20, 'w');
  const auto there = [&] {
    std::size_t n = 0;
    char b[5'000];
    while (const auto got = io::read(e.in, b, 0ms)) n += *got;
    return n;
  };
  run([&] {
    const auto late = io::write(e.out, sent, 1ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), io::errc::deadline);
    EXPECT_EQ(late.error().transferred, there());
    const unsigned before = open_descriptors();
    std::size_t transferred = 0;
    auto stopped = spawn([&] {
      try {
        static_cast<void>(io::write(e.out, sent));
      } catch (const io::cancelled_transfer& c) { transferred = c.transferred(); }
    });
    wait_for_duplicates(before, 1);
    stopped.request_stop();
    stopped.join();
    EXPECT_GT(transferred, 0u);
    EXPECT_EQ(transferred, there());
  });
}

TEST_P(foreign_writes, nobody_reads_is_an_error_and_no_signal) {
  ends e = make(std::get<0>(GetParam()), std::get<1>(GetParam()));
  e.close_in();
  run([&] {
    const auto r = io::write(e.out, "x");
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().message(), "write descriptor " + std::to_string(e.out) + ": Broken pipe");
    EXPECT_TRUE(io::wait_writable(e.out)); // the write will not wait
  });
}

TEST(foreign_descriptor, an_eventfd_is_waited_for_and_counts) {
  for (const int flags : {0, int{EFD_NONBLOCK}}) {
    const int event = ::eventfd(0, EFD_CLOEXEC | flags);
    run([&] {
      const unsigned before = open_descriptors();
      std::uint64_t n = 0;
      auto waiting = spawn([&] { return io::read(event, std::span(&n, 1)).value(); });
      wait_for_duplicates(before, 1);
      const std::uint64_t three = 3;
      io::write(event, std::span(&three, 1)).value();
      EXPECT_EQ(waiting.join(), sizeof n);
      EXPECT_EQ(n, 3u);
      EXPECT_EQ(io::wait_readable(event, 0ms).error(), io::errc::deadline);
    });
    ::close(event);
  }
}

TEST(foreign_descriptor, an_eventfd_wakes_a_borrowed_each_time) {
  const int event = ::eventfd(0, EFD_CLOEXEC);
  run([&] {
    const io::borrowed b = io::borrowed::from(event).value();
    std::uint64_t sum = 0;
    auto adds = spawn([&] {
      while (sum < 1'000) {
        b.wait_readable().value();
        std::uint64_t n = 0;
        EXPECT_EQ(::read(event, &n, sizeof n), 8); // by the owner; thrum is not told
        sum += n;
      }
    });
    const std::uint64_t one = 1;
    for (int i = 0; i < 1'000; ++i) {
      EXPECT_EQ(::write(event, &one, sizeof one), 8);
      if (i % 3 == 0) this_fiber::yield();
    }
    adds.join();
    EXPECT_EQ(sum, 1'000u);
  });
  ::close(event);
}

TEST(foreign_descriptor, a_timerfd_is_waited_for) {
  const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  run([&] {
    itimerspec once{};
    once.it_value.tv_nsec = 3'000'000;
    ::timerfd_settime(timer, 0, &once, nullptr);
    std::uint64_t n = 0;
    EXPECT_EQ(io::read(timer, std::span(&n, 1)).value(), sizeof n);
    EXPECT_EQ(n, 1u);
  });
  ::close(timer);
}

// Far more than there are threads: with one for each read this would never end.
TEST(foreign_descriptor, a_crowd_that_reads_from_pipes_that_block_needs_no_threads) {
  constexpr int crowd = 200;
  std::vector<ends> all;
  for (int i = 0; i < crowd; ++i) all.push_back(make(kind::pipe, true));
  run(
      [&] {
        const unsigned before = open_descriptors();
        std::atomic<int> sum{0};
        std::vector<fiber<void>> readers;
        for (int i = 0; i < crowd; ++i)
          readers.push_back(spawn([&, i] {
            char c;
            io::read(all[static_cast<unsigned>(i)].in, std::span(&c, 1)).value();
            sum += c;
          }));
        wait_for_duplicates(before, crowd); // all of them wait at a time
        for (const ends& e : all) e.put("\1");
        for (auto& r : readers) r.join();
        EXPECT_EQ(sum, crowd);
      },
      {.processors = 2, .max_threads = 2});
}

TEST(foreign_descriptor, what_is_not_open_or_not_in_this_direction_is_said_so) {
  const ends e = make(kind::pipe, true);
  const ends f = make(kind::pipe, false);
  run([&] {
    char b[10];
    for (const ends* p : {&e, &f}) {
      EXPECT_EQ(io::read(p->out, b).error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(io::write(p->in, "x").error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(io::wait_readable(p->out).error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(io::wait_writable(p->in).error(), std::errc::bad_file_descriptor);
      const io::borrowed out = io::borrowed::from(p->out).value();
      EXPECT_EQ(out.read_some(b).error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(out.wait_readable().error(), std::errc::bad_file_descriptor);
    }
    for (const int none : {-1, 1'000'000}) {
      EXPECT_EQ(io::read(none, b).error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(io::write(none, "x").error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(io::wait_readable(none).error(), std::errc::bad_file_descriptor);
      EXPECT_EQ(io::borrowed::from(none).error(), std::errc::bad_file_descriptor);
    }
    EXPECT_EQ(io::read(-1, b).error().message(), "read descriptor -1: Bad file descriptor");
    EXPECT_EQ(io::borrowed().wait_readable().error(), io::errc::closed);
  });
}

TEST(foreign_descriptor, the_end_is_readable_and_reads_as_zero) {
  ends e = make(kind::pipe, true);
  ::close(std::exchange(e.out, -1));
  run([&] {
    char b[10];
    io::wait_readable(e.in).value();
    EXPECT_EQ(io::read(e.in, b).value(), 0u);
    const io::borrowed reader = io::borrowed::from(e.in).value();
    EXPECT_EQ(reader.read_some(b).value(), 0u);
  });
}

TEST(foreign_descriptor, without_one_for_the_duplicate_a_wait_fails_and_what_is_ready_does_not) {
  const ends e = make(kind::pipe, true);
  run([&] {
    EXPECT_EQ(io::wait_readable(e.in, 1ms).error(), io::errc::deadline); // the poller is there
    const env::test::descriptor_limit limit(env::test::room_for(0));
    const auto r = io::wait_readable(e.in, 1ms);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::too_many_files_open);
    e.put("x");
    EXPECT_TRUE(io::wait_readable(e.in));
    char b[10];
    EXPECT_EQ(io::read(e.in, b).value(), 1u);
  });
}

// A lock of the whole process on a file, as SQLite takes them; every close of the file in this process drops it.
bool has_record_lock(const std::string& path) {
  struct flock l{};
  l.l_type = F_WRLCK;
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ::fcntl(fd, F_OFD_GETLK, &l);
  const bool locked = l.l_type != F_UNLCK;
  static_cast<void>(fd); // not closed here, for that reason
  return locked;
}

TEST(foreign_descriptor, a_regular_file_is_always_ready_and_goes_on_at_its_position) {
  char name[] = "/tmp/thrum-borrowed-XXXXXX";
  const int file = ::mkostemp(name, O_CLOEXEC);
  struct flock l{};
  l.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(file, F_SETLK, &l), 0);
  run([&] {
    io::write(file, "one ").value();
    EXPECT_EQ(::write(file, "two", 3), 3);
    io::wait_readable(file).value(); // at its end, too
    io::wait_writable(file).value();
    char b[100];
    EXPECT_EQ(io::read(file, b).value(), 0u);
    ::lseek(file, 0, SEEK_SET);
    EXPECT_EQ(std::string(b, io::read(file, b).value()), "one two");
    EXPECT_TRUE(has_record_lock(name)); // none of these has closed the file
    {
      const io::borrowed same = io::borrowed::from(file).value();
      same.wait_readable(0ms).value();
      ::lseek(file, 4, SEEK_SET);
      EXPECT_EQ(std::string(b, same.read_some(b).value()), "two");
    }
    EXPECT_FALSE(has_record_lock(name)); // as borrowed.h says
  });
  ::unlink(name);
  ::close(file);
}

TEST(foreign_descriptor, a_device_that_nobody_can_wait_for_is_always_ready) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  run([&] {
    char b[10];
    EXPECT_EQ(io::read(null, b).value(), 0u);
    io::write(null, std::string(100'000, 'x')).value();
    io::wait_readable(null).value();
    const io::borrowed same = io::borrowed::from(null).value();
    same.wait_readable().value();
    EXPECT_EQ(same.read_some(b).value(), 0u);
  });
  ::close(null);
}

TEST(foreign_descriptor, a_thread_waits_too) {
  const ends e = make(kind::socket, true);
  std::string got;
  std::thread reader([&] {
    char b[10];
    got = std::string(b, io::read(e.in, b).value());
  });
  e.put("hello");
  reader.join();
  EXPECT_EQ(got, "hello");
}

TEST(foreign_descriptor, the_end_of_the_runtime_ends_waits_of_a_borrowed) {
  const ends e = make(kind::pipe, true);
  io::borrowed b;
  run([&] { b = io::borrowed::from(e.in).value(); });
  EXPECT_EQ(b.wait_readable().error(), io::errc::runtime_ended);
}

} // namespace
} // namespace thrum
