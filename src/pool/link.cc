#include "pool/link.h"

#include "env/panic.h"
#include "env/startup.h"
#include "io/descriptor.h"
#include "io/transfer.h"
#include "process/child.h"

namespace thrum::pool {

namespace {

[[noreturn]] void lacks(const char* what) {
  env::panic(what, "leave THRUM_POOL_WORKER out of the environment: it belongs to process_pool");
}

} // namespace

net::unix_stream adopt_link() {
  io::descriptor* d = nullptr;
  const io::open_options options{.is_stream = true, .about = io::subject::named("the parent")};
  if (env::take_over(link_number) < 0 || io::open(link_number, options, &d) != 0)
    lacks("this process was started as one of a process_pool, but has no connection to it");
  return detail::opened<net::unix_stream>(d);
}

shared_mailboxes adopt_mailboxes() {
  if (env::take_over(mailboxes_number) < 0)
    lacks("this process was started as one of a process_pool, but shares no memory with it");
  return shared_mailboxes(mailboxes_number);
}

unsigned usable_cpus() noexcept { return io::world_here().cpus().processors; }

} // namespace thrum::pool
