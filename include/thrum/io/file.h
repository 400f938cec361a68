// Files: opened, read, written, locked, replaced; in plain blocking style, without holding up other fibers.
//
//   void append_line(const std::string& path, const std::string& line) {
//     using enum thrum::io::file_mode;
//     const auto f = thrum::io::file::open(path, write | create | append).value();
//     f.write_all(line).value();
//     f.sync().value();                                  // on the disk
//     f.close_file().value();                            // and no late error
//   }
//
//   std::string text = thrum::io::read_file("settings.json").value();
//   thrum::io::write_file("settings.json", text).value(); // all of it or the old one, whatever happens meanwhile
//
// A file has a position of its own, at which the operations of every stream go on (io/stream.h), and operations with a place of
// their own, read_at and write_at, which leave it alone and may be called by several fibers at a time.
//
// lock(), try_lock(), unlock()    with other processes, and other `file`s of this one (fcntl's open-file-description locks, on the
//                        whole file). A file holds one lock or none: taking the other kind changes it. Advisory: only who asks is
//                        kept away. lock() asks again after 1 ms, 2 ms, ... 32 ms; nobody is served in order.
// read_file(path)        the whole file, also one whose size nobody knows (/proc). What others append meanwhile may be missing.
// write_file(path, b)    writes a new file in the same directory, syncs it, gives it the old one's name, syncs the directory. The
//                        permissions are the old file's, if there was one. Of a symbolic link it replaces the link.
//
// What the caller owes   See io/handle.h. An exclusive lock needs a file opened for writing, a shared one for reading.
// What is guaranteed     io/stream.h. While others wait for the processor, what the system has in memory is opened and read at once (openat2
//                        with RESOLVE_CACHED, preadv2 with RWF_NOWAIT), and what must be waited for is read through io_uring, so that
//                        no thread is kept. Else, on a plain thread, and where io_uring is refused, the calling thread waits, in a
//                        blocking region. dump() tells (inspect.h); the environment
//                        variable THRUM_FILE_RING=on or off chooses one for the process. Writes of up to 64 KiB, which are copied into memory, are made at once; longer ones,
//                        sync, open and close in a blocking region. SIGPIPE is never raised. Close-on-exec.
//                        A lock that is cancelled or late is not held.
// Which runtime          none, for a file; for a pipe or device that can be waited for, as in io/handle.h. Such a thing is opened
//                        without waiting for it (O_NONBLOCK); for pipes see io/pipe.h.
// Cancellation           The disk is not a wait: no stop request or deadline ends a call of the system that has begun. They end waits for
//                        the turn of the position, and for a lock; and a read that io_uring has in a queue and not begun. A buffer
//                        is the caller's again when the call returns, however it does.
// May park               lock(); every read that has to wait for the disk; the operations of streams, while another fiber is at
//                        the position. Others block their thread.
// Happens-before         only what passes through says; unlock -> the lock that gets it, within this process.
// When it dies           It closes, gives its lock back, and tells nobody about errors: close_file() does. If operations of other
//                        fibers are in progress, the last of them closes, and its error is lost.
// Errors                 io::result (io/error.h), of the system: operation, the end of the path, the reason; after an error of write_all,
//                        write_all_at and read_exactly_at `transferred` tells how much went through (a disk that becomes
//                        full: std::errc::no_space_on_device). A write_file that has failed has changed nothing, but for one that
//                        could not sync the directory: the new file is there. A path with a zero in it: invalid_argument. The limit
//                        RLIMIT_FSIZE raises SIGXFSZ, if the program does not ignore it.
// Cost                   A read from memory is one system call and some 50 ns (100 more while others wait, for RWF_NOWAIT); one from the
//                        disk then two, and blocking.h or a park. At the position, io_uring costs one system call and one copy more.
//                        read_file makes the four calls of a loop by hand: open, fstat, one read, close.
// Source of the idea     Go's os.File; Java's FileChannel; the replacing write of every editor.
#pragma once

#include <thrum/io/stream.h>

#include <cstdint>
#include <string>

namespace thrum::io {

enum class file_mode : unsigned {
  read = 1,
  write = 2,
  create = 4,     // if there is none
  truncate = 8,   // what was there is dropped
  append = 16,    // every write goes to the end, wherever others have moved it
  exclusive = 32, // with create: there must not be one
  no_follow = 64  // the path is no symbolic link
};
[[nodiscard]] constexpr file_mode operator|(file_mode a, file_mode b) noexcept {
  return static_cast<file_mode>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr bool has(file_mode all, file_mode one) noexcept {
  return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) != 0;
}

enum class file_lock : std::uint8_t { shared, exclusive };
enum class sync_what : std::uint8_t { everything, data_only }; // data_only: not the time of the last change

class file : public byte_stream {
public:
  file() noexcept = default;

  // `permissions` of a file that is created, less the umask. Neither read nor write: read.
  [[nodiscard]] static result<file> open(const std::string& path, file_mode mode = file_mode::read,
                                         unsigned permissions = 0666);

  // At least one byte, if there is any there; 0: `offset` is at the end or behind.
  result<std::size_t> read_at(std::uint64_t offset, mutable_buffer into) const;
  result<void> read_exactly_at(std::uint64_t offset, mutable_buffer into) const; // or errc::end_of_stream
  result<std::size_t> write_at(std::uint64_t offset, const_buffer from) const;
  result<void> write_all_at(std::uint64_t offset, const_buffer from) const;

  [[nodiscard]] result<std::uint64_t> position() const;
  result<void> seek(std::uint64_t position) const;
  [[nodiscard]] result<std::uint64_t> size() const;
  result<void> truncate(std::uint64_t size) const; // or extends it, with zeros
  result<void> sync(sync_what what = sync_what::everything) const;

  result<void> lock(file_lock how, deadline until = {}) const;
  [[nodiscard]] result<bool> try_lock(file_lock how) const; // false: somebody else has it
  result<void> unlock() const;

  // close(), and what the system says about it: some file systems tell only now that earlier writes have failed. Closing twice is
  // harmless.
  result<void> close_file() const;

private:
  explicit file(descriptor* d) noexcept : byte_stream(d) {}
};

[[nodiscard]] result<std::string> read_file(const std::string& path);
result<void> write_file(const std::string& path, const_buffer bytes, unsigned permissions = 0666);

} // namespace thrum::io
