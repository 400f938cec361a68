// contestant: the runtimes that are compared: where they are, how their programs are built and called.
//
// A missing runtime is a contestant too, with the reason and the package that brings it: a gap in the
// table must say why it is there. Programs are built when they are first needed, into a cache named after
// the compiler's version, and never while something is being measured.
#pragma once

#include "harness/experiment.h"
#include "harness/process.h"

#include <expected>
#include <string>
#include <vector>

namespace versus {

struct contestant {
  enum class state { here, not_here, too_old };

  std::string id, title, version;
  std::string program;  // the interpreter, the compiler, or the build tool
  std::string compiler; // javac, rustc
  std::string package;  // what apt calls it
  std::string why;      // it is not here
  state found = state::not_here;
  bool optional = false; // shown only when it is here
  bool guest = false;    // a quick run of everything measures it only where it takes no time from the others
  bool one_thread = false; // runs tasks on one thread whatever the machine has
  int major = 0;           // of the version

  bool here() const { return found == state::here; }
};

// Where things are. The defaults come from the build.
struct places {
  std::string source; // versus/
  std::string build;  // the CMake build tree
  std::string cache;  // of programs that the harness builds itself
  std::string results;

  static places of_this_build();
};

// All of them, in the order of the table's columns, thrum first.
std::vector<contestant> find_contestants(const places& where, interrupts& stop);

// The version of a JDK from the text of its `release` file: 0 when there is none in it.
int jdk_version(std::string_view release, std::string& whole);

// "sudo apt install ..." for all that is missing; empty when nothing is.
std::string apt_line(const std::vector<contestant>& all);

// Builds what this experiment's program needs, if its sources are newer. The error is for people.
std::expected<void, std::string> build_program(const contestant& c, const experiment& e, const places& where,
                                               const std::string& scratch, interrupts& stop);

// Whether there is a program for this experiment at all.
bool has_program(const contestant& c, const experiment& e);
std::string source_file(const std::string& runtime); // "main.go", beside claim.json

// How long a guest will take for one quick round of this experiment, building included. 0: it has no program for it.
double guest_seconds(const contestant& c, const experiment& e, const places& where);

// processors: 0 for all.
command run_command(const contestant& c, const experiment& e, const places& where, const std::string& scratch,
                    int processors, bool quick, const std::vector<std::string>& what);

} // namespace versus
