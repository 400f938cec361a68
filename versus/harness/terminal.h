// terminal: what a person sees while it runs.
//
// On a terminal the table of the experiment that runs is drawn in place and grows with the results; a line
// under it says what is being done and how long it will take. In a pipe or a file there is no drawing in
// place: a line after every round, and every table once, when it is complete.
#pragma once

#include "harness/board.h"
#include "harness/contestant.h"
#include "harness/machine.h"
#include "harness/process.h"
#include "harness/runner.h"
#include "harness/text.h"

#include <string>
#include <vector>

namespace versus {

// Where text goes: one descriptor. A reader that went away ends the run.
class output {
public:
  output(int descriptor, interrupts& stop);
  void put(std::string_view text);
  bool is_terminal() const { return terminal_; }
  int rows() const;
  view look() const; // width as it is now, colour and Unicode as the environment asks

private:
  int fd_;
  interrupts& stop_;
  bool terminal_, colour_, unicode_;
};

// Machine and contestants, the missing ones with what brings them.
std::string render_banner(const std::string& machine_line, const std::vector<contestant>& all, const view& v);

// A program beside what it printed; under each other where the width does not allow it.
std::string render_side_by_side(const std::string& source, const std::vector<std::string>& printed,
                                const view& v);

// One line about what is being done, not wider than the view.
std::string render_progress(const progress& p, const view& v);

class live_table {
public:
  // Without tables it draws the progress line only: where standard output must carry nothing but JSON.
  live_table(output& out, const board& b, bool tables) : out_(out), board_(b), tables_(tables) {}

  void now(const progress& p);       // something is being done
  void changed(const experiment& e); // there are new figures
  void ended(const experiment& e);   // print it for good
  void round_over(const experiment& e, int run, double seconds);
  void clear(); // takes away what is drawn in place

private:
  void draw();

  output& out_;
  const board& board_;
  bool tables_;
  const experiment* current_ = nullptr;
  progress progress_;
  int drawn_ = 0; // lines that stand there now
  double drawn_at_ = 0;
};

} // namespace versus
