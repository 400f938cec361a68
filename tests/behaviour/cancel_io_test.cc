// Waits for bytes and for room for them, for a child's end and for a lock, ended early (support/ended_early.h).
#include "support/ended_early.h"

#include <thrum/io/buffered.h>
#include <thrum/io/byte_pipe.h>
#include <thrum/io/file.h>
#include <thrum/io/pipe.h>
#include <thrum/net/tcp.h>
#include <thrum/net/unix.h>
#include <thrum/process.h>

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace {

namespace net = thrum::net;
using namespace test::early;
using io::deadline;

class a_wait_for_bytes : public cancelling {};

struct a_pipe {
  io::pipe_ends ends = io::pipe().value();
  const io::byte_reader& in() { return ends.reader; }
  const io::byte_writer& out() { return ends.writer; }
};
struct a_byte_pipe {
  io::byte_pipe ends{10'000};
  const io::byte_pipe_reader& in() { return ends.reader; }
  const io::byte_pipe_writer& out() { return ends.writer; }
};
struct a_unix_stream {
  std::pair<net::unix_stream, net::unix_stream> ends = net::unix_stream::pair().value();
  const net::unix_stream& in() { return ends.first; }
  const net::unix_stream& out() { return ends.second; }
};
struct a_tcp_stream {
  net::tcp_stream here, there;
  a_tcp_stream() {
    const auto listener = net::tcp_listener::listen(net::endpoint::parse("127.0.0.1:0").value()).value();
    there = net::tcp_stream::connect(listener.local_address().value()).value();
    here = listener.accept().value();
  }
  const net::tcp_stream& in() { return here; }
  const net::tcp_stream& out() { return there; }
};
struct a_filter { // what goes in comes out
  thrum::process child =
      thrum::process::start({.program = "cat", .in = thrum::process::pipe, .out = thrum::process::pipe})
          .value();
  const io::byte_reader& in() { return child.out(); }
  const io::byte_writer& out() { return child.in(); }
};

template <class Through> struct reading : operation {
  Through through;
  io::result<void> take(deadline limit) override {
    char b[10];
    const auto n = through.in().read_some(b, limit);
    if (n) { EXPECT_EQ(*n, 1u); }
    return without_value(n);
  }
  void give() override { through.out().write_all("x").value(); }
  void until_there() override {
    if constexpr (requires { until_readable(through.in()); }) until_readable(through.in());
  }
};

// The token is room. All that was taken is read, and nothing else.
template <class Through> struct writing : operation {
  Through through;
  std::atomic<std::size_t> written{0};
  std::size_t read = 0;
  writing() {
    const std::string page(4096, 'p');
    while (const auto n = through.out().write_some(page, 0s)) written += *n;
  }
  io::result<void> take(deadline limit) override {
    const auto n = through.out().write_some("x", limit);
    if (n) written += *n;
    return without_value(n);
  }
  void give() override { drain(); } // all of it: who writes to a socket waits until much is free
  void until_there() override {
    if constexpr (requires { until_writable(through.out()); }) until_writable(through.out());
  }
  void expect_taken() override {
    drain();
    through.out().close();
    char b[10];
    EXPECT_EQ(through.in().read_some(b).value(), 0u);
  }
  void drain() {
    std::string b(1 << 16, ' ');
    while (read < written) read += through.in().read_some(b).value();
  }
};

// Half of the line is in the buffer.
struct reading_a_line : operation {
  a_unix_stream through;
  io::buffered_reader<const net::unix_stream&> lines{through.in()};
  reading_a_line() {
    through.out().write_all("ab").value();
    EXPECT_EQ(lines.peek(2).value(), "ab");
  }
  io::result<void> take(deadline limit) override {
    const auto line = lines.read_line({.until = limit});
    if (line) { EXPECT_EQ(*line, "abc"); }
    return without_value(line);
  }
  void give() override { through.out().write_all("c\n").value(); }
  void until_there() override { until_readable(through.in()); }
};

struct flushing : writing<a_pipe> {
  io::buffered_writer<const io::byte_writer&> buffered{through.out()};
  flushing() { buffered.write_all("x").value(); }
  io::result<void> take(deadline limit) override {
    const auto done = buffered.flush(limit);
    if (done) ++written;
    return done;
  }
};

struct opening_a_fifo : operation {
  const scratch folder;
  const std::string path = folder.path + "/fifo";
  io::pipe_reader reader;
  opening_a_fifo() { io::make_fifo(path).value(); }
  io::result<void> take(deadline limit) override { return without_value(io::open_fifo_writer(path, limit)); }
  void give() override { reader = io::open_fifo_reader(path).value(); }
  void expect_taken() override { EXPECT_TRUE(take(0s)); } // the reader is still there
};

// ---- children and locks

struct waiting_for_a_child : operation {
  a_filter child;
  io::result<void> take(deadline limit) override {
    const auto end = child.child.wait(limit);
    if (end) { EXPECT_TRUE(end->ok()); }
    return without_value(end);
  }
  void give() override { child.out().close(); }
  void until_there() override { until_readable(child.child.ended()); }
  void expect_taken() override { EXPECT_TRUE(take(0s)); } // as often as one asks
};

// A pipe whose ends block: a child waits at it instead of asking again and again.
struct blocking_pipe {
  int ends[2];
  blocking_pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  }
  ~blocking_pipe() {
    for (const int end : ends) ::close(end);
  }
  blocking_pipe(const blocking_pipe&) = delete;
  blocking_pipe& operator=(const blocking_pipe&) = delete;
};
// It begins to read when it is told to.
struct writing_to_a_child : operation {
  const blocking_pipe command;
  thrum::process child = thrum::process::start({.program = "sh",
                                                .arguments = {"-c", "read word <&3 && exec cat"},
                                                .in = thrum::process::pipe,
                                                .out = thrum::process::null,
                                                .more = {command.ends[0]}})
                             .value();
  writing_to_a_child() {
    while (child.in().write_some(std::string(4096, 'p'), 0s)) {}
  }
  io::result<void> take(deadline limit) override {
    return without_value(child.in().write_some(std::string(4096, 'x'), limit));
  }
  void give() override { EXPECT_EQ(::write(command.ends[1], "go\n", 3), 3); }
  void until_there() override { until_writable(child.in()); }
  void expect_taken() override {
    child.in().close();
    EXPECT_TRUE(child.wait().value().ok());
  }
};

struct locking_a_file : operation {
  const scratch folder;
  const io::file here = open();
  const io::file there = open();
  locking_a_file() { there.lock(io::file_lock::exclusive).value(); }
  io::file open() const {
    using enum io::file_mode;
    return io::file::open(folder.path + "/lock", read | write | create).value();
  }
  io::result<void> take(deadline limit) override { return here.lock(io::file_lock::exclusive, limit); }
  void give() override { there.unlock().value(); }
  void expect_taken() override { EXPECT_FALSE(there.try_lock(io::file_lock::shared).value()); }
};

const row rows[] = {
    {"read of a pipe", made<reading<a_pipe>>},
    {"read of a byte_pipe", made<reading<a_byte_pipe>>},
    {"read of a unix_stream", made<reading<a_unix_stream>>},
    {"read of a tcp_stream", made<reading<a_tcp_stream>>},
    {"read of a child's output", made<reading<a_filter>>, true},
    {"write to a pipe", made<writing<a_pipe>>},
    {"write to a byte_pipe", made<writing<a_byte_pipe>>},
    {"write to a unix_stream", made<writing<a_unix_stream>>},
    {"write to a child's input", made<writing_to_a_child>, true},
    {"read_line", made<reading_a_line>},
    {"flush", made<flushing>},
    {"open_fifo_writer", made<opening_a_fifo>},
    {"wait of a process", made<waiting_for_a_child>, true},
    {"lock of a file", made<locking_a_file>},
};

} // namespace

THRUM_ENDED_EARLY(a_wait_for_bytes, rows);
