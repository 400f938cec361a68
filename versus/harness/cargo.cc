#include "harness/cargo.h"

#include "harness/files.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace versus::cargo {
namespace {

constexpr int least_rustc = 163; // 1.63: what Debian 12 has; cargo's --config is as old
constexpr int least_tokio = 21;  // 1.21: JoinSet

std::string from_environment(const char* name, const char* otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0 ? value : otherwise;
}

std::string crates_directory() { return from_environment("TOKIO_CRATES", "/usr/share/cargo/registry"); }

// The value of `key = "..."` in the first section of that name.
std::string toml_value(const std::string& text, const std::string& section, const std::string& key) {
  std::size_t from = text.starts_with(section) ? 0 : text.find("\n" + section);
  if (from == std::string::npos) return "";
  std::size_t end = std::min(text.find("\n[", from + 1), text.size());
  std::size_t at = text.find("\n" + key + " = \"", from);
  if (at >= end) return "";
  at += key.size() + 5;
  return text.substr(at, text.find('"', at) - at);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// rustup must neither install a toolchain that somebody asks for, nor look for such a wish around us.
std::string first_line(std::vector<std::string> argv, interrupts& stop) {
  text_outcome said = run_for_text(
      {.argv = std::move(argv), .set = {{"RUSTUP_AUTO_INSTALL", "0"}}, .directory = "/", .timeout = 20},
      stop);
  return said.good() ? said.output.substr(0, said.output.find('\n')) : "";
}

// "rustc 1.95.0 (59807616e 2026-04-14)": the version; empty when it says something else.
std::string version_in(const std::string& said, const std::string& program) {
  if (!said.starts_with(program + " ")) return "";
  std::size_t at = program.size() + 1;
  return said.substr(at, said.find_first_of(" \n", at) - at);
}

// cargo and the rustc that belongs to it. False when one of them is missing or does not answer.
bool find_tools(contestant& c, std::string& rustc_version, interrupts& stop) {
  std::vector<std::string> cargos = {find_program("cargo"), "/usr/bin/cargo"};
  if (std::string named = from_environment("CARGO"); !named.empty()) {
    cargos = {find_program(named)};
    if (cargos[0].empty()) c.why = "CARGO=" + named + " is no program";
  }
  std::string named = from_environment("RUSTC");
  if (!named.empty() && find_program(named).empty()) {
    c.why = "RUSTC=" + named + " is no program";
    return false;
  }
  for (const std::string& cargo : cargos) {
    if (cargo.empty() || !executable(cargo)) continue;
    std::string beside = cargo.substr(0, cargo.rfind('/')) + "/rustc";
    std::string rustc = find_program(named.empty() ? beside : named);
    if (rustc.empty()) rustc = find_program("rustc");
    if (rustc.empty()) {
      c.why = "there is a cargo, but no rustc";
      continue;
    }
    rustc_version = version_in(first_line({rustc, "--version"}, stop), "rustc");
    c.program = cargo;
    c.compiler = rustc;
    if (!rustc_version.empty() && !version_in(first_line({cargo, "--version"}, stop), "cargo").empty())
      return true;
    c.why = "\"" + (rustc_version.empty() ? rustc : cargo) + " --version\" gives no version";
  }
  return false;
}

std::string directory(const contestant& c, const places& where) {
  std::string name = c.id + "-" + c.version; // "tokio-1.24.2, rustc 1.95.0"
  std::erase(name, ',');
  std::replace(name.begin(), name.end(), ' ', '-');
  return where.cache + "/" + name;
}

} // namespace

std::string tokio_version(const std::string& directory) {
  std::string newest;
  int most[2] = {-1, -1};
  for (const std::string& name : list_directory(directory)) {
    if (name != "tokio" && !name.starts_with("tokio-1.")) continue; // and not tokio-macros
    std::string text = read_file(directory + "/" + name + "/Cargo.toml");
    std::string version = toml_value(text, "[package]", "version");
    int minor = 0, patch = 0;
    if (toml_value(text, "[package]", "name") != "tokio" ||
        std::sscanf(version.c_str(), "1.%d.%d", &minor, &patch) != 2)
      continue;
    if (minor > most[0] || (minor == most[0] && patch > most[1])) {
      most[0] = minor, most[1] = patch;
      newest = version;
    }
  }
  return newest;
}

void find_tokio(contestant& c, interrupts& stop) {
  const std::string crates = crates_directory(), tokio = tokio_version(crates);
  std::string rustc;
  const bool tools = find_tools(c, rustc, stop);
  c.package = tools ? "librust-tokio-dev" : "rustc cargo librust-tokio-dev";
  if (!tools) return;
  c.version = rustc;
  int minor = 0;
  std::sscanf(rustc.c_str(), "%d.%d", &c.major, &minor);
  c.major = c.major * 100 + minor;
  if (c.major < least_rustc) {
    c.found = contestant::state::too_old;
    c.why = "rustc " + rustc + " is too old, 1.63 or newer is needed";
    c.package = "rustc cargo";
    return;
  }
  if (tokio.empty()) {
    c.why = "there are no sources of tokio 1.x in " + crates;
    return;
  }
  std::sscanf(tokio.c_str(), "1.%d", &minor);
  c.found = minor >= least_tokio ? contestant::state::here : contestant::state::too_old;
  if (!c.here()) c.why = "version " + tokio + " is too old, 1.21 or newer is needed";
  c.version = tokio + ", rustc " + rustc;
}

std::string program_file(const contestant& c, const experiment& e, const places& where) {
  return directory(c, where) + "/target/release/" + e.folder;
}

std::vector<std::string> kit_files(const places& where) {
  const std::string kit = where.source + "/kit/tokio/";
  std::vector<std::string> files = {kit + "Cargo.toml"};
  for (const std::string& name : list_directory(kit + "src")) files.push_back(kit + "src/" + name);
  return files;
}

command build(const contestant& c, const experiment& e, const places& where) {
  const std::string home = directory(c, where), manifest = home + "/packages/" + e.folder + "/Cargo.toml";
  const std::string text =
      "[package]\nname = " + quoted(e.folder) +
      "\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[[bin]]\nname = " + quoted(e.folder) +
      "\npath = " + quoted(e.path + "/" + source_file(c.id)) +
      "\n\n[dependencies]\nkit = { path = " + quoted(where.source + "/kit/tokio") +
      " }\ntokio = { version = \"1\", features = [\"full\"] }\n\n[workspace]\n";
  make_directories(home + "/packages/" + e.folder);
  if (read_file(manifest) != text) write_file(manifest, text);
  command make;
  make.argv = {c.program,
               "build",
               "--release",
               "--offline",
               "--quiet",
               "--manifest-path",
               manifest,
               "--config",
               "source.crates-io.replace-with=\"versus\"",
               "--config",
               "source.versus.directory=" + quoted(crates_directory())};
  make.set = {{"CARGO_HOME", home + "/home"}, {"CARGO_TARGET_DIR", home + "/target"},
              {"CARGO_NET_OFFLINE", "true"},  {"CARGO_TERM_COLOR", "never"},
              {"RUSTUP_AUTO_INSTALL", "0"},   {"RUSTC", c.compiler}};
  make.directory = "/";
  return make;
}

bool crates_are_built(const contestant& c, const places& where) {
  return exists(directory(c, where) + "/target/release");
}

} // namespace versus::cargo
