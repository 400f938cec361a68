// Every call on a socket fails once, with each reason that it may have; and transfers stop after any byte.
#include "io/descriptor_kit.h"
#include "net/meddling_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <thrum/io/buffered.h>
#include <thrum/net/unix.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using env::socket_call;
using io::test::open_descriptors;
using test::failing_call;
using test::message;
using test::short_transfers;

// What became of a conversation: its errors in the order in which they were met.
class course {
public:
  // Notes the error, if it is one.
  template <class Result> bool fine(const Result& r) {
    if (r) return true;
    const std::scoped_lock hold(lock_);
    errors_.push_back(r.error());
    return false;
  }
  bool was(int reason) const {
    for (const io::error& e : errors_)
      if (e.code == std::error_code(reason, std::system_category())) return true;
    return false;
  }
  bool is_clean() const { return errors_.empty(); }
  std::string text() const {
    std::string all;
    for (const io::error& e : errors_) all += e.message() + "; ";
    return all;
  }
  bool is_whole = false; // everything was said and answered

private:
  std::mutex lock_; // guards `errors_`
  std::vector<io::error> errors_;
};

constexpr std::size_t sizes[] = {10, 1'000, 60'000};

void answer_one(const tcp_listener& l, course& c) {
  const auto s = l.accept();
  if (!c.fine(s)) return l.close(); // and who is in its queue is told
  std::string buffer(5'000, '\0');
  for (;;) {
    const auto n = s->read_some(buffer);
    if (!c.fine(n) || *n == 0) return;
    if (!c.fine(s->write_all({buffer.data(), *n}))) return;
  }
}

void ask(const endpoint& at, course& c) {
  const auto s = tcp_stream::connect(at);
  if (!c.fine(s)) return;
  unsigned round = 0;
  for (const std::size_t size : sizes) {
    const std::string sent = message(1, round++, size);
    std::string got(size, '\0');
    auto writer = spawn([&] {
      if (!c.fine(s->write_all(sent))) s->close();
    });
    const auto read = s->read_exactly(got);
    writer.join();
    const std::size_t came = read ? size : read.error().transferred;
    EXPECT_EQ(got.substr(0, came),
              sent.substr(0, came)); // whatever happened: nothing lost in between, nothing twice
    if (!c.fine(read)) return;
  }
  if (!c.fine(s->shutdown_write())) return;
  char end[1];
  const auto n = s->read_some(end);
  c.is_whole = c.fine(n) && *n == 0;
}

// Whoever meets an error goes, and nobody waits for one who has gone.
void converse(course& c) {
  const auto l = tcp_listener::listen(endpoint::loopback_v4(0));
  if (!c.fine(l)) return;
  const auto at = l->local_address();
  if (!c.fine(at)) return;
  auto server = spawn([&] { answer_one(*l, c); });
  ask(*at, c);
  l->close();
  server.join();
}

class failing_calls : public testing::TestWithParam<unsigned> {
protected:
  // Lets every call of that kind in a conversation fail, one after the other. `judge` says what is to become of it.
  template <class Judge> void each(socket_call call, int reason, Judge judge) {
    for (int before = 0; before < 40; ++before) {
      const unsigned open = open_descriptors();
      course c;
      const failing_call one(call, reason, before);
      run([&] { converse(c); }, {.processors = GetParam()});
      EXPECT_EQ(open_descriptors(), open);
      if (!one.has_failed()) {
        EXPECT_TRUE(before > 0 || call == socket_call::get_option)
            << "there is no such call"; // rings need none
        return;
      }
      SCOPED_TRACE("call " + std::to_string(static_cast<int>(call)) + " after " + std::to_string(before) +
                   ", reason " + std::to_string(reason) + ": " + c.text());
      judge(c);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(processors, failing_calls, testing::Values(1u, 2u, 4u));

TEST_P(failing_calls, are_told_to_who_asked_and_leave_nothing_behind) {
  constexpr struct {
    socket_call call;
    int reasons[3];
  } all[] = {
      {socket_call::make, {ENOBUFS, ENOMEM, EAFNOSUPPORT}},
      {socket_call::bind, {EADDRINUSE, EACCES, EADDRNOTAVAIL}},
      {socket_call::listen, {EADDRINUSE, ENOBUFS, EOPNOTSUPP}},
      {socket_call::accept, {ENOBUFS, ENOMEM, EPERM}},
      {socket_call::connect, {ENETUNREACH, EADDRNOTAVAIL, EACCES}},
      {socket_call::get_option, {ENOBUFS, ENOMEM, EIO}},
      {socket_call::read, {ECONNRESET, ETIMEDOUT, EIO}},
      {socket_call::write, {ECONNRESET, ENOBUFS, EIO}},
      {socket_call::shutdown, {ENOTCONN, ENOBUFS, EIO}},
  };
  for (const auto& [call, reasons] : all)
    for (const int reason : reasons)
      each(call, reason, [&](const course& c) {
        EXPECT_TRUE(c.was(reason));
        EXPECT_FALSE(c.is_whole && call != socket_call::read); // the last read may be the server's
      });
}

TEST_P(failing_calls, that_concern_one_connection_in_the_queue_are_passed_over) {
  for (const int reason : {ECONNABORTED, EPROTO, EHOSTUNREACH, ENETDOWN})
    each(socket_call::accept, reason, [](const course& c) { EXPECT_TRUE(c.is_whole && c.is_clean()); });
}

TEST_P(failing_calls, are_made_again_after_a_signal) {
  for (const socket_call call : {socket_call::accept, socket_call::read, socket_call::write})
    each(call, EINTR, [](const course& c) { EXPECT_TRUE(c.is_whole && c.is_clean()); });
}

// ---- transfers that stop after any byte

class cut_short : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(processors, cut_short, testing::Values(1u, 2u, 4u));

TEST_P(cut_short, tcp_conversations_lose_and_repeat_nothing) {
  for (const unsigned most : {1u, 7u, 1'000u}) {
    const short_transfers cuts(most);
    run(
        [] {
          const tcp_listener l = test::local_listener();
          const endpoint at = l.local_address().value();
          auto server = spawn([&] { test::serve_echo(l); });
          std::vector<fiber<void>> clients;
          for (unsigned n = 0; n < 10; ++n)
            clients.push_back(spawn([&, n] {
              const tcp_stream s = tcp_stream::connect(at).value();
              for (unsigned i = 0; i < 5; ++i) {
                const std::string sent = message(n, i, 50 + 250 * i);
                std::string got(sent.size(), '\0');
                s.write_all(sent).value();
                s.read_exactly(got).value();
                ASSERT_EQ(got, sent);
              }
              s.shutdown_write().value();
              char end[1];
              EXPECT_EQ(s.read_some(end).value(), 0u);
            }));
          for (auto& c : clients) c.join();
          l.close();
          server.join();
        },
        {.processors = GetParam()});
    EXPECT_GT(cuts.cut(), 50u);
  }
}

TEST_P(cut_short, lines_are_still_lines) {
  const short_transfers cuts(5);
  run(
      [] {
        const auto [near, far] = unix_stream::pair().value();
        auto writer = spawn([&stream = near] {
          for (unsigned i = 0; i < 200; ++i) stream.write_all(message(i, 2, i % 40 + 8) + '\n').value();
          stream.shutdown_write().value();
        });
        io::buffered_reader in(far);
        for (unsigned i = 0; i < 200; ++i) ASSERT_EQ(in.read_line().value(), message(i, 2, i % 40 + 8));
        EXPECT_FALSE(in.read_line());
        writer.join();
      },
      {.processors = GetParam()});
  EXPECT_GT(cuts.cut(), 200u);
}

// ---- a peer that resets the connection after any byte

TEST(a_reset, after_any_byte_is_told_and_what_came_before_is_what_was_sent) {
  const std::string sent = message(3, 1, 64);
  for (const bool waits : {false, true}) // for the reset, or comes after it
    for (std::size_t bytes = 0; bytes < sent.size(); ++bytes) {
      const unsigned open = open_descriptors();
      run([&] {
        const test::connection c = test::local_connection();
        std::string got(sent.size(), '\0');
        const auto read = [&] { return c.server.read_exactly(got); };
        const auto vanish = [&] {
          if (bytes != 0) c.client.write_all(sent.substr(0, bytes)).value();
          c.client.reset_on_close(true).value();
          c.client.close();
        };
        io::result<void> r;
        if (waits) {
          auto reader = spawn(read);
          io::test::wait_until(
              [&] { return io::test::is_parked(*descriptor_of(c.server), io::direction::in); });
          vanish();
          r = reader.join();
        } else {
          vanish();
          r = read();
        }
        ASSERT_FALSE(r);
        EXPECT_EQ(r.error(), std::errc::connection_reset) << r.error().message();
        ASSERT_LE(r.error().transferred, bytes);
        EXPECT_EQ(got.substr(0, r.error().transferred), sent.substr(0, r.error().transferred));
        EXPECT_FALSE(c.server.write_all("x"));
      });
      EXPECT_EQ(open_descriptors(), open);
    }
}

} // namespace
} // namespace thrum::net
