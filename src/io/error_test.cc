#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>

#include "env/descriptors_kit.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace thrum::io {
namespace {

using namespace std::chrono_literals;

// As buffer.h, deadline.h and error.h say.
static_assert(sizeof(const_buffer) == 16 && sizeof(mutable_buffer) == 16);
static_assert(sizeof(deadline) == 8);
static_assert(sizeof(error) == 88);

error reset_by_peer() {
  return {.code = {ECONNRESET, std::system_category()},
          .operation = "read",
          .about = subject::named("10.0.0.1:80")};
}

TEST(error, names_operation_subject_and_reason) {
  EXPECT_EQ(reset_by_peer().message(), "read 10.0.0.1:80: Connection reset by peer");
  EXPECT_EQ((error{.code = errc::closed, .operation = "accept"}).message(), "accept: closed on this side");
}

TEST(error, compares_with_codes_of_thrum_and_of_the_system) {
  const error late{.code = errc::deadline};
  EXPECT_TRUE(late == errc::deadline);
  EXPECT_TRUE(late == std::errc::timed_out);
  EXPECT_FALSE(late == errc::closed);
  EXPECT_TRUE(reset_by_peer() == std::errc::connection_reset);
  EXPECT_FALSE(reset_by_peer() == errc::deadline);
  // The kernel's own timeout is no deadline of ours, though both are timeouts.
  const error given_up{.code = {ETIMEDOUT, std::system_category()}};
  EXPECT_TRUE(given_up == std::errc::timed_out);
  EXPECT_FALSE(given_up == errc::deadline);
}

TEST(error, too_many_open_files_says_how_many_and_who_can_change_that) {
  const error e{
      .code = {EMFILE, std::system_category()}, .operation = "accept", .about = subject::named("[::]:80")};
  const env::test::descriptor_limit few(200);
  const std::string said = e.message(), thrown = failure(e).what();
  const std::string all =
      "accept [::]:80: Too many open files (this process may have 200; ulimit -n or setrlimit "
      "raises that up to " +
      std::to_string(few.highest()) + ")";
  EXPECT_EQ(said, all);
  EXPECT_EQ(thrown, all);
}

TEST(error, a_long_name_is_cut_and_not_overrun) {
  const subject s = subject::named(std::string(1000, 'x'));
  EXPECT_EQ(s.text(), std::string(subject::room - 1, 'x'));
}

TEST(result, value_throws_a_system_error_with_the_whole_story) {
  result<int> r = reset_by_peer();
  EXPECT_FALSE(r.has_value());
  try {
    static_cast<void>(r.value());
    FAIL() << "value() of an error returned";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::errc::connection_reset);
    EXPECT_STREQ(e.what(), "read 10.0.0.1:80: Connection reset by peer");
  }
  try {
    result<void>(error{.code = errc::end_of_stream, .transferred = 3}).value();
    FAIL() << "value() of an error returned";
  } catch (const failure& f) { EXPECT_EQ(f.what_failed().transferred, 3u); }
}

TEST(error, tells_what_became_of_each_attempt) {
  error e = reset_by_peer();
  e.causes = std::make_shared<const cause_list>(
      std::vector<error>{{.code = errc::deadline, .about = subject::named("[::1]:80")},
                         {.code = errc::closed, .about = subject::named("10.0.0.1:80")}});
  const std::string all = "read 10.0.0.1:80: Connection reset by peer ([::1]:80: the deadline has passed; "
                          "10.0.0.1:80: closed on this side)";
  EXPECT_EQ(e.message(), all);
  try {
    throw_failure(e);
  } catch (const std::exception& thrown) { EXPECT_EQ(thrown.what(), all); }
}

TEST(error, adds_words_of_its_own) {
  error e = reset_by_peer();
  e.causes = std::make_shared<const cause_list>(std::string("in the middle of a record"));
  const std::string all = "read 10.0.0.1:80: Connection reset by peer (in the middle of a record)";
  EXPECT_EQ(e.message(), all);
  EXPECT_TRUE(e.causes->empty());
  try {
    throw_failure(e);
  } catch (const std::exception& thrown) { EXPECT_EQ(thrown.what(), all); }
}

TEST(result, moves_what_it_holds) {
  result<std::unique_ptr<int>> r = std::make_unique<int>(7);
  std::unique_ptr<int> out = std::move(r).value();
  EXPECT_EQ(*out, 7);
  EXPECT_NO_THROW(result<void>().value());
}

TEST(buffer, is_made_from_whatever_is_contiguous) {
  char characters[10];
  std::vector<std::byte> bytes(20);
  std::array<std::uint32_t, 4> numbers{};
  std::string text = "hello";
  EXPECT_EQ(mutable_buffer(characters).size(), 10u);
  EXPECT_EQ(mutable_buffer(bytes).size(), 20u);
  EXPECT_EQ(mutable_buffer(numbers).size(), 16u);
  EXPECT_EQ(mutable_buffer(std::span(bytes).first(5)).size(), 5u);
  EXPECT_EQ(mutable_buffer(text).data(), text.data());
  EXPECT_EQ(const_buffer(characters).size(), 10u);
  EXPECT_EQ(const_buffer(text).size(), 5u);
  EXPECT_EQ(const_buffer(std::string_view("abc")).size(), 3u);
  EXPECT_EQ(const_buffer("abc").size(), 3u); // without the zero
  const char constant[8] = "abc";            // cannot be told from a literal
  char variable[8] = "abc";
  const char* pointer = variable;
  EXPECT_EQ(const_buffer(constant).size(), 3u);
  EXPECT_EQ(const_buffer(variable).size(), 8u);
  EXPECT_EQ(const_buffer(pointer).size(), 3u);
  static_assert(!std::is_constructible_v<mutable_buffer, const std::string&>);
  static_assert(!std::is_constructible_v<const_buffer, std::vector<std::string>>);
}

TEST(deadline, none_is_later_than_everything) {
  EXPECT_TRUE(deadline().is_none());
  EXPECT_TRUE(deadline(std::chrono::hours::max()).is_none());
  EXPECT_TRUE(deadline(std::chrono::steady_clock::time_point::max()).is_none());
  EXPECT_LT(deadline(1h).time(), deadline(2h).time());
  EXPECT_LT(deadline(std::chrono::steady_clock::now() - 1s).time(), deadline(0s).time());
}

} // namespace
} // namespace thrum::io
