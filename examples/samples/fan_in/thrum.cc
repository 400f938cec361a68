// Three look-ups at once, which send what they find into one buffered channel.
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

struct user {
  int id = 0;
  std::string name{};
};

user find_user(int id) {
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(10)); // a query
  return {id, "user " + std::to_string(id)};
}

void fetch_user(int id, thrum::sender<user> ch) {
  ch.send(find_user(id)); // send to channel
}

std::vector<user> get_users(const std::vector<int>& ids) {
  thrum::chan<user> ch(ids.size()); // buffered channel
  for (const int id : ids) thrum::go(fetch_user, id, ch);
  std::vector<user> users;
  for (std::size_t i = 0; i < ids.size(); ++i) users.push_back(*ch.recv()); // receive from channel
  return users;
}

int main() {
  return thrum::run([] {
    for (const user& u : get_users({1, 2, 3})) std::printf("%d: %s\n", u.id, u.name.c_str());
    return 0;
  });
}
