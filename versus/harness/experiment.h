// experiment: what versus/experiments/<folder>/claim.json says.
//
// A variant's id is "<what>@<where>": the program's own name for what it measures, and "1" for one
// processor or "all" for all of them. Programs are called with `--processors N <what>...`.
//
// Lower is better in every figure: a claim file names its metrics so that this holds ("lost", not "kept").
#pragma once

#include "harness/json.h"

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace versus {

struct metric {
  std::string id, title, unit;
  std::string label; // short, for a table that says "per what" elsewhere

  // A part of a whole. 0.2 % lost is not ten times better than 2 % in any sense that a reader could use.
  bool is_share() const { return unit == "%"; }
};

struct claim {
  std::string source, text; // "S1:10" and the article's sentence
};

// "S1:10", "S1:22-61": the article and its lines, as all sources are written.
bool is_source(std::string_view text);

// What a program must report as proof that it did the work, computed from n, the operations it reports.
struct check_rule {
  enum class kind { count, sum, each };
  kind how = kind::count;
  double parts = 1; // sum: the work is done in so many equal parts, each sums i & 1023 for i = 0, 1, ...
  double per = 1, amount = 0; // each: every `per` operations add `amount`
  double quick_per = 0, quick_amount = 0;

  double expected(double n, bool quick) const;
};

// Figures are compared to say whether a claim holds here: left < times * right. It is said as the article says it:
// where it holds, the sentences do.
struct verdict {
  struct side {
    std::string runtime, variant, metric; // or a number when runtime is empty
    double number = 0;
  };
  std::string claim;
  std::vector<std::string> sources; // of the sentences that it puts in figures; empty: of the first
  side left, right;
  double times = 1;

  bool is_about(const struct claim& sentence, const struct experiment& e) const;
};

struct variant {
  std::string id, title;
  std::vector<std::string>
      metrics; // ids of what it measures, the deciding one first; empty: all of the experiment
  check_rule check;
  bool full_only = false; // not in a quick run
  bool fresh = false;     // in a process of its own: it measures memory, or leaves much of it behind
  int quick_runs = 0;     // at most so many in a quick run; 0: no limit
  int full_runs = 0;      // and in a full one
  double memory_mib = 0;  // not run with less than that available
  std::vector<std::pair<std::string, std::string>> notes;  // runtime -> the idiom it uses
  std::vector<std::pair<std::string, std::string>> absent; // runtime -> why it has no such thing
  std::vector<std::string> slow;                           // runtimes that run it only with --full

  std::string what() const { return id.substr(0, id.find('@')); }
  int processors() const { return id.ends_with("@1") ? 1 : 0; }
  const std::string* note_for(std::string_view runtime) const;
  const std::string* absence_for(std::string_view runtime) const;
  bool slow_for(std::string_view runtime) const;
};

struct experiment {
  std::string id, folder, path, title, question, method;
  double order = 0;
  std::vector<claim> claims;
  std::vector<metric> metrics; // the first decides, where a variant does not name its own
  std::vector<variant> variants;
  std::vector<verdict> verdicts;
  double round_seconds = 10;                // of one quick round of all contestants on two quiet processors
  double full_seconds = 60;                 // of a full run with all its rounds; a part of the half hour
  double quick_timeout = 30, timeout = 300; // of one program
  bool asked_for = false;     // not in a quick run of everything: what it needs takes too long to build
  bool race_detector = false; // its programs are built with the runtime's detector of data races

  const variant* find(std::string_view variant_id) const;
  const metric* find_metric(std::string_view metric_id) const;
  std::vector<const metric*> metrics_of(const variant& v) const; // never empty; the first decides
  const metric& deciding(const variant& v) const { return *metrics_of(v).front(); }
  bool one_quick_round() const; // no variant has more than one quick run
};

// The text of one claim.json; the error names the field.
std::expected<experiment, std::string> parse_experiment(std::string_view text);

// All of them, in the order in which they run. The error names the file.
std::expected<std::vector<experiment>, std::string> load_experiments(const std::string& directory);

} // namespace versus
