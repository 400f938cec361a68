// Files of which the system has nothing good to say: every call that can fail does. The error tells what was tried, on which path and
// why; what was there before is whole, what was begun is gone, and no descriptor is left. And a disk that is really full.
#include "env/descriptors_kit.h"
#include "io/disk_read.h"
#include "io/file_kit.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <thrum/io/directory.h>
#include <thrum/io/file.h>
#include <thrum/runtime.h>

namespace thrum::io {
namespace {

using env::file_call;
using test::pattern;
using test::scratch;
using enum file_mode;

constexpr int reasons[] = {EIO, ENOSPC, EDQUOT, EROFS, EMFILE};

// For the time of its life, nothing that is written ends beyond `bytes`.
class limited_size {
public:
  explicit limited_size(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit tight{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
  }
  ~limited_size() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_DFL);
  }

private:
  rlimit before_;
};

template <class Result>
void expect_error(const Result& r, int reason, const std::string& what, std::size_t transferred = 0) {
  ASSERT_FALSE(r) << what << " has not failed";
  EXPECT_EQ(r.error().code, std::error_code(reason, std::system_category()));
  const std::string said = what + ": " + std::system_category().message(reason);
  if (reason == EMFILE) // which adds what to do
    EXPECT_TRUE(r.error().message().starts_with(said + " (")) << r.error().message();
  else
    EXPECT_EQ(r.error().message(), said);
  EXPECT_EQ(r.error().transferred, transferred) << what;
}

class files_that_fail : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void run(F&& f) { thrum::run(std::forward<F>(f), {.processors = GetParam()}); }
  // f, which is to meet that failure, leaves no descriptor open.
  void fails(file_call call, int reason, int before, const std::function<void()>& f) {
    const unsigned open = test::open_descriptors();
    failures.next(call, reason, before);
    f();
    EXPECT_TRUE(failures.all_happened()) << "nothing failed";
    failures.none();
    EXPECT_EQ(test::open_descriptors(), open);
  }

  const scratch folder;
  const std::string path = folder.name("a");
  test::file_failures failures;
};
INSTANTIATE_TEST_SUITE_P(processors, files_that_fail, testing::Values(1u, 2u, 4u));

// The calls of write_file, up to the one that gives the new file the old one's name. `before`: calls of that kind before it.
constexpr struct step {
  file_call call;
  int before;
  const char* what;
} steps_of_write_file[] = {
    {file_call::open, 0, "open "},
    {file_call::facts, 0, "open "},
    {file_call::open, 1, "find permissions of "},
    {file_call::facts, 1, "find permissions of "},
    {file_call::set_permissions, 0, "set permissions of "},
    {file_call::write, 0, "write "},
    {file_call::sync, 0, "sync "},
    {file_call::close, 1, "close "},
    {file_call::rename, 0, "replace "},
};

TEST_P(files_that_fail, leave_what_was_to_be_replaced_as_it_was) {
  run([&] {
    write_file(path, "old").value();
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    for (const step& s : steps_of_write_file)
      for (const int reason : reasons) {
        fails(s.call, reason, s.before,
              [&] { expect_error(write_file(path, pattern(100'000)), reason, s.what + path); });
        EXPECT_TRUE(read_file(path).value() == "old") << s.what;
        EXPECT_EQ(folder.count(), 1u) << s.what;
        struct stat facts;
        ASSERT_EQ(::stat(path.c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode & 07777, 0600u) << s.what;
      }
    write_file(path, "new").value();
    EXPECT_EQ(read_file(path).value(), "new");
  });
}

TEST_P(files_that_fail, leave_nothing_where_nothing_was) {
  run([&] {
    for (const step& s : steps_of_write_file) {
      if (s.call == file_call::set_permissions) continue; // there are none to take over
      const bool of_the_old_one = s.call == file_call::facts && s.before == 1;
      if (of_the_old_one) continue;
      const int before = s.call == file_call::close ? 0 : s.before;
      fails(s.call, EIO, before, [&] { expect_error(write_file(path, "x"), EIO, s.what + path); });
      EXPECT_EQ(folder.count(), 0u) << s.what;
    }
  });
}

TEST_P(files_that_fail, are_replaced_although_the_directory_cannot_be_synced) {
  run([&] {
    write_file(path, "old").value();
    const step last[] = {{file_call::open, 2, ""}, {file_call::sync, 1, ""}};
    for (const step& s : last) {
      const std::string text = "new " + std::to_string(s.before);
      fails(s.call, EIO, s.before,
            [&] { expect_error(write_file(path, text), EIO, "sync directory of " + path); });
      EXPECT_EQ(read_file(path).value(), text); // as a whole; after a crash it may be the old one
      EXPECT_EQ(folder.count(), 1u);
    }
    // Some file systems cannot sync a directory.
    fails(file_call::sync, EINVAL, 1, [&] { write_file(path, "last").value(); });
  });
}

TEST_P(files_that_fail, say_so_when_they_are_read_as_a_whole) {
  run([&] {
    write_file(path, "text").value();
    for (const int reason : reasons) {
      fails(file_call::open, reason, 0, [&] { expect_error(read_file(path), reason, "open " + path); });
      fails(file_call::facts, reason, 0, [&] { expect_error(read_file(path), reason, "open " + path); });
    }
    const unsigned open = test::open_descriptors();
    failures.next(file_call::read, EIO, 0, 2);
    expect_error(read_file(path), EIO, "read " + path);
    failures.none();
    EXPECT_EQ(test::open_descriptors(), open);
    // What may be in memory, and cannot be read from there, is asked for once more.
    const ring_use before = use_ring(ring_use::on);
    fails(file_call::read, EIO, 0, [&] { EXPECT_EQ(read_file(path).value(), "text"); });
    use_ring(before);
  });
}

TEST_P(files_that_fail, tell_how_much_was_written) {
  run([&] {
    const file f = file::open(path, read | write | create).value();
    const std::string text = pattern(300'000);
    for (const int reason : reasons) {
      f.truncate(0).value();
      f.seek(0).value();
      fails(file_call::write, reason, 0,
            [&] { expect_error(f.write_all_at(10, text), reason, "write " + path); });
      fails(file_call::write, reason, 0, [&] { expect_error(f.write_all(text), reason, "write " + path); });
      fails(file_call::write, reason, 0, [&] { expect_error(f.write_at(0, "x"), reason, "write " + path); });
      EXPECT_EQ(f.size().value(), 0u);
      EXPECT_EQ(f.position().value(), 0u);
      const limited_size tight(100'000); // so that the first write is a short one
      fails(file_call::write, reason, 1,
            [&] { expect_error(f.write_all_at(10, text), reason, "write " + path, 99'990); });
      EXPECT_EQ(f.size().value(), 100'000u);
      EXPECT_EQ(f.position().value(), 0u);
      fails(file_call::write, reason, 1,
            [&] { expect_error(f.write_all(text), reason, "write " + path, 100'000); });
      EXPECT_EQ(f.position().value(), 100'000u);
      EXPECT_TRUE(read_file(path).value() == text.substr(0, 100'000));
    }
  });
}

TEST_P(files_that_fail, tell_how_much_was_read) {
  run([&] {
    write_file(path, pattern(100)).value();
    const file f = file::open(path).value();
    std::string got(200, ' ');
    // Of a file system that cannot say what is in memory, each read is two calls; the one that fails is two on all.
    const int first = failures.count(file_call::read, [&] { f.read_at(0, {got.data(), 100}).value(); });
    for (const int reason : reasons) {
      failures.next(file_call::read, reason, first, 2);
      expect_error(f.read_exactly_at(0, got), reason, "read " + path, 100);
      EXPECT_TRUE(got.substr(0, 100) == pattern(100));
      f.seek(0).value();
      failures.next(file_call::read, reason, first, 2);
      expect_error(f.read_exactly(got), reason, "read " + path, 100);
      EXPECT_EQ(f.position().value(), 100u);
    }
  });
}

TEST_P(files_that_fail, can_be_used_after_an_error) {
  run([&] {
    const file f = file::open(path, read | write | create).value();
    for (const int reason : reasons) {
      fails(file_call::sync, reason, 0, [&] { expect_error(f.sync(), reason, "sync " + path); });
      fails(file_call::sync, reason, 0,
            [&] { expect_error(f.sync(sync_what::data_only), reason, "sync " + path); });
      fails(file_call::truncate, reason, 0, [&] { expect_error(f.truncate(5), reason, "truncate " + path); });
      fails(file_call::facts, reason, 0, [&] { expect_error(f.size(), reason, "find size of " + path); });
    }
    f.write_all("text").value();
    f.sync().value();
    EXPECT_EQ(read_file(path).value(), "text");
  });
}

TEST_P(files_that_fail, are_closed_although_that_brings_an_error) {
  run([&] {
    const unsigned open = test::open_descriptors();
    for (const int reason : reasons) {
      const file f = file::open(path, write | create).value();
      failures.next(file_call::close, reason);
      expect_error(f.close_file(), reason, "close " + path);
      f.close_file().value(); // told once
      EXPECT_EQ(f.write_all("x").error(), errc::closed);
      EXPECT_EQ(test::open_descriptors(), open);
    }
  });
}

TEST_P(files_that_fail, are_asked_again_after_a_signal) {
  run([&] {
    const auto interrupted = [&](file_call call, const auto& f) {
      failures.next(call, EINTR, 0, 3);
      f().value();
      EXPECT_TRUE(failures.all_happened());
      failures.none();
    };
    interrupted(file_call::open, [&] { return write_file(path, pattern(100'000)); });
    interrupted(file_call::write, [&] { return write_file(path, pattern(100'000)); });
    interrupted(file_call::sync, [&] { return write_file(path, pattern(100'000)); });
    interrupted(file_call::read, [&] { return read_file(path); });
    EXPECT_TRUE(read_file(path).value() == pattern(100'000));
    const file f = file::open(path, read | write).value();
    char b[10];
    interrupted(file_call::read, [&] { return f.read_exactly_at(3, b); });
    interrupted(file_call::write, [&] { return f.write_all_at(3, b); });
    interrupted(file_call::truncate, [&] { return f.truncate(3); });
    EXPECT_EQ(f.size().value(), 3u);
  });
}

// ---- what no injection reaches

// No descriptor is left to this process.
TEST(directories_that_fail, say_that_too_many_files_are_open) {
  const scratch folder;
  const std::string path = folder.name("d");
  create_directory(path).value();
  write_file(path + "/f", "text").value();
  // The sanitizer reads the type of an object through a pipe when it first meets it: so it meets these while there are descriptors.
  EXPECT_EQ(std::error_code(EMFILE, std::system_category()),
            std::errc::too_many_files_open); // asks the left category
  EXPECT_NE(std::error_code(EMFILE, std::system_category()),
            std::errc::no_such_file_or_directory); // and the right one
  std::optional<env::test::descriptor_limit> none(std::in_place, 0);
  const auto listed = entries(path);
  const auto removed = remove_all(path);
  const auto opened = file::open(path + "/f");
  const auto read_all = read_file(path + "/f");
  const auto written = write_file(path + "/f", "new");
  none.reset();
  expect_error(listed, EMFILE, "list " + path);
  expect_error(removed, EMFILE, "remove " + path);
  expect_error(opened, EMFILE, "open " + path + "/f");
  expect_error(read_all, EMFILE, "open " + path + "/f");
  expect_error(written, EMFILE, "open " + path + "/f");
  EXPECT_EQ(entries(path).value().size(), 1u);
  EXPECT_EQ(read_file(path + "/f").value(), "text");
}

// Mounts at `place` what nobody else sees, and what is gone with this process: as root, or as the root of a user namespace of its
// own. False: the system allows neither.
bool mount_small_disk(const char* place, const char* size) {
  const auto say = [](const char* file, const std::string& text) {
    const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
    const bool ok = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(fd);
    return ok;
  };
  const std::string user = "0 " + std::to_string(::geteuid()) + " 1";
  const std::string group = "0 " + std::to_string(::getegid()) + " 1";
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    say("/proc/self/setgroups", "deny");
    if (!say("/proc/self/uid_map", user) || !say("/proc/self/gid_map", group)) return false;
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("thrum", place, "tmpfs", 0, size) == 0;
}

void use_a_full_disk(const std::string& top) {
  const std::string path = top + "/a";
  const std::string big = pattern(3 << 20);
  const std::string old = pattern(300'000);
  const unsigned open = test::open_descriptors();
  write_file(path, old).value();
  expect_error(write_file(path, big), ENOSPC, "write " + path);
  EXPECT_TRUE(read_file(path).value() == old);
  EXPECT_EQ(entries(top).value().size(), 1u);

  const std::string other = top + "/b";
  for (const bool placed : {false, true}) {
    const file f = file::open(other, read | write | create | truncate).value();
    const auto r = placed ? f.write_all_at(0, big) : f.write_all(big);
    const std::size_t room = f.size().value();
    EXPECT_TRUE(room > 0 && room < big.size());
    expect_error(r, ENOSPC, "write " + other, room);
    EXPECT_TRUE(read_file(other).value() == big.substr(0, room));
    expect_error(write_file(path, "new"), ENOSPC, "write " + path); // not a page is left
    EXPECT_TRUE(read_file(path).value() == old);
    f.sync().value();
    f.close_file().value();
  }
  EXPECT_TRUE(remove(other).value());
  write_file(path, "new").value(); // there is room again

  unsigned made = 0;
  for (;; ++made) {
    const std::string one = top + "/d" + std::to_string(made);
    const auto r = create_directory(one);
    if (r) continue;
    expect_error(r, ENOSPC, "create " + one);
    expect_error(create_directories(one + "/e"), ENOSPC, "create " + one + "/e");
    expect_error(file::open(one, write | create), ENOSPC, "open " + one);
    break;
  }
  EXPECT_GT(made, 0u);
  expect_error(write_file(path, "newer"), ENOSPC, "open " + path);
  EXPECT_EQ(read_file(path).value(), "new");
  EXPECT_EQ(test::open_descriptors(), open);
}

void use_a_disk_that_is_not_to_be_written(const std::string& top) {
  const std::string path = top + "/a";
  const unsigned open = test::open_descriptors();
  EXPECT_EQ(read_file(path).value(), "new");
  expect_error(write_file(path, "newer"), EROFS, "open " + path);
  expect_error(file::open(path, write), EROFS, "open " + path);
  expect_error(create_directory(top + "/c"), EROFS, "create " + top + "/c");
  expect_error(rename(path, top + "/c"), EROFS, "rename " + path);
  expect_error(remove(path), EROFS, "remove " + path);
  expect_error(remove_all(path), EROFS, "remove " + path);
  EXPECT_EQ(read_file(path).value(), "new");
  EXPECT_EQ(test::open_descriptors(), open);
}

TEST(a_disk, that_is_full_or_not_to_be_written_loses_nothing) {
  constexpr int refused = 77;
  const scratch folder;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!mount_small_disk(folder.path.c_str(), "size=2m,nr_inodes=16")) ::_exit(refused);
    try {
      use_a_full_disk(folder.path);
      const bool done = ::mount(nullptr, folder.path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
      EXPECT_TRUE(done);
      if (done) use_a_disk_that_is_not_to_be_written(folder.path);
    } catch (const std::exception& e) { ADD_FAILURE() << e.what(); }
    std::fflush(nullptr);
    ::_exit(HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == refused) GTEST_SKIP() << "not allowed to mount";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "see above; status " << status;
  EXPECT_EQ(folder.count(), 0u); // nobody else has seen it
}

} // namespace
} // namespace thrum::io
