// Reading into and writing from several buffers at a time: what a program has in pieces (a header and a body) goes out in one
// system call, without being copied together first.
#include "io/operation.h"
#include "io/transfer.h"

#include <algorithm>
#include <memory>
#include <new>
#include <span>

#include <sys/uio.h>

#include <thrum/io/stream.h>

namespace thrum::io {

namespace {

constexpr std::size_t most_parts = 1024; // that the kernel takes in one call (IOV_MAX)
constexpr std::size_t few = 32;          // need no memory but the stack's

void* data_of(const mutable_buffer& b) noexcept { return b.data(); }
void* data_of(const const_buffer& b) noexcept { return const_cast<void*>(b.data()); } // writev only reads

// What of a list of buffers is still to be done, as the kernel wants to be told.
template <class Buffer> class rest_of {
public:
  explicit rest_of(std::span<const Buffer> all) noexcept : left_(all) {
    if (all.size() > few) many_.reset(new (std::nothrow)::iovec[std::min(all.size(), most_parts)]);
    parts_ = many_ ? std::span(many_.get(), std::min(all.size(), most_parts)) : std::span(few_);
  }

  // As much as goes into one call. False: nothing is left.
  bool fill() noexcept {
    used_ = 0;
    bytes_ = 0;
    std::size_t from = done_of_first_;
    for (const Buffer& b : left_) {
      const std::size_t size = std::min(b.size() - from, most_at_once - bytes_);
      if (size != 0) parts_[used_++] = {static_cast<char*>(data_of(b)) + from, size};
      bytes_ += size;
      from = 0;
      if (used_ == parts_.size() || bytes_ == most_at_once) break;
    }
    return bytes_ != 0;
  }
  const ::iovec* parts() const noexcept { return parts_.data(); }
  int count() const noexcept { return static_cast<int>(used_); }
  std::size_t bytes() const noexcept { return bytes_; }

  void advance(std::size_t n) noexcept {
    while (!left_.empty() && n >= left_.front().size() - done_of_first_) {
      n -= left_.front().size() - done_of_first_;
      done_of_first_ = 0;
      left_ = left_.subspan(1);
    }
    done_of_first_ += n;
  }

private:
  std::span<const Buffer> left_;
  std::size_t done_of_first_ = 0; // bytes of left_.front()
  std::size_t used_ = 0;
  std::size_t bytes_ = 0;
  std::span<::iovec> parts_;
  std::unique_ptr<::iovec[]> many_;
  ::iovec few_[few];
};

std::int64_t write_step(operation& op, descriptor& d, const rest_of<const_buffer>& rest) {
  return op.step(rest.bytes(), [&] { return d.world->write_vector(d.fd, rest.parts(), rest.count()); });
}

} // namespace

} // namespace thrum::io

namespace thrum::detail {

using namespace io;

result<std::size_t> read_some(descriptor* d, read_list into, deadline until) {
  if (d == nullptr) return closed_error("read", d);
  rest_of rest(into);
  if (!rest.fill()) return std::size_t{0};
  operation op(*d, direction::in, until.time());
  const std::int64_t n =
      op.run(rest.bytes(), [&] { return d->world->read_vector(d->fd, rest.parts(), rest.count()); });
  if (n < 0) return failed("read", *d, op, n);
  return static_cast<std::size_t>(n);
}

result<std::size_t> write_some(descriptor* d, write_list from, deadline until) {
  if (d == nullptr) return closed_error("write", d);
  rest_of rest(from);
  if (!rest.fill()) return std::size_t{0};
  operation op(*d, direction::out, until.time());
  const std::int64_t n = write_step(op, *d, rest);
  op.end();
  if (n < 0) return failed("write", *d, op, n);
  return static_cast<std::size_t>(n);
}

result<void> write_all(descriptor* d, write_list from, deadline until) {
  if (d == nullptr) return closed_error("write", d);
  operation op(*d, direction::out, until.time());
  for (rest_of rest(from); rest.fill();) {
    const std::int64_t n = write_step(op, *d, rest);
    if (n < 0) return failed("write", *d, op, n);
    op.add_progress(static_cast<std::size_t>(n));
    rest.advance(static_cast<std::size_t>(n));
  }
  return {};
}

} // namespace thrum::detail
