// What tests of the console have in common: a folder of their own for sockets, programs that are watched, and a plain client.
#pragma once

#include "support/child.h"

#include "snapshot.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace console_kit {

// Each test has a folder of its own, which stands for $XDG_RUNTIME_DIR; so no test sees programs of another.
class a_console : public testing::Test {
protected:
  a_console();
  ~a_console() override;

  std::string folder() const { return base_ + "/thrum"; }
  const std::string& base() const { return base_; }
  static std::string program(const char* name = "watched");
  std::vector<std::string> files() const; // in folder()

  // Starts `watched CASE` with THRUM_CONSOLE=wanted, and waits until it is ready.
  std::unique_ptr<test::live_child> start(const std::string& name, const char* wanted = "1");
  // Where the only one listens.
  std::string only_path() const;

private:
  std::string base_;
};

// A connection of a plain client.
class client {
public:
  explicit client(const std::string& path);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  bool connected() const { return fd_ >= 0; }
  void say(const std::string& text) const;
  void wait_for_much() const;   // until a lot of an answer has come, which nobody reads yet
  std::string hear_all() const; // to the end; "" also if there is no answer within half a minute

private:
  int fd_ = -1;
};

std::string ask(const std::string& path, const std::string& request);
console::snapshot look(const std::string& path);
// Asks again and again, until the condition holds.
template <class Condition> console::snapshot look_until(const std::string& path, Condition holds) {
  for (int i = 0; i < 10'000; ++i)
    if (console::snapshot s = look(path); holds(s)) return s;
  ADD_FAILURE() << "it never came: " << ask(path, "look");
  return {};
}
// The fibers of the groups in this state.
console::count in_state(const console::snapshot& s, const std::string& state);

} // namespace console_kit
