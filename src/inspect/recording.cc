// A recording, and THRUM_TRACE.
#include "env/environment.h"
#include "env/panic.h"
#include "env/process.h"
#include "inspect/text.h"
#include "inspect/timeline.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <string_view>
#include <system_error>
#include <thrum/io/file.h>
#include <utility>

namespace thrum {

namespace trace {

recording::recording(const options& o) : tape_(std::make_unique<sched::record::tape>()) {
  if (const int error = sched::record::start(*tape_, o.bytes); error != 0)
    throw std::system_error(-error, std::system_category(),
                            error == -EBUSY
                                ? "thrum::trace::recording: another one is going on (this one, or "
                                  "the one of THRUM_TRACE, ends first)"
                                : "thrum::trace::recording: no memory for the events (options.bytes)");
}

recording::~recording() {
  if (tape_ == nullptr) return;
  sched::record::stop(*tape_);
  sched::record::give_back(*tape_);
}

timeline recording::stop() {
  if (tape_ == nullptr)
    env::panic("thrum::trace::recording::stop() was called twice", "keep what the first call returned");
  const std::unique_ptr<sched::record::tape> tape = std::move(tape_);
  sched::record::stop(*tape);
  struct giver {
    sched::record::tape& t;
    ~giver() { sched::record::give_back(t); }
  } const at_the_end{*tape};
  return inspect::timeline_of(*tape);
}

const fiber_origin* timeline::find(std::uint64_t fiber) const noexcept {
  const auto at = std::lower_bound(fibers.begin(), fibers.end(), fiber,
                                   [](const fiber_origin& o, std::uint64_t id) { return o.id < id; });
  return at != fibers.end() && at->id == fiber ? &*at : nullptr;
}

io::result<void> write_json(const timeline& t, const std::string& path) {
  const std::string text = to_json(t);
  return io::write_file(path, io::const_buffer(text.data(), text.size()));
}

} // namespace trace

namespace inspect {

namespace {

// There may be no memory for a sentence.
void complain(const char* what, const char* why) noexcept {
  env::report().text("thrum: THRUM_TRACE: ").text(what).text(why).text("\n").flush();
}

std::string path_of(std::string_view wanted) {
  std::string path(wanted);
  if (const std::size_t at = path.find("%p"); at != path.npos)
    path.replace(at, 2, std::to_string(env::this_process()));
  return path;
}

// What THRUM_TRACE asks for: from the first runtime to the end of the process.
class wanted_recording {
public:
  wanted_recording() noexcept {
    const char* wanted = env::variable("THRUM_TRACE");
    if (wanted == nullptr || *wanted == '\0') return;
    try {
      begin(wanted);
    } catch (const std::exception& e) { complain("nothing is recorded: ", e.what()); }
  }

  ~wanted_recording() {
    if (!recording_) return;
    try {
      end();
    } catch (const std::exception& e) { complain("nothing is written: ", e.what()); }
  }

  wanted_recording(const wanted_recording&) = delete;
  wanted_recording& operator=(const wanted_recording&) = delete;

private:
  void begin(const char* wanted) {
    path_ = path_of(wanted);
    // An error is to be known now, not at the end.
    if (path_ != "-")
      static_cast<void>(io::file::open(path_, io::file_mode::write | io::file_mode::create).value());
    recording_.emplace();
  }

  void end() {
    const trace::timeline t = recording_->stop();
    if (path_ == "-") return print(trace::draw(t));
    write_json(t, path_).value();
    if (t.lost != 0)
      complain(std::to_string(t.lost).c_str(), " events did not fit; the file has what was before");
  }

  std::string path_;
  std::optional<trace::recording> recording_;
};

} // namespace
} // namespace inspect

void sched::record::begin_if_wanted() noexcept { static const inspect::wanted_recording whole_process; }

} // namespace thrum
