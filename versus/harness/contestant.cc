#include "harness/contestant.h"

#include "harness/build_paths.h"
#include "harness/cargo.h"
#include "harness/files.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>

namespace versus {
namespace {

// Settings of the user's own that would change what is measured.
const std::vector<std::string> disturbing = {"GOMAXPROCS",
                                             "GOGC",
                                             "GOMEMLIMIT",
                                             "GODEBUG",
                                             "GOFLAGS",
                                             "NODE_OPTIONS",
                                             "UV_THREADPOOL_SIZE",
                                             "JAVA_TOOL_OPTIONS",
                                             "_JAVA_OPTIONS",
                                             "JDK_JAVA_OPTIONS",
                                             "PYTHONPATH",
                                             "PYTHONHOME",
                                             "PYTHONDEVMODE",
                                             "PYTHONASYNCIODEBUG",
                                             "MALLOC_ARENA_MAX",
                                             "TOKIO_WORKER_THREADS",
                                             "RUSTFLAGS",
                                             "CARGO_ENCODED_RUSTFLAGS",
                                             "CARGO_BUILD_RUSTFLAGS",
                                             "CARGO_BUILD_TARGET",
                                             "RUSTC_WRAPPER",
                                             "RUSTC_WORKSPACE_WRAPPER",
                                             "CARGO_BUILD_RUSTC_WRAPPER",
                                             "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
                                             "CARGO_PROFILE_RELEASE_OPT_LEVEL",
                                             "CARGO_PROFILE_RELEASE_LTO",
                                             "CARGO_PROFILE_RELEASE_DEBUG",
                                             "CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS",
                                             "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS",
                                             "CARGO_PROFILE_RELEASE_PANIC",
                                             "CARGO_PROFILE_RELEASE_CODEGEN_UNITS"};

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string real_path(const std::string& path) {
  char* found = realpath(path.c_str(), nullptr);
  std::string out = found != nullptr ? found : path;
  std::free(found);
  return out;
}

std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = text.find_first_not_of(" \n\t", at)) != std::string::npos;) {
    std::size_t end = std::min(text.find_first_of(" \n\t", at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

// The output of a short command; empty when it fails.
std::string ask(std::vector<std::string> argv, interrupts& stop) {
  text_outcome said = run_for_text({.argv = std::move(argv), .unset = disturbing, .timeout = 20}, stop);
  return said.good() ? said.output : "";
}

void require(contestant& c, int major, const std::string& least) {
  c.found = c.major >= major ? contestant::state::here : contestant::state::too_old;
  if (!c.here()) c.why = "version " + c.version + " is too old, " + least + " or newer is needed";
}

// The program that the variable names, or else the first of the usual ones.
void find_named(contestant& c, const char* variable, const std::vector<std::string>& usual) {
  if (std::string named = from_environment(variable); !named.empty()) {
    c.program = find_program(named);
    if (c.program.empty()) c.why = std::string(variable) + "=" + named + " is no program";
    return;
  }
  for (const std::string& name : usual)
    if (c.program.empty()) c.program = find_program(name);
}

void find_thrum(contestant& c, const places& where) {
  c.version = build_paths::thrum_version;
  c.program = build_paths::cmake;
  c.found = exists(where.build + "/CMakeCache.txt") ? contestant::state::here : contestant::state::not_here;
  if (!c.here()) c.why = "its build directory " + where.build + " is gone";
}

void find_go(contestant& c, interrupts& stop) {
  find_named(c, "GO", {"go", "/usr/local/go/bin/go"});
  if (c.program.empty()) return;
  int minor = 0;
  std::vector<std::string> said = words(ask({c.program, "version"}, stop)); // go version go1.26.8 linux/amd64
  if (said.size() < 3 || std::sscanf(said[2].c_str(), "go%d.%d", &c.major, &minor) != 2) {
    c.why = "\"" + c.program + " version\" gives no version";
    return;
  }
  c.version = said[2].substr(2);
  c.major = c.major * 100 + minor;
  require(c, 119, "1.19");
}

void find_node(contestant& c, interrupts& stop) {
  find_named(c, "NODE", {"node", "nodejs"});
  if (c.program.empty()) return;
  std::vector<std::string> said =
      words(ask({c.program, "-p", "process.versions.node + ' ' + process.execPath"}, stop));
  if (said.size() != 2) {
    c.why = "\"" + c.program + "\" gives no version";
    return;
  }
  c.version = said[0];
  c.program = said[1];
  c.major = std::atoi(c.version.c_str());
  require(c, 18, "18");
}

void find_python(contestant& c, interrupts& stop) {
  find_named(c, "PYTHON", {"python3"});
  if (c.program.empty()) return;
  // sys.executable: what "python3" on PATH may only be a wrapper of.
  std::vector<std::string> said = words(
      ask({c.program, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.executable)"}, stop));
  int minor = 0;
  if (said.size() != 2 || std::sscanf(said[0].c_str(), "%d.%d", &c.major, &minor) != 2) {
    c.why = "\"" + c.program + "\" gives no version";
    return;
  }
  c.version = said[0];
  c.program = said[1];
  c.major = c.major * 100 + minor;
  require(c, 311, "3.11");
}

void find_java(contestant& c) {
  std::vector<std::string> homes;
  for (const char* name : {"JAVA", "JAVA_HOME"})
    if (std::string at = from_environment(name); !at.empty())
      homes.push_back(executable(at) ? parent(parent(real_path(at))) : at);
  if (std::string on_path = find_program("java"); !on_path.empty())
    homes.push_back(parent(parent(real_path(on_path))));
  std::string sdkman = from_environment("HOME") + "/.sdkman/candidates/java";
  for (const std::string& under : {std::string("/usr/lib/jvm"), std::string("/opt/java"), sdkman})
    for (const std::string& name : list_directory(under)) homes.push_back(under + "/" + name);
  for (const std::string& home : homes) {
    std::string whole;
    int version = jdk_version(read_file(home + "/release"), whole);
    if (version <= c.major || !executable(home + "/bin/java") || !executable(home + "/bin/javac")) continue;
    c.major = version;
    c.version = whole;
    c.program = home + "/bin/java";
    c.compiler = home + "/bin/javac";
  }
  if (c.major > 0) require(c, 21, "21");
}

// Where the include directory is that has this header of Boost; empty when none does.
std::string boost_root(const std::string& header) {
  std::string named = from_environment("BOOST_ROOT");
  for (const std::string& root :
       {named.empty() ? std::string("/usr/local") : named, std::string("/usr/local"), std::string("/usr")})
    if (exists(root + "/include/boost/" + header)) return root;
  return "";
}

const char* const fiber_header = "fiber/all.hpp";
const char* const asio_header = "asio.hpp";

// Debian has the headers of all libraries in one package, and each library in another: so the compiler is asked, as it will be.
bool has_fiber_library(const std::string& root, const std::string& compiler, interrupts& stop) {
  const std::string name = "libboost_fiber.so";
  return exists(root + "/lib/" + name) || ask({compiler, "-print-file-name=" + name}, stop).starts_with('/');
}

void find_boost(contestant& c, const char* header, int least, interrupts& stop) {
  c.program = find_program(from_environment("CXX"));
  if (c.program.empty()) c.program = find_program(build_paths::cxx);
  for (const char* name : {"g++", "clang++", "c++"})
    if (c.program.empty()) c.program = find_program(name);
  std::string root = boost_root(header);
  if (root.empty() || c.program.empty()) return;
  if (header == fiber_header && !has_fiber_library(root, c.program, stop)) return;
  std::string text = read_file(root + "/include/boost/version.hpp");
  std::size_t at = text.find("#define BOOST_LIB_VERSION \"");
  if (at == std::string::npos) return;
  at += 27;
  c.version = text.substr(at, text.find('"', at) - at);
  std::replace(c.version.begin(), c.version.end(), '_', '.');
  std::sscanf(c.version.c_str(), "1.%d", &c.major);
  require(c, least, "1." + std::to_string(least));
}

// The newest package that apt knows of those with a version in the middle of their names; empty if that is older than `least`.
std::string newest_package(const std::string& front, const std::string& back, int least, interrupts& stop) {
  int newest = 0;
  for (const std::string& word :
       words(ask({"apt-cache", "search", "--names-only", "^" + front + "[0-9]+" + back + "$"}, stop)))
    if (word.starts_with(front)) newest = std::max(newest, std::atoi(word.c_str() + front.size()));
  return newest >= least ? front + std::to_string(newest) + back : "";
}

bool by_cmake(const contestant& c) { return c.id == "thrum" || c.id == "epoll"; }

// Clients that all contestants share, in a program of their own. CMake builds it, too.
bool has_load(const experiment& e) { return exists(e.path + "/load.cc"); }
std::string load_file(const experiment& e, const places& where) {
  return where.build + "/versus/programs/" + e.folder + "_load";
}

std::string program_file(const contestant& c, const experiment& e, const places& where) {
  if (by_cmake(c)) return where.build + "/versus/programs/" + e.folder + "_" + c.id;
  if (c.id == "tokio") return cargo::program_file(c, e, where);
  return where.cache + "/" + c.id + "-" + c.version + "/" + e.folder;
}

std::expected<void, std::string> run_build(command what, const std::string& scratch, interrupts& stop) {
  what.set.emplace_back("TMPDIR", scratch);
  what.unset = disturbing;
  what.timeout =
      1800; // the first program builds all of thrum, maybe on one slow processor with much else to do
  text_outcome said = run_for_text(what, stop);
  if (said.good()) return {};
  if (said.ended != outcome::how::exited) return std::unexpected("could not be built: " + said.describe());
  std::string all = said.error_output + said.output;
  // Not "error.cc", which may build well. rustc says "error[E0425]:".
  std::size_t at = std::min(all.find("error:"), all.find("error["));
  if (at == std::string::npos) at = all.find("rror");
  std::string first;
  if (at != std::string::npos) {
    std::size_t from = all.rfind('\n', at) + 1; // npos + 1 is 0
    first = ": " + all.substr(from, std::min(all.find('\n', at), all.size()) - from);
  }
  if (all.size() > 1500) all.erase(0, all.size() - 1500);
  return std::unexpected("could not be built" + first + "\n" + all);
}

} // namespace

places places::of_this_build() {
  places p;
  p.source = build_paths::source;
  p.build = build_paths::build;
  p.cache = p.build + "/versus/cache";
  p.results = build_paths::results;
  return p;
}

int jdk_version(std::string_view release, std::string& whole) {
  std::string_view key = "JAVA_VERSION=\"";
  std::size_t at = release.find(key);
  if (at == std::string_view::npos || (at > 0 && release[at - 1] != '\n')) return 0;
  at += key.size();
  whole = std::string(release.substr(at, release.find('"', at) - at));
  int major = std::atoi(whole.c_str());
  if (major == 1 && whole.size() > 2) major = std::atoi(whole.c_str() + 2); // "1.8.0_292"
  return major;
}

std::vector<contestant> find_contestants(const places& where, interrupts& stop) {
  auto make = [](const char* id, const char* title, const char* package) {
    contestant c;
    c.id = id;
    c.title = title;
    c.package = package;
    c.why = "not found";
    return c;
  };
  std::vector<contestant> all = {make("thrum", "thrum", ""),
                                 make("go", "Go", "golang-go"),
                                 make("node", "Node", "nodejs"),
                                 make("python", "Python", "python3"),
                                 make("java", "Java", ""),
                                 make("tokio", "Tokio", ""),
                                 make("boost_fiber", "Boost.Fiber", ""),
                                 make("asio", "Boost.Asio", ""),
                                 make("epoll", "epoll loop", "")};
  find_thrum(all[0], where);
  find_go(all[1], stop);
  find_node(all[2], stop);
  find_python(all[3], stop);
  find_java(all[4]);
  if (!all[4].here()) all[4].package = newest_package("openjdk-", "-jdk-headless", 21, stop);
  cargo::find_tokio(all[5], stop);
  find_boost(all[6], fiber_header, 65, stop);
  find_boost(all[7], asio_header, 79, stop); // channels
  if (!all[6].here() || !all[7].here()) {
    // Both of one version: there can be only one on a system. apt is asked once, as that takes half a second.
    const std::string boost = newest_package("libboost1.", "-dev", 79, stop);
    if (!all[7].here()) all[7].package = boost;
    if (!all[6].here() && !boost.empty()) all[6].package = "libboost-fiber" + boost.substr(8);
  }
  all[2].one_thread = all[3].one_thread = true;
  all[5].optional = all[6].optional = all[7].optional = true;
  all[5].guest = all[7].guest = true;
  find_thrum(all[8], where); // no runtime: a program in C++ that CMake builds, too
  return all;
}

std::string apt_line(const std::vector<contestant>& all) {
  std::string packages;
  for (const contestant& c : all)
    if (!c.here() && !c.package.empty()) packages += " " + c.package;
  return packages.empty() ? "" : "sudo apt install" + packages;
}

std::string source_file(const std::string& runtime) {
  if (runtime == "go") return "main.go";
  if (runtime == "node") return "main.mjs";
  if (runtime == "python") return "main.py";
  if (runtime == "java") return "Main.java";
  if (runtime == "tokio") return "main.rs";
  return runtime + ".cc";
}

bool has_program(const contestant& c, const experiment& e) {
  return exists(e.path + "/" + source_file(c.id));
}

namespace {

// Whether the program is newer than all that it is made of.
bool is_built(const contestant& c, const experiment& e, const places& where) {
  std::string kit = where.source + "/kit/";
  std::vector<std::string> inputs = {e.path + "/" + source_file(c.id)};
  if (c.id == "go") inputs.push_back(kit + "go/kit.go");
  if (c.id == "java") inputs.push_back(kit + "Kit.java");
  if (c.id == "boost_fiber" || c.id == "asio")
    inputs.insert(inputs.end(), {kit + "kit.h", kit + c.id + ".h"});
  if (c.id == "tokio")
    for (const std::string& file : cargo::kit_files(where)) inputs.push_back(file);
  // An experiment may keep more sources in folders of its own, and headers beside its programs.
  for (const std::string& each : list_directory(e.path)) {
    if (each.ends_with(".h")) inputs.push_back(e.path + "/" + each);
    for (const std::string& name : list_directory(e.path + "/" + each))
      inputs.push_back(e.path + "/" + each + "/" + name);
  }
  double newest = 0;
  for (const std::string& input : inputs) newest = std::max(newest, changed_at(input));
  return changed_at(program_file(c, e, where)) > newest;
}

} // namespace

double guest_seconds(const contestant& c, const experiment& e, const places& where) {
  if (!c.guest || !c.here() || !has_program(c, e)) return 0;
  double building = is_built(c, e, where) ? 0
                    : c.id == "tokio"     ? (cargo::crates_are_built(c, where) ? 6 : 40)
                                          : 12;
  return building + e.round_seconds / 4;
}

std::expected<void, std::string> build_program(const contestant& c, const experiment& e, const places& where,
                                               const std::string& scratch, interrupts& stop) {
  // CMake knows whether anything is to be done.
  auto build_target = [&](const std::string& name) {
    return run_build(
        {.argv = {build_paths::cmake, "--build", where.build, "--target", e.folder + "_" + name}}, scratch,
        stop);
  };
  if (has_load(e))
    if (std::expected<void, std::string> built = build_target("load"); !built) return built;
  if (c.id == "node" || c.id == "python") return {};
  if (by_cmake(c)) return build_target(c.id);

  std::string output = program_file(c, e, where), source = e.path + "/" + source_file(c.id);
  std::string kit = where.source + "/kit/";
  if (is_built(c, e, where)) return {};
  if (c.id == "tokio") { // cargo knows which parts are whole
    if (auto built = run_build(cargo::build(c, e, where), scratch, stop); !built) return built;
    if (!exists(output)) return std::unexpected("could not be built: there is no " + output);
    return {};
  }

  make_directories(parent(output));
  std::string draft =
      output + ".new"; // renamed when it is whole: an interrupted build must not look like a good one
  remove_tree(draft);
  command make;
  if (c.id == "go") {
    // The language version decides which of the runtime's behaviours are on, so it must be the compiler's own.
    std::string mod = scratch + "/go.mod";
    char version[32];
    std::snprintf(version, sizeof version, "%d.%d", c.major / 100, c.major % 100);
    write_file(mod, "module versus\n\ngo " + std::string(version) + "\n");
    make.argv = {c.program, "build", "-modfile=" + mod, "-o", draft, source};
    make.set = {{"GOTOOLCHAIN", "local"}, {"GOPROXY", "off"}, {"GOWORK", "off"}, {"CGO_ENABLED", "0"}};
    if (e.race_detector) { // it is a library in C
      make.argv.insert(make.argv.begin() + 2, "-race");
      make.set.back().second = "1";
    }
    make.directory = where.source;
  } else if (c.id == "java") {
    make.argv = {c.compiler, "-sourcepath", e.path, "-d", draft, kit + "Kit.java", source};
    if (c.major == 21) make.argv.insert(make.argv.begin() + 1, {"--enable-preview", "--release", "21"});
  } else {
    std::string root = boost_root(c.id == "asio" ? asio_header : fiber_header);
    make.argv = {c.program, "-std=c++20", "-O2", "-I" + where.source, "-I" + root + "/include",
                 source,    "-o",         draft, "-pthread"};
    if (c.id == "boost_fiber")
      make.argv.insert(make.argv.end(), {"-L" + root + "/lib", "-Wl,-rpath," + root + "/lib", "-lboost_fiber",
                                         "-lboost_context"});
  }
  if (std::expected<void, std::string> built = run_build(make, scratch, stop); !built) return built;
  remove_tree(output);
  if (std::rename(draft.c_str(), output.c_str()) != 0)
    return std::unexpected("could not be moved to " + output);
  return {};
}

command run_command(const contestant& c, const experiment& e, const places& where, const std::string& scratch,
                    int processors, bool quick, const std::vector<std::string>& what) {
  command out;
  std::string source = e.path + "/" + source_file(c.id);
  if (c.id == "node")
    out.argv = {c.program, source};
  else if (c.id == "python")
    out.argv = {c.program, "-B", source};
  else if (c.id == "java") {
    out.argv = {c.program, "-XX:-UsePerfData", "-XX:MaxRAMPercentage=60",
                "--enable-native-access=ALL-UNNAMED"};
    if (c.major == 21) out.argv.push_back("--enable-preview");
    if (processors > 0)
      for (const char* limit : {"parallelism", "maxPoolSize"})
        out.argv.push_back("-Djdk.virtualThreadScheduler." + std::string(limit) + "=" +
                           std::to_string(processors));
    out.argv.insert(out.argv.end(), {"-cp", program_file(c, e, where), "Main"});
  } else {
    out.argv = {program_file(c, e, where)};
  }
  if (quick) out.argv.push_back("--quick");
  out.argv.insert(out.argv.end(), {"--processors", std::to_string(processors)});
  out.argv.insert(out.argv.end(), what.begin(), what.end());
  out.unset = disturbing;
  out.set = {{"TMPDIR", scratch}, {"VERSUS_EXPERIMENT", e.path}};
  if (has_load(e)) out.set.emplace_back("VERSUS_LOAD", load_file(e, where));
  if (c.id == "go" && processors > 0) out.set.emplace_back("GOMAXPROCS", std::to_string(processors));
  out.timeout = quick ? e.quick_timeout : e.timeout;
  return out;
}

} // namespace versus
