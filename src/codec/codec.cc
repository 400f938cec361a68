// The parts of encoder and decoder that do not depend on a type.
//
// A shared_ptr is written as a number: 0 if it is null; 1 if what it points to comes for the first time, and has the next number then;
// 2 and more: number 0 and more again. What it points to follows at once or waits (node_state in codec.h). Both sides take
// the same decisions from the same numbers, so nothing in the bytes says which.
//
// The table of the decoder owns everything that shared_ptrs point to until all is read. If that fails, it empties
// each object first: so neither a long list is destroyed from end to end on one stack, nor do cycles stay behind.
#include <thrum/codec.h>

namespace thrum {

using detail::node_state;

namespace {

constexpr std::uint64_t null = 0;
constexpr std::uint64_t fresh = 1;
constexpr std::uint64_t first_known = 2;

} // namespace

void encoder::fail(const char* what) { throw codec_error(std::string("thrum: encode: ") + what); }

void encoder::fail_depth() {
  fail("values are nested too deeply (64): use std::shared_ptr, which counts for none, or a flatter form");
}

void encoder::write_count(std::uint64_t n) {
  unsigned char bytes[10];
  std::size_t size = 0;
  for (; n >= 0x80; n >>= 7) bytes[size++] = static_cast<unsigned char>(n | 0x80);
  bytes[size++] = static_cast<unsigned char>(n);
  write_bytes(bytes, size);
}

void encoder::write_node(const std::shared_ptr<const void>& p, const void* type, write_function how,
                         bool may_wait) {
  if (p == nullptr) return write_count(null);
  const auto [place, is_new] = known_.try_emplace(name{p.get(), type}, nodes_.size());
  const std::size_t index = place->second;
  if (is_new) nodes_.push_back({p, how, node_state::waiting});
  write_count(is_new ? fresh : first_known + index);
  if (may_wait && keys_ == 0) return;
  if (nodes_[index].state == node_state::begun)
    fail("a cycle through an object that cannot be made empty (no default constructor, or not assigned to), "
         "or through the key of a map or set");
  if (nodes_[index].state == node_state::waiting) write_now(index);
}

void encoder::write_now(std::size_t index) {
  const nested deeper(*this);
  nodes_[index].state = node_state::begun;
  const node now = nodes_[index]; // the table grows
  now.write(*this, now.held.get());
  nodes_[index].state = node_state::done;
}

std::vector<std::byte> encoder::finish() {
  for (; finished_ < nodes_.size(); ++finished_)
    if (nodes_[finished_].state == node_state::waiting) write_now(finished_);
  return std::move(bytes_);
}

void encoder::attach(int descriptor, std::shared_ptr<const void> owner) {
  if (!may_attach_)
    fail("a shared_buffer can be sent to a process of a process_pool only: send a copy of its bytes");
  write_count(attachments_.size());
  attachments_.push_back({descriptor, std::move(owner)});
}

detail::attachment decoder::read_attached() {
  const std::uint64_t number = read_count();
  if (number < left_here_.size()) return left_here_[number];
  if (number >= attached_.size()) fail("a descriptor that did not come");
  return {.descriptor = attached_[number], .owner = nullptr};
}

decoder::~decoder() {
  if (complete_) return;
  for (node& n : nodes_) {
    if (n.what.empty == nullptr) continue;
    try {
      n.what.empty(n.held.get());
    } catch (...) {} // it stays as it is
  }
}

void decoder::fail(const std::string& what) const {
  throw codec_error("thrum: decode: " + what + ", at byte " + std::to_string(at_) + " of " +
                    std::to_string(bytes_.size()));
}

void decoder::fail_short(std::size_t wanted) const {
  fail(std::to_string(wanted - left()) + " bytes are missing");
}

void decoder::fail_depth() const { fail("values are nested too deeply (64)"); }

std::uint64_t decoder::read_count() {
  std::uint64_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    unsigned char byte = 0;
    read_bytes(&byte, 1);
    if (shift == 63 && byte > 1) fail("a count that is too large");
    n |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return n;
  }
}

std::size_t decoder::read_size(std::size_t least) {
  const std::uint64_t n = read_count();
  if (n > left() / least)
    fail("a count of " + std::to_string(n) + ", which is more than the bytes that are left can hold");
  return static_cast<std::size_t>(n);
}

std::shared_ptr<void> decoder::read_node(const kind& what) {
  const std::uint64_t number = read_count();
  if (number == null) return nullptr;
  const std::size_t index = number == fresh ? nodes_.size() : number - first_known;
  if (number == fresh)
    nodes_.push_back({what.make != nullptr ? what.make() : nullptr, what, node_state::waiting});
  else if (index >= nodes_.size() || nodes_[index].what.id != what.id)
    fail("a pointer to an object that did not come, or is of another type");
  if (what.make == nullptr || keys_ != 0) {
    if (nodes_[index].state == node_state::begun) fail("a cycle where none can be");
    if (nodes_[index].state == node_state::waiting) read_now(index);
  }
  return nodes_[index].held;
}

void decoder::read_now(std::size_t index) {
  const nested deeper(*this);
  nodes_[index].state = node_state::begun;
  const kind what = nodes_[index].what; // the table grows
  if (what.make != nullptr) {
    what.fill(*this, nodes_[index].held.get());
  } else {
    auto made = what.make_filled(*this);
    nodes_[index].held = std::move(made);
  }
  nodes_[index].state = node_state::done;
}

void decoder::finish() {
  for (; finished_ < nodes_.size(); ++finished_)
    if (nodes_[finished_].state == node_state::waiting) read_now(finished_);
  if (left() != 0) fail(std::to_string(left()) + " bytes are left over");
  complete_ = true;
}

} // namespace thrum
