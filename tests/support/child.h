// Runs a child program with a time limit and collects what it writes: for programs that are to die, and for those whose
// static constructors or exit are under test. And a child that is talked to while it lives: so a test waits for what is said,
// not for a time.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace test {

struct child {
  bool timed_out = false;
  int signal = 0;    // that ended it, or 0
  int exit_code = 0; // if no signal ended it
  std::string out;
  std::string err;

  std::string summary() const; // for failure messages
};

// arguments[0] is the path of the program.
child run_child(const std::vector<std::string>& arguments,
                std::chrono::seconds limit = std::chrono::seconds(30));

// A child that runs. It is killed when its time is over, or when this object dies.
class live_child {
public:
  explicit live_child(const std::vector<std::string>& arguments,
                      std::chrono::seconds limit = std::chrono::seconds(30));
  ~live_child();
  live_child(const live_child&) = delete;
  live_child& operator=(const live_child&) = delete;

  // Waits until it has written this, to standard output or standard error, `times` times. False: it ended before, or its
  // time was over.
  bool says(const std::string& text, std::size_t times = 1);
  void tell(const std::string& text); // to its standard input
  void send(int signal);
  // Waits for its end, and returns everything.
  child end();
  // The same, but does not wait: it is killed if it lives.
  child end_now();

private:
  bool read_more(); // false: both streams have ended, or the time is over

  int pid_;
  int in_ = -1;
  int streams_[2] = {-1, -1}; // standard output, standard error
  std::chrono::steady_clock::time_point limit_;
  child seen_;
};

// The folder of the running program, where its siblings lie, too.
std::string own_folder();

} // namespace test
