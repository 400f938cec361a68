// Files in a simulation (thrum/simulate.h): they are real, and what goes wrong with them is what the rules say.
#include <thrum/simulate.h>

#include <thrum/io/file.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>

namespace {

namespace io = thrum::io;

class simulated_files : public testing::Test {
protected:
  const std::string folder = testing::TempDir() + "thrum-simulated-files-" + std::to_string(::getpid());
  const std::string path = folder + "/file";

  simulated_files() { std::filesystem::create_directory(folder); }
  ~simulated_files() override { std::filesystem::remove_all(folder); }

  // By nothing that is simulated.
  std::string content() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
  std::ptrdiff_t names() const {
    return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
  }
};

template <class F> thrum::simulation_result simulate(thrum::simulated_files how, std::uint64_t runs, F f) {
  return thrum::simulate({.runs = runs, .quiet = true, .files = how}, f);
}

TEST_F(simulated_files, without_rules_nothing_goes_wrong) {
  const auto found = simulate({}, 20, [&] {
    io::write_file(path, "some text").value();
    return io::read_file(path).value() == "some text" && names() == 1;
  });
  EXPECT_FALSE(found.failed) << found.failure;
}

TEST_F(simulated_files, what_outlives_its_run_is_closed) {
  put("some text");
  std::optional<io::file> f;
  std::optional<thrum::net::tcp_listener> l;
  const auto found = simulate({}, 20, [&] {
    f = io::file::open(path).value();
    l = thrum::net::tcp_listener::listen("10.0.0.1:80").value();
  });
  EXPECT_FALSE(found.failed) << found.failure;
  char b[10];
  EXPECT_EQ(f->read_some(b).error(), io::errc::closed);
  EXPECT_EQ(l->accept().error(), io::errc::closed);
}

TEST_F(simulated_files, a_file_that_is_replaced_is_the_old_one_or_the_new_one) {
  const std::string old(10'000, 'o'), fresh(20'000, 'f');
  int replaced = 0, full = 0, broken = 0;
  const auto found = simulate({.full = 0.1, .broken = 0.02, .partial = 0.3}, 300, [&] {
    put(old);
    const auto done = io::write_file(path, fresh);
    const std::string now = content();
    replaced += done.has_value();
    full += !done && done.error() == std::errc::no_space_on_device;
    broken += !done && done.error() == std::errc::io_error;
    if (names() != 1) return false; // nothing is left beside it
    return done ? now == fresh : now == old || now == fresh;
  });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_GT(replaced, 30);
  EXPECT_GT(full, 30);
  EXPECT_GT(broken, 5);
}

TEST_F(simulated_files, a_write_that_fails_says_how_much_is_there) {
  const std::string text(5'000, 'x');
  int failed = 0, in_part = 0;
  const auto found = simulate({.full = 0.2, .partial = 0.5}, 300, [&] {
    std::filesystem::remove(path);
    using enum io::file_mode;
    const auto f = io::file::open(path, write | create);
    if (!f) return true;
    const auto done = f->write_all(text);
    failed += !done;
    in_part += !done && done.error().transferred != 0;
    return content().size() == (done ? text.size() : done.error().transferred);
  });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_GT(failed, 20);
  EXPECT_GT(in_part, 10);
}

TEST_F(simulated_files, so_does_one_of_several_parts) {
  const std::string text(2'000, 'x');
  int failed = 0, in_part = 0;
  const auto found = simulate({.full = 0.2, .partial = 0.5}, 300, [&] {
    std::filesystem::remove(path);
    using enum io::file_mode;
    const auto f = io::file::open(path, write | create);
    if (!f) return true;
    const std::array<io::const_buffer, 3> parts{text, text, text};
    const auto done = f->write_all(parts);
    failed += !done;
    in_part += !done && done.error().transferred % text.size() != 0;
    return content().size() == (done ? 3 * text.size() : done.error().transferred);
  });
  EXPECT_FALSE(found.failed) << found.failure;
  EXPECT_GT(failed, 20);
  EXPECT_GT(in_part, 10);
}

TEST_F(simulated_files, who_reads_to_the_end_has_all_of_it) {
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += std::to_string(i);
  put(text);
  const auto found = simulate({.partial = 0.9}, 100, [&] { return io::read_file(path).value() == text; });
  EXPECT_FALSE(found.failed) << found.failure;
}

// Who takes the first error for the only one, say.
TEST_F(simulated_files, who_does_not_look_at_the_number_is_found_and_told_what_happened) {
  const auto logs = [&] {
    std::filesystem::remove(path);
    using enum io::file_mode;
    const auto f = io::file::open(path, write | create | append);
    if (!f) return true;
    if (!f->write_some("a line of a log\n")) return true;
    return content().ends_with('\n');
  };
  EXPECT_TRUE(simulate({.partial = 0.1}, 300, logs).failed);
  const auto found = simulate({.full = 0.1}, 300, logs);
  EXPECT_TRUE(found.failed);
  EXPECT_NE(found.failure.find("a write to a file finds the disk full"), std::string::npos) << found.failure;
}

TEST_F(simulated_files, the_same_seed_is_the_same_trouble) {
  const auto work = [&] {
    std::filesystem::remove(path);
    for (int i = 0; i < 10; ++i) static_cast<void>(io::write_file(path, std::to_string(i)));
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const thrum::simulation_options how{
        .seed = seed, .quiet = true, .files = {.full = 0.1, .broken = 0.1, .partial = 0.5}};
    const std::uint64_t first = thrum::simulate(how, work).trace_hash;
    const std::string left = content();
    EXPECT_EQ(thrum::simulate(how, work).trace_hash, first) << "seed " << seed;
    EXPECT_EQ(content(), left) << "seed " << seed;
  }
}

TEST_F(simulated_files, a_disk_that_is_broken_opens_nothing) {
  put("text");
  const auto found =
      simulate({.broken = 1}, 1, [&] { return io::read_file(path).error() == std::errc::io_error; });
  EXPECT_FALSE(found.failed) << found.failure;
}

} // namespace
