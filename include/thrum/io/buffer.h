// Memory to read into and to write from: a pointer and a size, made from whatever is contiguous.
//
//   thrum::net::tcp_stream stream;
//   char line[256];
//   std::vector<std::byte> block(4096);
//   std::string text = "GET / HTTP/1.0\r\n\r\n";
//   auto n = stream.read_some(line); // up to 256 bytes
//   auto all = stream.read_exactly(block);
//   if (n) auto echoed = stream.write_all({line, *n});
//   auto asked = stream.write_all(text);
//   auto greeted = stream.write_all("hello\n"); // a literal is its text, without the terminating zero
//
// Several at a time, as a span of buffers:
//
//   thrum::net::tcp_stream peer;
//   std::string head = "HTTP/1.0 200 OK\r\n\r\n", body = "hello";
//   const thrum::io::const_buffer answer[] = {head, body};
//   auto sent = peer.write_all(answer); // one system call
//
// What the caller owes   The memory stays valid until the operation has returned; nobody else writes to it meanwhile. Reading
//                        changes the elements, never the size: make a std::string or std::vector as large as it is to be.
// What is guaranteed     Ranges of trivially copyable elements count in bytes, whatever an element is. As a const_buffer, a literal,
//                        a const char array and a char pointer are text up to their first zero; any other range is all of it. So
//                        char line[256] means 256 bytes, zeros included: say {line, n}.
// May park               no.
// Happens-before         nothing.
// When it dies           A value that owns nothing.
// Errors                 none; a null pointer as text is a mistake, as for std::string_view.
// Cost                   16 bytes.
// Source of the idea     Asio's buffers.
#pragma once

#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>

namespace thrum::io {
class mutable_buffer;
class const_buffer;
} // namespace thrum::io

namespace thrum::detail {

// A range of buffers is a list of places, not memory to be sent.
template <class T>
concept buffer_type = std::is_same_v<T, io::mutable_buffer> || std::is_same_v<T, io::const_buffer>;
template <class R>
concept plain_range = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                      !buffer_type<std::ranges::range_value_t<R>> &&
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
