// Memory to read into and to write from: a pointer and a size, made from whatever is contiguous.
//
//   char line[256];                 stream.read_some(line);
//   std::vector<std::byte> block;   stream.read_exactly(block);
//   std::string text;               stream.write_all(text);
//   stream.write_all("hello\n");    // a literal is its text, without the terminating zero
//
// What the caller owes   The memory stays valid until the operation has returned.
#pragma once

#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>

namespace thrum::detail {

template <class R>
concept plain_range = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                      std::is_trivially_copyable_v<std::ranges::range_value_t<R>>;
template <class R>
concept writable_range =
    plain_range<R> && !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>;
template <class R> inline constexpr bool is_literal = false;
template <std::size_t N> inline constexpr bool is_literal<const char (&)[N]> = true;

} // namespace thrum::detail

namespace thrum::io {

// Bytes that may be written to.
class mutable_buffer {
public:
  constexpr mutable_buffer(void* data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <detail::writable_range R> constexpr mutable_buffer(R&& range) noexcept
      : data_(std::ranges::data(range)),
        size_(std::ranges::size(range) * sizeof(std::ranges::range_value_t<R>)) {}

  [[nodiscard]] constexpr void* data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

private:
  void* data_;
  std::size_t size_;
};

// Bytes to be read.
class const_buffer {
public:
  constexpr const_buffer(const void* data, std::size_t size) noexcept : data_(data), size_(size) {}
  constexpr const_buffer(const char* text) noexcept : const_buffer(std::string_view(text)) {}
  template <detail::plain_range R>
    requires(!detail::is_literal<R>)
  constexpr const_buffer(R&& range) noexcept
      : data_(std::ranges::data(range)),
        size_(std::ranges::size(range) * sizeof(std::ranges::range_value_t<R>)) {}

  [[nodiscard]] constexpr const void* data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

private:
  const void* data_;
  std::size_t size_;
};

} // namespace thrum::io
