#include <thrum/io/error.h>

#include "env/env.h"

#include <cerrno>

namespace thrum::io {

namespace {

class io_category final : public std::error_category {
public:
  constexpr io_category() noexcept = default;
  const char* name() const noexcept override { return "thrum.io"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
    case errc::closed: return "closed on this side";
    case errc::deadline: return "the deadline has passed";
    case errc::end_of_stream: return "the peer ended the stream too early";
    case errc::runtime_ended: return "the runtime that served this descriptor has ended";
    case errc::not_an_endpoint:
      return "not an address with a port, as 127.0.0.1:80 or [::1]:80 (only connect and resolve look names "
             "up)";
    case errc::too_long: return "longer than the limit";
    }
    return "?";
  }

  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<errc>(value)) {
    case errc::closed: return std::errc::bad_file_descriptor;
    case errc::deadline: return std::errc::timed_out;
    case errc::end_of_stream: return {value, *this};
    case errc::runtime_ended: return std::errc::operation_canceled;
    case errc::not_an_endpoint: return std::errc::invalid_argument;
    case errc::too_long: return std::errc::message_size;
    }
    return {value, *this};
  }
};

// Never destroyed: errors may be made and compared while static objects are.
union immortal {
  constexpr immortal() noexcept : category{} {}
  ~immortal() {}
  io_category category;
};
constinit immortal instance;

} // namespace

const std::error_category& category() noexcept { return instance.category; }

namespace {

struct characters {
  char text[subject::room] = {};
};
constexpr std::size_t most_characters = subject::room - 1;

subject subject_of(const characters& c) noexcept {
  return subject(
      c, [](const unsigned char* bytes, std::string& out) { out += reinterpret_cast<const char*>(bytes); });
}

} // namespace

subject subject::named(std::string_view text) noexcept {
  characters beginning;
  text.copy(beginning.text, most_characters);
  return subject_of(beginning);
}

subject subject::path(std::string_view text) noexcept {
  if (text.size() <= most_characters) return named(text);
  characters end{"..."};
  const std::size_t n = most_characters - 3;
  text.copy(end.text + 3, n, text.size() - n);
  return subject_of(end);
}

std::string subject::text() const {
  std::string out;
  if (print_ != nullptr) print_(bytes_, out);
  return out;
}

namespace {

// Why connections were refused that need no descriptor (env.h), which is how it came to this.
const char* why_not_beyond(int error) noexcept {
  switch (-error) {
  case 0: return ""; // it was something else that wanted a descriptor
  case ENOSYS: return "; this kernel has no io_uring, in which connections need none";
  case EPERM:
  case EACCES:
    return "; connections would need none in io_uring, which is forbidden here: kernel.io_uring_disabled, or "
           "a "
           "filter as that of containers";
  case EOPNOTSUPP: return "; from Linux 6.10 on, connections need none, in io_uring";
  case EMFILE: return "; connections need none in io_uring, for which itself there was none left";
  case ENFILE: return "; the tables of io_uring, in which connections need none, are full";
  default: return "; connections need none in io_uring, which has failed";
  }
}

// What a user can do about an error whose name does not say it. Limits are those of now.
std::string remedy(const std::error_code& code) {
  if (code.category() != std::system_category()) return {};
  if (code.value() == ENFILE) return " (all programs together; the limit is in /proc/sys/fs/file-max)";
  if (code.value() != EMFILE) return {};
  const env::descriptor_limit limit = env::linux_world().descriptors();
  std::string out = " (this process may have " + std::to_string(limit.now);
  if (limit.most > limit.now)
    out += "; ulimit -n or setrlimit raises that up to " + std::to_string(limit.most);
  else
    out += ", and only its administrator may raise that: ulimit -Hn, LimitNOFILE of a service";
  out += why_not_beyond(limit.beyond);
  return out += ')';
}

} // namespace

std::string error::message() const {
  std::string out = operation;
  if (!about.empty()) {
    if (!out.empty()) out += ' ';
    out += about.text();
  }
  if (!out.empty()) out += ": ";
  out += code.message();
  out += remedy(code);
  if (causes == nullptr) return out;
  if (!causes->words.empty()) out += " (" + causes->words + ')';
  if (causes->empty()) return out;
  const char* before = " (";
  for (const error& cause : *causes) {
    out += before;
    out += cause.about.text() + ": " + cause.code.message();
    before = "; ";
  }
  return out += ')';
}

namespace {

// What a std::system_error puts before the text of the code.
std::string prefix_of(const error& e) {
  std::string out = e.operation;
  if (!e.about.empty()) out += ' ' + e.about.text();
  return out;
}

} // namespace

failure::failure(const error& e) : std::system_error(e.code, prefix_of(e)), error_(e) {
  if (e.causes != nullptr || !remedy(e.code).empty())
    text_ = std::make_shared<const std::string>(e.message());
}

void throw_failure(const error& e) { throw failure(e); }

} // namespace thrum::io
