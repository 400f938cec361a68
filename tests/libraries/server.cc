#include "libraries/server.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <glob.h>
#include <grp.h>
#include <iterator>
#include <pwd.h>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace test {

namespace {

// Called between fork and exec.
[[noreturn]] void become(char* const* arguments, const char* log, int end_signal, const passwd* who) {
  const int out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int null = ::open("/dev/null", O_RDONLY);
  if (out < 0 || null < 0) ::_exit(126);
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  if (who != nullptr &&
      (::setgroups(0, nullptr) != 0 || ::setgid(who->pw_gid) != 0 || ::setuid(who->pw_uid) != 0))
    ::_exit(125);
  ::setpgid(0, 0);                       // Ctrl-C is for us
  ::prctl(PR_SET_PDEATHSIG, end_signal); // after setuid, which would undo it
  if (::getppid() == 1) ::_exit(124);    // too late
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

} // namespace

temporary_folder::temporary_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "thrum-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder: " + pattern);
  path_ = pattern;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string find_program(const std::string& name, const std::vector<std::string>& folders) {
  const char* path = std::getenv("PATH");
  std::istringstream words(path != nullptr ? path : "");
  for (std::string folder; std::getline(words, folder, ':');)
    if (const std::string program = folder + "/" + name; ::access(program.c_str(), X_OK) == 0) return program;
  for (const std::string& folder : folders) {
    glob_t found{};
    std::string program;
    if (::glob((folder + "/" + name).c_str(), 0, nullptr, &found) == 0)
      program = found.gl_pathv[found.gl_pathc - 1]; // the last is the newest
    ::globfree(&found);
    if (!program.empty() && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

void give_to_nobody_if_root(const std::string& path) {
  if (::geteuid() != 0) return;
  const passwd* who = ::getpwnam("nobody");
  if (who == nullptr || ::chown(path.c_str(), who->pw_uid, who->pw_gid) != 0)
    throw std::runtime_error("cannot give " + path + " to nobody");
}

server_process::server_process(const std::vector<std::string>& arguments, std::string log, int end_signal,
                               as who)
    : log_(std::move(log)), end_signal_(end_signal) {
  std::vector<char*> raw;
  for (const std::string& a : arguments) raw.push_back(const_cast<char*>(a.c_str()));
  raw.push_back(nullptr);
  const passwd* nobody = who == as::nobody_if_root && ::geteuid() == 0 ? ::getpwnam("nobody")
                                                                       : nullptr; // before fork: it allocates
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) become(raw.data(), log_.c_str(), end_signal_, nobody);
}

server_process::~server_process() {
  if (has_ended()) return;
  ::kill(pid_, end_signal_);
  wait();
}

bool server_process::has_ended() {
  if (pid_ <= 0) return true;
  if (::waitpid(pid_, &status_, WNOHANG) != pid_) return false;
  pid_ = 0;
  return true;
}

int server_process::wait() {
  while (pid_ > 0 && ::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {}
  pid_ = 0;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

std::string server_process::log() const {
  std::ifstream in(log_);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace test
