// Agents in words, for all reports of this room.
#pragma once

#include "inspect/census.h"

#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::inspect {

// "fiber #12 'ticker'", "the thread 'main' (4711)".
std::string who(const agent_view& a);
// "spawned at main.cc:40 in int main()"; "" for threads.
std::string origin(const agent_view& a);
// "waits for a mutex (0x55d0) that fiber #3 holds". `holder`: of a.waits_on, or null: he is not there any more.
std::string wait_of(const agent_view& a, const agent_view* holder);

// Writes agents, with where they are; in groups of those that wait for the same kind of thing, in the same place, with the same
// spawn site.
struct listing {
  bool grouped = true;
  std::size_t groups_at_most = 100;
};
void list(std::string& to, std::span<const agent_view> agents, const listing& how = {});

// For reports of other shapes.
std::string hex(const void* address);
std::string who_is(int thread); // "the thread 'main' (4711)"
// "spawned at main.cc:40:7 in int main()"; "" for no place.
std::string origin_of(const std::source_location& place, const char* what = "spawned");
class frame_names {
public:
  explicit frame_names(std::vector<const void*> addresses); // return addresses, and nulls
  // The lines of a trace without our own at both ends. Requires: all its addresses were given.
  void append(std::string& to, std::span<const void* const> trace) const;

private:
  std::vector<const void*> addresses_; // sorted
  std::vector<std::vector<std::string>> names_;
};

void print(std::string_view text) noexcept; // to standard error, at once

} // namespace thrum::inspect
