#include "harness/arguments.h"

#include <algorithm>
#include <cstdlib>

namespace versus {

const char* const usage =
    R"(versus: thrum against Go, Node, Python and Java (and Tokio and Boost.Fiber, where they are installed)

  versus list                   the experiments, also those that are not there yet
  versus run [X4 X3 ...]        measure all or some of them, show tables, write a report
  versus claims [FILE.jsonl...] the articles, fact-checked: every sentence, and what became of it here
  versus compare OLD NEW        two files of results: what of thrum (or --runtimes) is slower now
  versus doctor                 what is installed, what is missing, how to get it
  versus report FILE.jsonl...   show the figures of earlier runs again

  --quick | --full              at most three minutes for everything (this is the default), or half an hour
  --runtimes thrum,go           only these: thrum go node python java tokio boost_fiber asio epoll
  --runs N                      so many runs of every program, whatever time it takes
  --json                        only JSON lines on standard output
  --markdown                    of report: tables for a README, and nothing else
  --html FILE                   where the report goes
  --results DIR                 where figures and reports go
  --source DIR, --build DIR     other experiments than those of this build, and where CMake builds their programs

The exit code of a run is 0 when every row of thrum was measured, 130 after Ctrl-C, and 1 or 2 otherwise.
compare calls a row slower if its median is 10 % larger (shares: 2 points) and a rank test of the samples is sure
(one-sided, 5 %; it takes three runs of each), as measured and beside what the other runtimes took. Its exit
code is 1 if a deciding figure of thrum is slower or gone, 0 if not, 2 for arguments that it cannot use.
Programs are looked up on PATH, or by GO, NODE, PYTHON, JAVA, JAVA_HOME, CARGO, RUSTC, CXX, BOOST_ROOT. The sources of
Tokio and of what it needs are in /usr/share/cargo/registry, or where TOKIO_CRATES says.
)";

namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t end = std::min(text.find(',', at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

} // namespace

arguments read_arguments(int argc, char** argv) {
  arguments a;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    auto value = [&]() -> std::string {
      if (std::size_t equals = arg.find('='); equals != std::string::npos) return arg.substr(equals + 1);
      if (i + 1 < argc) return argv[++i];
      a.wrong = arg + " needs a value";
      return "";
    };
    std::string name = arg.substr(0, arg.find('='));
    if (name == "--help" || name == "-h")
      a.help = true;
    else if (name == "--quick")
      a.run.quick = true;
    else if (name == "--full")
      a.run.quick = false;
    else if (name == "--json")
      a.json = true;
    else if (name == "--markdown")
      a.markdown = true;
    else if (name == "--runtimes")
      a.runtimes = split(value());
    else if (name == "--html")
      a.html = value();
    else if (name == "--results")
      a.results = value();
    else if (name == "--source")
      a.source = value();
    else if (name == "--build")
      a.build = value();
    else if (name == "--runs") {
      a.run.runs = std::atoi(value().c_str());
      if (a.run.runs < 1 && a.wrong.empty()) a.wrong = "--runs needs a number from 1 on";
    } else if (arg.starts_with("-"))
      a.wrong = "unknown option " + arg;
    else if (a.command.empty())
      a.command = arg;
    else
      a.names.push_back(arg);
  }
  return a;
}

} // namespace versus
