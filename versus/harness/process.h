// process: run one program to its end, or end it, and leave nothing of it behind.
//
// The programs are other people's runtimes with our code in them: they may hang, ignore SIGTERM, start
// processes of their own, or print without end. Four nets catch that, each for what the one before misses:
//   1. every program leads its own process group, and the group is signalled, first politely, then not;
//   2. whoever left the group becomes our child (we are its "subreaper"), and is found and ended by that;
//   3. if the harness itself is killed outright, the kernel kills the program (PR_SET_PDEATHSIG);
//   4. time and output are limited.
// Signals that should end the harness are read from a descriptor, so no handler runs and no system call
// is interrupted half-way; the poll that waits for the program sees them at once.
//
// Rejected: SIGINT for the whole terminal group (a program that ignores it stays), and cgroups (they
// need rights that a user does not have).
#pragma once

#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace versus {

double now_seconds(); // of the steady clock

// SIGINT, SIGTERM, SIGHUP as a flag and a descriptor. One object, made before the first program runs.
class interrupts {
public:
  interrupts();
  ~interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  bool pending();                        // true from the first of them on
  int signal() const { return signal_; } // which one it was
  void stop() { signal_ = SIGPIPE; }     // nobody reads our output any more
  int descriptor() const { return fd_; }
  const sigset_t& before() const { return before_; } // the mask that programs get back

private:
  int fd_ = -1;
  int signal_ = 0;
  sigset_t before_{};
};

struct command {
  std::vector<std::string> argv{};                        // argv[0] is looked up on PATH
  std::vector<std::pair<std::string, std::string>> set{}; // environment to add
  std::vector<std::string> unset{};                       // environment to take away
  std::string directory{};                                // to run in; empty: ours
  double timeout = 30;                                    // seconds
  double grace = 0.5;                                     // seconds from SIGTERM to SIGKILL
  std::size_t output_limit = 4 << 20;                     // bytes of standard output
};

struct outcome {
  enum class how { exited, signalled, not_started, timed_out, too_much_output, interrupted };
  how ended = how::not_started;
  int code = 0;             // exit code, or the signal's number, or errno
  double seconds = 0;       // wall
  double cpu_seconds = 0;   // of the program and of its children that it waited for
  std::string error_output; // the last of it

  bool good() const { return ended == how::exited && code == 0; }
  std::string describe() const; // one clause: "timed out after 30.0 s", "exit code 3: no such option"
};

// Receives what a program prints, line by line as it comes, and is called now and then in between.
class listener {
public:
  virtual ~listener() = default;
  virtual void line(std::string_view text) = 0;
  virtual void tick(double elapsed) { (void)elapsed; }
};

// Runs it to its end. Afterwards no process of it is left.
outcome run(const command& what, interrupts& stop, listener& to);

// The same, for a short program whose whole output matters.
struct text_outcome : outcome {
  std::string output;
};
text_outcome run_for_text(const command& what, interrupts& stop);

} // namespace versus
