#include "harness/runner.h"

#include "harness/machine.h"

#include <algorithm>
#include <cmath>

namespace versus {
namespace {

constexpr int most_rounds = 3;       // a median needs three
constexpr double quick_budget = 112; // seconds, building included
constexpr double full_budget = 1400; // of the half hour that it may take

std::string shorten(std::string_view text) {
  return std::string(text.substr(0, 80)) + (text.size() > 80 ? "..." : "");
}

// Hands lines to the checker and passing time to the observer, once a second.
class turn_listener : public listener {
public:
  turn_listener(line_checker& lines, progress& p, double start, observer& to)
      : lines_(lines), progress_(p), start_(start), to_(to) {}
  void line(std::string_view text) override { lines_.line(text); }
  void tick(double elapsed) override {
    if (elapsed < next_) return;
    next_ = elapsed + 1;
    progress_.elapsed = now_seconds() - start_;
    to_.now(progress_);
  }

private:
  line_checker& lines_;
  progress& progress_;
  double start_;
  observer& to_;
  double next_ = 1;
};

} // namespace

std::vector<std::string> turn::ids() const {
  std::vector<std::string> out;
  for (const variant* v : variants) out.push_back(who->one_thread ? one_thread_id(*v) : v->id);
  return out;
}

std::vector<std::string> turn::names() const {
  std::vector<std::string> out;
  for (const variant* v : variants) out.push_back(v->what());
  return out;
}

std::string turn::where() const {
  if (who->one_thread) return "";
  return processors == 1 ? ", one processor" : ", all processors";
}

std::vector<turn> plan(const experiment& e, const std::vector<contestant>& all, bool quick) {
  std::vector<turn> turns;
  auto wanted = [&](const variant& v, const contestant& c) {
    if (v.absence_for(c.id) != nullptr) return false;
    return !quick || (!v.full_only && !v.slow_for(c.id));
  };
  // A one-thread runtime runs a row of all processors only when there is no row of one for the same thing.
  auto doubled = [&](const variant& v, const contestant& c) {
    return c.one_thread && v.processors() != 1 && e.find(one_thread_id(v)) != nullptr &&
           wanted(*e.find(one_thread_id(v)), c);
  };
  auto add = [&](const contestant& c, int processors, const variant& v) {
    turn& t = turns.emplace_back();
    t.who = &c;
    t.processors = c.one_thread ? 1 : processors;
    t.most_runs = quick ? v.quick_runs : v.full_runs;
    t.variants.push_back(&v);
  };
  for (int processors : {1, 0}) {
    for (const contestant& c : all) {
      if (!c.here()) continue;
      turn* shared = nullptr;
      for (const variant& v : e.variants) {
        if (v.processors() != processors || v.fresh || !wanted(v, c) || doubled(v, c)) continue;
        if (shared == nullptr)
          add(c, processors, v), shared = &turns.back();
        else
          shared->variants.push_back(&v);
      }
    }
    for (const variant& v : e.variants)
      for (const contestant& c : all)
        if (c.here() && v.processors() == processors && v.fresh && wanted(v, c) && !doubled(v, c))
          add(c, processors, v);
  }
  return turns;
}

line_checker::line_checker(const experiment& e, const turn& t, bool quick, int run, observer& to)
    : e_(e), turn_(t), quick_(quick), run_(run), to_(to) {
  std::vector<std::string> ids = t.ids();
  for (std::size_t i = 0; i < ids.size(); ++i) seen_[ids[i]].what = t.variants[i];
}

void line_checker::line(std::string_view text) {
  if (text.empty()) return;
  std::expected<json::value, std::string> parsed = json::parse(text);
  auto bad = [&](const std::string& why) {
    if (bad_line_.empty()) bad_line_ = why + ": " + shorten(text);
  };
  if (!parsed) return bad("printed a line that is no result (" + parsed.error() + ")");
  const json::value& r = *parsed;
  std::string id = r.text("variant"), what = r.text("metric"), unit = r.text("unit");
  auto found = seen_.find(id);
  if (r.text("exp") != e_.id || r.text("rt") != turn_.who->id || found == seen_.end())
    return bad("reported what it was not asked for");
  if (std::string lacks = r.text("lacks"); !lacks.empty()) {
    found->second.lacks = true;
    return to_.event(json::writer()
                         .add("event", "lacks")
                         .add("exp", e_.id)
                         .add("rt", turn_.who->id)
                         .add("variant", id)
                         .add("what", lacks)
                         .line());
  }
  double n = r.num("n"), value = r.num("value", NAN);
  auto pass_on = [&](const char* name, const std::string& content) {
    to_.event(json::writer()
                  .add("exp", e_.id)
                  .add("rt", turn_.who->id)
                  .add("variant", id)
                  .add("n", n)
                  .add("metric", what)
                  .add("unit", unit)
                  .add("run", run_)
                  .raw(name, content)
                  .line());
  };
  if (const json::value* pairs = r.find("series")) {
    auto ticks = parse_series(*pairs);
    if (!ticks) return bad("reported " + ticks.error());
    if (n < 1 || what != "late" || unit != "us") return bad("reported a series of something unknown");
    return pass_on("series", to_json(*ticks));
  }
  if (const json::value* members = r.find("parts")) {
    auto of = parse_parts(*members);
    if (!of) return bad("reported " + of.error());
    const metric& m = e_.deciding(*found->second.what);
    if (n < 1 || what != m.id || unit != m.unit) return bad("reported the parts of something else");
    if (std::fabs(total(*of) - found->second.deciding) > 0.001 * std::fabs(found->second.deciding))
      return bad("reported parts that do not add up");
    return pass_on("parts", to_json(*of));
  }
  if (n < 1 || std::isnan(value)) return bad("reported no figure");
  seen& s = found->second;
  if (what == "check") {
    double wanted = s.what->check.expected(n, quick_);
    ++s.checked;
    if (value != wanted || (s.n != 0 && n != s.n))
      s.wrong = "did not do the work: reports " + figure(value) + " where " + figure(wanted) + " is right";
  } else {
    std::vector<const metric*> wanted = e_.metrics_of(*s.what);
    if (std::none_of(wanted.begin(), wanted.end(),
                     [&](const metric* m) { return m->id == what && m->unit == unit; }))
      return bad("reported an unknown metric");
    s.metrics.push_back(what);
    if (what == e_.deciding(*s.what).id) s.deciding = value;
    s.n = n;
  }
  to_.event(json::writer()
                .add("exp", e_.id)
                .add("rt", turn_.who->id)
                .add("variant", id)
                .add("n", n)
                .add("metric", what)
                .add("value", value)
                .add("unit", unit)
                .add("run", run_)
                .line());
}

void line_checker::trouble(const std::vector<std::string>& ids, const std::string& what, bool wrong) {
  failed = true;
  to_.event(json::writer()
                .add("event", "trouble")
                .add("exp", e_.id)
                .add("rt", turn_.who->id)
                .add("variants", ids)
                .add("what", what)
                .add("wrong", wrong)
                .add("run", run_)
                .line());
}

void line_checker::finish(const outcome& how) {
  std::vector<std::string> missing, unproved;
  for (const auto& [id, s] : seen_) {
    bool all = true;
    if (s.lacks) continue;
    for (const metric* m : e_.metrics_of(*s.what))
      all = all && std::find(s.metrics.begin(), s.metrics.end(), m->id) != s.metrics.end();
    if (!all)
      missing.push_back(id);
    else if (s.checked == 0)
      unproved.push_back(id);
    if (!s.wrong.empty()) trouble({id}, s.wrong, true);
  }
  if (how.ended == outcome::how::interrupted) return; // not the program's fault
  if (!unproved.empty()) trouble(unproved, "gave no proof of its work", true);
  if (!how.good())
    trouble(missing.empty() ? turn_.ids() : missing, how.describe(), false);
  else if (!bad_line_.empty())
    trouble(turn_.ids(), bad_line_, true);
  else if (!missing.empty())
    trouble(missing, "reported nothing", false);
}

runner::runner(const run_options& options, const places& where, const std::vector<contestant>& all,
               const std::vector<experiment>& experiments, interrupts& stop, observer& to)
    : options_(options), where_(where), all_(all), experiments_(experiments), stop_(stop), to_(to) {}

void runner::run() {
  start_ = now_seconds();
  int rounds = options_.runs > 0 ? options_.runs : most_rounds;
  auto count = [&](const experiment& e, bool guests) {
    for (const turn& t : plan(e, all_, options_.quick))
      if (t.who->guest == guests) progress_.total += t.most_runs > 0 ? std::min(rounds, t.most_runs) : rounds;
  };
  for (const experiment& e : experiments_) {
    if (waits_to_be_asked(e)) continue;
    count(e, false);
    if (options_.limit == 0) count(e, true);
  }
  for (const experiment& e : experiments_) {
    if (stop_.pending()) break;
    if (waits_to_be_asked(e) ||
        (options_.limit > 0 && now_seconds() - start_ + e.round_seconds * pace() > options_.limit)) {
      left_out_.push_back(e.id);
      to_.event(json::writer().add("event", "left_out").add("exp", e.id).line());
      continue;
    }
    const double guests = guests_take(e);
    const bool with_guests = guests > 0 && guests_fit(e);
    if (guests > 0 && !with_guests) {
      without_guests_.push_back(e.id);
      for (const contestant& c : all_)
        if (guest_seconds(c, e, where_) > 0)
          to_.event(json::writer().add("event", "stays_out").add("exp", e.id).add("rt", c.id).line());
    }
    if (with_guests && options_.limit > 0) count(e, true);
    run_experiment(e, with_guests);
    planned_ += e.round_seconds + (with_guests ? guests : 0);
  }
}

double runner::guests_take(const experiment& e) const {
  double seconds = 0;
  for (const contestant& c : all_) seconds += guest_seconds(c, e, where_);
  return seconds;
}

// A quick run of everything leaves some out, whatever time there is.
bool runner::waits_to_be_asked(const experiment& e) const { return options_.limit > 0 && e.asked_for; }

// Of the experiments behind this one, those that will be measured if this one ends then.
std::vector<std::string> runner::later_that_fit(const experiment& e, double elapsed) const {
  std::vector<std::string> fit;
  bool later = false;
  for (const experiment& each : experiments_) {
    if (later && !waits_to_be_asked(each) && elapsed + each.round_seconds * pace() <= options_.limit) {
      fit.push_back(each.id);
      elapsed += each.round_seconds * pace();
    }
    later = later || &each == &e;
  }
  return fit;
}

// Whether the guests can take part in this experiment without pushing out another one, or ending behind the limit.
bool runner::guests_fit(const experiment& e) const {
  if (options_.limit == 0) return true;
  const double without = now_seconds() - start_ + e.round_seconds * pace();
  const double with = without + guests_take(e) * pace();
  return with <= options_.limit && later_that_fit(e, with) == later_that_fit(e, without);
}

// How long things take, building included, against what the experiments say of two quiet processors.
double runner::pace() const { return planned_ < 30 ? 1 : std::max(1.0, (now_seconds() - start_) / planned_); }

// Whether this experiment can have `rounds` rounds, of which the last will take so many seconds.
bool runner::another_round_fits(const experiment& e, int rounds, double seconds) {
  double needed = now_seconds() - start_ + seconds;
  if (!options_.quick) return needed <= end_of(e);
  bool later = false;
  for (const experiment& each : experiments_) { // which are to get as many
    if (later && !waits_to_be_asked(each))
      needed += (each.one_quick_round() ? 1 : rounds) * each.round_seconds * slowness_;
    later = later || &each == &e;
  }
  return needed <= quick_budget;
}

// Of a full run: when this experiment is to be over.
double runner::end_of(const experiment& e) const {
  double until = 0, all = 0;
  bool later = false;
  for (const experiment& each : experiments_) {
    if (!later) until += each.full_seconds;
    all += each.full_seconds;
    later = later || &each == &e;
  }
  return full_budget * until / all;
}

void runner::tell(const std::string& doing) {
  progress_.doing = doing;
  progress_.elapsed = now_seconds() - start_;
  progress_.left = progress_.done < 3 ? -1 : measured_ / progress_.done * (progress_.total - progress_.done);
  to_.now(progress_);
}

bool runner::prepare(const experiment& e, turn& t) {
  std::string name = t.who->id + "/" + e.folder;
  if (std::find(built_.begin(), built_.end(), name) != built_.end()) return true;
  std::string wrong;
  if (!has_program(*t.who, e)) {
    wrong = "has no program for this experiment";
  } else {
    tell("building the program for " + t.who->title);
    if (auto built = build_program(*t.who, e, where_, scratch_.path(), stop_); !built) wrong = built.error();
  }
  if (wrong.empty()) {
    built_.push_back(name);
    return true;
  }
  if (!stop_.pending()) tell_trouble(e, t, wrong);
  t.failed = true;
  return false;
}

void runner::tell_trouble(const experiment& e, const turn& t, const std::string& what) {
  to_.event(json::writer()
                .add("event", "trouble")
                .add("exp", e.id)
                .add("rt", t.who->id)
                .add("variants", t.ids())
                .add("what", what)
                .line());
}

void runner::run_turn(const experiment& e, turn& t, int run, int runs) {
  for (const variant* v : t.variants) {
    if (v->memory_mib <= available_mib()) continue;
    t.failed = true;
    tell_trouble(e, t, "needs " + figure(v->memory_mib) + " MiB of free memory");
    return;
  }
  if (!prepare(e, t)) return;
  tell(t.who->title + t.where() + ", run " + std::to_string(run) + " of " + std::to_string(runs));
  double begun = now_seconds(), busy = busy_cpu_seconds();
  line_checker lines(e, t, options_.quick, run, to_);
  turn_listener watch(lines, progress_, start_, to_);
  outcome how = versus::run(
      run_command(*t.who, e, where_, scratch_.path(), t.processors, options_.quick, t.names()), stop_, watch);
  lines.finish(how);
  t.failed = lines.failed;
  double wall = now_seconds() - begun;
  measured_ += wall;
  t.took = wall;
  to_.event(json::writer()
                .add("event", "ran")
                .add("exp", e.id)
                .add("rt", t.who->id)
                .add("variants", t.ids())
                .add("run", run)
                .add("seconds", wall)
                .line());
  if (busy >= 0) {
    others_ += std::max(0.0, busy_cpu_seconds() - busy - how.cpu_seconds);
    others_wall_ += wall;
  }
}

void runner::run_experiment(const experiment& e, bool with_guests) {
  std::vector<turn> turns = plan(e, all_, options_.quick);
  if (!with_guests) std::erase_if(turns, [](const turn& t) { return t.who->guest; });
  progress_.now = &e;
  others_ = others_wall_ = 0;
  to_.event(json::writer().add("event", "start").add("exp", e.id).add("load", load_average()).line());
  const int rounds = options_.runs > 0 ? options_.runs : most_rounds;
  const bool limited = options_.runs == 0;
  auto runs_of = [&](const turn& t) { return t.most_runs > 0 ? std::min(rounds, t.most_runs) : rounds; };
  int run = 0;
  while (run < rounds && !stop_.pending()) {
    if (limited && run > 0) {
      double again = 0; // seconds
      for (const turn& t : turns)
        if (run < runs_of(t)) again += t.took;
      if ((options_.quick && e.one_quick_round()) || !another_round_fits(e, run + 1, again)) {
        for (const turn& t : turns) progress_.total -= std::max(0, runs_of(t) - run);
        break;
      }
    }
    ++run;
    double begun = measured_;
    for (turn& t : turns) {
      if (stop_.pending()) break;
      if (run > runs_of(t)) continue;
      if (!t.failed) run_turn(e, t, run, rounds);
      ++progress_.done;
      if (limited && !options_.quick && t.most_runs == 0 && t.took > options_.long_run) {
        t.most_runs = 1;
        progress_.total -= rounds - 1;
      }
    }
    const double last = measured_ - begun;
    slowness_ = std::max(slowness_, last / e.round_seconds);
    if (!stop_.pending()) to_.round_over(e, run, last);
  }
  int cpus = this_machine().cpus;
  to_.event(json::writer()
                .add("event", "end")
                .add("exp", e.id)
                .add("load", load_average())
                .add("others", others_wall_ > 0 ? others_ / others_wall_ / cpus : -1.0)
                .add("runs", run)
                .line());
}

} // namespace versus
