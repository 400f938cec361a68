// Files: bytes, positions, locks, errors that name what they are about, and the file that is replaced or left alone.
#include "env/file_reads.h"
#include "io/descriptor_kit.h"
#include "io/file_kit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <thrum/io/file.h>
#include <thrum/spawn.h>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;
using enum file_mode;

using test::pattern;
using test::scratch;

class files : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void run(F&& f) { thrum::run(std::forward<F>(f), {.processors = GetParam()}); }
  const scratch folder;
};
INSTANTIATE_TEST_SUITE_P(processors, files, testing::Values(1u, 2u, 4u));

TEST_P(files, what_was_written_is_read_at_the_position_and_at_any_place) {
  run([&] {
    const std::string text = pattern(1'000'000); // more than a small write
    const file f = file::open(folder.name("a"), read | write | create | exclusive).value();
    f.write_all({text.data(), 10}).value();
    f.write_all({text.data() + 10, text.size() - 10}).value();
    EXPECT_EQ(f.size().value(), text.size());
    EXPECT_EQ(f.position().value(), text.size());
    char b[100];
    EXPECT_EQ(f.read_some(b).value(), 0u);
    f.seek(0).value();
    std::string got(text.size(), '\0');
    f.read_exactly(got).value();
    EXPECT_TRUE(got == text);
    f.read_exactly_at(777, b).value();
    EXPECT_EQ(std::string_view(b, 100), std::string_view(text).substr(777, 100));
    f.write_all_at(777, "patch").value();
    EXPECT_EQ(f.position().value(), text.size()); // is where it was
    f.read_exactly_at(775, {b, 9}).value();
    EXPECT_EQ(std::string_view(b, 9), text.substr(775, 2) + "patch" + text.substr(782, 2));
    const auto end = f.read_exactly_at(text.size() - 60, b);
    EXPECT_EQ(end.error(), errc::end_of_stream);
    EXPECT_EQ(end.error().transferred, 60u);
    EXPECT_EQ(f.read_at(text.size() + 5, b).value(), 0u);
    f.truncate(5).value();
    EXPECT_EQ(f.size().value(), 5u);
    f.sync().value();
    f.sync(sync_what::data_only).value();
    f.close_file().value();
    f.close_file().value(); // harmless
    EXPECT_EQ(f.read_at(0, b).error(), errc::closed);
    EXPECT_EQ(f.sync().error(), errc::closed);
  });
}

TEST_P(files, many_fibers_write_and_read_their_own_places_of_one_file) {
  run([&] {
    const file f = file::open(folder.name("a"), read | write | create).value();
    constexpr std::size_t block = 5'000;
    std::vector<fiber<void>> all;
    for (unsigned i = 0; i < 100; ++i)
      all.push_back(spawn([&, i] {
        const std::string mine(block, static_cast<char>('a' + i % 26));
        f.write_all_at(i * block, mine).value();
        std::string got(block, '\0');
        f.read_exactly_at(i * block, got).value();
        EXPECT_EQ(got, mine);
      }));
    for (auto& one : all) one.join();
    EXPECT_EQ(f.size().value(), 100 * block);
  });
}

TEST_P(files, appends_of_many_are_not_torn) {
  run([&] {
    const std::string path = folder.name("log");
    std::vector<fiber<void>> all;
    for (unsigned i = 0; i < 20; ++i)
      all.push_back(spawn([&, i] {
        const file f = file::open(path, write | create | append).value();
        for (int k = 0; k < 20; ++k) f.write_all(std::string(99, static_cast<char>('a' + i)) + '\n').value();
      }));
    for (auto& one : all) one.join();
    const std::string text = read_file(path).value();
    ASSERT_EQ(text.size(), 20u * 20 * 100);
    for (std::size_t line = 0; line < 400; ++line)
      EXPECT_EQ(text.substr(line * 100, 100), std::string(99, text[line * 100]) + '\n');
  });
}

TEST_P(files, an_exclusive_lock_lets_one_in_at_a_time) {
  run([&] {
    const std::string path = folder.name("lock");
    write_file(path, "0").value();
    std::vector<fiber<void>> all;
    for (unsigned i = 0; i < 8; ++i)
      all.push_back(spawn([&] {
        const file f = file::open(path, read | write).value();
        for (int k = 0; k < 5; ++k) {
          f.lock(file_lock::exclusive).value();
          std::string text(f.size().value(), '\0');
          f.read_exactly_at(0, text).value();
          this_fiber::yield();
          f.write_all_at(0, std::to_string(std::stoi(text) + 1)).value();
          f.unlock().value();
        }
      }));
    for (auto& one : all) one.join();
    EXPECT_EQ(read_file(path).value(), "40");
  });
}

TEST_P(files, a_file_closed_by_others_answers_everybody) {
  run([&] {
    for (int i = 0; i < test::repetitions(30); ++i) {
      const file f = file::open(folder.name("a"), read | write | create).value();
      std::vector<fiber<void>> users;
      for (int k = 0; k < 4; ++k)
        users.push_back(spawn([&, k] {
          char b[100] = {};
          for (;;) {
            const bool ok =
                k % 2 == 0 ? f.write_at(0, {b, sizeof b}).has_value() : f.read_some(b).has_value();
            if (!ok) return;
            this_fiber::yield();
          }
        }));
      this_fiber::yield();
      f.close_file().value();
      for (auto& u : users) u.join();
    }
  });
}

TEST(file_lock_rules, shared_locks_meet_and_keep_an_exclusive_one_away) {
  const scratch folder;
  run([&] {
    const std::string path = folder.name("lock");
    const file a = file::open(path, read | write | create).value();
    const file b = file::open(path, read | write).value();
    EXPECT_TRUE(a.try_lock(file_lock::shared).value());
    EXPECT_TRUE(b.try_lock(file_lock::shared).value());
    EXPECT_FALSE(b.try_lock(file_lock::exclusive).value());
    EXPECT_EQ(b.lock(file_lock::exclusive, 3ms).error(), errc::deadline);
    a.close(); // gives its lock back
    b.lock(file_lock::exclusive).value();
    const file c = file::open(path).value();
    EXPECT_FALSE(c.try_lock(file_lock::shared).value());
    auto stopped = spawn([&] { c.lock(file_lock::shared).value(); });
    stopped.request_stop();
    EXPECT_THROW(stopped.join(), cancelled);
    auto closed = spawn([&] { return c.lock(file_lock::shared); });
    this_fiber::yield();
    c.close();
    EXPECT_EQ(closed.join().error(), errc::closed);
    b.unlock().value();
    EXPECT_TRUE(
        file::open(path, read | write).value().try_lock(file_lock::exclusive).value()); // none was lost
  });
}

TEST(file_errors, name_the_operation_the_path_and_the_reason) {
  const scratch folder;
  const auto message = [](const auto& r) { return r ? std::string("none") : r.error().message(); };
  EXPECT_EQ(message(file::open("/no/such/file")), "open /no/such/file: No such file or directory");
  EXPECT_EQ(message(file::open("/tmp", write)), "open /tmp: Is a directory");
  EXPECT_EQ(message(file::open("/tmp").value().read_at(0, std::vector<char>(5))),
            "read /tmp: Is a directory");
  EXPECT_EQ(message(file::open("/dev/full", write).value().write_all("x")),
            "write /dev/full: No space left on device");
  const std::string path = folder.name("a-file-with-a-name-of-some-length");
  write_file(path, "x").value();
  EXPECT_EQ(message(file::open(path, write | create | exclusive)),
            "open ..." + path.substr(path.size() - 28) + ": File exists");
  EXPECT_EQ(file::open(std::string("a\0b", 3)).error(), std::errc::invalid_argument);
  EXPECT_EQ(file::open(path).value().write_all("x").error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(file().read_at(0, std::vector<char>(5)).error(), errc::closed);
  EXPECT_THROW(file::open("/no/such/file").value(), failure);
}

TEST(file_errors, a_write_that_only_fits_in_part_says_how_much_was_written) {
  const scratch folder;
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{.rlim_cur = 100'000, .rlim_max = before.rlim_max};
  const file f = file::open(folder.name("a"), write | create).value();
  const file g = file::open(folder.name("b"), write | create).value();
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const auto streamed = f.write_all(pattern(300'000));
  const auto placed = g.write_all_at(50'000, pattern(300'000));
  const auto replaced = write_file(folder.name("c"), pattern(300'000));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_DFL);
  ASSERT_FALSE(streamed);
  EXPECT_EQ(streamed.error(), std::errc::file_too_large);
  EXPECT_EQ(streamed.error().transferred, 100'000u);
  EXPECT_EQ(f.size().value(), 100'000u);
  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.error().transferred, 50'000u);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(folder.count(), 2u); // neither the file nor a temporary one
}

TEST(whole_files, are_read_and_replaced_with_their_permissions) {
  const scratch folder;
  run([&] {
    const std::string path = folder.name("a");
    const unsigned before = test::open_descriptors();
    write_file(path, pattern(200'000)).value();
    EXPECT_TRUE(read_file(path).value() == pattern(200'000));
    ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
    const file old = file::open(path).value();
    write_file(path, "new").value();
    struct stat s;
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 07777, 0640u);
    EXPECT_EQ(old.size().value(), 200'000u); // who has it open keeps it
    EXPECT_EQ(read_file(path).value(), "new");
    write_file(path, "").value();
    EXPECT_EQ(read_file(path).value(), "");
    EXPECT_EQ(folder.count(), 1u);
    EXPECT_FALSE(read_file("/proc/self/status").value().empty()); // says that its size is 0
    EXPECT_EQ(write_file("/no/such/file", "x").error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(test::open_descriptors(), before + 1);
  });
}

std::string as_the_library_reads(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_P(files, are_read_to_their_end_whatever_they_say_of_their_size) {
  run([&] {
    for (const std::size_t size : {0u, 1u, 4'095u, 4'096u, 4'097u, 100'000u, 3'000'000u}) {
      write_file(folder.name("a"), pattern(size)).value();
      EXPECT_TRUE(read_file(folder.name("a")).value() == pattern(size)) << size;
    }
    const std::string maps = read_file("/proc/self/smaps").value(); // says 0
    EXPECT_GT(maps.size(), 4'096u);
    EXPECT_NE(maps.find("[stack]"), std::string::npos);
    EXPECT_EQ(maps.back(), '\n');
    EXPECT_EQ(read_file("/proc/devices").value(), as_the_library_reads("/proc/devices"));
    constexpr const char* page = "/sys/devices/system/cpu/possible"; // says 4096, and is shorter
    if (::access(page, R_OK) == 0) { EXPECT_EQ(read_file(page).value(), as_the_library_reads(page)); }
    EXPECT_EQ(read_file("/tmp").error().message(), "read /tmp: Is a directory");
    EXPECT_EQ(read_file("/dev/null").value(), "");
  });
}

// One that is no file is waited for until its other side is gone.
TEST_P(files, that_are_pipes_are_read_until_nobody_writes) {
  run([&] {
    const std::string path = folder.name("fifo");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const int other = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    const std::string text = pattern(20'000);
    ASSERT_EQ(::write(other, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    auto closes = spawn([&] {
      for (int left = 1; left != 0; this_fiber::yield()) ::ioctl(other, FIONREAD, &left);
      ::close(other);
    });
    EXPECT_TRUE(read_file(path).value() == text);
    closes.join();
  });
}

// While others wait for the processor, what is in memory is opened and read without leaving it.
TEST_P(files, are_read_by_many_at_a_time) {
  run([&] {
    for (int i = 0; i < 10; ++i)
      write_file(folder.name(std::to_string(i).c_str()), pattern(1'000u * static_cast<unsigned>(i))).value();
    std::vector<fiber<void>> all;
    for (int i = 0; i < 100; ++i)
      all.push_back(spawn([&, i] {
        const std::string path = folder.name(std::to_string(i % 10).c_str());
        EXPECT_TRUE(read_file(path).value() == pattern(1'000u * static_cast<unsigned>(i % 10)));
        this_fiber::yield();
        EXPECT_EQ(read_file(path + "none").error(), std::errc::no_such_file_or_directory);
        const file made = file::open(path + "." + std::to_string(i), read | write | create).value();
        made.write_all("x").value();
        EXPECT_EQ(read_file(path + "." + std::to_string(i)).value(), "x");
      }));
    for (auto& one : all) one.join();
    EXPECT_EQ(folder.count(), 110u);
  });
}

TEST(whole_files, that_say_their_size_are_asked_about_once_and_read_once) {
  test::file_failures calls;
  run([&] {
    const scratch folder;
    const std::string path = folder.name("a");
    write_file(path, pattern(100'000)).value();
    const auto count = [&](env::file_call call) {
      return calls.count(call, [&] { read_file(path).value(); });
    };
    EXPECT_EQ(count(env::file_call::open), 1);
    EXPECT_EQ(count(env::file_call::facts), 1);
    EXPECT_EQ(count(env::file_call::close), 1);
    const bool in_memory = !env::nothing_is_in_memory.load(std::memory_order_relaxed); // relaxed: a setting
    EXPECT_EQ(count(env::file_call::read), in_memory ? 1 : 2);
  });
}

TEST(file_kinds, a_device_that_can_be_waited_for_obeys_deadlines) {
  run([] {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_TRUE(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0);
    char name[64];
    ASSERT_EQ(::ptsname_r(master, name, sizeof name), 0);
    const file terminal = file::open(name, read | write).value();
    char b[100];
    EXPECT_EQ(terminal.read_some(b, 1ms).error(), errc::deadline);
    ASSERT_EQ(::write(master, "line\n", 5), 5);
    EXPECT_EQ(terminal.read_some(b).value(), 5u);
    ::close(master);
  });
}

} // namespace
} // namespace thrum::io
