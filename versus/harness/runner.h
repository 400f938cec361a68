// runner: decides what runs when, runs it, checks what it says, and tells it as events.
//
// Order: within an experiment the contestants take turns (A B C, A B C, ...), so that a disturbance of a
// few seconds falls on all of them and not on one. A group of variants that share a process is one turn.
// A run has a time budget: the first round of everything is always run. Another one of a quick run only when it, and
// as many rounds of the experiments still to come, fit into what is left (at the speed seen so far), so that all
// experiments get about the same number. In a full run each experiment has its part of the time, and what those before it
// have left; and what takes very long runs once. A turn that failed once is not tried again.
//
// A quick run of everything has a limit, too: an experiment that would end behind it is left out, and that is said. So are those
// that say themselves that they have to be asked for. Guests take
// part in an experiment of such a run only where the same experiments will be measured with them as without.
#pragma once

#include "harness/board.h"
#include "harness/contestant.h"
#include "harness/experiment.h"
#include "harness/files.h"
#include "harness/process.h"

#include <string>
#include <vector>

namespace versus {

struct run_options {
  bool quick = true;
  int runs = 0; // 0: as many as the mode has
  // Seconds: a turn of a full run that takes longer is not repeated, if the mode decides.
  double long_run = 12;
  double limit = 0; // seconds after which no experiment begins that would end later; 0: none
};

// One process: these variants of this experiment for this contestant.
struct turn {
  const contestant* who = nullptr;
  std::vector<const variant*> variants;
  int processors = 0;
  int most_runs = 0; // 0: as many as the experiment has rounds
  double took = 0;   // seconds, the last time
  bool failed = false;

  std::vector<std::string> ids() const;   // as the program reports them
  std::vector<std::string> names() const; // as the program is asked for them
  std::string where() const;
};

struct progress {
  const experiment* now = nullptr;
  std::string doing;
  int done = 0, total = 0;
  double elapsed = 0, left = -1; // seconds; left < 0: not known yet
};

class observer {
public:
  virtual ~observer() = default;
  virtual void event(const std::string& line) = 0; // one JSON line
  virtual void now(const progress& p) = 0;         // before and during every program
  virtual void round_over(const experiment& e, int run, double seconds) = 0;
};

// What one experiment runs in every round, in order: all contestants with one processor, then with all.
std::vector<turn> plan(const experiment& e, const std::vector<contestant>& all, bool quick);

// Checks the lines that a program printed. Good ones become events; the rest is trouble.
class line_checker : public listener {
public:
  line_checker(const experiment& e, const turn& t, bool quick, int run, observer& to);
  void line(std::string_view text) override;
  void finish(const outcome& how); // tells what is missing or wrong; sets failed
  bool failed = false;

private:
  void trouble(const std::vector<std::string>& ids, const std::string& what, bool wrong);

  const experiment& e_;
  const turn& turn_;
  bool quick_;
  int run_;
  observer& to_;
  struct seen {
    const variant* what = nullptr;
    std::vector<std::string> metrics; // reported so far
    double n = 0, deciding = 0;       // as last reported
    int checked = 0;
    bool lacks = false; // something that this machine does not have
    std::string wrong;
  };
  std::map<std::string, seen> seen_;
  std::string bad_line_;
};

class runner {
public:
  runner(const run_options& options, const places& where, const std::vector<contestant>& all,
         const std::vector<experiment>& experiments, interrupts& stop, observer& to);
  void run();
  // Experiments for which the limit left no time.
  const std::vector<std::string>& left_out() const { return left_out_; }
  // Experiments that were measured without the guests, since there was no time for those.
  const std::vector<std::string>& without_guests() const { return without_guests_; }

private:
  double pace() const;
  double guests_take(const experiment& e) const;
  std::vector<std::string> later_that_fit(const experiment& e, double elapsed) const;
  bool guests_fit(const experiment& e) const;
  bool waits_to_be_asked(const experiment& e) const;
  void run_experiment(const experiment& e, bool with_guests);
  bool another_round_fits(const experiment& e, int rounds, double seconds);
  double end_of(const experiment& e) const;
  void run_turn(const experiment& e, turn& t, int run, int runs);
  bool prepare(const experiment& e, turn& t);
  void tell(const std::string& doing);
  void tell_trouble(const experiment& e, const turn& t, const std::string& what);

  run_options options_;
  const places& where_;
  const std::vector<contestant>& all_;
  const std::vector<experiment>& experiments_;
  interrupts& stop_;
  observer& to_;
  scratch_directory scratch_;
  double start_ = 0;
  progress progress_;
  double measured_ = 0; // seconds that programs ran
  double planned_ = 0;  // seconds that the experiments so far were to take
  std::vector<std::string> left_out_, without_guests_;
  double slowness_ = 1; // how much longer than on a quiet machine
  double others_ = 0, others_wall_ = 0;
  std::vector<std::string> built_; // "go/x04_switch"
};

} // namespace versus
