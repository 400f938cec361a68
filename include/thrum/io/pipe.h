// Pipes: bytes from one end to the other, within the process or to another; with and without a name.
//
//   auto [reader, writer] = thrum::io::pipe().value();
//   thrum::fiber<> producer = thrum::spawn([writer = std::move(writer)] {
//     writer.write_all("hello\n").value();
//   });                                        // the writer is closed: the reader comes to the end
//   char buffer[4096];
//   while (auto n = reader.read_some(buffer))
//     if (*n == 0) break;
//   producer.join();
//
//   void send_to_server(const std::string& line) { // through a pipe with a name, which the server reads
//     thrum::io::open_fifo_writer("/run/server.fifo", 5s).value().write_all(line, 5s).value();
//   }
//
// pipe()                     two ends of a new pipe
// make_fifo(path)            a pipe with a name; std::filesystem::remove removes the name
// open_fifo_reader(path)     returns at once; the first read waits until somebody has written, or opened it and gone
// open_fifo_writer(path)     waits until somebody reads
//
// Reading and writing are those of every stream of bytes: io/stream.h. The end of the stream comes when all writers are closed; a
// write fails with broken_pipe when all readers are.
//
// What the caller owes   See io/handle.h. To take channels within a process: a pipe costs two system calls, a chan none.
// What is guaranteed     io/stream.h; writes of up to 4096 bytes are not mixed with those of other processes. SIGPIPE is never
//                        raised, and no signal mask or disposition of the process is changed for that, so children inherit
//                        nothing unusual: the kernel is told with each write (Linux 6.18), or the writing thread blocks the
//                        signal for the time of the write. The ends are close-on-exec.
// Which runtime          of the calling fiber, or the default runtime. See io/handle.h.
// Cancellation           As for streams. Nothing is left behind by an open_fifo_writer that is cancelled or late.
// May park               read_*, write_*, open_fifo_writer.
// Happens-before         only what passes through says.
// When it dies           It closes. What was written stays there for the reader.
// Errors                 io::result (io/error.h): pipe, open_*: too_many_files_open, not_enough_memory; make_fifo: file_exists;
//                        all with a path: those of paths; open_* of what is no pipe: invalid_argument. write_*: broken_pipe. From
//                        waits: io::errc::closed, deadline, runtime_ended, and `cancelled`.
// Cost                   as streams; a pipe holds 64 KiB in the kernel. open_fifo_writer asks again after 1 ms, 2 ms, ... 32 ms.
// Source of the idea     pipe(7), fifo(7); Go's os.Pipe.
#pragma once

#include <thrum/io/stream.h>

#include <string>

namespace thrum::io {

class pipe_reader : public byte_reader {
public:
  pipe_reader() noexcept = default;

private:
  friend struct pipe_maker;
  explicit pipe_reader(descriptor* d) noexcept : byte_reader(d) {}
};

class pipe_writer : public byte_writer {
public:
  pipe_writer() noexcept = default;

private:
  friend struct pipe_maker;
  explicit pipe_writer(descriptor* d) noexcept : byte_writer(d) {}
};

struct pipe_ends {
  pipe_reader reader;
  pipe_writer writer;
};

[[nodiscard]] result<pipe_ends> pipe();

result<void> make_fifo(const std::string& path, unsigned permissions = 0666);
[[nodiscard]] result<pipe_reader> open_fifo_reader(const std::string& path);
[[nodiscard]] result<pipe_writer> open_fifo_writer(const std::string& path, deadline until = {});

} // namespace thrum::io
