// How input and output fail: values that say what was done, to whom, and why.
//
//   thrum::net::tcp_stream stream;
//   char buffer[4096];
//   thrum::io::result<std::size_t> n = stream.read_some(buffer, 2s);
//   if (!n && n.error() == thrum::io::errc::deadline) return;           // expected outcomes are values
//   if (!n && n.error() == std::errc::connection_reset) report(n.error().message());
//   std::size_t m = stream.read_some(buffer).value();                   // the throwing twin: throws io::failure
//
// result<T> is a std::expected<T, io::error> whose value() throws a std::system_error that names operation and address:
// "read 127.0.0.1:5432: Connection reset by peer".
//
// What the caller owes   A result is looked at; dropping one is warned about. `operation` and the bytes of a `subject` of your own
//                        outlive the error, or are copied into it.
// What is guaranteed     Making an error allocates nothing, but for the list of causes; text is made only when somebody asks for it.
//                        After an operation of several steps (read_exactly, write_all) `transferred` tells how many bytes went
//                        through before. After one that was tried in several ways (connect to a name) `causes` tells what
//                        became of each, and so does the message; `causes->words` are the particulars of a failure, where the
//                        code alone cannot tell them (which certificate has expired), and part of the message, too.
// May park               no.
// Happens-before         nothing.
// When it dies           Values.
// Errors                 Of the system: std::errc in std::system_category. Of thrum: io::errc, which compare equal to their
//                        likes in std::errc: closed to bad_file_descriptor, deadline to timed_out, runtime_ended to
//                        operation_canceled, not_an_endpoint to invalid_argument, too_long to message_size.
// Cost                   an error: 88 bytes.
// Source of the idea     std::expected and std::error_code; what an error is about from Go's net.OpError.
#pragma once

#include <thrum/detail/expected.h>
#include <thrum/error.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum::io {

enum class errc {
  closed = 1,      // this end was closed, before or during the operation
  deadline,        // the deadline passed first; compares equal to std::errc::timed_out
  end_of_stream,   // the peer ended before everything that was asked for had come
  runtime_ended,   // the runtime whose poller served the descriptor is gone
  not_an_endpoint, // a text that is no address with a port; see net/endpoint.h
  too_long         // nothing has ended a line within its limit; compares equal to std::errc::message_size
};

const std::error_category& category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), category()};
}

} // namespace thrum::io

template <> struct std::is_error_code_enum<thrum::io::errc> : std::true_type {};

namespace thrum::io {

// What an error is about (an address, a name), in a form that costs nothing until it is printed.
class subject {
public:
  using printer = void (*)(const unsigned char* bytes, std::string& out);
  static constexpr std::size_t room = 32;

  subject() noexcept = default;
  // `value` is copied as bytes; `print` turns them into text.
  template <class T> subject(const T& value, printer print) noexcept : print_(print) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= room);
    __builtin_memcpy(bytes_, &value, sizeof value);
  }
  // The beginning of a text, as much as fits.
  static subject named(std::string_view text) noexcept;
  // The end of a path, as much as fits, after "..." if that is not all.
  static subject path(std::string_view text) noexcept;

  [[nodiscard]] bool empty() const noexcept { return print_ == nullptr; }
  [[nodiscard]] std::string text() const;

private:
  printer print_ = nullptr;
  unsigned char bytes_[room] = {};
};

struct cause_list;

struct error {
  std::error_code code{};
  const char* operation = ""; // "read", "connect", ...; a literal
  subject about{};
  std::size_t transferred = 0;                // bytes that went through before the error
  std::shared_ptr<const cause_list> causes{}; // of each attempt, if there were several; mostly null

  [[nodiscard]] std::string message() const; // "read 127.0.0.1:80: Connection reset by peer"

  friend bool operator==(const error& e, const std::error_code& c) noexcept { return e.code == c; }
  friend bool operator==(const error& e, const std::error_condition& c) noexcept { return e.code == c; }
  friend bool operator==(const error& e, errc c) noexcept { return e.code == make_error_code(c); }
  friend bool operator==(const error& e, std::errc c) noexcept { return e.code == c; }
};

// What became of each attempt, if there were several, and what the code alone cannot tell, in words.
struct cause_list : std::vector<error> {
  explicit cause_list(std::vector<error> attempts) noexcept : vector(std::move(attempts)) {}
  explicit cause_list(std::string particulars) noexcept : words(std::move(particulars)) {}

  std::string words;
};

// What value() throws for an error.
class failure : public std::system_error {
public:
  explicit failure(const error& e);
  [[nodiscard]] const error& what_failed() const noexcept { return error_; }
  [[nodiscard]] const char* what() const noexcept override {
    return text_ != nullptr ? text_->c_str() : std::system_error::what();
  }

private:
  error error_;
  std::shared_ptr<const std::string> text_; // if it is more than the code's
};

// Thrown instead of a plain `cancelled` by an operation of several steps that was stopped after some of them, so that nobody
// loses count of bytes that have gone through.
class cancelled_transfer : public cancelled {
public:
  cancelled_transfer(cancel_reason reason, std::size_t n) noexcept : cancelled(reason), transferred_(n) {}
  [[nodiscard]] std::size_t transferred() const noexcept { return transferred_; }

private:
  std::size_t transferred_;
};

[[noreturn]] void throw_failure(const error& e);

template <class T> class [[nodiscard]] result : public std::expected<T, error> {
  using base = std::expected<T, error>;

public:
  result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : base(std::in_place, std::move(value)) {}
  result(const error& e) noexcept : base(std::unexpect, e) {}

  T& value() & {
    check();
    return **this;
  }
  const T& value() const& {
    check();
    return **this;
  }
  T&& value() && {
    check();
    return std::move(**this);
  }

private:
  void check() const {
    if (!this->has_value()) throw_failure(this->error());
  }
};

template <> class [[nodiscard]] result<void> : public std::expected<void, error> {
public:
  result() noexcept = default;
  result(const io::error& e) noexcept : std::expected<void, io::error>(std::unexpect, e) {}

  void value() const {
    if (!has_value()) throw_failure(error());
  }
};

} // namespace thrum::io
