#include "harness/commands.h"

#include "harness/board.h"
#include "harness/claims.h"
#include "harness/compare.h"
#include "harness/doubt.h"
#include "harness/experiment.h"
#include "harness/files.h"
#include "harness/machine.h"
#include "harness/markdown.h"
#include "harness/not_yet.h"
#include "harness/report.h"
#include "harness/session.h"
#include "harness/table.h"

#include <algorithm>
#include <cstdio>

namespace versus {

int fail(const std::string& why) {
  std::fprintf(stderr, "versus: %s\n", why.c_str());
  return 2;
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

std::string total_standing(const board& b, const std::vector<experiment>& all, int width) {
  int rows = 0, lowest = 0;
  for (const experiment& e : all) {
    if (!b.measured(e.id)) continue;
    for (const variant& v : e.variants)
      for (const column& c : b.columns) {
        shown_cell cell = c.id == "thrum" ? b.look(e, v, c) : shown_cell{};
        const summary* s = cell.state == shown_cell::kind::value ? cell.figure_of(e.deciding(v).id) : nullptr;
        if (s == nullptr || !has_rivals(e, v, b)) continue;
        ++rows;
        if (s->median <= best_of(e, v, b, e.deciding(v).id)) ++lowest;
      }
  }
  return rows == 0 ? ""
                   : "thrum has the lowest figure in " + std::to_string(lowest) + " of " +
                         std::to_string(rows) + " rows.\n" + paragraph(doubts_in_words(), width, "", "");
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
  const bool every = std::ranges::all_of(all, [](const contestant& c) { return c.here(); });
  const bool enough = std::ranges::all_of(all, [](const contestant& c) { return c.here() || c.optional; });
  if (enough) out.put(every ? "\n  All contestants are here.\n" : "\n  What is missing is optional.\n");
  return enough ? 0 : 1;
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
  if (a.markdown) {
    out.put(render_markdown(*all, b));
    return 0;
  }
  for (const experiment& e : *all)
    if (b.measured(e.id)) out.put(render_table(e, b, out.look()) + "\n");
  out.put(total_standing(b, *all, out.look().width));
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

} // namespace versus
