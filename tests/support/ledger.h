// Whether each value was destroyed exactly once. A token is worth something from its making until it is moved from or
// destroyed; the ledger counts, per token, how often one that was worth something was destroyed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace test {

class ledger {
public:
  explicit ledger(std::size_t tokens) : size_(tokens), destroyed_(new std::atomic<std::uint32_t>[tokens]()) {}

  std::size_t destroyed(std::size_t id) const { return destroyed_[id]; }
  std::size_t alive() const { return alive_; } // objects, worth something or not
  bool every_token_was_destroyed_once() const {
    for (std::size_t i = 0; i < size_; ++i)
      if (destroyed_[i] != 1) return false;
    return alive_ == 0;
  }

private:
  friend class token;
  const std::size_t size_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> destroyed_;
  std::atomic<std::size_t> alive_{0};
};

// Move-only.
class token {
public:
  token(ledger& l, std::size_t id) : ledger_(&l), id_(static_cast<std::ptrdiff_t>(id)) { ++ledger_->alive_; }
  token(token&& other) noexcept : ledger_(other.ledger_), id_(std::exchange(other.id_, -1)) {
    ++ledger_->alive_;
  }
  token& operator=(token&& other) noexcept {
    token old(std::move(other));
    std::swap(id_, old.id_);
    std::swap(ledger_, old.ledger_);
    return *this;
  }
  ~token() {
    --ledger_->alive_;
    if (id_ >= 0) ++ledger_->destroyed_[id_];
  }

  bool is_worth_something() const { return id_ >= 0; }
  std::size_t id() const { return static_cast<std::size_t>(id_); }

private:
  ledger* ledger_;
  std::ptrdiff_t id_;
};

} // namespace test
