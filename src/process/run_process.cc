// A command from its start to its end: one loop that gives the input and takes both outputs as the child likes it, so that
// neither side ever waits for the other; no fiber but the caller's.
#include "process/subject.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <system_error>

#include <thrum/io/ready.h>
#include <thrum/process.h>
#include <thrum/select.h>
#include <thrum/this_fiber.h>

namespace thrum {

namespace {

constexpr std::size_t chunk = std::size_t{64} << 10; // what a pipe holds

struct taken {
  io::byte_reader& from;
  std::string& into;

  // Takes what is there; at the end, `from` becomes one that never is ready.
  io::result<void> take(char* buffer, const run_process_options& options, std::uint64_t& dropped) {
    const auto n = from.read_some({buffer, chunk}, options.until);
    if (!n) return n.error();
    if (*n == 0) {
      from = io::byte_reader();
      return {};
    }
    const std::size_t kept = std::min(*n, options.most - into.size());
    into.append(buffer, kept);
    dropped += *n - kept;
    return {};
  }
};

io::result<void> give(io::byte_writer& to, std::string_view& left) {
  if (!left.empty()) {
    const auto n = to.write_some(left);
    if (!n && n.error() != std::errc::broken_pipe) return n.error();
    left.remove_prefix(n ? *n : left.size()); // a child need not read
  }
  if (left.empty()) to = io::byte_writer();
  return {};
}

} // namespace

io::result<process_output> run_process(const std::vector<std::string>& command,
                                       const run_process_options& options) {
  process_options how{.program = command.empty() ? std::string() : command.front(),
                      .environment = options.environment,
                      .directory = options.directory,
                      .in = options.input.empty() ? process::null : process::pipe,
                      .out = process::pipe,
                      .err = process::pipe,
                      .new_group = true};
  if (!command.empty()) how.arguments.assign(command.begin() + 1, command.end());
  auto started = process::start(how);
  if (!started) return started.error();
  process& child = *started; // kills it and its group, if we leave before it has ended
  const std::chrono::steady_clock::time_point end{std::chrono::nanoseconds(options.until.time())};
  const auto buffer = std::make_unique_for_overwrite<char[]>(chunk);
  process_output said;
  std::string_view left = options.input;
  taken out{child.out(), said.out};
  taken err{child.err(), said.err};
  while (child.out() || child.err() || child.in()) {
    // Looked at in each turn: a child that always has something to say never makes us wait.
    this_fiber::check();
    if (!options.until.is_none() && detail::steady_now() >= options.until.time())
      return io::error{
          .code = io::errc::deadline, .operation = "run", .about = detail::program_subject(how.program)};
    io::result<void> done;
    switch (select(readable(child.out()), readable(child.err()), writable(child.in()), at(end))) {
    case 0: done = out.take(buffer.get(), options, said.dropped); break;
    case 1: done = err.take(buffer.get(), options, said.dropped); break;
    case 2: done = give(child.in(), left); break;
    default: break;
    }
    if (!done) return done.error();
  }
  auto status = child.wait(options.until);
  if (!status) return status.error();
  said.status = *status;
  return said;
}

} // namespace thrum
