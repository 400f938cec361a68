// Directories and names: std::filesystem, in a blocking region, with errors that say what was tried on which path.
//
//   void list(const std::string& path) {
//     const std::vector<thrum::io::directory_entry> all = thrum::io::entries(path).value();
//     for (const thrum::io::directory_entry& e : all)
//       if (e.is_regular_file()) report(e.path().string());
//   }
//
//   // Whatever else std::filesystem can do: call it in blocking() yourself.
//   auto copied = thrum::blocking([] { return std::filesystem::copy_file("a", "b"); });
//
// What there is has the name and the meaning that it has in std::filesystem; the standard library's functions do the work. entries()
// gives all entries at once, without "." and "..", in the order of the file system.
//
// What the caller owes   Keep the result of entries() in a variable before a loop over it: in `for (auto& e : entries(p).value())`
//                        the entries are gone before the first round (until C++23's range-for, which no compiler here has).
// What is guaranteed     If other fibers wait for this processor, it is handed off before the call. Nothing throws, but std::bad_alloc.
// Cancellation           A call of the system that has begun is not ended by a stop request; between entries nobody looks.
// May park               no; the thread blocks.
// Happens-before         nothing.
// When it dies           Values.
// Errors                 io::result (io/error.h), of the system, with the end of the path; of the two paths of a rename the first.
// Cost                   that of std::filesystem, and blocking.h.
// Source of the idea     std::filesystem.
#pragma once

#include <thrum/blocking.h>
#include <thrum/io/error.h>

#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace thrum::io {

using std::filesystem::directory_entry;

} // namespace thrum::io

namespace thrum::detail {

// f(error_code&), in a blocking region.
template <class F> auto on_path(const char* operation, const std::filesystem::path& path, F f)
    -> io::result<decltype(f(std::declval<std::error_code&>()))> {
  std::error_code code;
  auto value = blocking([&] { return f(code); });
  if (code) // which libstdc++ gives in the generic category
    return io::error{.code = {code.value(), std::system_category()},
                     .operation = operation,
                     .about = io::subject::path(path.native())};
  return value;
}

} // namespace thrum::detail

namespace thrum::io {

[[nodiscard]] inline result<std::vector<directory_entry>> entries(const std::filesystem::path& path) {
  return detail::on_path("list", path, [&](std::error_code& code) {
    std::vector<directory_entry> all;
    const std::filesystem::directory_iterator end;
    for (std::filesystem::directory_iterator at(path, code); !code && at != end; at.increment(code))
      all.push_back(*at);
    return all;
  });
}

// False: it was there already.
inline result<bool> create_directory(const std::filesystem::path& path) {
  return detail::on_path(
      "create", path, [&](std::error_code& code) { return std::filesystem::create_directory(path, code); });
}
inline result<bool> create_directories(const std::filesystem::path& path) {
  return detail::on_path(
      "create", path, [&](std::error_code& code) { return std::filesystem::create_directories(path, code); });
}

// False: there was none.
inline result<bool> remove(const std::filesystem::path& path) {
  return detail::on_path("remove", path,
                         [&](std::error_code& code) { return std::filesystem::remove(path, code); });
}
// How many files and directories there were.
inline result<std::uintmax_t> remove_all(const std::filesystem::path& path) {
  return detail::on_path("remove", path,
                         [&](std::error_code& code) { return std::filesystem::remove_all(path, code); });
}

inline result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  const auto r = detail::on_path("rename", from, [&](std::error_code& code) {
    std::filesystem::rename(from, to, code);
    return true;
  });
  if (!r) return r.error();
  return {};
}

// What is not there has the type not_found, and is no error.
[[nodiscard]] inline result<std::filesystem::file_status> status_of(const std::filesystem::path& path) {
  return detail::on_path("look at", path, [&](std::error_code& code) {
    const auto status = std::filesystem::status(path, code);
    if (status.type() == std::filesystem::file_type::not_found) code.clear();
    return status;
  });
}
[[nodiscard]] inline result<std::uintmax_t> file_size(const std::filesystem::path& path) {
  return detail::on_path("find size of", path,
                         [&](std::error_code& code) { return std::filesystem::file_size(path, code); });
}

} // namespace thrum::io
