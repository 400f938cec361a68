// A pipeline of bytes: one fiber draws a picture, one compresses it (run lengths), one expands it again, and main prints it. Byte pipes of 64
// bytes join them, so nobody is ever further ahead than that, and an error at any stage reaches both ends.
#include <thrum/io/buffered.h>
#include <thrum/io/byte_pipe.h>
#include <thrum/io/lines.h>
#include <thrum/thrum.h>

#include <cstdio>
#include <string>
#include <utility>

using thrum::io::buffered_reader, thrum::io::buffered_writer;
using thrum::io::byte_pipe_reader, thrum::io::byte_pipe_writer;

// A disc, one character a point.
void draw(byte_pipe_writer to) {
  buffered_writer out(to);
  for (int y = -5; y <= 5; ++y) {
    for (int x = -10; x <= 10; ++x) out.write_all(x * x + 4 * y * y <= 100 ? "#" : ".").value();
    out.write_all("\n").value();
  }
  out.flush().value();
  to.close(); // that was all; a pipe that is dropped without it is an error for the next stage
}

// "aaab" becomes "3a1b".
std::size_t compress(byte_pipe_reader from, byte_pipe_writer to) {
  buffered_reader in(from);
  buffered_writer out(to);
  std::size_t bytes = 0;
  while (true) {
    const std::string first(in.peek(1).value());
    if (first.empty()) break;
    int length = 0;
    for (; length < 9 && in.peek(1).value() == first; ++length) in.skip(1);
    out.write_all(std::to_string(length) + first).value();
    bytes += 2;
  }
  out.flush().value();
  to.close();
  return bytes;
}

void expand(byte_pipe_reader from, byte_pipe_writer to) {
  buffered_reader in(from);
  buffered_writer out(to);
  for (const std::string_view run : thrum::io::chunks(in, 2))
    out.write_all(std::string(static_cast<std::size_t>(run[0] - '0'), run[1])).value();
  out.flush().value();
  to.close();
}

int main() {
  return thrum::run([] {
    thrum::io::byte_pipe drawn(64), small(64), large(64);
    thrum::task_group<> stages;
    stages.spawn([to = std::move(drawn.writer)]() mutable { draw(std::move(to)); });
    auto bytes = stages.spawn([from = std::move(drawn.reader), to = std::move(small.writer)]() mutable {
      return compress(std::move(from), std::move(to));
    });
    stages.spawn([from = std::move(small.reader), to = std::move(large.writer)]() mutable {
      expand(std::move(from), std::move(to));
    });

    buffered_reader picture(large.reader);
    std::size_t points = 0;
    for (const std::string_view line : thrum::io::lines(picture)) {
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
      points += line.size() + 1;
    }
    stages.join();
    std::printf("%zu bytes went through as %zu\n", points, *bytes);
    return 0;
  });
}
