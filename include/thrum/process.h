// Child processes: start one, talk to it through pipes, wait for its end, in plain blocking style.
//
//   auto sort = thrum::process::start({.program = "sort", .in = thrum::process::pipe, .out = thrum::process::pipe}).value();
//   sort.in().write_all("b\na\n").value();
//   sort.in().close();                                        // the child reads the end
//   char lines[4];
//   sort.out().read_exactly(lines).value();
//   thrum::exit_status s = sort.wait(10s).value();            // or an error: io::errc::deadline, ...
//   if (!s.ok()) report(s.to_string());                       // "exited with 2", "killed by SIGTERM"
//
// A command that is run to its end, with all it says:
//
//   auto result = thrum::run_process({"git", "status"}, {.directory = "/tmp", .until = 5s});
//   if (result && result->status.ok()) report(result->out);
//
// start()                It has become its program when start() returns; if it cannot (ENOENT, EACCES, E2BIG, ...), that is the
//                        error, with the program's name. A name without a slash is looked for in PATH, a relative path counts
//                        from `directory`. The child gets the descriptors that are asked for and no other, no signal held
//                        back, and the default action for SIGPIPE. Other signals that this process ignores, it ignores.
// pipes                  in(), out() and err() are streams of bytes (io/stream.h); those that were not asked for are closed ones. They
//                        may be moved out. Writing to a child that does not read any more is broken_pipe. Who reads less than a
//                        child writes makes it wait; with two pipes, read both at the same time (run_process does).
// wait()                 may be called by several, with a deadline, and again: all get the same. It reaps the child; there is no
//                        zombie, and no handler for SIGCHLD. readable(p.ended()) is a case of a select (io/ready.h).
// terminate_then_kill()  SIGTERM; SIGKILL if that has not helped within `grace`. Of a group, SIGKILL in any case, for what is
//                        left of it.
// new_group              The child leads a process group: a shell's Ctrl-C does not reach it, and kill() and the destructor
//                        reach what it has started, too (as long as it was not waited for: its number may then be another's).
// run_process()          Gives `input`, takes both outputs at the same time, keeps the first `most` bytes of each and drops the
//                        rest, so nobody gets stuck. Returns when the outputs have ended and the child has, too. In a group of its
//                        own, which is killed if the deadline passes (errc::deadline) or the fiber is asked to stop
//                        (`cancelled`). Background processes that hold the outputs open count as part of it.
//
// What the caller owes   A process outlives the calls on it; move it only while nobody uses it. Descriptors that are given to it
//                        are open while start() runs, and stay the caller's; with a stream's (handle::native()), the child gets
//                        one that does not block. Nobody else reaps children (waitpid(-1)), and SIGCHLD is not ignored: else its
//                        end is unknown, and wait() says no_child_process.
// What is guaranteed     Nothing that start() opened is left when it fails, and no child runs. Nobody is signalled but the child:
//                        after it was reaped, kill() says no_such_process.
// Which runtime          As for all handles (io/handle.h): that of the fiber that starts it.
// Cancellation           A stop request ends waits. The child runs on; the destructor will end it.
// May park               wait, terminate_then_kill, run_process, the destructor; start() hands the processor to others while the
//                        child becomes its program (blocking.h).
// Happens-before         Nothing but what passes through the pipes.
// When it dies           A child that was neither waited for nor detached is killed (SIGKILL) and reaped, as std::jthread joins, so
//                        neither a zombie nor an orphan is left; the destructor waits for that, and listens to no stop
//                        request. detach() lets it run: its end is awaited in the background by the default runtime.
// Errors                 io::result (io/error.h). start: of the system, most commonly no_such_file_or_directory, permission_denied,
//                        argument_list_too_long, too_many_files_open, not_enough_memory; invalid_argument for a zero byte in a
//                        text; "enter PATH" is about the directory. wait: io::errc::deadline, closed, runtime_ended.
// Cost                   About 1 ms, most of it the kernel's and the dynamic linker's; no memory is copied, however large this
//                        process is. A child: one descriptor, and one for each pipe. (Two and a thread where the kernel
//                        refuses pidfds.)
// Source of the idea     Rust's and Tokio's Command, Python's subprocess.run; the rule of std::jthread.
#pragma once

#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/io/handle.h>
#include <thrum/io/stream.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thrum {

namespace detail {
struct child_core; // src/process/child.h
} // namespace detail

// How a child has ended.
struct exit_status {
  int code = 0;   // of exit(), if no signal ended it
  int signal = 0; // that ended it, or 0
  bool core_dumped = false;

  [[nodiscard]] bool ok() const noexcept { return signal == 0 && code == 0; }
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const exit_status&, const exit_status&) = default;
};

// What becomes one of a child's three streams: process::inherit, null, pipe, to_out, or an open descriptor.
class child_stream {
public:
  enum class kind : std::uint8_t { inherit, null, pipe, descriptor, to_out };
  constexpr child_stream(kind what) noexcept : what_(what) {}
  constexpr child_stream(int descriptor) noexcept : what_(kind::descriptor), descriptor_(descriptor) {}

  [[nodiscard]] constexpr kind what() const noexcept { return what_; }
  [[nodiscard]] constexpr int descriptor() const noexcept { return descriptor_; }

private:
  kind what_;
  int descriptor_ = -1;
};

struct process_options {
  std::string program;
  std::vector<std::string> arguments{}; // without the program's own name
  // "NAME=value", all of it; none: that of this process (process::environment()).
  std::optional<std::vector<std::string>> environment{};
  std::string directory{}; // "": that of this process
  child_stream in = child_stream::kind::inherit;
  child_stream out = child_stream::kind::inherit;
  child_stream err = child_stream::kind::inherit;
  std::vector<int> more{}; // descriptors that become 3, 4, ... of the child
  bool new_group = false;
};

class process {
public:
  static constexpr child_stream inherit = child_stream::kind::inherit;
  static constexpr child_stream null = child_stream::kind::null; // /dev/null
  static constexpr child_stream pipe = child_stream::kind::pipe;
  static constexpr child_stream to_out = child_stream::kind::to_out; // for err: where out goes

  process() noexcept = default; // none: every operation fails with errc::closed
  process(process&& other) noexcept;
  process& operator=(process&& other) noexcept; // as if *this died before
  ~process();

  static io::result<process> start(const process_options& options);
  static std::vector<std::string> environment(); // of this process

  [[nodiscard]] io::byte_writer& in() noexcept { return in_; }
  [[nodiscard]] io::byte_reader& out() noexcept { return out_; }
  [[nodiscard]] io::byte_reader& err() noexcept { return err_; }

  io::result<exit_status> wait(io::deadline until = {}) const;
  // To the group, if it leads one. A child that has ended, but was not waited for, takes it and does nothing.
  io::result<void> kill(int signal) const;
  io::result<exit_status> terminate_then_kill(std::chrono::nanoseconds grace) const;

  // For a select: readable when the child has ended. (If it is closed, nobody can wait for the child any more.)
  [[nodiscard]] const io::handle& ended() const noexcept;
  [[nodiscard]] int id() const noexcept; // its number in the system; 0: none
  // Lets it go: *this is none afterwards. Throws std::bad_alloc.
  void detach();

private:
  explicit process(detail::child_core* core) noexcept : core_(core) {}
  void finish() noexcept;

  detail::child_core* core_ = nullptr;
  io::byte_writer in_;
  io::byte_reader out_;
  io::byte_reader err_;
};

struct run_process_options {
  std::string input{}; // for its standard input
  std::optional<std::vector<std::string>> environment{};
  std::string directory{};
  io::deadline until{};
  std::size_t most = std::size_t{16} << 20; // bytes that are kept of each output
};

struct process_output {
  exit_status status;
  std::string out;
  std::string err;
  std::uint64_t dropped = 0; // bytes of both outputs beyond `most`
};

// `command`: the program and its arguments.
io::result<process_output> run_process(const std::vector<std::string>& command,
                                       const run_process_options& options = {});

} // namespace thrum
