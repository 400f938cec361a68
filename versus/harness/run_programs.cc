// versus run: contestants are found, programs measured, every event recorded, shown and reported.
#include "harness/board.h"
#include "harness/commands.h"
#include "harness/experiment.h"
#include "harness/files.h"
#include "harness/machine.h"
#include "harness/not_yet.h"
#include "harness/process.h"
#include "harness/runner.h"
#include "harness/terminal.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace versus {
namespace {

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

// A quick run of everything ends within three minutes, of which ./thrum may need some to build.
constexpr double quick_limit = 155;

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

} // namespace

int run_programs(const arguments& a, places& where, interrupts& stop) {
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
  if (!a.runtimes.empty())
    for (contestant& c : contestants) c.guest = false; // it was asked for
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
  run_options options = a.run;
  if (options.quick && options.runs == 0 && a.names.empty()) options.limit = quick_limit;
  runner all_of_it(options, where, contestants, *all, stop, record);
  all_of_it.run();
  live.clear();
  const std::vector<std::string> left_out = all_of_it.left_out();
  std::erase_if(*all, [&](const experiment& e) {
    return std::find(left_out.begin(), left_out.end(), e.id) != left_out.end();
  });
  bool cut_short = stop.pending();
  record.event(json::writer()
                   .add("event", "finish")
                   .add("seconds", now_seconds() - begun)
                   .add("interrupted", cut_short)
                   .line());
  if (cut_short) screen.put("interrupted; this is what was measured so far\n");
  if (!left_out.empty()) {
    std::string names;
    for (const std::string& id : left_out) names += ' ' + id;
    screen.put("left out, since a quick run ends within three minutes:" + names + "\n  versus run" + names +
               "\n");
  }
  if (const std::vector<std::string>& without = all_of_it.without_guests(); !without.empty()) {
    for (const contestant& c : contestants) {
      std::string names;
      for (const std::string& id : without)
        if (b.stays_out(id, c.id)) names += ' ' + id;
      if (!names.empty())
        screen.put("without " + c.title + ", for which there was no time:" + names + "\n  versus run" +
                   names + " --runtimes thrum," + c.id + "\n");
    }
  }
  if (!a.json) screen.put(total_standing(b, *all, screen.look().width));
  write_report(b, *all, where, a.html.empty() ? base + ".html" : a.html, screen);
  screen.put("figures: " + base + ".jsonl\n");
  if (cut_short) return 130;
  return thrum == nullptr || (pool_right && b.complete(*all, "thrum")) ? 0 : 1;
}

} // namespace versus
