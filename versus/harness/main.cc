// versus: the articles' claims, measured on this machine. The commands; `versus --help` lists them.
#include "harness/board.h"
#include "harness/claims.h"
#include "harness/compare.h"
#include "harness/contestant.h"
#include "harness/experiment.h"
#include "harness/files.h"
#include "harness/machine.h"
#include "harness/not_yet.h"
#include "harness/process.h"
#include "harness/report.h"
#include "harness/runner.h"
#include "harness/session.h"
#include "harness/table.h"
#include "harness/terminal.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

namespace versus {
namespace {

constexpr const char* usage =
    R"(versus: thrum against Go, Node, Python and Java (and Boost.Fiber, where it is installed)

  versus list                   the experiments, also those that are not there yet
  versus run [X4 X3 ...]        measure all or some of them, show tables, write a report
  versus claims [FILE.jsonl...] the articles, fact-checked: every sentence, and what became of it here
  versus compare OLD NEW        two files of results: what of thrum (or --runtimes) is slower now
  versus doctor                 what is installed, what is missing, how to get it
  versus report FILE.jsonl...   show the figures of earlier runs again

  --quick | --full              about two minutes for everything (this is the default), or much longer
  --runtimes thrum,go           only these: thrum go node python java boost_fiber epoll
  --runs N                      so many runs of every program, whatever time it takes
  --json                        only JSON lines on standard output
  --html FILE                   where the report goes
  --results DIR                 where figures and reports go
  --source DIR, --build DIR     other experiments than those of this build, and where CMake builds their programs

The exit code of a run is 0 when every row of thrum was measured, 130 after Ctrl-C, and 1 or 2 otherwise.
compare calls a row slower if its median is 10 % larger (shares: 2 points) and a rank test of the samples is sure
(one-sided, 5 %; it takes three runs of each), as measured and beside what the other runtimes took. Its exit
code is 1 if a deciding figure of thrum is slower or gone, 0 if not, 2 for arguments that it cannot use.
Programs are looked up on PATH, or by GO, NODE, PYTHON, JAVA, JAVA_HOME, CXX, BOOST_ROOT.
)";

struct arguments {
  std::string command;
  std::vector<std::string> names; // experiments, or files
  std::vector<std::string> runtimes;
  run_options run;
  bool json = false, help = false;
  std::string html, results, source, build, wrong;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t end = std::min(text.find(',', at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

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

int fail(const std::string& why) {
  std::fprintf(stderr, "versus: %s\n", why.c_str());
  return 2;
}

// Takes all events: into the file, onto the board, and to whoever watches.
class recorder : public observer {
public:
  recorder(board& b, const std::vector<experiment>& all, live_table& live, output* json,
           const std::string& file)
      : board_(b), all_(all), live_(live), json_(json), file_(std::fopen(file.c_str(), "we")) {}
  ~recorder() override {
    if (file_ != nullptr) std::fclose(file_);
  }
  recorder(const recorder&) = delete;
  recorder& operator=(const recorder&) = delete;

  bool can_write() const { return file_ != nullptr; }

  void event(const std::string& line) override {
    if (file_ != nullptr) {
      std::fprintf(file_, "%s\n", line.c_str());
      std::fflush(file_); // whatever happens later, this was measured
    }
    if (json_ != nullptr) json_->put(line + "\n");
    std::expected<json::value, std::string> parsed = json::parse(line);
    if (!parsed) return;
    board_.apply(*parsed);
    for (const experiment& e : all_)
      if (e.id == parsed->text("exp")) parsed->text("event") == "end" ? live_.ended(e) : live_.changed(e);
  }
  void now(const progress& p) override { live_.now(p); }
  void round_over(const experiment& e, int run, double seconds) override {
    live_.round_over(e, run, seconds);
  }

private:
  board& board_;
  const std::vector<experiment>& all_;
  live_table& live_;
  output* json_;
  FILE* file_;
};

std::string session_line(const std::vector<contestant>& all, const run_options& options,
                         const std::string& commit) {
  machine m = this_machine();
  std::string list = "[";
  for (const contestant& c : all) {
    if (list.size() > 1) list += ",";
    list += json::writer()
                .add("id", c.id)
                .add("title", c.title)
                .add("version", c.version)
                .add("here", c.here())
                .add("why", c.here() ? "" : c.why)
                .add("one_thread", c.one_thread)
                .line();
  }
  return json::writer()
      .add("event", "session")
      .add("date", date_and_time())
      .add("machine", m.line())
      .add("host", m.name)
      .add("cpus", m.cpus)
      .add("commit", commit)
      .add("mode", options.quick ? "quick" : "full")
      .raw("contestants", list + "]")
      .line();
}

// The article's worker pool, run by thrum; every line with the time at which it was printed.
struct pool_run : listener {
  double begun = now_seconds();
  std::vector<std::string> lines;
  int started = 0;
  long sum = 0;
  void line(std::string_view text) override {
    char time[32];
    std::snprintf(time, sizeof time, "%4.0f ms  ", (now_seconds() - begun) * 1000);
    lines.push_back(time + std::string(text));
    if (text.find(" started job ") != std::string_view::npos) ++started;
    if (text.starts_with("Result processed: ")) sum += std::atol(std::string(text.substr(18)).c_str());
  }
  bool right() const { return started == 5 && sum == 2 + 4 + 6 + 8 + 10 && lines.size() == 10; }
};

bool show_pool(const places& where, const contestant& thrum, output& out, recorder& record,
               interrupts& stop) {
  experiment pool;
  pool.folder = "x00_worker_pool";
  pool.path = where.source + "/experiments/" + pool.folder;
  scratch_directory scratch;
  view v = out.look();
  out.put("\n" + paint("The worker pool of S1:22, in thrum, and what it prints", style::heading, v) + "\n\n");
  if (auto built = build_program(thrum, pool, where, scratch.path(), stop); !built) {
    out.put(built.error() + "\n");
    return false;
  }
  command call = run_command(thrum, pool, where, scratch.path(), 0, false, {});
  call.argv.resize(1);
  call.timeout = 10;
  pool_run printed;
  outcome how = run(call, stop, printed);
  out.put(render_side_by_side(read_file(pool.path + "/thrum.cc"), printed.lines, v));
  record.event(json::writer().add("event", "pool").add("lines", printed.lines).line());
  bool right = how.good() && printed.right();
  if (!right)
    out.put(paint("This is not what the article's program prints: " + how.describe(), style::bad, v) + "\n");
  return right;
}

void write_report(const board& b, const std::vector<experiment>& all, const places& where,
                  const std::string& file, output& out) {
  // All experiments, also those that this run left out: the scoreboard names them.
  auto whole = load_experiments(where.source + "/experiments");
  auto waiting = load_not_yet(where.source + "/experiments");
  std::string page = render_report(b, whole ? *whole : all, waiting ? *waiting : std::vector<planned>{},
                                   where.source + "/experiments/x00_worker_pool", where.source + "/kit");
  if (write_file(file, page))
    out.put("report:  " + file + "\n");
  else
    out.put("the report could not be written to " + file + "\n");
}

std::string total_standing(const board& b, const std::vector<experiment>& all) {
  int rows = 0, lowest = 0;
  for (const experiment& e : all) {
    if (!b.measured(e.id)) continue;
    for (const variant& v : e.variants)
      for (const column& c : b.columns) {
        shown_cell cell = c.id == "thrum" ? b.look(e, v, c) : shown_cell{};
        const summary* s = cell.state == shown_cell::kind::value ? cell.figure_of(e.deciding(v).id) : nullptr;
        if (s == nullptr) continue;
        ++rows;
        if (s->median <= best_of(e, v, b, e.deciding(v).id)) ++lowest;
      }
  }
  return rows == 0 ? ""
                   : "thrum has the lowest figure in " + std::to_string(lowest) + " of " +
                         std::to_string(rows) + " rows.\n";
}

std::expected<std::vector<experiment>, std::string> chosen_experiments(
    const places& where, const std::vector<std::string>& names) {
  auto all = load_experiments(where.source + "/experiments");
  if (!all || names.empty()) return all;
  auto waiting = load_not_yet(where.source + "/experiments");
  for (const std::string& name : names) {
    if (std::any_of(all->begin(), all->end(), [&](const experiment& e) { return e.id == name; })) continue;
    if (waiting)
      for (const planned& p : *waiting)
        if (p.id == name) return std::unexpected(name + " is not there yet: it waits for " + p.waits_for);
    return std::unexpected("there is no experiment " + name + "; `versus list` shows them");
  }
  std::erase_if(
      *all, [&](const experiment& e) { return std::find(names.begin(), names.end(), e.id) == names.end(); });
  return all;
}

int run_command_line(const arguments& a, places& where, interrupts& stop) {
  auto all = chosen_experiments(where, a.names);
  if (!all) return fail(all.error());
  std::vector<contestant> contestants = find_contestants(where, stop);
  for (const std::string& name : a.runtimes)
    if (std::none_of(contestants.begin(), contestants.end(),
                     [&](const contestant& c) { return c.id == name; }))
      return fail("there is no runtime " + name);
  if (!a.runtimes.empty())
    std::erase_if(contestants, [&](const contestant& c) {
      return std::find(a.runtimes.begin(), a.runtimes.end(), c.id) == a.runtimes.end();
    });
  if (stop.pending()) return 130;

  output screen(a.json ? 2 : 1, stop), json_out(1, stop);
  board b;
  live_table live(screen, b, !a.json);
  make_directories(where.results);
  std::string base = where.results + "/" + file_stamp();
  recorder record(b, *all, live, a.json ? &json_out : nullptr, base + ".jsonl");
  if (!record.can_write()) return fail("cannot write to " + where.results);
  std::string commit =
      run_for_text({.argv = {"git", "-C", where.source, "rev-parse", "--short", "HEAD"}}, stop).output;
  commit.erase(std::min(commit.find('\n'), commit.size()));
  double begun = now_seconds();
  record.event(session_line(contestants, a.run, commit));
  const contestant* thrum = nullptr;
  for (const contestant& c : contestants)
    if (c.id == "thrum") thrum = &c;
  bool pool_right = true;
  if (!a.json) {
    screen.put(render_banner(b.machine_line, contestants, screen.look()));
    if (thrum != nullptr && a.names.empty()) pool_right = show_pool(where, *thrum, screen, record, stop);
    screen.put("\n  The first line of a row decides: mostly the CPU time of the whole process. Figures are "
               "medians;\n"
               "  the lowest of a line is bold, \"x\" is times thrum.\n\n");
  }
  runner(a.run, where, contestants, *all, stop, record).run();
  live.clear();
  bool cut_short = stop.pending();
  record.event(json::writer()
                   .add("event", "finish")
                   .add("seconds", now_seconds() - begun)
                   .add("interrupted", cut_short)
                   .line());
  if (cut_short) screen.put("interrupted; this is what was measured so far\n");
  if (!a.json) screen.put(total_standing(b, *all));
  write_report(b, *all, where, a.html.empty() ? base + ".html" : a.html, screen);
  screen.put("figures: " + base + ".jsonl\n");
  if (cut_short) return 130;
  return thrum == nullptr || (pool_right && b.complete(*all, "thrum")) ? 0 : 1;
}

int list_command(const places& where, interrupts& stop) {
  auto all = load_experiments(where.source + "/experiments");
  if (!all) return fail(all.error());
  auto waiting = load_not_yet(where.source + "/experiments");
  if (!waiting) return fail(waiting.error());
  output out(1, stop);
  view v = out.look();
  for (const experiment& e : *all) {
    out.put(paint(pad_right(e.id, 5) + e.title, style::heading, v) + "\n");
    out.put(paragraph(e.question, v.width, "     ", "     "));
    for (const variant& each : e.variants)
      out.put("       " + pad_right(each.id, 16) + each.title + (each.full_only ? " (--full)" : "") + "\n");
  }
  for (const planned& p : *waiting) {
    out.put(paint(pad_right(p.id, 5) + p.title, style::heading, v) + paint("  not yet", style::dim, v) +
            "\n");
    out.put(paragraph(p.question, v.width, "     ", "     "));
    out.put(paragraph("waits for: " + p.waits_for, v.width, "       ", "         "));
  }
  return 0;
}

int doctor_command(const places& where, interrupts& stop) {
  std::vector<contestant> all = find_contestants(where, stop);
  output out(1, stop);
  view v = out.look();
  out.put(render_banner(this_machine().line(), all, v));
  out.put("  " + figure(available_mib()) + " MiB of memory are free, the load is " + figure(load_average()) +
          "\n");
  if (load_average() > this_machine().cpus / 2.0)
    out.put(paint("  The machine is busy: wall times will be doubtful.", style::bad, v) + "\n");
  if (busy_cpu_seconds() < 0) out.put("  /proc/stat cannot be read: how busy others are is not known.\n");
  if (available_mib() < 7000) out.put("  The rows of a million tasks need 7,000 MiB and will be left out.\n");
  if (std::string line = apt_line(all); !line.empty()) out.put("\n  " + line + "\n");
  bool whole =
      std::all_of(all.begin(), all.end(), [](const contestant& c) { return c.here() || c.optional; });
  out.put(whole ? "\n  All contestants are here.\n" : "");
  return whole ? 0 : 1;
}

int report_command(const arguments& a, const places& where, interrupts& stop) {
  if (a.names.empty()) return fail("report needs a file of JSON lines");
  auto all = load_experiments(where.source + "/experiments");
  if (!all) return fail(all.error());
  board b;
  std::vector<std::string> wrong;
  for (const std::string& file : a.names) {
    if (auto read = apply_file(b, file, wrong); !read) return fail(read.error());
  }
  for (const std::string& line : wrong) std::fprintf(stderr, "versus: %s\n", line.c_str());
  output out(1, stop);
  for (const experiment& e : *all)
    if (b.measured(e.id)) out.put(render_table(e, b, out.look()) + "\n");
  out.put(total_standing(b, *all));
  std::string base =
      a.names[0].ends_with(".jsonl") ? a.names[0].substr(0, a.names[0].size() - 6) : a.names[0];
  write_report(b, *all, where, a.html.empty() ? base + ".html" : a.html, out);
  return 0;
}

int claims_command(const arguments& a, const places& where, interrupts& stop) {
  auto all = load_experiments(where.source + "/experiments");
  if (!all) return fail(all.error());
  auto waiting = load_not_yet(where.source + "/experiments");
  if (!waiting) return fail(waiting.error());
  std::vector<session> runs;
  std::vector<std::string> wrong;
  for (const std::string& file : a.names) {
    session& one = runs.emplace_back();
    one.file = file;
    if (auto read = apply_file(one.what, file, wrong); !read) return fail(read.error());
  }
  for (const std::string& line : wrong) std::fprintf(stderr, "versus: %s\n", line.c_str());
  if (a.names.empty()) runs = read_sessions(where.results);
  std::vector<const board*> boards;
  for (const session& s : runs) boards.push_back(&s.what);
  std::vector<ruling> rulings = rule(*all, *waiting, boards);
  output out(1, stop);
  if (a.json) {
    out.put(claims_json(rulings));
    return 0;
  }
  out.put(render_claims(rulings, out.look()));
  if (boards.empty())
    out.put("There are no results in " + where.results + " yet; `versus run` measures.\n");
  else
    out.put(paragraph("Figures of " + boards[0]->date + " (" + boards[0]->mode + "), " +
                          boards[0]->machine_line + "; older ones have their date.",
                      out.look().width, "", "  "));
  return 0;
}

int compare_command(const arguments& a, const places& where, interrupts& stop) {
  if (a.names.size() != 2) return fail("compare needs two files: OLD.jsonl NEW.jsonl");
  auto all = load_experiments(where.source + "/experiments");
  if (!all) return fail(all.error());
  board boards[2];
  std::vector<std::string> wrong;
  for (int i = 0; i < 2; ++i) {
    if (auto read = apply_file(boards[i], a.names[static_cast<std::size_t>(i)], wrong); !read)
      return fail(read.error());
    if (boards[i].columns.empty()) return fail(a.names[static_cast<std::size_t>(i)] + " is no run");
  }
  for (const std::string& line : wrong) std::fprintf(stderr, "versus: %s\n", line.c_str());
  std::vector<std::string> runtimes = a.runtimes.empty() ? std::vector<std::string>{"thrum"} : a.runtimes;
  for (const std::string& name : runtimes)
    if (std::none_of(boards[0].columns.begin(), boards[0].columns.end(),
                     [&](const column& c) { return c.id == name; }))
      return fail(a.names[0] + " has no runtime " + name);
  comparison c = compare(*all, boards[0], boards[1], runtimes);
  output out(1, stop);
  out.put(a.json ? comparison_json(c) : render_comparison(c, out.look()));
  return c.worse() ? 1 : 0;
}

} // namespace
} // namespace versus

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
  if (a.command == "run") return run_command_line(a, where, stop);
  return fail("unknown command " + a.command + "; see versus --help");
}
