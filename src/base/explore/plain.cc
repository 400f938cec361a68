// The race check: an access is safe when every conflicting one happens before it.
#include "base/explore/plain.h"

#include "base/explore/engine.h"

#include <string>

namespace thrum::base::explore {

namespace {
std::string place(site at) {
  return std::string(base_name(at.file_name())) + ':' + std::to_string(at.line());
}
} // namespace

inline void race_detector::check_alive(site at) {
  engine& e = the_engine;
  if (execution_ != e.execution()) { // not touched yet
    *this = race_detector{};
    execution_ = e.execution();
  }
  if (destroyed_ || (e.any_ended() && e.is_ended(this))) [[unlikely]]
    e.fail("use of a destroyed variable", at);
}

void race_detector::read(site at, bool in_trace) {
  engine& e = the_engine;
  if (!e.running()) return;
  check_alive(at);
  const int t = e.current();
  if (writer_ != t && written_ > e.mem().now(t).before[writer_]) [[unlikely]]
    race("read", at, "write", writer_, write_site_);
  if (reads_ == 0) reads_ = e.new_reads();
  e.reads(reads_).add(t, e.mem().plain_time(t), at);
  if (in_trace && e.tracing()) [[unlikely]]
    e.note(at, "plain read");
}

void race_detector::write(site at, const char* what, bool in_trace) {
  engine& e = the_engine;
  if (!e.running()) return;
  check_alive(at);
  const int t = e.current();
  const clock& before = e.mem().now(t).before;
  if (writer_ != t && written_ > before[writer_]) [[unlikely]]
    race(what, at, "write", writer_, write_site_);
  if (reads_ != 0) {
    const plain_reads& others = e.reads(reads_);
    if (!before.covers_all(others.when))
      for (int other = 0; other < max_threads; ++other)
        if (other != t && others.when[other] > before[other])
          race(what, at, "read", other, others.sites[static_cast<unsigned>(other)]);
  }
  e.acted();
  writer_ = static_cast<std::uint8_t>(t);
  written_ = e.mem().plain_time(t);
  write_site_ = at;
  if (in_trace && e.tracing()) [[unlikely]]
    e.note(at, std::string("plain ") + what);
}

void race_detector::destroy(site at, bool in_trace) {
  write(at, "destruction", in_trace);
  const_cast<volatile bool&>(destroyed_) =
      true; // volatile: the store must survive the end of the variable's life
}

void race_detector::race(const char* what, site at, const char* earlier_what, int earlier_thread,
                         site earlier) const {
  the_engine.fail("data race: " + std::string(what) + " at " + place(at) +
                  ", and nothing orders it after the " + earlier_what + " by T" +
                  std::to_string(earlier_thread) + " at " + place(earlier));
}

} // namespace thrum::base::explore
