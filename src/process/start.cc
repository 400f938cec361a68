// Starting a child, and its handle.
#include "io/transfer.h"
#include "process/child.h"
#include "process/subject.h"
#include "sched/runtime_core.h"

#include <cerrno>
#include <memory>
#include <signal.h>
#include <string_view>

#include <thrum/blocking.h>
#include <thrum/go.h>
#include <thrum/process.h>
#include <thrum/runtime.h>

namespace thrum {

io::subject detail::program_subject(std::string_view path) noexcept {
  constexpr std::size_t most = io::subject::room - 1;
  if (path.size() <= most) return io::subject::named(path);
  char text[most + 1] = "...";
  path.substr(path.size() - (most - 3)).copy(text + 3, most - 3);
  return io::subject::named({text, most});
}

namespace {

bool has_zero(std::string_view text) noexcept { return text.find('\0') != text.npos; }

// Texts as exec takes them.
class text_list {
public:
  void add(const std::string& text) {
    valid_ = valid_ && !has_zero(text);
    all_.push_back(const_cast<char*>(text.c_str())); // exec's interface; it does not write
  }
  void add_all(const std::vector<std::string>& texts) {
    all_.reserve(all_.size() + texts.size() + 1);
    for (const std::string& text : texts) add(text);
  }
  char* const* ended() {
    all_.push_back(nullptr);
    return all_.data();
  }
  bool valid() const noexcept { return valid_; }

private:
  std::vector<char*> all_;
  bool valid_ = true;
};

env::child_stream to_env(const child_stream& s) noexcept {
  using from = child_stream::kind;
  using to = env::child_stream::kind;
  switch (s.what()) {
  case from::inherit: break;
  case from::null: return {.what = to::null};
  case from::pipe: return {.what = to::pipe};
  case from::to_out: return {.what = to::as_out};
  case from::descriptor: return {.what = to::descriptor, .fd = s.descriptor()};
  }
  return {};
}

// Hands the descriptors of a new child over to handles, one after the other; closes those that it did not get to.
class adoption {
public:
  explicit adoption(detail::child_core& core) noexcept : core_(core), world_(core.world) {
    fds_[0] = core.child.watch;
    for (int i = 0; i < 3; ++i) fds_[i + 1] = core.child.pipes[i];
  }
  adoption(const adoption&) = delete;
  adoption& operator=(const adoption&) = delete;
  ~adoption() {
    for (const int fd : fds_)
      if (fd >= 0) world_.close(fd);
  }
  io::result<void> watch() { return adopt(0, {.is_stream = false}, core_.watch); }
  template <class Handle> io::result<void> pipe(int number, Handle& to) {
    if (fds_[number + 1] < 0) return {};
    return adopt(number + 1, {.through = io::medium::pipe}, to);
  }

private:
  template <class Handle> io::result<void> adopt(int which, io::open_options options, Handle& to) {
    io::descriptor* d = nullptr;
    options.about = core_.about;
    const int error = io::open(fds_[which], options, &d);
    if (error != 0) return io::system_error("start", core_.about, error);
    fds_[which] = -1;
    to = detail::opened<Handle>(d);
    return {};
  }

  detail::child_core& core_;
  env::world& world_; // which outlives it
  int fds_[4];
};

// In a fiber of the default runtime, which does not end: what served the child until now may.
void reap_later(std::unique_ptr<detail::child_core> core) noexcept {
  env::child again = core->child;
  if (core->look(true) != -EAGAIN) return;
  if (core->world.watch_child(&again) == 0) {
    io::descriptor* d = nullptr;
    if (io::open(again.watch, {.is_stream = false, .about = core->about}, &d) == 0) {
      core->child = again; // before the old one is closed
      core->watch = detail::opened<io::handle>(d);
    } else {
      core->world.close(again.watch);
    }
  }
  core->reap();
}

} // namespace

process::process(process&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

process& process::operator=(process&& other) noexcept {
  if (this == &other) return *this;
  finish();
  core_ = std::exchange(other.core_, nullptr);
  in_ = std::move(other.in_);
  out_ = std::move(other.out_);
  err_ = std::move(other.err_);
  return *this;
}

process::~process() { finish(); }

void process::finish() noexcept {
  if (core_ == nullptr) return;
  core_->end_now();
  delete std::exchange(core_, nullptr);
}

io::result<process> process::start(const process_options& options) {
  const io::subject about = detail::program_subject(options.program);
  text_list arguments;
  arguments.add(options.program);
  arguments.add_all(options.arguments);
  text_list environment;
  if (options.environment) environment.add_all(*options.environment);
  if (!arguments.valid() || !environment.valid() || has_zero(options.directory))
    return io::system_error("start", about, -EINVAL);
  auto core = std::make_unique<detail::child_core>(io::runtime_here().world, about);
  core->leads_group = options.new_group;
  const env::child_plan plan{.program = options.program.c_str(),
                             .arguments = arguments.ended(),
                             .environment = options.environment ? environment.ended() : nullptr,
                             .directory = options.directory.empty() ? nullptr : options.directory.c_str(),
                             .streams = {to_env(options.in), to_env(options.out), to_env(options.err)},
                             .more = options.more.data(),
                             .more_count = static_cast<unsigned>(options.more.size()),
                             .new_group = options.new_group};
  const int error = blocking([&] { return core->world.start_child(plan, &core->child); });
  if (error != 0 && core->child.failed_in_directory)
    return io::system_error("enter", detail::program_subject(options.directory), error);
  if (error != 0) return io::system_error("start", about, error);
  detail::child_core& started = *core;
  process p(core.release()); // from here on it is killed if something fails
  adoption hands(started);
  auto adopted = hands.watch();
  if (adopted) adopted = hands.pipe(0, p.in_);
  if (adopted) adopted = hands.pipe(1, p.out_);
  if (adopted) adopted = hands.pipe(2, p.err_);
  if (!adopted) {
    p.finish(); // before `hands` closes what it is waited for by
    return adopted.error();
  }
  return p;
}

std::vector<std::string> process::environment() {
  std::vector<std::string> all;
  for (char* const* e = io::runtime_here().world.environment(); e != nullptr && *e != nullptr; ++e)
    all.emplace_back(*e);
  return all;
}

namespace {

io::error no_process(const char* operation) noexcept { return io::closed_error(operation, nullptr); }

} // namespace

io::result<exit_status> process::wait(io::deadline until) const {
  if (core_ == nullptr) return no_process("wait for");
  if (auto ended = core_->await(true, until); !ended) return ended.error();
  return core_->status();
}

io::result<void> process::kill(int signal) const {
  if (core_ == nullptr) return no_process("signal");
  if (const int error = core_->send(signal); error != 0)
    return io::system_error("signal", core_->about, error);
  return {};
}

io::result<exit_status> process::terminate_then_kill(std::chrono::nanoseconds grace) const {
  if (core_ == nullptr) return no_process("terminate");
  core_->send(SIGTERM); // it may have ended: waiting will tell
  const auto gone = core_->await(false, grace);
  if (!gone && gone.error() != io::errc::deadline) return gone.error();
  if (!gone || core_->leads_group) core_->send(SIGKILL);
  return wait();
}

const io::handle& process::ended() const noexcept {
  static const io::handle none;
  return core_ == nullptr ? none : core_->watch;
}

int process::id() const noexcept { return core_ == nullptr ? 0 : core_->child.id; }

void process::detach() {
  if (core_ == nullptr) return;
  struct hand_over {
    detail::child_core* core;
    void operator()() const noexcept { reap_later(std::unique_ptr<detail::child_core>(core)); }
  };
  detail::launch_detached(hand_over{core_}, attrs{.name = "reaper"}, std::source_location::current(),
                          sched::default_runtime().owner);
  core_ = nullptr;
}

} // namespace thrum
