// forwarding_world: a world that is another one, but for what is overridden: for simulations and tests.
#pragma once

#include "env/env.h"

namespace thrum::env {

class forwarding_world : public world {
public:
  explicit forwarding_world(world& real) noexcept : real_(real) {}

  nanoseconds now() noexcept override { return real_.now(); }
  std::uint64_t random(stream which) noexcept override { return real_.random(which); }
  int start_thread(std::uintptr_t* handle, const char* name, std::size_t stack_bytes, void (*entry)(void*),
                   void* argument) noexcept override {
    return real_.start_thread(handle, name, stack_bytes, entry, argument);
  }
  void join_thread(std::uintptr_t handle) noexcept override { return real_.join_thread(handle); }
  void wait_word(const void* word, std::uint32_t expected, nanoseconds deadline) noexcept override {
    return real_.wait_word(word, expected, deadline);
  }
  void wake_word(const void* word, int how_many) noexcept override { return real_.wake_word(word, how_many); }
  void yield_thread() noexcept override { return real_.yield_thread(); }
  topology cpus() noexcept override { return real_.cpus(); }
  int this_thread() noexcept override { return real_.this_thread(); }
  nanoseconds thread_cpu_time(int thread) noexcept override { return real_.thread_cpu_time(thread); }
  bool thread_sleeps(int thread) noexcept override { return real_.thread_sleeps(thread); }
  void set_time_slice(int thread, nanoseconds slice) noexcept override {
    return real_.set_time_slice(thread, slice);
  }
  void* map(std::size_t bytes, std::size_t alignment) noexcept override {
    return real_.map(bytes, alignment);
  }
  void unmap(void* address, std::size_t bytes) noexcept override { return real_.unmap(address, bytes); }
  void discard(void* address, std::size_t bytes) noexcept override { return real_.discard(address, bytes); }
  bool resident(void* address, std::size_t bytes, unsigned char* pages) noexcept override {
    return real_.resident(address, bytes, pages);
  }
  guard_kind guard(char* const* addresses, unsigned count, std::size_t bytes) noexcept override {
    return real_.guard(addresses, count, bytes);
  }
  void commit(char* const* addresses, unsigned count, std::size_t bytes) noexcept override {
    return real_.commit(addresses, count, bytes);
  }
  int open_poller(poller** out) noexcept override { return real_.open_poller(out); }
  void close_poller(poller* which) noexcept override { return real_.close_poller(which); }
  int watch(poller* which, int fd, void* token, std::uint16_t tag) noexcept override {
    return real_.watch(which, fd, token, tag);
  }
  void unwatch(poller* which, int fd) noexcept override { return real_.unwatch(which, fd); }
  int poll(poller* which, readiness* events, int capacity, nanoseconds deadline) noexcept override {
    return real_.poll(which, events, capacity, deadline);
  }
  void kick(poller* which) noexcept override { return real_.kick(which); }
  bool has_events(poller* which) noexcept override { return real_.has_events(which); }
  readiness look(int fd) noexcept override { return real_.look(fd); }
  descriptor_limit descriptors() noexcept override { return real_.descriptors(); }
  int socket(int family, int type, int protocol, poller* beyond) noexcept override {
    return real_.socket(family, type, protocol, beyond);
  }
  int set_option(int fd, int level, int name, const void* value, unsigned size) noexcept override {
    return real_.set_option(fd, level, name, value, size);
  }
  int get_option(int fd, int level, int name, void* value, unsigned* size) noexcept override {
    return real_.get_option(fd, level, name, value, size);
  }
  int bind(int fd, const ::sockaddr* address, unsigned size) noexcept override {
    return real_.bind(fd, address, size);
  }
  int listen(int fd, int backlog) noexcept override { return real_.listen(fd, backlog); }
  int accept(int fd, ::sockaddr* address, unsigned* size, poller* beyond) noexcept override {
    return real_.accept(fd, address, size, beyond);
  }
  int connect(int fd, const ::sockaddr* address, unsigned size) noexcept override {
    return real_.connect(fd, address, size);
  }
  int local_address(int fd, ::sockaddr* address, unsigned* size) noexcept override {
    return real_.local_address(fd, address, size);
  }
  int peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept override {
    return real_.peer_address(fd, address, size);
  }
  std::int64_t read(int fd, void* data, std::size_t size) noexcept override {
    return real_.read(fd, data, size);
  }
  std::int64_t write(int fd, const void* data, std::size_t size) noexcept override {
    return real_.write(fd, data, size);
  }
  std::int64_t read_vector(int fd, const ::iovec* parts, int count) noexcept override {
    return real_.read_vector(fd, parts, count);
  }
  std::int64_t write_vector(int fd, const ::iovec* parts, int count) noexcept override {
    return real_.write_vector(fd, parts, count);
  }
  std::int64_t receive_message(int fd, ::msghdr* message, int flags) noexcept override {
    return real_.receive_message(fd, message, flags);
  }
  std::int64_t send_message(int fd, const ::msghdr* message, int flags) noexcept override {
    return real_.send_message(fd, message, flags);
  }
  std::int64_t send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept override {
    return real_.send_file(to, from, offset, size);
  }
  int socket_pair(int family, int type, int* two) noexcept override {
    return real_.socket_pair(family, type, two);
  }
  int shutdown(int fd, int how) noexcept override { return real_.shutdown(fd, how); }
  int identify_socket(const char* path, file_identity* out) noexcept override {
    return real_.identify_socket(path, out);
  }
  int remove_socket(const char* path, const file_identity& which) noexcept override {
    return real_.remove_socket(path, which);
  }
  int set_socket_mode(const char* path, unsigned mode) noexcept override {
    return real_.set_socket_mode(path, mode);
  }
  int close(int fd) noexcept override { return real_.close(fd); }
  int look_up(const char* host, const char* service, address_taker take, void* to) noexcept override {
    return real_.look_up(host, service, take, to);
  }
  int make_pipe(int ends[2]) noexcept override { return real_.make_pipe(ends); }
  int open_file(const char* path, int flags, unsigned permissions, bool now) noexcept override {
    return real_.open_file(path, flags, permissions, now);
  }
  int reopen(int fd, int flags) noexcept override { return real_.reopen(fd, flags); }
  int duplicate(int fd) noexcept override { return real_.duplicate(fd); }
  int facts_of(int fd, file_facts* out) noexcept override { return real_.facts_of(fd, out); }
  int flags_of(int fd) noexcept override { return real_.flags_of(fd); }
  std::int64_t read_at(int fd, void* data, std::size_t size, std::int64_t offset,
                       bool now) noexcept override {
    return real_.read_at(fd, data, size, offset, now);
  }
  std::int64_t write_at(int fd, const void* data, std::size_t size, std::int64_t offset) noexcept override {
    return real_.write_at(fd, data, size, offset);
  }
  std::int64_t receive(int fd, void* data, std::size_t size) noexcept override {
    return real_.receive(fd, data, size);
  }
  std::int64_t send(int fd, const void* data, std::size_t size) noexcept override {
    return real_.send(fd, data, size);
  }
  std::int64_t seek(int fd, std::int64_t offset, int whence) noexcept override {
    return real_.seek(fd, offset, whence);
  }
  int truncate(int fd, std::int64_t size) noexcept override { return real_.truncate(fd, size); }
  int sync(int fd, bool data_only) noexcept override { return real_.sync(fd, data_only); }
  int lock_file(int fd, int how) noexcept override { return real_.lock_file(fd, how); }
  int make_fifo(const char* path, unsigned permissions) noexcept override {
    return real_.make_fifo(path, permissions);
  }
  int set_permissions(int fd, unsigned permissions) noexcept override {
    return real_.set_permissions(fd, permissions);
  }
  int rename_file(const char* from, const char* to) noexcept override { return real_.rename_file(from, to); }
  int remove_file(const char* path) noexcept override { return real_.remove_file(path); }
  int open_events() noexcept override { return real_.open_events(); }
  int add_events(int fd, const char* path, std::uint32_t which) noexcept override {
    return real_.add_events(fd, path, which);
  }
  int remove_events(int fd, int id) noexcept override { return real_.remove_events(fd, id); }
  int start_child(const child_plan& plan, child* out) noexcept override {
    return real_.start_child(plan, out);
  }
  int watch_child(child* c) noexcept override { return real_.watch_child(c); }
  int wait_child(const child& c, child_end* end, child_wait how) noexcept override {
    return real_.wait_child(c, end, how);
  }
  int signal_child(const child& c, int signal, bool group) noexcept override {
    return real_.signal_child(c, signal, group);
  }
  char* const* environment() noexcept override { return real_.environment(); }
  int open_signals(std::uint64_t numbers, signal_seat** out, int* event) noexcept override {
    return real_.open_signals(numbers, out, event);
  }
  int take_signal(signal_seat* which) noexcept override { return real_.take_signal(which); }
  void stop_signals(signal_seat* which) noexcept override { return real_.stop_signals(which); }
  void close_signals(signal_seat* which) noexcept override { return real_.close_signals(which); }

protected:
  ~forwarding_world() = default;
  world& real_;
};

} // namespace thrum::env
