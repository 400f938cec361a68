// The parts of a cloner that do not depend on a type.
#include <thrum/detail/cloner.h>

namespace thrum::detail {

void cloner::fail(const char* what) { throw codec_error(std::string("thrum: clone: ") + what); }

void cloner::fail_depth(cloner& c) {
  --c.depth_; // its destructor will not
  fail(
      "values are nested too deeply (64): use std::shared_ptr or std::unique_ptr, which count for none, or a "
      "flatter form");
}

std::shared_ptr<void> cloner::share_node(const void* from, const kind& what) {
  if (from == nullptr) return nullptr;
  const auto [place, is_new] = known_.try_emplace(name{from, &what}, nodes_.size());
  const std::size_t index = place->second;
  if (is_new)
    nodes_.push_back({from, what.make != nullptr ? what.make() : nullptr, &what, node_state::waiting});
  if (what.make == nullptr || keys_ != 0) {
    if (nodes_[index].state == node_state::begun)
      fail(
          "a cycle through an object that cannot be made empty (no default constructor, or not assigned to), "
          "or through the key of a map or set");
    if (nodes_[index].state == node_state::waiting) make_now(index);
  }
  return nodes_[index].to;
}

void cloner::make_now(std::size_t index) {
  nodes_[index].state = node_state::begun;
  const node now = nodes_[index]; // the table grows
  if (now.to != nullptr) {
    const nested deeper(*this);
    now.what->fill(*this, now.to.get(), now.from);
  } else {
    auto made = now.what->make_filled(*this, now.from);
    nodes_[index].to = std::move(made);
  }
  nodes_[index].state = node_state::done;
}

// What a step that fails has made for unique_ptrs is gone already, or empty.
template <class Step> void cloner::do_step(Step step) {
  const std::size_t before = owned_.size();
  try {
    step();
  } catch (...) {
    owned_.erase(owned_.begin() + static_cast<std::ptrdiff_t>(before), owned_.end());
    throw;
  }
}

void cloner::finish() {
  try {
    for (;;) {
      if (owned_done_ < owned_.size()) {
        const owned now = owned_[owned_done_++]; // the table grows
        do_step([&] { now.what->fill(*this, now.to, now.from); });
      } else if (nodes_done_ < nodes_.size()) {
        const std::size_t index = nodes_done_++;
        if (nodes_[index].state == node_state::waiting) do_step([&] { make_now(index); });
      } else {
        return;
      }
    }
  } catch (...) {
    take_apart();
    throw;
  }
}

// What is owned is younger than its owner, so from the youngest on, each is empty when its owner lets go of it.
void cloner::take_apart() noexcept {
  const auto empty = [](const kind& what, void* object) noexcept {
    try {
      what.empty(object);
    } catch (...) {} // it stays as it is
  };
  for (; !owned_.empty(); owned_.pop_back()) empty(*owned_.back().what, owned_.back().to);
  for (const node& n : nodes_)
    if (n.what->empty != nullptr) empty(*n.what, n.to.get());
}

} // namespace thrum::detail
