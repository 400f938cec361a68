// copy(from, to): everything that can be read there is written here, until the end.
//
//   void relay(thrum::net::tcp_stream& a, thrum::net::tcp_stream& b) {
//     thrum::fiber<> back = thrum::spawn([&] { if (thrum::io::copy(b, a)) static_cast<void>(a.shutdown_write()); });
//     if (auto n = thrum::io::copy(a, b)) static_cast<void>(b.shutdown_write());
//     back.join();
//   }
//
// Returns how many bytes went through. `from` and `to` are whatever has read_some and write_some (io/buffered.h); neither is closed
// nor, if it is a buffered_writer, flushed.
//
// What the caller owes   Both outlive the call.
// What is guaranteed     Back-pressure: nothing is read before what was read has been written, so at most a block is in memory
//                        (options.block, or the buffer of a buffered_reader).
// Errors                 of either side; `operation` says which, and `transferred` how many bytes were written. What was read, but
//                        not written, less than a block, is lost, unless `from` is a buffered_reader: then it stays there, and
//                        a later copy goes on with it. `cancelled`, as cancelled_transfer if something went through.
//                        std::bad_alloc.
// May park               yes. It looks for stop requests (this_fiber::check) before each read, also if it never has to wait.
// Happens-before         nothing.
// When it dies           Nothing is left behind.
// Cost                   a read and a write for each block, and its memory.
// Source of the idea     Go's io.Copy.
#pragma once

#include <thrum/io/buffered.h>

#include <cstddef>
#include <cstdint>

namespace thrum::io {

struct copy_options {
  std::size_t block = 64 << 10;
  std::size_t most = SIZE_MAX; // bytes; nothing beyond them is read
  deadline until{};            // of the whole
};

template <class From, class To>
result<std::size_t> copy_buffered(buffered_reader<From>& from, To& to, std::size_t most, deadline until) {
  return detail::copy_bytes(from.buffer_, from.source(), detail::refer_to_sink(to), most, until);
}

template <byte_source From, byte_sink To>
result<std::size_t> copy(From& from, To& to, const copy_options& options = {}) {
  if constexpr (requires { copy_buffered(from, to, options.most, options.until); }) {
    return copy_buffered(from, to, options.most, options.until);
  } else {
    detail::read_buffer block(options.block);
    return detail::copy_bytes(block, detail::refer_to_source(from), detail::refer_to_sink(to), options.most,
                              options.until);
  }
}

} // namespace thrum::io
