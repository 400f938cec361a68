// How a result reads in the log of a failed test.
#include "base/explore/options.h"

#include <ostream>

namespace thrum::base::explore {

std::ostream& operator<<(std::ostream& out, const result& r) {
  out << r.model << ": " << r.executions << " executions";
  if (r.pruned != 0) out << " (and " << r.pruned << " abandoned as equivalent to one of them)";
  out << " by " << r.strategy << " in " << r.seconds << " s, "
      << static_cast<std::uint64_t>(r.executions_per_second()) << "/s";
  if (const std::uint64_t all = r.executions + r.pruned; all != 0)
    out << " of " << (r.steps + all / 2) / all << " steps";
  out << ", seed " << r.seed << (r.complete ? ", complete" : "");
  if (r.histories_dropped) out << "; some locations have more stores than are remembered";
  if (r.ok()) return out << (r.complete ? ", no failure" : ", no failure found");
  return out << "\n  " << r.failure << "\n  path \"" << r.path << "\"\n" << r.trace;
}

} // namespace thrum::base::explore
