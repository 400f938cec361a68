// versus: the articles' claims, measured on this machine. `versus --help` lists the commands.
#include "harness/commands.h"

#include <cstdio>

int main(int argc, char** argv) {
  using namespace versus;
  arguments a = read_arguments(argc, argv);
  if (!a.wrong.empty()) return fail(a.wrong + "; see versus --help");
  if (a.help || a.command.empty()) {
    std::fputs(usage, a.help ? stdout : stderr);
    return a.help ? 0 : 2;
  }
  interrupts stop;
  places where = places::of_this_build();
  if (!a.results.empty()) where.results = a.results;
  if (!a.source.empty()) where.source = a.source;
  if (!a.build.empty()) where.build = a.build, where.cache = a.build + "/versus/cache";
  if (a.command == "list") return list_command(where, stop);
  if (a.command == "doctor") return doctor_command(where, stop);
  if (a.command == "report") return report_command(a, where, stop);
  if (a.command == "claims") return claims_command(a, where, stop);
  if (a.command == "compare") return compare_command(a, where, stop);
  if (a.command == "run") return run_programs(a, where, stop);
  return fail("unknown command " + a.command + "; see versus --help");
}
