// handle: what everything that owns a descriptor has in common: closing, and deadlines that hold until they are changed.
//
//   auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
//   thrum::fiber<> server = thrum::spawn([&] {
//     while (auto stream = listener.accept()) stream->set_deadline(30s); // for all that is done with it
//   });
//   listener.close(); // accept() returns errc::closed
//   server.join();
//
// What the caller owes   A handle outlives the operations that other fibers have begun on it: close() them first, then join.
//                        Moving a handle while another fiber uses it is a mistake.
// What is guaranteed     Every operation may be called from several fibers and threads at a time; that is why they are const.
//                        close() may be called at any time: operations that wait return errc::closed, later ones, too. The
//                        descriptor's number is not given back to the system while any operation uses it, so it cannot
//                        come to mean another file under somebody's hands.
// Which runtime          The poller of one runtime tells when the descriptor is ready: of the fiber that made the handle (accept:
//                        that accepted); on a plain thread, of the default runtime (accept: of the listener). Fibers of any
//                        runtime and threads may use it. When that runtime ends, waits return errc::runtime_ended, and so does
//                        every later read, write or accept; options, addresses and close() still work.
// May park               Nothing here does.
// Happens-before         close -> the return of the operations that it ended.
// When it dies           it closes. That does not wait: what was written is sent by the kernel in the background.
// Errors                 none here. The operations of an empty handle return errc::closed.
// Cost                   A handle is a pointer to 256 bytes that are used again and again.
// Source of the idea     Go's net.Conn: deadlines and the semantics of close.
#pragma once

#include <thrum/io/deadline.h>

#include <utility>

namespace thrum::io {

struct descriptor; // src/io/descriptor.h

class handle {
public:
  handle() noexcept = default; // refers to nothing: every operation fails with errc::closed
  handle(handle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  handle& operator=(handle&& other) noexcept {
    if (this != &other) {
      drop();
      descriptor_ = std::exchange(other.descriptor_, nullptr);
    }
    return *this;
  }
  ~handle() { drop(); }

  // Ends every operation in progress with errc::closed. Closing twice is harmless.
  void close() const noexcept;
  [[nodiscard]] bool is_open() const noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return is_open(); }

  // Absolute and sticky: it holds for the operation in progress and all later ones, until it is set anew. Once it has passed,
  // operations fail with errc::deadline without trying; deadline() (none) lifts it. The deadline that a single
  // operation takes as an argument comes on top; the earlier one counts.
  void set_read_deadline(deadline until) const noexcept;
  void set_write_deadline(deadline until) const noexcept;
  void set_deadline(deadline until) const noexcept {
    set_read_deadline(until);
    set_write_deadline(until);
  }

  // The descriptor's number, for options that thrum has no name for; -1 if closed, or if it has none (net/tcp.h). It stays ours: do
  // not close it, or read or write through it.
  [[nodiscard]] int native() const noexcept;

protected:
  explicit handle(descriptor* d) noexcept : descriptor_(d) {}
  descriptor* get() const noexcept { return descriptor_; }

private:
  friend descriptor* descriptor_of(const handle& h) noexcept { return h.descriptor_; }
  void drop() noexcept {
    if (descriptor_ != nullptr) drop_slow();
  }
  void drop_slow() noexcept;

  descriptor* descriptor_ = nullptr;
};

} // namespace thrum::io
