// The gate's loop, and its report.
#include "base/explore/mutation.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <ostream>
#include <sstream>
#include <utility>

namespace thrum::base::explore {

namespace {

bool in_files(const site_record& record, const std::vector<std::string>& files) {
  return files.empty() || std::any_of(files.begin(), files.end(),
                                      [&](const std::string& end) { return record.file.ends_with(end); });
}

// Runs the scenarios until one fails.
void try_to_kill(mutant& m, std::span<const scenario> scenarios, const gate_options& how) {
  const auto kills = [&](const scenario& s, const options& wanted) {
    const result r = the_engine.run(s.what, wanted);
    m.executions += r.executions + (r.ok() ? 0 : 1);
    if (r.ok()) {
      m.exhausted &= r.complete || std::holds_alternative<pct>(wanted.strategy);
      return false;
    }
    m.killed = true;
    m.killer = s.what.name;
    m.failure = r.failure;
    return true;
  };
  for (const scenario& s : scenarios) {
    options quick = s.how;
    quick.strategy = pct{};
    quick.max_executions = how.quick_executions;
    if (how.quick_executions > 0 && kills(s, quick)) return;
  }
  for (const scenario& s : scenarios)
    if (kills(s, s.how)) return;
}

std::string short_name(std::string_view type) {
  const std::size_t colon = type.rfind("::");
  return std::string(colon == std::string_view::npos ? type : type.substr(colon + 2));
}

bool is_left_alone(const site_record& record, const std::vector<std::string>& parts) {
  if (parts.empty()) return false;
  const std::string line = source_line(record.file, record.line);
  return std::any_of(parts.begin(), parts.end(),
                     [&](const std::string& part) { return line.find(part) != std::string::npos; });
}

// For tools/check_gates.py, which wants every ordered access of the tree in some gate: all sites that were reached, and what this
// gate does with them. The file that THRUM_GATE_SITES names begins anew with the first gate of a process.
void write_down(const std::vector<site_record>& sites, const gate_options& how) {
  const char* const name = std::getenv("THRUM_GATE_SITES");
  if (name == nullptr) return;
  static bool begun = false;
  std::ofstream out(name, begun ? std::ios::app : std::ios::trunc);
  begun = true;
  for (const site_record& each : sites) {
    if (next_weaker(each.kind, each.order).empty()) continue;
    out << each.file << '\t' << each.line << '\t' << name_of(each.kind) << '\t' << name_of(each.order) << '\t'
        << (!in_files(each, how.files)            ? "reached"
            : is_left_alone(each, how.left_alone) ? "left alone"
                                                  : "weakened")
        << '\n';
  }
}

bool covers(const allowance& a, const mutant& m) {
  return a.from == m.where.order && a.to == m.weakened && m.code.find(a.code) != std::string::npos;
}

} // namespace

gate_report mutation_gate(std::initializer_list<scenario> scenarios, const gate_options& how) {
  const auto start = std::chrono::steady_clock::now();
  gate_report report;
  the_sites.clear();
  the_sites.set_active(true);
  for (const scenario& s : scenarios) {
    const result r = the_engine.run(s.what, s.how);
    if (r.ok() && (r.complete || !std::holds_alternative<dfs>(s.how.strategy))) continue;
    std::ostringstream text;
    text << (r.ok() ? "not explored completely: " : "fails without any mutation: ") << r << '\n';
    report.baseline_failure += text.str();
  }

  if (report.baseline_failure.empty()) {
    const std::vector<site_record> sites = the_sites.records(); // a copy: a mutant may reach new sites
    write_down(sites, how);
    for (std::size_t i = 0; i < sites.size(); ++i) {
      std::vector<strength> to_try = next_weaker(sites[i].kind, sites[i].order);
      if (!in_files(sites[i], how.files) || to_try.empty()) continue;
      if (is_left_alone(sites[i], how.left_alone)) continue;
      ++report.sites;
      for (std::size_t next = 0; next < to_try.size(); ++next) {
        mutant m{
            .where = sites[i], .weakened = to_try[next], .code = source_line(sites[i].file, sites[i].line)};
        the_sites.weaken(i, to_try[next]);
        try_to_kill(m, scenarios, how);
        the_sites.restore();
        if (!m.killed)
          for (const strength below : next_weaker(sites[i].kind, to_try[next]))
            if (std::find(to_try.begin(), to_try.end(), below) == to_try.end()) to_try.push_back(below);
        report.mutants.push_back(std::move(m));
      }
    }
  }
  the_sites.set_active(false);
  the_sites.clear();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

std::vector<mutant> gate_report::survivors() const {
  std::vector<mutant> alive;
  std::copy_if(mutants.begin(), mutants.end(), std::back_inserter(alive),
               [](const mutant& m) { return !m.killed; });
  return alive;
}

std::string gate_report::unexplained(std::span<const allowance> allowed) const {
  std::ostringstream text;
  text << baseline_failure;
  const std::vector<mutant> alive = survivors();
  for (const mutant& m : alive)
    if (std::none_of(allowed.begin(), allowed.end(), [&](const allowance& a) { return covers(a, m); }))
      text << m << '\n';
  for (const allowance& a : allowed)
    if (std::none_of(alive.begin(), alive.end(), [&](const mutant& m) { return covers(a, m); }))
      text << "an allowance that nothing needs: " << a.code << ", " << name_of(a.from) << " -> "
           << name_of(a.to) << '\n';
  if (baseline_failure.empty() && sites == 0) text << "no ordered operation was reached in these files\n";
  return text.str();
}

std::ostream& operator<<(std::ostream& out, const mutant& m) {
  out << (m.killed      ? "killed    "
          : m.exhausted ? "survives  "
                        : "survives (budget spent)  ")
      << to_string(m.where) << " -> " << name_of(m.weakened);
  if (m.killed)
    out << "  by " << short_name(m.killer) << " in execution " << m.executions << ": " << m.failure;
  else
    out << "  all of " << m.executions << " executions: " << m.code;
  return out;
}

std::ostream& operator<<(std::ostream& out, const gate_report& report) {
  out << report.baseline_failure;
  for (const mutant& m : report.mutants) out << m << '\n';
  return out << report.sites << " sites, " << report.mutants.size() << " mutants, "
             << report.survivors().size() << " survivors, " << report.seconds << " s\n";
}

} // namespace thrum::base::explore
