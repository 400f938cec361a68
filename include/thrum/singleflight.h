// singleflight<Key, T>: many ask for the same thing at the same time, and it is fetched once.
//
//   thrum::singleflight<int, std::string> users;
//   std::string user = users.run(7, [] { return fetch_user(7); });
//
// run(key, f) calls f in a fiber of its own and returns what it returns. Who asks for the same key meanwhile waits for the same call
// and gets a copy. When it has ended, the next one who asks starts a new one: this is no cache.
//
// What the caller owes   f refers to nothing that only its own caller has: it may be needed longer by others.
// What is guaranteed     At most one call for a key at a time. What f throws is thrown to all who waited for it.
// Cancellation           Who is asked to stop leaves with `cancelled`; the others wait on. If all have left, f is asked to stop, and the
//                        last one waits for its end.
// May park               run().
// Happens-before         f's end -> the return of every run() that waited for it.
// When it dies           Nobody may be in run() then.
// Errors                 what f throws; cancelled; std::bad_alloc.
// Cost                   a fiber, a map's node and two short locks for each call.
// Source of the idea     Go's golang.org/x/sync/singleflight.
#pragma once

#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/spawn.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace thrum {

template <class Key, class T, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
class singleflight {
public:
  singleflight() = default;
  singleflight(const singleflight&) = delete;
  singleflight& operator=(const singleflight&) = delete;

  template <class F> T run(const Key& key, F&& f) {
    const std::shared_ptr<call> mine = join_or_start(key, std::forward<F>(f));
    try {
      mine->done.wait();
    } catch (...) {
      leave(key, mine);
      throw;
    }
    if (mine->error != nullptr) std::rethrow_exception(mine->error);
    return *mine->value;
  }

  // How many calls are under way.
  [[nodiscard]] std::size_t running() const noexcept {
    const std::lock_guard hold(mutex_);
    return calls_.size();
  }

private:
  struct call {
    latch done{1};
    std::optional<T> value;
    std::exception_ptr error;
    std::size_t callers = 1; // guarded by mutex_
    fiber<> runs; // destroyed by the last caller, first of all: asks it to stop, and waits for its end
  };

  template <class F> std::shared_ptr<call> join_or_start(const Key& key, F&& f) {
    const std::lock_guard hold(mutex_);
    std::shared_ptr<call>& found = calls_[key];
    if (found != nullptr) {
      ++found->callers;
      return found;
    }
    try {
      found = std::make_shared<call>();
      call* const it = found.get();
      it->runs = spawn([this, it, key, f = std::decay_t<F>(std::forward<F>(f))]() mutable {
        try {
          it->value.emplace(std::move(f)());
        } catch (...) { it->error = std::current_exception(); }
        forget(key, it);
        it->done.count_down();
      });
      return found;
    } catch (...) {
      calls_.erase(key);
      throw;
    }
  }
  // A call stands in the map until it has ended or its last caller has left; so while it does, some caller keeps it alive.
  void leave(const Key& key, const std::shared_ptr<call>& c) {
    const std::lock_guard hold(mutex_);
    if (--c->callers == 0) erase(key, c.get());
  }
  void forget(const Key& key, const call* c) {
    const std::lock_guard hold(mutex_);
    erase(key, c);
  }
  void erase(const Key& key, const call* c) {
    const auto found = calls_.find(key);
    if (found != calls_.end() && found->second.get() == c) calls_.erase(found); // never the last reference
  }

  mutable mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<call>, Hash, Equal> calls_; // guarded
};

} // namespace thrum
