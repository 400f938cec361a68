#include "sched/debug.h"

#include "env/environment.h"
#include "env/panic.h"

#include <string_view>

namespace thrum::sched {

namespace {

void complain(std::string_view word) noexcept {
  char text[64];
  const std::size_t n = word.copy(text, sizeof text - 1);
  text[n] = '\0';
  env::report()
      .text("thrum: THRUM_DEBUG: there is no mode '")
      .text(text)
      .text("'; the only mode is migrate\n")
      .flush();
}

} // namespace

debug_modes wanted_debug_modes() noexcept {
  debug_modes wanted;
  const char* text = env::variable("THRUM_DEBUG");
  if (text == nullptr) return wanted;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    if (word == "migrate")
      wanted.migrate = true;
    else if (!word.empty())
      complain(word);
  }
  return wanted;
}

} // namespace thrum::sched
