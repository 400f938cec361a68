// The N+1 queries of the article, three ways: one after the other, all at once, ten at a time.
#include <thrum/limit.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

std::string find_user(int id) {
  thrum::this_fiber::sleep_for(10ms); // a query
  return "user " + std::to_string(id);
}

// Bad: sequential.
std::vector<std::string> get_users_bad(const std::vector<int>& ids) {
  std::vector<std::string> users;
  for (const int id : ids) users.push_back(find_user(id));
  return users;
}
// Good: all at once.
std::vector<std::string> get_users_good(const std::vector<int>& ids) {
  return thrum::map_limit(ids.size(), ids, find_user);
}
// Best: ten at a time.
std::vector<std::string> get_users_best(const std::vector<int>& ids) {
  return thrum::map_limit(10, ids, find_user);
}

template <class F> void show(const char* how, clock_type::duration least, F get_users) {
  std::vector<int> ids(100);
  std::iota(ids.begin(), ids.end(), 1);
  const auto began = clock_type::now();
  const auto users = get_users(ids);
  const bool right = clock_type::now() - began >= least;
  std::printf("%s: %zu users, the last is %s%s\n", how, users.size(), users.back().c_str(),
              right ? "" : ", but too soon");
}

int main() {
  return thrum::run([] {
    show("one after the other", 1000ms, get_users_bad);
    show("all at once", 10ms, get_users_good);
    show("ten at a time", 100ms, get_users_best);
    return 0;
  });
}
