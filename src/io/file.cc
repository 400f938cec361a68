// Files. Operations at the position take turns like those of any stream (transfer.cc); the others just keep the number open.
#include "io/back_off.h"
#include "io/disk_read.h"
#include "io/fresh_descriptor.h"
#include "io/path.h"
#include "io/transfer.h"
#include "sched/handoff.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

#include <thrum/blocking.h>
#include <thrum/io/file.h>

namespace thrum::io {

namespace {

int flags_of(file_mode mode) noexcept {
  int flags = !has(mode, file_mode::write) ? O_RDONLY : has(mode, file_mode::read) ? O_RDWR : O_WRONLY;
  const std::pair<file_mode, int> others[] = {{file_mode::create, O_CREAT},
                                              {file_mode::truncate, O_TRUNC},
                                              {file_mode::append, O_APPEND},
                                              {file_mode::exclusive, O_EXCL},
                                              {file_mode::no_follow, O_NOFOLLOW}};
  for (const auto& [one, flag] : others)
    if (has(mode, one)) flags |= flag;
  return flags;
}

// Instead of a negative errno; disk_read.h has others.
constexpr std::int64_t not_open = INT64_MIN + 9;

// Calls `act(world, fd)` on an open descriptor, again if a signal interrupts it. What it returned, or not_open.
template <class Act> std::int64_t attempt(descriptor* d, Act act) {
  const use in_use(d);
  if (in_use.standing() != status::ok) return not_open;
  std::int64_t n = -EINTR;
  while (n == -EINTR) n = act(in_use.world(), in_use.fd());
  if (n == read_stopped) throw_read_stopped();
  return n;
}

error error_of(descriptor* d, const char* name, std::int64_t n, std::size_t transferred = 0) noexcept {
  error e = n == not_open ? closed_error(name, d) : system_error(name, d->about, n);
  e.transferred = transferred;
  return e;
}

template <class Act> result<std::int64_t> call(descriptor* d, const char* name, Act act) {
  const std::int64_t n = attempt(d, act);
  if (n < 0) return error_of(d, name, n);
  return n;
}

result<void> without_value(const result<std::int64_t>& r) {
  if (!r) return r.error();
  return {};
}

bool too_far(std::uint64_t offset) noexcept { return offset > INT64_MAX; }

// Opens what needs no handle. -errno or a number. If all names of the path are in memory, nobody waits for it.
int open_retried(env::world& world, const std::string& path, int flags, unsigned permissions) {
  if (has_zero(path)) return -EINVAL;
  if (sched::others_wait_here())
    if (const int fd = world.open_file(path.c_str(), flags, permissions, true); fd >= 0) return fd;
  return blocking([&] {
    int fd = -EINTR;
    while (fd == -EINTR) fd = world.open_file(path.c_str(), flags, permissions, false);
    return fd;
  });
}

// Opens a path and asks what is there.
class opened : public fresh_descriptor {
public:
  // Not to block means nothing to a file, and keeps a pipe or a device from making us wait where nothing could end it.
  opened(env::world& world, const std::string& path, file_mode mode, unsigned permissions)
      : fresh_descriptor(world,
                         open_retried(world, path, flags_of(mode) | O_NONBLOCK | O_NOCTTY, permissions)),
        error_(fd() < 0 ? fd() : world.facts_of(fd(), &facts_)) {}

  int error() const noexcept { return error_; } // 0 or -errno
  bool is_regular() const noexcept { return S_ISREG(facts_.mode); }
  std::size_t size() const noexcept { return static_cast<std::size_t>(facts_.size); }

  int become(descriptor** out, const subject& about) noexcept {
    const bool is_file = is_regular() || S_ISDIR(facts_.mode) || S_ISBLK(facts_.mode);
    return open_even_a_device({.is_stream = S_ISFIFO(facts_.mode),
                               .through = is_file ? medium::file : medium::pipe,
                               .world = &world_,
                               .about = about},
                              out);
  }

private:
  env::file_facts facts_;
  const int error_;
};

} // namespace

result<file> file::open(const std::string& path, file_mode mode, unsigned permissions) {
  const subject about = subject::path(path);
  opened fresh(world_here(), path, mode, permissions);
  descriptor* d = nullptr;
  const int error = fresh.error() != 0 ? fresh.error() : fresh.become(&d, about);
  if (error != 0) return system_error("open", about, error);
  return file(d);
}

namespace {

// At most `size` bytes at a place.
std::int64_t read_step(descriptor* d, std::uint64_t offset, void* data, std::size_t size) {
  return attempt(d, [&](env::world& world, int fd) -> std::int64_t {
    if (too_far(offset)) return -EINVAL;
    return io::read_file(world, fd, data, std::min(size, most_at_once), static_cast<std::int64_t>(offset));
  });
}

std::int64_t write_step(descriptor* d, std::uint64_t offset, const void* data, std::size_t size) {
  return attempt(d, [&](env::world& world, int fd) -> std::int64_t {
    if (too_far(offset)) return -EINVAL;
    return io::write_file(world, fd, data, std::min(size, most_at_once), static_cast<std::int64_t>(offset));
  });
}

} // namespace

result<std::size_t> file::read_at(std::uint64_t offset, mutable_buffer into) const {
  if (into.size() == 0) return std::size_t{0};
  const std::int64_t n = read_step(get(), offset, into.data(), into.size());
  if (n < 0) return error_of(get(), "read", n);
  return static_cast<std::size_t>(n);
}

result<void> file::read_exactly_at(std::uint64_t offset, mutable_buffer into) const {
  auto* data = static_cast<char*>(into.data());
  for (std::size_t done = 0; done < into.size();) {
    const std::int64_t n = read_step(get(), offset + done, data + done, into.size() - done);
    if (n < 0) return error_of(get(), "read", n, done);
    if (n == 0)
      return error{
          .code = errc::end_of_stream, .operation = "read", .about = get()->about, .transferred = done};
    done += static_cast<std::size_t>(n);
  }
  return {};
}

result<std::size_t> file::write_at(std::uint64_t offset, const_buffer from) const {
  if (from.size() == 0) return std::size_t{0};
  const std::int64_t n = write_step(get(), offset, from.data(), from.size());
  if (n < 0) return error_of(get(), "write", n);
  return static_cast<std::size_t>(n);
}

result<void> file::write_all_at(std::uint64_t offset, const_buffer from) const {
  const auto* data = static_cast<const char*>(from.data());
  for (std::size_t done = 0; done < from.size();) {
    const std::int64_t n = write_step(get(), offset + done, data + done, from.size() - done);
    if (n < 0) return error_of(get(), "write", n, done);
    done += static_cast<std::size_t>(n);
  }
  return {};
}

result<std::uint64_t> file::position() const {
  const auto r =
      call(get(), "find position in", [](env::world& world, int fd) { return world.seek(fd, 0, SEEK_CUR); });
  if (!r) return r.error();
  return static_cast<std::uint64_t>(*r);
}

result<void> file::seek(std::uint64_t position) const {
  return without_value(call(get(), "set position in", [&](env::world& world, int fd) -> std::int64_t {
    return too_far(position) ? -EINVAL : world.seek(fd, static_cast<std::int64_t>(position), SEEK_SET);
  }));
}

result<std::uint64_t> file::size() const {
  const auto r = call(get(), "find size of", [](env::world& world, int fd) -> std::int64_t {
    env::file_facts facts;
    const int error = world.facts_of(fd, &facts);
    return error != 0 ? error : facts.size;
  });
  if (!r) return r.error();
  return static_cast<std::uint64_t>(*r);
}

result<void> file::truncate(std::uint64_t size) const {
  return without_value(call(get(), "truncate", [&](env::world& world, int fd) -> std::int64_t {
    if (too_far(size)) return -EINVAL;
    return blocking([&] { return world.truncate(fd, static_cast<std::int64_t>(size)); });
  }));
}

result<void> file::sync(sync_what what) const {
  return without_value(call(get(), "sync", [&](env::world& world, int fd) -> std::int64_t {
    return blocking([&] { return world.sync(fd, what == sync_what::data_only); });
  }));
}

result<bool> file::try_lock(file_lock how) const {
  const auto r = call(get(), "lock", [&](env::world& world, int fd) -> std::int64_t {
    const int error = world.lock_file(fd, how == file_lock::shared ? F_RDLCK : F_WRLCK);
    return error == -EAGAIN || error == -EACCES ? 1 : error; // both mean that somebody else has it
  });
  if (!r) return r.error();
  return *r == 0;
}

result<void> file::lock(file_lock how, deadline until) const {
  back_off pause(until, std::chrono::milliseconds(32));
  for (;;) {
    const auto got = try_lock(how);
    if (!got) return got.error();
    if (*got) return {};
    if (!pause.wait()) return error{.code = errc::deadline, .operation = "lock", .about = get()->about};
  }
}

result<void> file::unlock() const {
  return without_value(
      call(get(), "unlock", [](env::world& world, int fd) { return world.lock_file(fd, F_UNLCK); }));
}

result<void> file::close_file() const {
  descriptor* d = get();
  if (d == nullptr) return {};
  const int error = blocking([&] { return close_and_tell(*d); });
  if (error != 0 && error != -EINTR) return system_error("close", d->about, error);
  return {};
}

namespace {

constexpr std::size_t first_room = 4096; // of what has no size: as much as most files of /proc give at a time

// A regular file that nobody else knows, to its end. 0, -errno, or read_stopped.
std::int64_t read_whole(env::world& world, int fd, std::size_t expected, std::string& text) {
  bool has_places = expected != 0; // those of /proc say 0, and some of them are streams
  // One byte more than the size, so that a read that ends there is a short one, which proves the end. Some files, as those of /sys, say
  // a size that means nothing: they end elsewhere, and are read until nothing comes.
  for (std::size_t room = has_places ? expected + 1 : first_room;;) {
    std::int64_t n = 0;
    text.resize_and_overwrite(room, [&, size = text.size()](char* data, std::size_t) noexcept {
      const std::int64_t at = has_places ? static_cast<std::int64_t>(size) : env::world::own_position;
      n = io::read_file(world, fd, data + size, std::min(room - size, most_at_once), at);
      return size + static_cast<std::size_t>(std::max<std::int64_t>(n, 0));
    });
    if (n == -EINTR) continue;
    if (n == -ESPIPE && std::exchange(has_places, false)) continue;
    if (n <= 0) return n;
    if (text.size() == expected) return 0;
    if (text.size() == room) room *= 2;
  }
}

struct stream : byte_stream {
  explicit stream(descriptor* d) noexcept : byte_stream(d) {}
};

} // namespace

result<std::string> read_file(const std::string& path) {
  env::world& world = world_here();
  opened fresh(world, path, file_mode::read, 0);
  std::string text;
  if (fresh.error() == 0 && fresh.is_regular()) {
    const std::int64_t n = read_whole(world, fresh.fd(), fresh.size(), text);
    if (n == read_stopped) throw_read_stopped();
    if (n != 0) return system_error("read", subject::path(path), n);
    return text;
  }
  descriptor* d = nullptr;
  const int error = fresh.error() != 0 ? fresh.error() : fresh.become(&d, subject::path(path));
  if (error != 0) return system_error("open", subject::path(path), error);
  const stream other(d);
  for (std::size_t size = 0;;) {
    if (size == text.size()) text.resize(std::max(2 * size, first_room));
    const auto n = other.read_some({text.data() + size, text.size() - size});
    if (!n) return n.error();
    size += *n;
    if (*n != 0) continue;
    text.resize(size);
    return text;
  }
}

namespace {

// A name beside `path` that nobody has; removed unless it is kept.
class temporary {
public:
  temporary(env::world& world, const std::string& path) noexcept : world_(world), path_(path) {}
  ~temporary() {
    if (exists_) world_.remove_file(name_.c_str());
  }
  temporary(const temporary&) = delete;
  temporary& operator=(const temporary&) = delete;

  result<file> create(unsigned permissions) {
    using enum file_mode;
    for (int tries_left = 100;; --tries_left) {
      name_ = path_ + ".tmp" + std::to_string(world_.random(env::stream::user));
      auto made = file::open(name_, write | create_new, permissions);
      // An error that came after the file was made leaves it there.
      exists_ = made || made.error() != std::errc::file_exists;
      if (exists_ || tries_left == 1) return made;
    }
  }
  int take_the_name() {
    const int error = blocking([&] { return world_.rename_file(name_.c_str(), path_.c_str()); });
    if (error == 0) exists_ = false;
    return error;
  }

private:
  static constexpr file_mode create_new = file_mode::create | file_mode::exclusive;

  env::world& world_;
  const std::string& path_;
  std::string name_;
  bool exists_ = false;
};

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Of the file that is to be replaced, or -errno.
int permissions_of(env::world& world, const std::string& path) {
  const fresh_descriptor old(world, open_retried(world, path, O_PATH | O_NOFOLLOW, 0));
  if (old.fd() < 0) return old.fd();
  env::file_facts facts;
  const int error = world.facts_of(old.fd(), &facts);
  if (error != 0) return error;
  return S_ISREG(facts.mode) ? static_cast<int>(facts.mode & 0777) : -ENOENT;
}

int sync_directory(env::world& world, const std::string& path) {
  const fresh_descriptor directory(world, open_retried(world, path, O_RDONLY | O_DIRECTORY, 0));
  if (directory.fd() < 0) return directory.fd();
  const int error = blocking([&] { return world.sync(directory.fd(), false); });
  return error == -EINVAL ? 0 : error; // some file systems have nothing to sync there
}

} // namespace

result<void> write_file(const std::string& path, const_buffer bytes, unsigned permissions) {
  env::world& world = world_here();
  const subject about = subject::path(path);
  const auto named = [&](error e) { // the name of the temporary file helps nobody, nor how much was in it
    e.about = about;
    e.transferred = 0;
    return e;
  };
  temporary fresh(world, path);
  const auto f = fresh.create(permissions);
  if (!f) return named(f.error());
  const int old = permissions_of(world, path);
  if (old < 0 && old != -ENOENT) return system_error("find permissions of", about, old); // or all may read it
  if (old >= 0)
    if (const int error = world.set_permissions(f->native(), static_cast<unsigned>(old)); error != 0)
      return system_error("set permissions of", about, error);
  if (const auto r = f->write_all(bytes); !r) return named(r.error());
  if (const auto r = f->sync(); !r) return named(r.error());
  if (const auto r = f->close_file(); !r) return named(r.error());
  if (const int error = fresh.take_the_name(); error != 0) return system_error("replace", about, error);
  if (const int error = sync_directory(world, directory_of(path)); error != 0)
    return system_error("sync directory of", about, error);
  return {};
}

} // namespace thrum::io
