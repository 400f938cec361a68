// shared_buffer: bytes that several processes see at the same time. Sending one to another process copies nothing.
//
//   void brighten(thrum::shared_buffer image) {
//     for (std::uint8_t& pixel : image.as<std::uint8_t>()) pixel = static_cast<std::uint8_t>(pixel + 10);
//   }
//   void brighter(thrum::process_pool& pool) {
//     thrum::shared_buffer image(1'000'000);
//     pool.submit(thrum::fn<&brighten>, image).get(); // the same bytes, changed
//     report(std::to_string(image.as<std::uint8_t>()[0]));
//   }
//
// It is an argument or a result of process_pool.h, also as a part of others (codec.h), and a message to an isolate (isolate.h). Copies
// mean the same bytes, here and there, and so do clones (clone.h).
//
// What the caller owes   Who writes and who reads at the same time agree on it, as with all shared memory: mostly by waiting for the
//                        call that was given the buffer. What lies in it means the same in all processes: no pointers. Atomic
//                        variables that are lock-free work across processes.
// What is guaranteed     A new one is all zeros, and begins at a page. Its size never changes, so nobody can take it away from under who
//                        uses it, also a process that has gone mad. It is gone with its last copy in any process.
// May park               no.
// Happens-before         nothing by itself; between processes, a call -> its function, and the function -> its result, as for all
//                        that passes through the kernel.
// When it dies           The bytes are there until the last copy in this process dies. A default-made or empty one has none.
// Errors                 The constructor: io::failure (no descriptor, no memory), std::bad_alloc. Encoding it for anything but a process of
//                        a pool: codec_error.
// Cost                   One descriptor and one mapping in each process. Making one: two system calls and, at the first touch, its
//                        pages; sending it: three system calls.
// Source of the idea     SharedArrayBuffer; Python's shared_memory, without names and without leaks.
#pragma once

#include <thrum/codec.h>

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

namespace thrum {

namespace pool {
class shared_mapping; // src/pool/shared_mapping.h
} // namespace pool

class shared_buffer {
public:
  shared_buffer() noexcept = default;
  explicit shared_buffer(std::size_t size);

  [[nodiscard]] std::size_t size() const noexcept { return bytes().size(); }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept;
  // As many as there is room for.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::span<T> as() const noexcept {
    return {reinterpret_cast<T*>(bytes().data()), size() / sizeof(T)};
  }
  // The same bytes, not just equal ones. (In this process.)
  friend bool operator==(const shared_buffer&, const shared_buffer&) noexcept = default;

private:
  friend void encode_to(encoder& out, const shared_buffer& b);
  friend shared_buffer decode_from(decoder& in, std::type_identity<shared_buffer>);

  std::shared_ptr<const pool::shared_mapping> memory_;
};

template <> inline constexpr bool detail::shares_memory<shared_buffer> = true;

} // namespace thrum
