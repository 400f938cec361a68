// The world as the explorer plays it, for runtime code that is explored as it is: sleeping and waking are the explorer's, the
// clock stands still until a sleep times out, and everything that no explored core asks for is a failure.
//
// Time: it is 1 for a thread until one of its sleeps with a deadline times out, which may happen at any instant; from then on it
// is `later` for that thread. So models give deadlines between 1 and `later`.
#pragma once

#include "base/explore/explore.h"
#include "env/env.h"

namespace thrum::env::explored {

inline constexpr nanoseconds later = 1'000;

class world : public env::world {
public:
  nanoseconds now() noexcept override;
  std::uint64_t random(stream) noexcept override { return 1; }

  // Models that need threads to be started override it.
  int start_thread(std::uintptr_t*, const char*, std::size_t, void (*)(void*), void*) noexcept override {
    return -11;
  }
  void join_thread(std::uintptr_t) noexcept override { missing("join_thread"); }
  void wait_word(const void* word, std::uint32_t expected, nanoseconds deadline) noexcept override;
  void wake_word(const void* word, int how_many) noexcept override;
  void yield_thread() noexcept override { base::relax(); }
  topology cpus() noexcept override { return {1, 1}; }
  descriptor_limit descriptors() noexcept override { return missing("descriptors"), descriptor_limit{}; }

  int this_thread() noexcept override { return 0; }
  nanoseconds thread_cpu_time(int) noexcept override { return missing("thread_cpu_time"); }
  bool thread_sleeps(int) noexcept override { return missing("thread_sleeps") != 0; }
  void set_time_slice(int, nanoseconds) noexcept override { missing("set_time_slice"); }

  void* map(std::size_t, std::size_t) noexcept override { return nullptr; }
  void unmap(void*, std::size_t) noexcept override { missing("unmap"); }
  void discard(void*, std::size_t) noexcept override { missing("discard"); }
  bool resident(void*, std::size_t, unsigned char*) noexcept override { return false; }
  guard_kind guard(char* const*, unsigned, std::size_t) noexcept override { return guard_kind::none; }
  void commit(char* const*, unsigned, std::size_t) noexcept override {}

  int open_poller(poller**) noexcept override { return 0; }
  void close_poller(poller*) noexcept override {}
  int watch(poller*, int, void*, std::uint16_t) noexcept override { return missing("watch"); }
  void unwatch(poller*, int) noexcept override { missing("unwatch"); }
  int poll(poller*, readiness*, int, nanoseconds) noexcept override { return missing("poll"); }
  void kick(poller*) noexcept override { missing("kick"); }
  bool has_events(poller*) noexcept override { return missing("has_events") != 0; }
  readiness look(int) noexcept override { return missing("look"), readiness{}; }

  int socket(int, int, int, poller*) noexcept override { return missing("socket"); }
  int set_option(int, int, int, const void*, unsigned) noexcept override { return missing("set_option"); }
  int get_option(int, int, int, void*, unsigned*) noexcept override { return missing("get_option"); }
  int bind(int, const ::sockaddr*, unsigned) noexcept override { return missing("bind"); }
  int listen(int, int) noexcept override { return missing("listen"); }
  int accept(int, ::sockaddr*, unsigned*, poller*) noexcept override { return missing("accept"); }
  int connect(int, const ::sockaddr*, unsigned) noexcept override { return missing("connect"); }
  int local_address(int, ::sockaddr*, unsigned*) noexcept override { return missing("local_address"); }
  int peer_address(int, ::sockaddr*, unsigned*) noexcept override { return missing("peer_address"); }
  std::int64_t read(int, void*, std::size_t) noexcept override { return missing("read"); }
  std::int64_t write(int, const void*, std::size_t) noexcept override { return missing("write"); }
  std::int64_t read_vector(int, const ::iovec*, int) noexcept override { return missing("read_vector"); }
  std::int64_t write_vector(int, const ::iovec*, int) noexcept override { return missing("write_vector"); }
  std::int64_t receive_message(int, ::msghdr*, int) noexcept override { return missing("receive_message"); }
  std::int64_t send_message(int, const ::msghdr*, int) noexcept override { return missing("send_message"); }
  std::int64_t send_file(int, int, std::int64_t*, std::size_t) noexcept override {
    return missing("send_file");
  }
  int socket_pair(int, int, int*) noexcept override { return missing("socket_pair"); }
  int shutdown(int, int) noexcept override { return missing("shutdown"); }
  int identify_socket(const char*, file_identity*) noexcept override { return missing("identify_socket"); }
  int remove_socket(const char*, const file_identity&) noexcept override { return missing("remove_socket"); }
  int set_socket_mode(const char*, unsigned) noexcept override { return missing("set_socket_mode"); }
  int close(int) noexcept override { return missing("close"); }

  int look_up(const char*, const char*, address_taker, void*) noexcept override { return missing("look_up"); }

  int make_pipe(int[2]) noexcept override { return missing("make_pipe"); }
  int open_file(const char*, int, unsigned, bool) noexcept override { return missing("open_file"); }
  int reopen(int, int) noexcept override { return missing("reopen"); }
  int duplicate(int) noexcept override { return missing("duplicate"); }
  int facts_of(int, file_facts*) noexcept override { return missing("facts_of"); }
  int flags_of(int) noexcept override { return missing("flags_of"); }
  std::int64_t read_at(int, void*, std::size_t, std::int64_t, bool) noexcept override {
    return missing("read_at");
  }
  std::int64_t write_at(int, const void*, std::size_t, std::int64_t) noexcept override {
    return missing("write_at");
  }
  std::int64_t receive(int, void*, std::size_t) noexcept override { return missing("receive"); }
  std::int64_t send(int, const void*, std::size_t) noexcept override { return missing("send"); }
  std::int64_t seek(int, std::int64_t, int) noexcept override { return missing("seek"); }
  int truncate(int, std::int64_t) noexcept override { return missing("truncate"); }
  int sync(int, bool) noexcept override { return missing("sync"); }
  int lock_file(int, int) noexcept override { return missing("lock_file"); }
  int make_fifo(const char*, unsigned) noexcept override { return missing("make_fifo"); }
  int set_permissions(int, unsigned) noexcept override { return missing("set_permissions"); }
  int rename_file(const char*, const char*) noexcept override { return missing("rename_file"); }
  int remove_file(const char*) noexcept override { return missing("remove_file"); }
  int open_events() noexcept override { return missing("open_events"); }
  int add_events(int, const char*, std::uint32_t) noexcept override { return missing("add_events"); }
  int remove_events(int, int) noexcept override { return missing("remove_events"); }

  int start_child(const child_plan&, child*) noexcept override { return missing("start_child"); }
  int watch_child(child*) noexcept override { return missing("watch_child"); }
  int wait_child(const child&, child_end*, child_wait) noexcept override { return missing("wait_child"); }
  int signal_child(const child&, int, bool) noexcept override { return missing("signal_child"); }
  char* const* environment() noexcept override { return nullptr; }

  int open_signals(std::uint64_t, signal_seat**, int*) noexcept override { return missing("open_signals"); }
  int take_signal(signal_seat*) noexcept override { return missing("take_signal"); }
  void stop_signals(signal_seat*) noexcept override { missing("stop_signals"); }
  void close_signals(signal_seat*) noexcept override { missing("close_signals"); }

protected:
  ~world() = default;
  // The deadline of a sleep of the running thread has passed.
  static void deadline_passed() noexcept;

private:
  static int missing(const char* operation) noexcept;
};

} // namespace thrum::env::explored
