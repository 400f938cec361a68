// Programs that a test starts for its own use, and ends: database servers in a folder of their own.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace test {

// A new folder under the temporary one; it and all in it is removed at the end.
class temporary_folder {
public:
  temporary_folder();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

// The path of a program in $PATH or one of the patterns (as the shell knows them) of folders; empty if there is none.
std::string find_program(const std::string& name, const std::vector<std::string>& folders = {});

// Root is not welcome everywhere: PostgreSQL refuses it.
enum class as { ourselves, nobody_if_root };
void give_to_nobody_if_root(const std::string& path);

// A process that ends with us, in whatever way we end. Its output goes to the file `log`. Made on the main thread: the kernel
// ends it with the thread that started it.
class server_process {
public:
  server_process(const std::vector<std::string>& arguments, std::string log, int end_signal,
                 as who = as::ourselves);
  ~server_process();
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  bool has_ended();
  int wait(); // until it ends by itself; its exit code, or -1
  std::string log() const;

private:
  pid_t pid_;
  std::string log_;
  int end_signal_;
  int status_ = 0;
};

} // namespace test
