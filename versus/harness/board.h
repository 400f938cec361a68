// board: everything that is known so far, built up from events.
//
// A run is a stream of JSON lines: the programs' own result lines, and events of the harness around them.
// The live table, the report and `versus report FILE...` are all views of a board that was fed with such
// lines, so what is shown during the run and what can be shown later cannot differ.
//
//   {"event":"session","date":...,"machine":...,"cpus":2,"mode":"quick","contestants":[...]}
//   {"event":"start","exp":"X4","load":0.4}
//   {"exp":"X4","rt":"go","variant":"yield@1","n":...,"metric":"cpu","value":...,"unit":"ns/op","run":1}
//   {"exp":"X6",...,"metric":"late","unit":"us","series":[[1062,62],...]}   (series.h)
//   {"exp":"X2",...,"metric":"memory","unit":"B/task","parts":{"pages":2650.1,...}}     (parts.h)
//   {"event":"trouble","exp":"X4","rt":"go","variants":["yield@1"],"what":"timed out after 30 s","wrong":false}
//   {"event":"ran","exp":"X4","rt":"go","variants":["yield@1"],"run":1,"seconds":0.8}   (for who tunes an experiment)
//   {"event":"stays_out","exp":"X4","rt":"tokio"}   (a guest for which there is no time)
//   {"event":"end","exp":"X4","load":1.2,"others":0.03,"runs":3}
//   {"event":"finish","seconds":88.2,"interrupted":false}
#pragma once

#include "harness/experiment.h"
#include "harness/parts.h"
#include "harness/series.h"
#include "harness/stats.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace versus {

struct column {
  std::string id, title, version, why;
  bool here = false, one_thread = false;
};

struct exp_state {
  bool started = false, ended = false;
  double load_before = 0, load_after = 0;
  double others = 0; // the part of the machine that other processes used meanwhile; negative: unknown
  int runs = 0;
};

struct cell_data {
  double n = 0;                                       // operations or tasks of the last sample
  std::map<std::string, std::vector<double>> samples; // by metric
  std::vector<series> lateness;                       // of each run that told it
  std::vector<part_list> consists_of;                 // the deciding figure, of each run that told it
  std::string trouble;                                // the first that was told
  bool wrong = false;                                 // it did not do the work it claims
  std::string lacks;                                  // what this machine does not have for it
};

// What one cell of a table shows.
struct shown_cell {
  enum class kind { value, pending, absent, not_here, not_now, failed, wrong };
  kind state = kind::pending;
  bool borrowed = false; // a one-thread runtime: the figure of the one-processor variant
  std::string why;       // of every state but value
  double n = 0;
  std::map<std::string, summary> figures; // by metric

  bool has_figures() const { return state == kind::value || state == kind::wrong; }
  const summary* figure_of(const std::string& metric_id) const;
};

class board {
public:
  // A line that is no JSON object, or not one of the above, is refused with a reason.
  std::string apply_line(std::string_view text);
  void apply(const json::value& event);

  shown_cell look(const experiment& e, const variant& v, const column& c) const;
  // The run that is shown of those that told how late their ticks were; nullptr when none did.
  const series* look_at_series(const experiment& e, const variant& v, const column& c) const;
  const part_list* look_at_parts(const experiment& e, const variant& v, const column& c) const;
  // As they were reported; empty when there are none.
  const std::vector<double>& samples(const std::string& exp, const std::string& variant,
                                     const std::string& runtime, const std::string& metric_id) const;
  const exp_state& state_of(const std::string& exp) const;
  bool measured(const std::string& exp) const { return states_.contains(exp); }

  // A guest for which this experiment had no time.
  bool stays_out(const std::string& exp, const std::string& runtime) const {
    return staying_out_.contains({exp, runtime});
  }

  // Every row of this runtime that ought to be there is there, in all experiments that were started.
  bool complete(const std::vector<experiment>& all, const std::string& runtime) const;

  std::vector<column> columns;
  std::string date, machine_line, commit, mode;
  int cpus = 1;
  double seconds = 0;
  bool finished = false, interrupted = false;
  std::vector<std::string> pool_output; // of the worker pool, with times

  bool quick() const { return mode == "quick"; }

private:
  // The cell whose figures a row shows: of a one-thread runtime, that of the one-processor variant.
  const cell_data* find_cell(const experiment& e, const variant& v, const column& c) const;

  using key = std::pair<std::string, std::string>; // exp + '/' + variant, runtime
  cell_data& cell(const std::string& exp, const std::string& variant, const std::string& runtime) {
    return cells_[{exp + "/" + variant, runtime}];
  }
  std::map<key, cell_data> cells_;
  std::map<std::string, exp_state> states_;
  std::set<std::pair<std::string, std::string>> staying_out_; // experiment, runtime
};

// The variant's id as a one-thread runtime reports it.
std::string one_thread_id(const variant& v);

} // namespace versus
