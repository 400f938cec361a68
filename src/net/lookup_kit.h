// A system that knows just the names that a test tells it, and answers when the test lets it.
#pragma once

#include "env/env.h"
#include "net/socket_address.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <thrum/condition_variable.h>
#include <thrum/mutex.h>

namespace thrum::net::test {

class fake_names {
public:
  fake_names() {
    instance = this;
    env::linux_world().answer_lookup = &answer;
  }
  ~fake_names() {
    release();
    wait([this] { return answering_ == 0; });
    env::linux_world().answer_lookup = nullptr;
    instance = nullptr;
  }
  fake_names(const fake_names&) = delete;
  fake_names& operator=(const fake_names&) = delete;

  void set(std::string name, std::vector<endpoint> addresses) {
    const std::lock_guard hold(lock_);
    known_[std::move(name)] = {std::move(addresses), 0};
  }
  void set(std::string name, int failure) { // as world::look_up returns it
    const std::lock_guard hold(lock_);
    known_[std::move(name)] = {{}, failure};
  }
  // From now on lookups take for ever, until release().
  void hold_back() {
    const std::lock_guard hold(lock_);
    held_back_ = true;
  }
  void release() {
    const std::lock_guard hold(lock_);
    held_back_ = false;
    changed_.notify_all();
  }
  // How many lookups were begun; those that are going on; the most of them at a time.
  unsigned asked() { return read(asked_); }
  unsigned answering() { return read(answering_); }
  unsigned most() { return read(most_); }
  void wait_until_answering(unsigned n) {
    wait([&] { return answering_ == n; });
  }

private:
  struct entry {
    std::vector<endpoint> addresses;
    int failure = static_cast<int>(env::lookup_failure::unknown_name);
  };

  unsigned read(const unsigned& n) {
    const std::lock_guard hold(lock_);
    return n;
  }
  template <class Predicate> void wait(Predicate p) {
    std::unique_lock hold(lock_);
    changed_.wait(hold, p);
  }

  static int answer(const char* host, const char* service, env::world::address_taker take,
                    void* to) noexcept {
    fake_names& f = *instance;
    std::unique_lock hold(f.lock_);
    ++f.asked_;
    f.most_ = std::max(f.most_, ++f.answering_);
    f.changed_.notify_all();
    f.changed_.wait(hold, [&] { return !f.held_back_; });
    const entry found = f.known_[service == nullptr ? host : std::string(host) + ' ' + service];
    for (const endpoint& e : found.addresses) {
      const socket_address a(e);
      take(to, a.raw(), a.size);
    }
    --f.answering_;
    f.changed_.notify_all();
    return found.failure;
  }

  static inline fake_names* instance = nullptr;
  mutex lock_; // of all below
  condition_variable changed_;
  std::map<std::string, entry> known_;
  bool held_back_ = false;
  unsigned asked_ = 0;
  unsigned answering_ = 0;
  unsigned most_ = 0;
};

} // namespace thrum::net::test
