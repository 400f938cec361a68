// A timeline in Chrome's trace event format (the "JSON Array with metadata" that chrome://tracing and ui.perfetto.dev read).
//
// Rows are threads of processes there. Each runtime is two processes: its processors, and its threads. The numbers of rows are
// unique across processes, because Perfetto takes a thread's number for the system's.
#include "inspect/json.h"
#include "inspect/timeline.h"

#include <algorithm>
#include <string_view>

namespace thrum::trace {

namespace {

class writer {
public:
  explicit writer(const timeline& t) : t_(t) {}

  std::string write() {
    out_ = "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"recorder\":\"thrum\",\"events\":";
    number(t_.events);
    out_ += ",\"lost\":";
    number(t_.lost);
    out_ += "},\"traceEvents\":[";
    rows();
    for (const slice& s : t_.slices) write(s);
    for (const nap& n : t_.naps) write(n);
    for (const arrow& a : t_.arrows) write(a);
    for (const blocking_call& c : t_.calls) write(c);
    levels();
    out_ += "\n]}\n";
    return std::move(out_);
  }

private:
  void number(std::uint64_t n) { out_ += std::to_string(n); }

  void string(std::string_view s) { inspect::append_json(out_, s); }

  // Microseconds, to the nanosecond.
  void moment(time at) {
    const auto ns = static_cast<std::uint64_t>(at.count());
    number(ns / 1000);
    const std::string rest = std::to_string(ns % 1000);
    out_ += '.';
    out_.append(3 - rest.size(), '0');
    out_ += rest;
  }

  unsigned process_of(const track& t) const noexcept {
    switch (t.what) {
    case track::kind::processor: return 2 * t.group + 1;
    case track::kind::worker: return 2 * t.group + 2;
    case track::kind::thread: break;
    }
    return outside_;
  }

  void begin(const char* phase, unsigned row) {
    out_ += out_.back() == '[' ? "\n{\"ph\":\"" : ",\n{\"ph\":\"";
    out_ += phase;
    out_ += "\",\"pid\":";
    number(process_of(t_.tracks[row]));
    out_ += ",\"tid\":";
    number(row + 1);
  }

  void at(const char* key, time when) {
    out_ += ",\"";
    out_ += key;
    out_ += "\":";
    moment(when);
  }

  void text(const char* key, std::string_view value) {
    out_ += ",\"";
    out_ += key;
    out_ += "\":";
    string(value);
  }

  void named_row(unsigned row, const char* what, std::string_view name) {
    begin("M", row);
    text("name", what);
    out_ += ",\"args\":{\"name\":";
    string(name);
    out_ += "}}";
  }

  void ordered_row(unsigned row, const char* what, unsigned place) {
    begin("M", row);
    text("name", what);
    out_ += ",\"args\":{\"sort_index\":";
    number(place);
    out_ += "}}";
  }

  void rows() {
    for (const track& t : t_.tracks) outside_ = std::max(outside_, 2 * t.group + 3);
    unsigned last_process = 0;
    for (unsigned row = 0; row < t_.tracks.size(); ++row) {
      const track& t = t_.tracks[row];
      const std::string of = " of runtime '" + t.runtime + "'";
      if (process_of(t) != last_process) {
        last_process = process_of(t);
        named_row(row, "process_name",
                  t.what == track::kind::processor ? "processors" + of
                  : t.what == track::kind::worker  ? "threads" + of
                                                   : std::string("other threads"));
        ordered_row(row, "process_sort_index", last_process);
      }
      named_row(row, "thread_name",
                (t.what == track::kind::processor ? "processor " : "thread ") + std::to_string(t.number));
      ordered_row(row, "thread_sort_index", row);
    }
  }

  void origin(std::uint64_t fiber) {
    out_ += ",\"args\":{\"fiber\":";
    number(fiber);
    const fiber_origin* o = t_.find(fiber);
    if (o == nullptr) return;
    if (!o->name.empty()) text("named", o->name);
    if (o->started_by != 0) {
      out_ += ",\"started by\":";
      number(o->started_by);
    }
    if (o->site.line() != 0)
      text("spawned at", std::string(o->site.file_name()) + ":" + std::to_string(o->site.line()) + " in " +
                             o->site.function_name());
  }

  static std::string words(const slice& s) {
    const std::string why = s.why;
    switch (s.how) {
    case ending::waits: return "waits: " + why;
    case ending::yields: return "yields";
    case ending::ends: return "ends";
    case ending::loses_processor: return "goes on without a processor: " + why;
    case ending::gets_processor: return "gets a processor again";
    case ending::recording_ends: return "runs on when the recording ends";
    }
    return why;
  }

  void write(const slice& s) {
    begin("X", s.track);
    at("ts", s.begin);
    at("dur", s.end - s.begin);
    out_ += ",\"cat\":\"fiber\"";
    text("name", inspect::label_of(t_, s.fiber));
    origin(s.fiber);
    text("then", words(s));
    out_ += "}}";
  }

  void write(const nap& n) {
    begin("X", n.track);
    at("ts", n.begin);
    at("dur", n.end - n.begin);
    out_ += ",\"cat\":\"worker\"";
    text("name", n.polls ? "polls" : "sleeps");
    out_ += '}';
  }

  // An arrow begins in a slice and ends in one. Where a timer or a plain thread did it there is none, so it gets one without length.
  void write(const arrow& a) {
    const char* name = a.begins ? "starts" : "wakes";
    if (a.by == 0) {
      begin("X", a.from);
      at("ts", a.made);
      out_ += ",\"dur\":0,\"cat\":\"runtime\"";
      text("name", name);
      out_ += ",\"args\":{\"fiber\":";
      number(a.fiber);
      if (*a.why != '\0') text("from", a.why);
      out_ += "}}";
    }
    ++arrows_;
    for (const bool first : {true, false}) {
      begin(first ? "s" : "f", first ? a.from : a.to);
      at("ts", first ? a.made : a.runs);
      out_ += ",\"cat\":\"ready\",\"id\":";
      number(arrows_);
      text("name", name);
      out_ += first ? "}" : ",\"bp\":\"e\"}";
    }
  }

  // It may begin on one row and end on another, so it is a pair of events that a viewer draws in a row of its own.
  void write(const blocking_call& c) {
    ++calls_;
    for (const bool first : {true, false}) {
      begin(first ? "b" : "e", c.track);
      at("ts", first ? c.begin : c.end);
      out_ += ",\"cat\":\"blocking\",\"id\":";
      number(calls_);
      text("name", c.name);
      out_ += ",\"args\":{\"fiber\":";
      number(c.fiber);
      out_ += "}}";
    }
  }

  // Of the whole process; not each little change, which nobody could see.
  void levels() {
    if (t_.tracks.empty()) return;
    const time step = t_.length / 20'000;
    time last(-1);
    for (std::size_t i = 0; i < t_.levels.size(); ++i) {
      const level& l = t_.levels[i];
      if (last.count() >= 0 && l.at - last < step && i + 1 != t_.levels.size()) continue;
      last = l.at;
      begin("C", 0);
      at("ts", l.at);
      text("name", "runnable fibers");
      out_ += ",\"args\":{\"runnable\":";
      number(l.runnable);
      out_ += "}}";
    }
  }

  const timeline& t_;
  std::string out_;
  unsigned outside_ = 1;
  std::uint64_t arrows_ = 0;
  std::uint64_t calls_ = 0;
};

} // namespace

std::string to_json(const timeline& t) { return writer(t).write(); }

} // namespace thrum::trace
