// watch: what happens to files and in directories, as events that a fiber waits for.
//
//   void reload_when_changed(const std::string& directory) {
//     const auto w = thrum::io::watch::open().value();
//     w.add(directory, thrum::io::changes::written | thrum::io::changes::moved_to).value();
//     for (;;) {
//       const thrum::io::change c = w.next().value();
//       if (c.overflow() || c.name == "settings.json") report(c.name); // after an overflow: anything may have changed
//     }
//   }
//
// add(path, what)   begins to watch a file or a directory (what happens to the files in it; not deeper), and returns a number that
//                   its events carry. The same file again: the same number, and `what` anew.
// next()            the next event, in the order in which things happened
//
// What the caller owes   See io/handle.h. To look at a directory only after add(): what happened before is not told.
// What is guaranteed     An event is given to one caller of next(). If more happen than the system keeps for a watch (16,384;
//                        fs.inotify.max_queued_events), some are lost, and that is told by one event, overflow(). Equal events in
//                        a row are told once. When what is watched is removed, or remove() was called, `ended` is the last event
//                        of its number. What other machines do to a file system of the network is not seen.
// Which runtime          of the calling fiber, or the default runtime. See io/handle.h.
// Cancellation           ends the wait; no event is lost.
// May park               next(). readable(w) (io/ready.h) puts it into a select.
// Happens-before         nothing.
// When it dies           It closes, and all its watching ends.
// Errors                 io::result (io/error.h), of the system: open: too_many_files_open; add: those of paths, and
//                        no_space_on_device: the user watches too much (fs.inotify.max_user_watches). next():
//                        io::errc::closed, deadline, runtime_ended; `cancelled`.
// Cost                   two or three system calls an event; 1 KiB in the kernel for each file watched.
// Source of the idea     inotify(7).
#pragma once

#include <thrum/io/error.h>
#include <thrum/io/handle.h>

#include <cstdint>
#include <string>

namespace thrum::io {

// As in <sys/inotify.h>.
enum class changes : std::uint32_t {
  read = 0x1,
  modified = 0x2,   // some bytes, or the size
  attributes = 0x4, // permissions, owner, times, number of links
  written = 0x8,    // closed by somebody who could write
  closed = 0x10,    // closed by somebody who could not
  opened = 0x20,
  moved_from = 0x40, // a file left the directory by this name; the moved_to of the same cookie says where to
  moved_to = 0x80,
  created = 0x100,
  removed = 0x200,
  self_removed = 0x400, // what is watched itself
  self_moved = 0x800,
  all = 0xfff,
  ended = 0x8000 // in events only
};
[[nodiscard]] constexpr changes operator|(changes a, changes b) noexcept {
  return static_cast<changes>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

struct change {
  int id = -1;              // what add() returned; -1: overflow
  std::uint32_t bits = 0;   // as the system gave them
  std::uint32_t cookie = 0; // the same for both halves of a move
  std::string name;         // in a directory that is watched; else empty

  [[nodiscard]] bool is(changes what) const noexcept {
    return (bits & static_cast<std::uint32_t>(what)) != 0;
  }
  [[nodiscard]] bool overflow() const noexcept { return (bits & 0x4000) != 0; }
  [[nodiscard]] bool is_directory() const noexcept { return (bits & 0x4000'0000) != 0; }
};

class watch : public handle {
public:
  watch() noexcept = default;

  [[nodiscard]] static result<watch> open();
  result<int> add(const std::string& path, changes what = changes::all) const;
  result<void> remove(int id) const;
  result<change> next(deadline until = {}) const;

private:
  explicit watch(descriptor* d) noexcept : handle(d) {}
};

} // namespace thrum::io
