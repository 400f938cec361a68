// The page in a browser: nothing is wider than the window, every text can be read, the tabs work, nothing complains.
//
// Without a Chromium these are skipped. A script is put into a copy of the page (which itself has none): it looks at
// what the browser made of it and leaves its findings in the title, which --dump-dom prints.
#include "harness/build_paths.h"
#include "harness/experiment.h"
#include "harness/files.h"
#include "harness/html.h"
#include "harness/json.h"
#include "harness/process.h"
#include "harness/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace versus {
namespace {

// Every experiment with figures in every cell, some huge, some wrong, and a long name here and there.
// All thirty are here; so one more is planned.
const planned later{"X31",
                    "One that is planned",
                    "What will it cost?",
                    "somebody who builds it",
                    {{"S0:1", "IO Operations are almost efficient as C/C++ performance"}}};

std::string full_page() {
  std::string directory = std::string(build_paths::source) + "/experiments";
  auto all = load_experiments(directory);
  if (!all) return "";
  board b;
  b.apply_line(
      R"({"event":"session","date":"2026-01-02 03:04:05","machine":"A processor with a very long name, 128 CPUs, 1,024 GiB, a system, Linux 6.18.44-fc-v445 x86_64","cpus":2,"mode":"full","commit":"0123456","contestants":[
    {"id":"thrum","title":"thrum","version":"0.1","here":true},{"id":"go","title":"Go","version":"1.26","here":true},
    {"id":"node","title":"Node","version":"20","here":true,"one_thread":true},
    {"id":"python","title":"Python","version":"3","here":true,"one_thread":true},
    {"id":"java","title":"Java","version":"","here":false,"why":"not found /a/very/long/path/without/any/blank/in/it/that/might/push/the/page/apart"},
    {"id":"tokio","title":"Tokio","version":"1.24.2, rustc 1.63.0","here":true},
    {"id":"boost_fiber","title":"Boost.Fiber","version":"1.81","here":true},
    {"id":"asio","title":"Boost.Asio","version":"1.81","here":true},
    {"id":"epoll","title":"epoll loop","version":"0.1","here":true}]})");
  b.apply_line(R"({"event":"pool","lines":["   3 ms  Worker 1 started job 1"]})");
  double value = 1;
  for (const experiment& e : *all) {
    b.apply_line(json::writer().add("event", "start").add("exp", e.id).add("load", 1).line());
    for (const variant& v : e.variants)
      for (const char* runtime : {"thrum", "go", "node", "python", "tokio", "boost_fiber", "asio", "epoll"})
        for (const metric* m : e.metrics_of(v))
          for (double times : {1.0, 1.3, 0.8}) {
            value = std::fmod(value * 7.3 + 1, 98'765'432);
            b.apply_line(json::writer()
                             .add("exp", e.id)
                             .add("rt", runtime)
                             .add("variant", v.id)
                             .add("n", 1)
                             .add("metric", m->id)
                             .add("value", value * times)
                             .add("unit", m->unit)
                             .line());
          }
    for (const char* runtime : {"thrum", "python"})
      b.apply_line(
          R"({"exp":")" + e.id + R"(","rt":")" + runtime + R"(","variant":")" + e.variants[0].id +
          R"(","n":3,"metric":"any","unit":"us","parts":{"pages":123456,"page tables":777,"kernel stacks":16384}})");
    for (const char* runtime : {"thrum", "go", "node"})
      b.apply_line(
          R"({"exp":")" + e.id + R"(","rt":")" + runtime + R"(","variant":")" + e.variants[0].id +
          R"(","n":3,"metric":"late","unit":"us","series":[[1000,12],[400000,300000],[900000,1200]]})");
    b.apply_line(json::writer()
                     .add("event", "trouble")
                     .add("exp", e.id)
                     .add("rt", "go")
                     .add("variants", std::vector<std::string>{e.variants[0].id})
                     .add("what", "did not do the work")
                     .add("wrong", true)
                     .line());
    b.apply_line(
        json::writer().add("event", "end").add("exp", e.id).add("load", 9).add("others", 0.5).line());
  }
  return render_report(b, *all, {later}, directory + "/x00_worker_pool",
                       std::string(build_paths::source) + "/kit");
}

std::string find_chromium() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"})
    if (std::string path = find_program(name); !path.empty()) return path;
  return "";
}

// Findings: width of the window and of the content, and what sticks out; the least contrast of any text, and which; tabs.
constexpr const char* probe = R"js(<script>
const shine = c => { const f = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
const rgb = s => s.match(/[\d.]+/g).map(Number);
const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
const findings = () => {
  let least = 99, worst = '';
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.getClientRects().length || e.tagName == 'SCRIPT') continue;
    const a = shine(rgb(getComputedStyle(e).color)), b = shine(behind(e));
    const c = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (c < least) { least = c; worst = e.tagName + '.' + e.className; }
  }
  const seen = t => [...t.querySelectorAll('pre')].filter(p => p.getClientRects().length).map(p => p.className).join();
  // All that have a program in Go: an event loop's order is nothing that Go could show.
  const tabs = [...document.querySelectorAll('.tabs')].filter(t => t.querySelector('.tab-go'));
  const before = tabs.every(t => seen(t) == 'panel-thrum');
  tabs.forEach(t => t.querySelector('.tab-go').click());
  const after = tabs.every(t => seen(t) == 'panel-go');
  const boxes = [...document.querySelectorAll('pre, .scroll')].every(e => e.tabIndex == 0 && e.getAttribute('aria-label'));
  const wide = [];
  for (let n, w = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); n = w.nextNode();) {
    const r = document.createRange();
    r.selectNodeContents(n);
    if (r.getBoundingClientRect().right > innerWidth && !n.parentElement.closest('.scroll, pre, script')) wide.push(n.data);
  }
  parent.document.title = JSON.stringify({window: innerWidth, wide, page: document.documentElement.scrollWidth, least, worst,
    tabs: tabs.length, before, after, boxes});
};
addEventListener('load', findings);
</script>)js";

struct look_at {
  int width;
  bool dark;
};

class page : public ::testing::TestWithParam<look_at> {};

TEST_P(page, fits_its_window_and_can_be_read_and_used) {
  std::string chromium = find_chromium();
  if (chromium.empty()) GTEST_SKIP() << "no chromium on PATH";
  std::string text = full_page();
  ASSERT_FALSE(text.empty());
  // Unfolded, it is as wide as it can get.
  for (std::size_t at = 0; (at = text.find("<details>", at)) != std::string::npos;)
    text.replace(at, 9, "<details open>");
  text.insert(text.find("</head>"), probe);
  scratch_directory scratch;
  // In a frame: a window of its own is never narrower than 500 in some browsers.
  write_file(
      scratch.path() + "/page.html",
      "<!doctype html><title></title><body style=\"margin:0\"><iframe style=\"border:0;height:900px;width:" +
          std::to_string(GetParam().width) + "px\" srcdoc=\"" + escape_html(text) + "\"></iframe>");

  interrupts stop;
  command browse;
  browse.argv = {chromium,
                 "--headless",
                 "--no-sandbox",
                 "--disable-gpu",
                 "--no-first-run",
                 "--disable-background-networking",
                 "--hide-scrollbars",
                 "--enable-logging=stderr",
                 "--user-data-dir=" + scratch.path() + "/user",
                 "--window-size=1600,900",
                 std::string("--blink-settings=preferredColorScheme=") + (GetParam().dark ? "0" : "1"),
                 "--dump-dom",
                 "file://" + scratch.path() + "/page.html"};
  browse.timeout = 60;
  browse.output_limit = 64 << 20;
  text_outcome seen = run_for_text(browse, stop);
  if (seen.output.empty()) GTEST_SKIP() << chromium << " shows no page here: " << seen.describe();
  std::size_t at = seen.output.find("<title>{");
  ASSERT_NE(at, std::string::npos) << seen.error_output;
  at += 7;
  auto found = json::parse(seen.output.substr(at, seen.output.find("</title>", at) - at));
  ASSERT_TRUE(found) << found.error();

  EXPECT_EQ(found->num("window"), GetParam().width);
  EXPECT_LE(found->num("page"), found->num("window")) << "something is wider than the window";
  for (const json::value& e : found->list("wide")) ADD_FAILURE() << "too wide: " << e.string;
  EXPECT_GE(found->num("least"), 4.5) << "hard to read: " << found->text("worst");
  EXPECT_GT(found->num("tabs"), 10);
  EXPECT_TRUE(found->flag("before")) << "at first the tabs show thrum's program, and nothing else";
  EXPECT_TRUE(found->flag("after")) << "a tab shows its program, and nothing else";
  EXPECT_TRUE(found->flag("boxes")) << "what scrolls can be reached by the keyboard and has a name";
  EXPECT_EQ(seen.error_output.find("CONSOLE"), std::string::npos) << seen.error_output;
}

std::string name_of(const ::testing::TestParamInfo<look_at>& info) {
  return std::string(info.param.dark ? "dark_" : "light_") + std::to_string(info.param.width);
}
INSTANTIATE_TEST_SUITE_P(, page,
                         ::testing::Values(look_at{360, false}, look_at{360, true}, look_at{1600, false},
                                           look_at{1600, true}),
                         name_of);

TEST(page_text, headings_go_down_one_step_at_a_time) {
  std::string text = full_page();
  int before = 0, ones = 0;
  for (std::size_t at = 0; (at = text.find("<h", at)) != std::string::npos; ++at) {
    int level = text[at + 2] - '0';
    if (level < 1 || level > 6) continue; // <head>, <html>
    EXPECT_LE(level, before + 1) << text.substr(at, 60);
    before = level;
    ones += level == 1 ? 1 : 0;
  }
  EXPECT_EQ(ones, 1);
}

TEST(page_text, every_chart_has_a_name_and_every_id_is_used_once) {
  std::string text = full_page();
  for (std::size_t at = 0; (at = text.find("<figure", at)) != std::string::npos; ++at)
    EXPECT_NE(text.substr(at, 60).find("aria-label=\"Chart: "), std::string::npos);
  std::vector<std::string> ids;
  for (std::size_t at = 0; (at = text.find(" id=\"", at)) != std::string::npos; ++at)
    ids.push_back(text.substr(at + 5, text.find('"', at + 5) - at - 5));
  std::size_t all = ids.size();
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(ids.size(), all);
  EXPECT_GT(all, 10u);
}

TEST(page_text, what_is_not_yet_stands_on_it) {
  EXPECT_NE(full_page().find(later.id + " " + later.title), std::string::npos);
}

} // namespace
} // namespace versus
