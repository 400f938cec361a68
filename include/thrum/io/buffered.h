// buffered_reader, buffered_writer: small reads and writes with few system calls; lines, and looking ahead.
//
//   void answer(thrum::net::tcp_stream& stream) {
//     thrum::io::buffered_reader in(stream);                    // of an lvalue: refers to it
//     thrum::io::buffered_writer out(stream);
//     while (auto line = in.read_line({.limit = 1024, .until = 30s})) {
//       if (!out.write_all("you said: ") || !out.write_all(*line) || !out.write_all("\n")) return;
//       if (in.buffered().empty() && !out.flush(30s)) return;   // one write for as many as had come
//     }
//   }
//
// Over everything that has read_some or write_some as io/stream.h has them (the concepts byte_source and byte_sink): connections,
// pipes, a class of your own. Of an rvalue, buffered_reader(std::move(stream)), the reader owns it; stream() gives access. Both are such
// streams themselves, so they stack, and io/copy.h takes them. io/lines.h has loops over lines and chunks.
//
// What the caller owes   One fiber or thread at a time uses it. A stream that is referred to outlives it; what is read past it is
//                        missing in the buffer, and the other way round. A view is good until the next operation of the reader.
//                        What was written is flushed: *the destructor drops what was not*. To flush may have to wait, and may
//                        fail, and a destructor could tell nobody.
// What is guaranteed     Nothing is lost by an error, a deadline or a stop request. Reading: what has come stays in the buffer, and the
//                        next operation goes on with it; read_exactly says how many bytes it had delivered (transferred). Writing:
//                        what was taken is in the buffer or with the stream; `transferred` says how many bytes of this call were
//                        taken, unsent() how many wait in the buffer, and flush() or write_all of the rest goes on there.
// Lines                  end with "\n" or "\r\n", which is not a part of the view; so does the end of the stream, if something
//                        stands before it. A line of more than `limit` bytes is io::errc::too_long, as often as one asks: nothing of it
//                        is taken; skip() it, read it with read_some, or give up. The buffer grows with the longest line, up
//                        to the limit.
// Cancellation, deadline As for the stream; what is in the buffer is given, and what has room is taken, without waiting.
// May park               read_*, peek, write_*, flush.
// Happens-before         nothing.
// When it dies           The buffer goes, with what is in it; an owned stream closes.
// Errors                 Those of the stream. io::errc::end_of_stream where nothing is left: the ordinary end of a loop over
//                        read_line. io::errc::too_long. skip() of more than is there panics. std::bad_alloc when the buffer is made,
//                        by the first operation, or grows.
// Cost                   A small read or write copies its bytes: 20 to 50 ns. Blocks as large as the buffer go past it.
// Source of the idea     Go's bufio; its Scanner, without the second set of names.
#pragma once

#include <thrum/detail/io_buffers.h>

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace thrum::io {

inline constexpr std::size_t default_buffer = 16 << 10;

struct line_options {
  std::size_t limit = 64 << 10; // bytes in front of the delimiter
  deadline until{};
};

template <class Stream>
  requires byte_source<std::remove_reference_t<Stream>>
class buffered_reader {
public:
  explicit buffered_reader(Stream&& stream, std::size_t capacity = default_buffer)
      : stream_(std::forward<Stream>(stream)), buffer_(capacity) {}

  // What is there; if nothing is, waits as the stream does. 0: the end.
  result<std::size_t> read_some(mutable_buffer into, deadline until = {}) {
    return buffer_.read_some(source(), into, until);
  }
  // Fills `into`. If the stream ends before: errc::end_of_stream, with `transferred` bytes delivered.
  result<void> read_exactly(mutable_buffer into, deadline until = {}) {
    return buffer_.read_exactly(source(), into, until);
  }
  // The next line, without its end. errc::end_of_stream: there is none.
  result<std::string_view> read_line(const line_options& o = {}) {
    return buffer_.read_line(source(), o.limit, o.until);
  }
  // What comes up to the delimiter, and the delimiter itself: without it, the stream has ended there.
  result<std::string_view> read_until(char delimiter, const line_options& o = {}) {
    return buffer_.read_until(source(), delimiter, o.limit, o.until);
  }
  // The next n bytes, which are not taken. Less, or none: the stream ends there. The buffer grows to n.
  result<std::string_view> peek(std::size_t n, deadline until = {}) {
    return buffer_.peek(source(), n, until);
  }

  // What has been read from the stream, but not from here.
  [[nodiscard]] std::string_view buffered() const noexcept { return buffer_.view(); }
  // Takes n bytes of buffered().
  void skip(std::size_t n) noexcept { buffer_.skip(n); }

  [[nodiscard]] auto& stream() noexcept { return stream_; }

private:
  template <class From, class To> friend result<std::size_t> copy_buffered(buffered_reader<From>& from,
                                                                           To& to, std::size_t most,
                                                                           deadline until);
  detail::source_ref source() noexcept { return detail::refer_to_source(stream_); }

  Stream stream_; // or a reference
  detail::read_buffer buffer_;
};
template <class Stream> buffered_reader(Stream&&) -> buffered_reader<Stream>;
template <class Stream> buffered_reader(Stream&&, std::size_t) -> buffered_reader<Stream>;

template <class Stream>
  requires byte_sink<std::remove_reference_t<Stream>>
class buffered_writer {
public:
  explicit buffered_writer(Stream&& stream, std::size_t capacity = default_buffer)
      : stream_(std::forward<Stream>(stream)), buffer_(capacity) {}

  // Takes all, and sends when the buffer is full.
  result<void> write_all(const_buffer from, deadline until = {}) {
    return buffer_.write_all(sink(), from, until);
  }
  // Takes as much as has room, at least one byte.
  result<std::size_t> write_some(const_buffer from, deadline until = {}) {
    return buffer_.write_some(sink(), from, until);
  }
  // Sends what is in the buffer. On errors the rest is still there.
  result<void> flush(deadline until = {}) { return buffer_.flush(sink(), until); }

  [[nodiscard]] std::size_t unsent() const noexcept { return buffer_.unsent(); }
  [[nodiscard]] auto& stream() noexcept { return stream_; }

private:
  detail::sink_ref sink() noexcept { return detail::refer_to_sink(stream_); }

  Stream stream_; // or a reference
  detail::write_buffer buffer_;
};
template <class Stream> buffered_writer(Stream&&) -> buffered_writer<Stream>;
template <class Stream> buffered_writer(Stream&&, std::size_t) -> buffered_writer<Stream>;

} // namespace thrum::io
