// sample_board: an experiment and a board to test the views with: every kind of cell occurs in it.
#pragma once

#include "harness/board.h"

#include <string>

namespace versus::sample {

inline experiment one() {
  return *parse_experiment(R"({
    "id": "X9", "title": "A sample", "question": "Why?", "method": "So.",
    "claims": [{"source": "S1:10", "text": "Goroutines are <light> & \"cheap\"."}],
    "metrics": [{"id": "cpu", "title": "CPU", "unit": "ns/op"}, {"id": "wall", "title": "wall", "unit": "ns/op"}],
    "variants": [
      {"id": "yield@1", "title": "yield, one CPU", "check": {"rule": "count"}, "notes": {"node": "await null"}},
      {"id": "yield@all", "title": "yield, all CPUs", "check": {"rule": "count"}},
      {"id": "select@1", "title": "select of four", "check": {"rule": "count"}, "absent": {"java": "no select"}},
      {"id": "big@1", "title": "a million", "check": {"rule": "count"}, "slow": ["go"]}],
    "verdicts": [{"claim": "Go is faster than Node", "left": "go yield@1 cpu", "below": "node yield@1 cpu"}]})");
}

inline void put(board& b, const std::string& runtime, const std::string& variant, double cpu) {
  for (const char* metric : {"cpu", "wall"})
    b.apply_line(json::writer()
                     .add("exp", "X9")
                     .add("rt", runtime)
                     .add("variant", variant)
                     .add("n", 1000)
                     .add("metric", metric)
                     .add("value", cpu)
                     .add("unit", "ns/op")
                     .line());
}

inline board filled() {
  board b;
  b.apply_line(
      R"({"event":"session","date":"today","machine":"a <machine>","cpus":2,"mode":"quick","contestants":[
    {"id":"thrum","title":"thrum","version":"0.1","here":true},{"id":"go","title":"Go","version":"1.26","here":true},
    {"id":"node","title":"Node","version":"20","here":true,"one_thread":true},
    {"id":"python","title":"Python","version":"","here":false,"why":"not found"},
    {"id":"java","title":"Java","version":"25","here":true},
    {"id":"boost_fiber","title":"Boost.Fiber","version":"","here":false,"why":"not found"}]})");
  b.apply_line(R"({"event":"start","exp":"X9","load":0.5})");
  for (double v : {10.0, 12.0, 11.0}) put(b, "thrum", "yield@1", v);
  put(b, "thrum", "yield@all", 20);
  put(b, "thrum", "select@1", 100);
  put(b, "thrum", "big@1", 1234567);
  put(b, "go", "yield@1", 40);
  put(b, "go", "yield@all", 30);
  put(b, "go", "select@1", 5); // the lowest, and wrong
  b.apply_line(
      R"({"event":"trouble","exp":"X9","rt":"go","variants":["select@1"],"what":"did not do the work","wrong":true})");
  put(b, "node", "yield@1", 15);
  b.apply_line(
      R"({"event":"trouble","exp":"X9","rt":"java","variants":["yield@1"],"what":"timed out after 30.0 s","wrong":false})");
  b.apply_line(R"({"event":"end","exp":"X9","load":3.5,"others":0.02,"runs":3})");
  return b;
}

} // namespace versus::sample
