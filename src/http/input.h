// What has been read from a connection and is not parsed yet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include <thrum/detail/http_transport.h>

namespace thrum::http {

class input {
public:
  // Begins with `filled` bytes of memory that somebody else owns.
  input(char* memory, std::size_t size, std::size_t filled) noexcept
      : memory_(memory), size_(size), end_(filled) {}

  std::string_view view() const noexcept { return {memory_ + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }
  void take(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Reads what is there, at least one byte, or says 0 or an error. Its memory grows to `enough` at once, and beyond as it has to.
  io::result<std::size_t> read_more(detail::http_transport& from, std::size_t enough, io::deadline until) {
    make_room(enough);
    auto n = from.read_some({memory_ + end_, size_ - end_}, until);
    if (n) end_ += *n;
    return n;
  }

private:
  void make_room(std::size_t enough) {
    const std::size_t kept = end_ - begin_;
    if (kept == size_ || size_ < enough) {
      const std::size_t size = std::max({enough, 2 * kept, std::size_t{4096}});
      auto larger = std::make_unique_for_overwrite<char[]>(size);
      std::memcpy(larger.get(), memory_ + begin_, kept);
      own_ = std::move(larger);
      memory_ = own_.get();
      size_ = size;
    } else if (begin_ != 0) {
      std::memmove(memory_, memory_ + begin_, kept);
    }
    begin_ = 0;
    end_ = kept;
  }

  std::unique_ptr<char[]> own_;
  char* memory_;
  std::size_t size_;
  std::size_t begin_ = 0;
  std::size_t end_;
};

} // namespace thrum::http
