// select: the first of several answers, or a timeout.
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

// Asks two mirrors and takes the answer that comes first.
std::string ask(std::chrono::milliseconds first_takes, std::chrono::milliseconds second_takes) {
  thrum::chan<std::string> first(1), second(1); // room for the answer that nobody waits for any more
  thrum::go([=] {
    thrum::this_fiber::sleep_for(first_takes);
    first.send("first mirror");
  });
  thrum::go([=] {
    thrum::this_fiber::sleep_for(second_takes);
    second.send("second mirror");
  });
  std::optional<std::string> answer;
  switch (thrum::select(thrum::recv(first, answer), thrum::recv(second, answer), thrum::after(300ms))) {
  case 0:
  case 1: return *answer;
  default: return "timeout";
  }
}

int main() {
  return thrum::run([] {
    std::printf("%s\n", ask(5ms, 250ms).c_str());
    std::printf("%s\n", ask(250ms, 5ms).c_str());
    std::printf("%s\n", ask(1h, 1h).c_str());
    return 0;
  });
}
