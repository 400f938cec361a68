// claims: the articles, fact-checked: every sentence that an experiment is about, and what became of it here.
//
// The evidence is what earlier runs left in results/. Each verdict is spoken from the newest run in which all its
// figures were measured, so that a short run of one experiment, or without a runtime, does not wipe out what is
// known. If another run on the same machine with the same versions said the opposite, it is too close to tell.
#pragma once

#include "harness/not_yet.h"
#include "harness/text.h"
#include "harness/verdict.h"

#include <string>
#include <vector>

namespace versus {

struct article {
  const char* id;
  const char* title;
};
inline constexpr article articles[] = {
    {"S0", "Node against Go for a compiler (slides)"},
    {"S1", "Go against JavaScript: an architectural deep dive"},
    {"S2", "Go vs JavaScript: understanding the concurrency execution models"},
    {"S3", "Concurrency models: JS vs Go vs Python vs Java"}};

// A sentence and one verdict on it; or the sentence alone, when nothing in it can be compared.
struct ruling {
  enum class state { holds, fails, close, unmeasured, described, not_yet };

  claim said;
  std::string exp, title; // of the experiment
  std::string verdict;    // the sentence put in figures
  state what = state::unmeasured;
  std::string detail; // the figures; or why there are none, or what it waits for
  std::string date;   // of the run that decided
};

const char* word_of(ruling::state s);
bool same_sentence(const ruling& a, const ruling& b);

// In the order of the articles. `runs`: the newest first.
std::vector<ruling> rule(const std::vector<experiment>& built, const std::vector<planned>& waiting,
                         const std::vector<const board*>& runs);

// "12 hold, 4 do not hold, ..."
std::string tally(const std::vector<ruling>& all);

std::string render_claims(const std::vector<ruling>& all, const view& v);
std::string claims_json(const std::vector<ruling>& all); // a line each

} // namespace versus
