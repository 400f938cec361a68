// Programs that print words in the order in which their callbacks run: for Node, and for event_loop; and how each is run.
#pragma once

#include "support/child.h"

#include <thrum/event_loop.h>
#include <thrum/future.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <utility>

namespace test {

inline std::string printed;
inline void log(const std::string& word) { (printed += printed.empty() ? "" : " ") += word; }
inline auto say(std::string word) {
  return [word = std::move(word)](auto&&...) { log(word); };
}

inline thrum::event_loop* at = nullptr;

// Promise.resolve().then(f)
template <class F> auto microtask(F&& f) { return thrum::make_ready_future().then(*at, std::forward<F>(f)); }

// Says 1, 2, ... n, each in the microtask after the one before: how late something is, in turns.
inline void count(int n) {
  thrum::future<void> p = thrum::make_ready_future();
  for (int i = 1; i <= n; ++i) p = std::move(p).then(*at, say(std::to_string(i)));
}

struct order_case {
  const char* name;
  const char* prints;
  const char* node;
  void (*here)(thrum::event_loop& l);
};
inline void PrintTo(const order_case& c, std::ostream* to) { *to << c.name; }

inline std::string here(const order_case& c) {
  printed.clear();
  thrum::event_loop l({.virtual_time = true, .on_unhandled = say("caught")});
  at = &l;
  l.run([&] { c.here(l); });
  return printed;
}

inline std::string node_program() {
  const char* path = std::getenv("PATH");
  std::string folders = path != nullptr ? path : "";
  for (std::size_t begin = 0; begin < folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string file = folders.substr(begin, end - begin) + "/node";
    if (std::filesystem::exists(file)) return file;
    begin = end + 1;
  }
  return {};
}

inline constexpr const char* prelude = R"js('use strict';
const printed = [];
const log = w => printed.push(w);
const say = w => () => log(w);
const burn = ms => { for (const begin = Date.now(); Date.now() - begin < ms;); };
const count = n => { let p = Promise.resolve(); for (let i = 1; i <= n; ++i) p = p.then(say(i)); };
process.on('exit', () => process.stdout.write(printed.join(' ')));
)js";

// Why what Node prints cannot be compared here; empty: it can.
inline const std::string& why_no_node() {
  static const std::string reason = []() -> std::string {
    const std::string program = node_program();
    if (program.empty()) return "node is not installed (not in PATH)";
    const auto version = run_child({program, "-p", "parseInt(process.versions.node)"});
    if (std::atoi(version.out.c_str()) >= 20) return {};
    return "node " + version.out + " is too old: since 20, timers run after the other steps";
  }();
  return reason;
}

inline child run_node(const std::string& name, const std::string& source) {
  std::string folder = (std::filesystem::temp_directory_path() / "thrum_node_order.XXXXXX").string();
  child ended;
  ended.exit_code = 1;
  if (::mkdtemp(folder.data()) == nullptr) return ended;
  const std::string file = folder + "/" + name + ".cjs";
  std::ofstream(file) << source;
  ended = run_child({node_program(), file});
  std::filesystem::remove_all(folder);
  return ended;
}

} // namespace test
