// report_style: the look of the report. Colours are variables, so that dark mode is one block.
#pragma once

namespace versus {

inline constexpr const char* report_style = R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2027; --soft: #5a6472; --line: #dde2e8; --code: #f1f3f6;
  --good: #1a7f4b; --bad: #b3372c; --close: #86560a; --whisker: #1b2027; --stall: #e3e6ea;
  --part0: #3f6fb5; --part1: #d9821a; --part2: #a03568; --part3: #3d8f6d; --part4: #6b7280;
  --thrum: #d9480f; --go: #0b8fb5; --node: #4c8c2b; --python: #3c6ea8; --java: #8a5a1e; --tokio: #b5306f; --boost_fiber: #7a52b3; --asio: #2f7d78; --epoll: #6b7280; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --card: #1c2026; --ink: #e4e8ee; --soft: #9aa5b4; --line: #323943; --code: #14171b;
  --good: #58c08a; --bad: #ef8478; --close: #e0b050; --whisker: #e4e8ee; --stall: #30363f;
  --part0: #7da3dd; --part1: #eba64e; --part2: #d9749f; --part3: #6cc29e; --part4: #9ca3af;
  --thrum: #ff8a4c; --go: #3fb8dc; --node: #83bf5f; --python: #7ba9dd; --java: #cf9a55; --tokio: #ef7fb0; --boost_fiber: #b08ee6; --asio: #6fc3bc; --epoll: #9ca3af; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1400px; margin: 0 auto; padding: 20px 14px 60px; }
h1 { font-size: 1.7em; line-height: 1.2; margin: 0 0 .3em; }
h2 { font-size: 1.25em; margin: 0 0 .4em; } h2 small { color: var(--soft); font-weight: 400; }
h3 { font-size: 1em; margin: 1.1em 0 .3em; font-weight: 600; }
.rows h3 { margin-top: .4em; } h1, h2, h3, li, p, summary, blockquote, .why { overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--thrum); outline-offset: 2px; }
a { color: inherit; }
p { margin: .4em 0; } .soft { color: var(--soft); } .bad { color: var(--bad); } .good { color: var(--good); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px; margin: 16px 0; }
blockquote { margin: .4em 0; padding: .1em 0 .1em .8em; border-left: 3px solid var(--line); }
blockquote cite { color: var(--soft); font-style: normal; font-size: .9em; }
nav { display: flex; flex-wrap: wrap; gap: 8px; margin: .8em 0; }
nav a { color: inherit; border: 1px solid var(--line); border-radius: 99px; padding: 2px 12px; text-decoration: none; }
figure { margin: .6em 0; } .rows { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 12px 44px; }
.bar { display: grid; grid-template-columns: 6.2em minmax(40px, 1fr) 5em 4em; gap: 8px; align-items: center; }
.bar svg { width: 100%; height: 17px; display: block; }
.bar .v { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar .r { color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar .why { grid-column: 2 / -1; min-width: 0; color: var(--soft); }
.bar .scale { position: relative; height: 1.2em; color: var(--soft); font-size: .8em; }
.scale span { position: absolute; transform: translateX(-50%); } .scale span:first-child:not(:only-child) { white-space: nowrap; }
.strip { display: grid; grid-template-columns: 6.2em minmax(40px, 1fr) 3.2em 4.6em; gap: 3px 8px; align-items: end; }
.strip svg { width: 100%; height: 46px; display: block; margin-top: 5px; } .strip .v { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; } .strip .scale { white-space: nowrap; position: relative; height: 1.4em; color: var(--soft); font-size: .8em; }
.heights { position: relative; height: 46px; color: var(--soft); font-size: .7em; line-height: 1; } .heights span { position: absolute; left: 0;
  transform: translateY(50%); white-space: nowrap; } .stall { fill: var(--stall); } .strip path { fill: none; stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.strip .base { stroke: var(--soft); }
.bar .parts { grid-column: 2 / -1; color: var(--soft); margin: -4px 0 3px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; padding: 0; } .legend svg { width: .8em; height: .8em; margin-right: .45em; }
.part0 { fill: var(--part0); } .part1 { fill: var(--part1); } .part2 { fill: var(--part2); } .part3 { fill: var(--part3); } .part4 { fill: var(--part4); }
.cut { fill: var(--card); }
.best { font-weight: 700; }
.tiles { display: flex; flex-wrap: wrap; gap: 8px; list-style: none; padding: 0; }
.tiles li { border: 1px solid var(--line); border-radius: 8px; padding: 4px 14px; }
.tiles b { display: block; font-size: 1.5em; line-height: 1.2; } .tiles .holds b { color: var(--good); }
.tiles .fails b { color: var(--bad); } .tiles .close b { color: var(--close); } .tiles .open b { color: var(--soft); }
.score { list-style: none; padding: 0; } .score li { display: grid; grid-template-columns: 9.6em minmax(0, 1fr); gap: 2px 14px;
  padding: 7px 0; border-top: 1px solid var(--line); } .score div span { display: block; }
.score cite { display: inline; font-style: normal; color: var(--soft); font-size: .9em; white-space: nowrap; }
.badge { justify-self: start; align-self: start; border: 1px solid currentColor; border-radius: 99px; padding: 0 10px; font-size: .87em;
  font-weight: 600; white-space: nowrap; } .badge.holds { color: var(--good); } .badge.fails { color: var(--bad); }
.badge.close { color: var(--close); } .badge.open { color: var(--soft); font-weight: 400; }
svg .mark { stroke: var(--line); } svg .whisker { stroke: var(--whisker); } svg line { vector-effect: non-scaling-stroke; }
.thrum { fill: var(--thrum); } .go { fill: var(--go); } .node { fill: var(--node); } .python { fill: var(--python); }
path.thrum { stroke: var(--thrum); } path.go { stroke: var(--go); } path.node { stroke: var(--node); } path.python { stroke: var(--python); }
path.java { stroke: var(--java); } path.tokio { stroke: var(--tokio); } path.boost_fiber { stroke: var(--boost_fiber); } path.asio { stroke: var(--asio); } path.epoll { stroke: var(--epoll); }
.java { fill: var(--java); } .tokio { fill: var(--tokio); } .boost_fiber { fill: var(--boost_fiber); } .asio { fill: var(--asio); } .epoll { fill: var(--epoll); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93em; min-width: 100%; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 11em; }
td small { color: var(--soft); display: block; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 12px; overflow-x: auto;
  font: 12.5px/1.45 ui-monospace, monospace; margin: .5em 0; }
code { font: .92em ui-monospace, monospace; background: var(--code); padding: 1px 5px; border-radius: 4px; overflow-wrap: anywhere; }
details { margin: .3em 0; } summary { cursor: pointer; }
.tabs { display: flex; flex-wrap: wrap; gap: 4px; margin-top: .4em; } .tabs pre { display: none; flex: 1 0 100%; min-width: 0; max-height: 36em; margin: 0; }
.tabs input { position: absolute; opacity: 0; pointer-events: none; }
.tabs label { border: 1px solid var(--line); border-radius: 8px 8px 0 0; padding: 2px 12px; cursor: pointer; }
.tabs input:checked + label { background: var(--code); font-weight: 600; } .tabs input:focus-visible + label { outline: 2px solid var(--thrum); }
.tab-thrum:checked ~ .panel-thrum, .tab-go:checked ~ .panel-go, .tab-node:checked ~ .panel-node, .tab-python:checked ~ .panel-python,
.tab-java:checked ~ .panel-java, .tab-tokio:checked ~ .panel-tokio, .tab-boost_fiber:checked ~ .panel-boost_fiber, .tab-asio:checked ~ .panel-asio, .tab-epoll:checked ~ .panel-epoll { display: block; }
.pair { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 14px; }
@media (max-width: 760px) { .pair { grid-template-columns: minmax(0, 1fr); } section { padding: 14px 12px; } .score li { grid-template-columns: minmax(0, 1fr); }
  .strip { grid-template-columns: 5.5em minmax(30px, 1fr) 3em 4.2em; gap: 3px 5px; font-size: .85em; }
  .strip .scale span:nth-child(even):not(:nth-child(2):last-child) { display: none; }
  .bar { grid-template-columns: 5.5em minmax(30px, 1fr) 4.6em 2.9em; gap: 5px; font-size: .85em; } }
ul { padding-left: 1.2em; margin: .4em 0; }
)css";

} // namespace versus
