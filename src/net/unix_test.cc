// Sockets within the machine: addresses, files, streams and datagrams, who is at the other end.
#include "io/descriptor_kit.h"
#include "io/test_kit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <vector>

#include <thrum/net/unix.h>
#include <thrum/spawn.h>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;
using io::direction;
using io::errc;
using io::test::repetitions;
using io::test::wait_until;

bool waits(const io::handle& h, direction way) { return io::test::is_parked(*descriptor_of(h), way); }

// A directory of its own, that is gone with what is left in it.
class directory {
public:
  directory() {
    if (::mkdtemp(name_) == nullptr) std::abort();
  }
  ~directory() {
    for (const char* file : {"a", "b", "c"}) ::unlink(path(file).c_str());
    ::rmdir(name_);
  }
  directory(const directory&) = delete;
  directory& operator=(const directory&) = delete;
  std::string path(const char* file) const { return std::string(name_) + '/' + file; }

private:
  char name_[32] = "/tmp/thrum_unix_XXXXXX";
};

bool exists(const std::string& path) {
  struct stat s;
  return ::lstat(path.c_str(), &s) == 0;
}

// A socket file behind which nobody is any more.
void leave_behind(const std::string& path, int type = SOCK_STREAM) {
  const int fd = ::socket(AF_UNIX, type, 0);
  sockaddr_un a = {};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a), 0);
  ::close(fd);
}

std::pair<unix_stream, unix_stream> connected_to(const unix_listener& l) {
  unix_stream client = unix_stream::connect(l.local_address().value()).value();
  return {std::move(client), l.accept().value()};
}

class unix_on : public testing::TestWithParam<unsigned> {
protected:
  template <class F> void on_processors(F f) {
    const unsigned before = io::test::open_descriptors();
    run([&] { f(); }, {.processors = GetParam()});
    EXPECT_EQ(io::test::open_descriptors(), before);
  }
};
INSTANTIATE_TEST_SUITE_P(processors, unix_on, testing::Values(1u, 2u, 4u));

// ---- addresses

TEST(unix_address, what_is_printed_can_be_read_again) {
  for (const std::string text : {"/tmp/x", "relative", "@name", "./@file", "@"}) {
    const auto a = unix_address::parse(text + "x");
    ASSERT_TRUE(a) << text;
    EXPECT_EQ(a->to_string(), text + "x");
    EXPECT_EQ(unix_address::parse(a->to_string()), a);
    EXPECT_EQ(a->is_abstract(), text[0] == '@');
    EXPECT_EQ(a->is_path(), text[0] != '@');
  }
  EXPECT_TRUE(unix_address().is_none());
  EXPECT_EQ(unix_address().to_string(), "");
  EXPECT_NE(unix_address::parse("@a"), unix_address::parse("a"));
}

TEST(unix_address, what_is_none_is_refused) {
  EXPECT_FALSE(unix_address::parse(""));
  EXPECT_FALSE(unix_address::parse("@"));
  EXPECT_FALSE(unix_address::parse(std::string_view("a\0b", 3)));
  EXPECT_TRUE(unix_address::parse(std::string(107, 'x')));
  EXPECT_FALSE(unix_address::parse(std::string(108, 'x')));
  EXPECT_TRUE(unix_address::parse('@' + std::string(107, 'x')));
  EXPECT_FALSE(unix_address::parse('@' + std::string(108, 'x')));
  run([] {
    EXPECT_EQ(unix_listener::listen(std::string(200, 'x')).error(), std::errc::filename_too_long);
    EXPECT_EQ(unix_stream::connect("").error(), std::errc::invalid_argument);
    const auto missing = unix_stream::connect("/nowhere/at/all/is/a/directory/of/that/name.sock");
    EXPECT_EQ(missing.error().message(),
              "connect .../directory/of/that/name.sock: No such file or directory");
    EXPECT_THROW(static_cast<void>(unix_stream::connect("/nowhere/x").value()), io::failure);
  });
}

TEST(unix_address, the_longest_of_both_kinds_work) {
  run([] {
    const directory d;
    const std::string path = d.path("a");
    const std::string longest = d.path("") + std::string(unix_address::longest - d.path("").size(), 'a');
    for (const std::string& text : {path, longest, '@' + path, '@' + std::string(107, 'x')}) {
      const auto l = unix_listener::listen(text).value();
      EXPECT_EQ(l.local_address().value().to_string(), text);
      const auto c = connected_to(l);
      EXPECT_EQ(c.first.peer_address().value().to_string(), text);
      EXPECT_TRUE(c.second.peer_address().value().is_none());
    }
  });
}

// ---- files

TEST(unix_file, is_there_for_as_long_as_the_listener_and_has_its_mode) {
  run([] {
    const directory d;
    const std::string path = d.path("a");
    {
      unix_listener l = unix_listener::listen(path, {.mode = 0600}).value();
      struct stat s;
      ASSERT_EQ(::lstat(path.c_str(), &s), 0);
      EXPECT_EQ(s.st_mode & 0777u, 0600u);
      unix_listener moved(std::move(l));
      EXPECT_TRUE(exists(path));
      moved.close();
      EXPECT_FALSE(exists(path));
      moved.close();
    }
    { const auto again = unix_listener::listen(path).value(); }
    EXPECT_FALSE(exists(path)); // the end of a handle removes it, too
    { const auto kept = unix_listener::listen(path, {.unlink_on_close = false}).value(); }
    EXPECT_TRUE(exists(path));
  });
}

TEST(unix_file, a_stale_one_makes_room_only_if_that_was_asked_for) {
  run([] {
    const directory d;
    const std::string path = d.path("a");
    leave_behind(path);
    const auto refused = unix_listener::listen(path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::address_in_use);
    EXPECT_TRUE(exists(path));
    EXPECT_EQ(unix_stream::connect(path).error(), std::errc::connection_refused);
    const auto l = unix_listener::listen(path, {.remove_stale = true}).value();
    EXPECT_TRUE(connected_to(l).first.is_open());
    leave_behind(d.path("b"), SOCK_DGRAM);
    EXPECT_TRUE(unix_datagram::bind(d.path("b"), {.remove_stale = true}).has_value());
  });
}

TEST(unix_file, of_one_who_answers_or_is_no_socket_stays) {
  run([] {
    const directory d;
    const auto alive = unix_listener::listen(d.path("a")).value();
    EXPECT_EQ(unix_listener::listen(d.path("a"), {.remove_stale = true}).error(), std::errc::address_in_use);
    EXPECT_EQ(unix_datagram::bind(d.path("a"), {.remove_stale = true}).error(), std::errc::address_in_use);
    EXPECT_TRUE(alive.accept().has_value()); // the look
    ::close(::open(d.path("b").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EXPECT_EQ(unix_listener::listen(d.path("b"), {.remove_stale = true}).error(), std::errc::address_in_use);
    EXPECT_TRUE(exists(d.path("b")));
    EXPECT_TRUE(connected_to(alive).first.is_open());
  });
}

TEST(unix_file, a_successors_is_not_removed) {
  run([] {
    const directory d;
    const auto first = unix_listener::listen(d.path("a")).value();
    ASSERT_EQ(::rename(d.path("a").c_str(), d.path("b").c_str()), 0);
    const auto second = unix_listener::listen(d.path("a")).value();
    first.close();
    EXPECT_TRUE(exists(d.path("a")));
    EXPECT_TRUE(connected_to(second).first.is_open());
  });
}

// ---- streams

TEST_P(unix_on, every_byte_comes_back_to_its_sender) {
  on_processors([] {
    const auto l = unix_listener::listen("@thrum_echo_" + std::to_string(::getpid())).value();
    auto server = spawn([&] {
      std::vector<fiber<void>> served;
      while (auto s = l.accept())
        served.push_back(spawn([stream = std::move(*s)] {
          char buffer[1024];
          while (auto n = stream.read_some(buffer))
            if (*n == 0 || !stream.write_all({buffer, *n})) return;
        }));
      for (auto& f : served) f.join();
    });
    std::vector<fiber<void>> clients;
    for (unsigned c = 0; c < 50; ++c)
      clients.push_back(spawn([&, c] {
        const unix_stream s = unix_stream::connect(l.local_address().value()).value();
        for (unsigned i = 0; i < 20; ++i) {
          const std::string sent(1 + (c * 31 + i * 171) % 20'000, static_cast<char>('a' + (c + i) % 26));
          std::string got(sent.size(), '\0');
          auto writer = spawn([&] { s.write_all(sent).value(); });
          s.read_exactly(got).value();
          writer.join();
          ASSERT_TRUE(got == sent);
        }
      }));
    for (auto& c : clients) c.join();
    l.close();
    server.join();
  });
}

TEST(unix_stream, a_pair_ends_and_fails_as_streams_do) {
  run([] {
    auto [a, b] = unix_stream::pair().value();
    a.write_all("question").value();
    a.shutdown_write().value();
    char buffer[16];
    EXPECT_EQ(b.read_some(buffer).value(), 8u);
    EXPECT_EQ(b.read_some(buffer).value(), 0u);
    b.write_all("answer").value();
    EXPECT_EQ(a.read_some(buffer).value(), 6u);
    auto reader = spawn([&] {
      char x[1];
      return a.read_some(x).value();
    });
    wait_until([&] { return waits(a, direction::in); });
    b.close();
    EXPECT_EQ(reader.join(), 0u);
    EXPECT_EQ(a.write_all("x").error(), std::errc::broken_pipe);
    EXPECT_NE(::fcntl(a.native(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(a.native(), F_GETFD) & FD_CLOEXEC, 0);
  });
}

TEST(unix_stream, the_peer_is_who_it_is) {
  run([] {
    const auto l = unix_listener::listen("@thrum_who_" + std::to_string(::getpid())).value();
    const auto c = connected_to(l);
    for (const unix_stream* s : {&c.first, &c.second}) {
      const credentials who = s->peer_credentials().value();
      EXPECT_EQ(who.process, ::getpid());
      EXPECT_EQ(who.user, ::getuid());
      EXPECT_EQ(who.group, ::getgid());
    }
  });
}

TEST_P(unix_on, a_connect_waits_for_room_in_the_listeners_queue) {
  on_processors([] {
    const auto l = unix_listener::listen("@thrum_full_" + std::to_string(::getpid()), {.backlog = 0}).value();
    const unix_address at = l.local_address().value();
    const unix_stream first = unix_stream::connect(at).value();
    const auto late = unix_stream::connect(at, 5ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::deadline);
    auto stopped = spawn([&] {
      try {
        static_cast<void>(unix_stream::connect(at));
        return false;
      } catch (const cancelled&) { return true; }
    });
    stopped.request_stop();
    EXPECT_TRUE(stopped.join());
    std::vector<fiber<void>> clients;
    for (int i = 0; i < 5; ++i)
      clients.push_back(spawn([&] { unix_stream::connect(at).value().write_all("x").value(); }));
    EXPECT_TRUE(l.accept().has_value());
    char b[1];
    for (int i = 0; i < 5; ++i) EXPECT_EQ(l.accept().value().read_some(b).value(), 1u);
    for (auto& c : clients) c.join();
  });
}

TEST_P(unix_on, close_ends_accepts_in_any_state) {
  on_processors([] {
    const directory d;
    std::mt19937 random(4711);
    for (int i = 0; i < repetitions(200); ++i) {
      const auto l = unix_listener::listen(d.path("a")).value();
      auto acceptor = spawn([&] {
        for (;;)
          if (const auto s = l.accept(); !s) return s.error() == errc::closed;
      });
      if (random() % 2) static_cast<void>(unix_stream::connect(d.path("a")));
      for (auto n = random() % 4; n > 0; --n) this_fiber::yield();
      auto other = spawn([&] { l.close(); });
      l.close();
      other.join();
      ASSERT_TRUE(acceptor.join());
    }
  });
}

// ---- datagrams

TEST(unix_datagram, is_whole_names_its_sender_and_says_when_it_was_cut) {
  run([] {
    const directory d;
    const auto a = unix_datagram::bind(d.path("a")).value();
    const auto b = unix_datagram::bind(d.path("b"), {.mode = 0600}).value();
    const auto nobody = unix_datagram::unbound().value();
    const unix_address to = b.local_address().value();
    a.send_to("0123456789", to).value();
    a.send_to("", to).value();
    nobody.send_to("anonymous", to).value();
    char four[4];
    const unix_message cut = b.receive_from(four).value();
    EXPECT_EQ(cut.size, 4u);
    EXPECT_TRUE(cut.truncated);
    EXPECT_EQ(cut.from, a.local_address().value());
    EXPECT_EQ(b.receive_from(four).value().size, 0u);
    char room[16];
    const unix_message last = b.receive_from(room).value();
    EXPECT_EQ(last.size, 9u);
    EXPECT_FALSE(last.truncated);
    EXPECT_TRUE(last.from.is_none());
    b.close();
    EXPECT_FALSE(exists(d.path("b")));
    EXPECT_EQ(a.send_to("x", to).error(), std::errc::no_such_file_or_directory);
  });
}

// The receiver's queue holds a few; what more is sent waits, whether or not the two know each other.
TEST_P(unix_on, senders_wait_for_a_slow_receiver_and_lose_nothing) {
  on_processors([] {
    const auto l = unix_datagram::bind("@thrum_slow_" + std::to_string(::getpid())).value();
    const unix_address to = l.local_address().value();
    constexpr int each = 300;
    auto stranger = spawn([&] {
      const auto s = unix_datagram::unbound().value();
      for (int i = 0; i < each; ++i) s.send_to("s", to).value();
    });
    auto peer = spawn([&] {
      const auto s = unix_datagram::unbound().value();
      s.set_peer(to).value();
      for (int i = 0; i < each; ++i) s.send("p").value();
    });
    int from_stranger = 0;
    char b[1];
    for (int i = 0; i < 2 * each; ++i) {
      EXPECT_EQ(l.receive(b).value(), 1u);
      from_stranger += b[0] == 's' ? 1 : 0;
    }
    stranger.join();
    peer.join();
    EXPECT_EQ(from_stranger, each);
    EXPECT_EQ(l.receive(b, 0ms).error(), errc::deadline);
  });
}

TEST(unix_datagram, a_send_to_a_full_receiver_ends_when_it_is_late_or_stopped) {
  run([] {
    const auto l = unix_datagram::bind("@thrum_end_" + std::to_string(::getpid())).value();
    const unix_address to = l.local_address().value();
    const auto s = unix_datagram::unbound().value();
    const auto p = unix_datagram::unbound().value();
    p.set_peer(to).value();
    int sent = 0;
    io::result<void> r;
    while ((r = s.send_to("x", to, 0ms))) ++sent;
    EXPECT_EQ(r.error(), errc::deadline);
    EXPECT_EQ(p.send("x", 0ms).error(), errc::deadline);
    const auto is_stopped = [](auto send) {
      return spawn([=] {
        try {
          static_cast<void>(send());
          return false;
        } catch (const cancelled&) { return true; }
      });
    };
    auto first = is_stopped([&] { return s.send_to("x", to); });
    auto second = is_stopped([&] { return p.send("x"); });
    wait_until([&] { return waits(p, direction::out); });
    first.request_stop();
    second.request_stop();
    EXPECT_TRUE(first.join());
    EXPECT_TRUE(second.join());
    char b[1];
    for (int i = 0; i < sent; ++i) EXPECT_EQ(l.receive(b).value(), 1u);
    EXPECT_EQ(l.receive(b, 0ms).error(), errc::deadline);
    auto third = spawn([&] {
      for (;;)
        if (const auto e = s.send_to("x", to); !e) return e.error() == errc::closed;
    });
    this_fiber::yield();
    s.close();
    EXPECT_TRUE(third.join());
  });
}

TEST(unix_datagram, a_pair_talks_both_ways) {
  run([] {
    auto [a, b] = unix_datagram::pair().value();
    a.send("ping").value();
    char buffer[8];
    EXPECT_EQ(b.receive(buffer).value(), 4u);
    b.send("pong").value();
    EXPECT_EQ(a.receive(buffer).value(), 4u);
  });
}

// ---- threads, and nothing at all

TEST(unix_stream, plain_threads_use_the_default_runtime) {
  const auto l = unix_listener::listen("@thrum_thread_" + std::to_string(::getpid())).value();
  std::thread server([&] {
    const auto s = l.accept().value();
    char b[6];
    s.read_exactly(b).value();
    s.write_all(b).value();
  });
  const auto c = unix_stream::connect(l.local_address().value(), 10s).value();
  c.write_all("thread").value();
  char b[6];
  c.read_exactly(b).value();
  EXPECT_EQ(std::string(b, 6), "thread");
  server.join();
}

TEST(unix_stream, an_empty_handle_fails_every_operation) {
  const unix_stream none;
  const unix_listener nobody;
  const unix_datagram nothing;
  char b[1];
  EXPECT_EQ(none.read_some(b).error(), errc::closed);
  EXPECT_EQ(none.peer_credentials().error(), errc::closed);
  EXPECT_EQ(none.send_descriptor(0).error(), errc::closed);
  EXPECT_EQ(none.receive_descriptor().error(), errc::closed);
  EXPECT_EQ(nobody.accept().error(), errc::closed);
  nobody.close();
  EXPECT_EQ(nothing.receive(b).error(), errc::closed);
  EXPECT_EQ(nothing.send("x").error(), errc::closed);
}

} // namespace
} // namespace thrum::net
