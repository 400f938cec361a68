// X26: the clock. Starts a program again and again and measures it from outside, for all runtimes alike:
//
//   load RUNTIME [--quick] [--processors N] [variant...] -- command...
//
// The command finds in the variable X26 what it is to be: `empty` prints "done 1" and ends; `idle` starts 100 tasks that sleep for an
// hour, prints "done 100" when all have begun, and waits to be killed.
#include "kit/kit.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct child {
  pid_t id;
  int output;
};

child start(char** command, const char* what) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  setenv("X26", what, 1);
  const pid_t id = vfork();
  if (id == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execvp(command[0], command);
    _exit(127);
  }
  if (id < 0) std::abort();
  close(ends[1]);
  return {id, ends[0]};
}

// The number behind "done ".
long answer(const child& c) {
  std::string said;
  char one;
  while (read(c.output, &one, 1) == 1 && one != '\n') said += one;
  return said.starts_with("done ") ? std::strtol(said.c_str() + 5, nullptr, 10) : 0;
}

double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

void empty(const kit::bench& b, char** command) {
  if (!b.wants("empty")) return;
  const int n = b.quick() ? 3 : 15;
  std::vector<double> wall, cpu, memory;
  long right = 0;
  for (int i = 0; i < n; ++i) {
    const double from = kit::wall_ns();
    const child c = start(command, "empty");
    const bool answered = answer(c) == 1;
    int status = 0;
    rusage used{};
    wait4(c.id, &status, 0, &used);
    wall.push_back((kit::wall_ns() - from) / 1e6);
    close(c.output);
    auto ms = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
    };
    cpu.push_back(ms(used.ru_utime) + ms(used.ru_stime));
    memory.push_back(static_cast<double>(used.ru_maxrss) / 1024);
    right += answered && status == 0;
  }
  b.emit("empty", n, "cpu", median(cpu), "ms");
  b.emit("empty", n, "wall", median(wall), "ms");
  b.emit("empty", n, "memory", median(memory), "MiB");
  b.emit("empty", n, "check", static_cast<double>(right), "count");
}

// How often threads of the process went to sleep so far, which is how often they were woken up; and the CPU time of all.
struct activity {
  double sleeps = 0, cpu_ns = 0;
};
activity of_all_threads(pid_t process) {
  activity sum;
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  DIR* list = opendir(tasks.c_str());
  if (list == nullptr) return sum;
  while (const dirent* each = readdir(list)) {
    if (std::isdigit(static_cast<unsigned char>(each->d_name[0])) == 0) continue;
    sum.sleeps += kit::status("voluntary_ctxt_switches", std::atoi(each->d_name));
    if (FILE* f = std::fopen((tasks + "/" + each->d_name + "/schedstat").c_str(), "re")) {
      double ns = 0;
      if (std::fscanf(f, "%lf", &ns) == 1) sum.cpu_ns += ns;
      std::fclose(f);
    }
  }
  closedir(list);
  return sum;
}

void idle(const kit::bench& b, char** command) {
  if (!b.wants("idle")) return;
  const double seconds = b.quick() ? 0.3 : 2;
  const child c = start(command, "idle");
  const long tasks = answer(c);
  usleep(600'000); // what ends with the start has ended
  const activity before = of_all_threads(c.id);
  const double from = kit::wall_ns();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  const activity after = of_all_threads(c.id);
  const double took = (kit::wall_ns() - from) / 1e9, memory = kit::resident(c.id);
  const bool alive = waitpid(c.id, nullptr, WNOHANG) == 0;
  kill(c.id, SIGKILL);
  if (alive) waitpid(c.id, nullptr, 0);
  close(c.output);
  b.emit("idle", 100, "wakeups", (after.sleeps - before.sleeps) / took, "Hz");
  b.emit("idle", 100, "idle_cpu", (after.cpu_ns - before.cpu_ns) / 1e3 / took, "us/s");
  b.emit("idle", 100, "resident", memory / (1 << 20), "MiB");
  b.emit("idle", 100, "check", alive ? static_cast<double>(tasks) : 0, "count");
}

} // namespace

int main(int argc, char** argv) {
  int command = 1;
  while (command < argc && std::strcmp(argv[command], "--") != 0) ++command;
  if (command + 1 >= argc) return 2;
  const kit::bench b("X26", argv[1], command - 1, argv + 1);
  char** const program = argv + command + 1;
  empty(b, program);
  idle(b, program);
}
