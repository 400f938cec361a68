// For tests: too few descriptors.
#pragma once

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace thrum::env::test {

// The process may have `most` descriptors while this lives; those above that it has, it keeps.
class descriptor_limit {
public:
  explicit descriptor_limit(rlim_t most) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit now{.rlim_cur = most, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  descriptor_limit(const descriptor_limit&) = delete;
  descriptor_limit& operator=(const descriptor_limit&) = delete;

  rlim_t highest() const noexcept { return before_.rlim_max; }

private:
  rlimit before_;
};

// The limit that leaves room for so many descriptors beside those that are open.
inline rlim_t room_for(unsigned more) {
  std::vector<int> taken;
  for (unsigned i = 0; i <= more; ++i) taken.push_back(::dup(STDIN_FILENO));
  for (const int fd : taken) ::close(fd);
  return static_cast<rlim_t>(taken.back());
}

} // namespace thrum::env::test
