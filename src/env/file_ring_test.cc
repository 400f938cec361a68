// Reads of files that go on by themselves: each is reported once, with its bytes; what is withdrawn leaves the buffer alone; and who may
// not have io_uring is told so. Pipes stand in for slow disks: a read of one that is empty waits as long as the test wants.
#include "env/file_reads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace thrum::env {
namespace {

world& w() { return linux_world(); }

constexpr nanoseconds second = 1'000'000'000;

// A file of which each block of 64 bytes tells its number.
struct numbered_file {
  static constexpr std::size_t block = 64;
  std::string path = "/tmp/thrum-file-ring-XXXXXX";
  int fd;
  explicit numbered_file(unsigned blocks) : fd(::mkostemp(path.data(), O_CLOEXEC)) {
    std::string all;
    for (unsigned i = 0; i < blocks; ++i) {
      std::string one = std::to_string(i);
      one.resize(block, '.');
      all += one;
    }
    EXPECT_EQ(::write(fd, all.data(), all.size()), static_cast<ssize_t>(all.size()));
  }
  ~numbered_file() {
    ::close(fd);
    ::unlink(path.c_str());
  }
};

struct pipe_ends {
  int ends[2];
  pipe_ends() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); } // a read of it waits
  ~pipe_ends() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void write(const char* text) const {
    EXPECT_EQ(::write(ends[1], text, std::strlen(text)), static_cast<ssize_t>(std::strlen(text)));
  }
};

class a_ring_for_files : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(w().open_poller(&poller_), 0);
    const numbered_file one(1);
    char b[1];
    file_request probe = asks(one.fd, b, 1, 0);
    if (!submit_read(poller_, probe))
      GTEST_SKIP() << "io_uring is refused here: " << can_submit_reads(poller_);
    EXPECT_EQ(wait(probe), 1);
  }
  void TearDown() override {
    w().fault = nullptr;
    w().fail_file = nullptr;
    if (poller_ != nullptr) w().close_poller(poller_);
  }

  static file_request asks(int fd, void* data, std::uint32_t size, std::int64_t offset) {
    return {.token = nullptr, .fd = fd, .size = size, .data = data, .offset = offset};
  }
  void submit(file_request& r) {
    r.token = &r;
    ASSERT_TRUE(submit_read(poller_, r));
  }
  // What is reported until `count` have been, or that long.
  std::multiset<void*> poll(std::size_t count, nanoseconds longest = 60 * second, int capacity = 16) {
    std::multiset<void*> all;
    const nanoseconds end = w().now() + longest;
    std::vector<readiness> events(static_cast<std::size_t>(capacity));
    while (all.size() < count && w().now() < end) {
      const int n = w().poll(poller_, events.data(), capacity, end);
      EXPECT_GE(n, 0);
      EXPECT_LE(n, capacity);
      for (int i = 0; i < n; ++i) all.insert(events[static_cast<std::size_t>(i)].token);
    }
    return all;
  }
  std::int64_t wait(file_request& r) {
    EXPECT_EQ(poll(1), std::multiset<void*>{r.token});
    return r.result;
  }
  bool nothing_more_is_reported() {
    readiness one;
    return w().poll(poller_, &one, 1, 0) == 0;
  }

  poller* poller_ = nullptr;
};

TEST_F(a_ring_for_files, reads_what_a_read_at_that_place_would) {
  const numbered_file file(100);
  char b[100] = {};
  file_request r = asks(file.fd, b, sizeof b, 64 * 7);
  submit(r);
  EXPECT_EQ(wait(r), 100);
  EXPECT_EQ(std::string(b, 2), "7.");
  EXPECT_EQ(std::string(b + 64, 2), "8.");
  EXPECT_EQ(::lseek(file.fd, 0, SEEK_CUR), 64 * 100); // is where it was
  r = asks(file.fd, b, sizeof b, 64 * 99 + 60);       // the end
  submit(r);
  EXPECT_EQ(wait(r), 4);
  r = asks(file.fd, b, sizeof b, 64 * 100);
  submit(r);
  EXPECT_EQ(wait(r), 0);
  EXPECT_EQ(can_submit_reads(poller_), 1);
  EXPECT_TRUE(nothing_more_is_reported());
}

TEST_F(a_ring_for_files, reports_errors_as_a_read_would) {
  char b[10];
  const int directory = ::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int written = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const std::pair<int, int> cases[] = {{directory, -EISDIR}, {written, -EBADF}, {9'999'999, -EBADF}};
  for (const auto& [fd, error] : cases) {
    file_request r = asks(fd, b, sizeof b, 0);
    submit(r);
    EXPECT_EQ(wait(r), error);
  }
  ::close(directory);
  ::close(written);
}

// Those who come while another brings his to the kernel leave theirs to him.
TEST_F(a_ring_for_files, brings_the_requests_of_all_threads_to_the_kernel_each_once) {
  constexpr unsigned threads = 4, each = 900;
  const numbered_file file(threads * each);
  std::vector<file_request> all(threads * each);
  std::vector<std::string> got(threads * each, std::string(numbered_file::block, ' '));
  std::atomic<bool> refused = false;
  std::vector<std::jthread> who;
  for (unsigned t = 0; t < threads; ++t)
    who.emplace_back([&, t] {
      for (unsigned i = t * each; i < (t + 1) * each; ++i) {
        all[i] = asks(file.fd, got[i].data(), numbered_file::block, std::int64_t{i} * 64);
        all[i].token = &all[i];
        if (!submit_read(poller_, all[i])) refused = true;
      }
    });
  const std::multiset<void*> seen = poll(all.size(), 60 * second, 7);
  who.clear();
  EXPECT_FALSE(refused);
  EXPECT_EQ(seen.size(), all.size());
  for (unsigned i = 0; i < all.size(); ++i) {
    EXPECT_EQ(seen.count(&all[i]), 1u);
    if (all[i].result == -ECANCELED || all[i].result == -EFAULT) continue; // of a thread that has ended
    EXPECT_EQ(all[i].result, 64);
    EXPECT_EQ(got[i].substr(0, got[i].find('.')), std::to_string(i));
  }
  EXPECT_TRUE(nothing_more_is_reported());
}

TEST_F(a_ring_for_files, wakes_who_sleeps_in_the_poller) {
  const pipe_ends pipe;
  char b[10] = {};
  file_request r = asks(pipe.ends[0], b, sizeof b, world::own_position);
  submit(r);
  EXPECT_TRUE(nothing_more_is_reported());
  std::jthread later([&] { pipe.write("late"); });
  EXPECT_EQ(wait(r), 4);
  EXPECT_EQ(std::string(b), "late");
}

TEST_F(a_ring_for_files, lets_a_request_be_withdrawn_that_waits) {
  const pipe_ends pipe;
  char b[10] = {};
  file_request r = asks(pipe.ends[0], b, sizeof b, world::own_position);
  submit(r);
  withdraw_read(poller_, r);
  EXPECT_EQ(wait(r), -ECANCELED);
  pipe.write("kept");
  EXPECT_EQ(std::string(b), ""); // nobody writes there any more
  EXPECT_EQ(::read(pipe.ends[0], b, sizeof b), 4);
  EXPECT_TRUE(nothing_more_is_reported());
}

// Withdrawn just as the bytes come: they are in the buffer or in the pipe, and the request is reported once.
TEST_F(a_ring_for_files, loses_nothing_that_comes_while_it_is_withdrawn) {
  for (int i = 0; i < 300; ++i) {
    const pipe_ends pipe;
    char b[10] = {};
    file_request r = asks(pipe.ends[0], b, sizeof b, world::own_position);
    submit(r);
    std::jthread other([&] { pipe.write("x"); });
    if (i % 3 == 0) std::this_thread::yield();
    withdraw_read(poller_, r);
    const std::int64_t n = wait(r);
    other.join();
    if (n == -ECANCELED)
      EXPECT_EQ(::read(pipe.ends[0], b, sizeof b), 1);
    else
      EXPECT_EQ(n, 1);
    EXPECT_EQ(b[0], 'x');
  }
}

// There is a place for the end of each, so none is lost although all end at once.
TEST_F(a_ring_for_files, takes_so_many_requests_and_no_more) {
  const pipe_ends pipe;
  char b[10] = {};
  std::vector<std::unique_ptr<file_request>> all;
  for (bool taken = true; taken && all.size() < 100'000;) {
    all.push_back(std::make_unique<file_request>(asks(pipe.ends[0], b, sizeof b, world::own_position)));
    all.back()->token = all.back().get();
    taken = submit_read(poller_, *all.back());
  }
  all.pop_back();
  EXPECT_GE(all.size(), 1'000u);
  EXPECT_LT(all.size(), 99'999u);
  for (const auto& r : all) withdraw_read(poller_, *r);
  const std::multiset<void*> seen = poll(all.size());
  for (const auto& r : all) {
    EXPECT_EQ(seen.count(r.get()), 1u);
    EXPECT_EQ(r->result, -ECANCELED);
  }
  file_request one = asks(pipe.ends[0], b, sizeof b, world::own_position); // there is room again
  submit(one);
  pipe.write("x");
  EXPECT_EQ(wait(one), 1);
}

TEST_F(a_ring_for_files, gives_requests_back_whose_thread_has_ended) {
  const pipe_ends pipe;
  char b[10] = {};
  file_request r = asks(pipe.ends[0], b, sizeof b, world::own_position);
  std::thread([&] { submit(r); }).join();
  pipe.write("kept");
  const std::int64_t n = wait(r);
  EXPECT_TRUE(n == -ECANCELED || n == -EFAULT) << n;
  EXPECT_EQ(::read(pipe.ends[0], b, sizeof b), 4);

  r = asks(pipe.ends[0], b, sizeof b, world::own_position);
  std::thread([&] { submit(r); }).join();
  withdraw_read(poller_, r);
  EXPECT_EQ(wait(r), -ECANCELED);
}

TEST_F(a_ring_for_files, fails_where_a_test_wants_it_to) {
  const numbered_file file(1);
  char b[10];
  w().fail_file = [](file_call c) noexcept { return c == file_call::read ? -EIO : 0; };
  file_request r = asks(file.fd, b, sizeof b, 0);
  submit(r);
  EXPECT_EQ(wait(r), -EIO);
  r = asks(file.fd, b, sizeof b, 0);
  r.only_to_have_it = true; // the read behind it will fail
  submit(r);
  EXPECT_EQ(wait(r), 10);
  w().fail_file = nullptr;
  w().close_poller(poller_);
  w().fault = [](fault_site s) noexcept { return s == fault_site::ring_call; };
  ASSERT_EQ(w().open_poller(&poller_), 0);
  EXPECT_FALSE(submit_read(poller_, r)); // and nothing is reported
  EXPECT_TRUE(nothing_more_is_reported());
}

TEST(a_ring_for_files_that_is_refused, begins_nothing_and_says_why) {
  w().fault = [](fault_site s) noexcept { return s == fault_site::ring_open; };
  poller* p = nullptr;
  ASSERT_EQ(w().open_poller(&p), 0);
  EXPECT_EQ(can_submit_reads(p), 0); // nobody has asked
  char b[10];
  file_request r = {.token = &r, .fd = 0, .size = sizeof b, .data = b, .offset = 0};
  EXPECT_FALSE(submit_read(p, r));
  EXPECT_EQ(can_submit_reads(p), -EPERM);
  w().fault = nullptr;
  EXPECT_FALSE(submit_read(p, r)); // for good
  w().close_poller(p);
}

} // namespace
} // namespace thrum::env
