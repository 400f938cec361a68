// hiredis, the blocking client of Redis: a thousand connections to a server that the test starts for itself.
#include "libraries/beside.h"
#include "libraries/server.h"

#if defined(THRUM_HAS_LIBRARY)
#include <hiredis/hiredis.h>
#endif

#include <chrono>
#include <csignal>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#if defined(THRUM_HAS_LIBRARY)

namespace {

using test::callers;
using test::calls;
using test::crowd;
using test::others;
using test::run_beside;

class connection {
public:
  explicit connection(const std::string& socket) : raw_(connect(socket)) {}
  ~connection() {
    if (raw_ != nullptr) ::redisFree(raw_);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  bool is_good() const { return raw_ != nullptr && raw_->err == 0; }
  // The answer as text; of a list, its last element.
  std::string run(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& w : words) {
      texts.push_back(w.data());
      sizes.push_back(w.size());
    }
    auto* reply = static_cast<redisReply*>(
        ::redisCommandArgv(raw_, static_cast<int>(words.size()), texts.data(), sizes.data()));
    if (reply == nullptr) return std::string("error: ") + raw_->errstr;
    const redisReply* last = reply;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) last = reply->element[reply->elements - 1];
    std::string text = last->type == REDIS_REPLY_INTEGER ? std::to_string(last->integer)
                       : last->str != nullptr            ? std::string(last->str, last->len)
                                                         : std::string();
    ::freeReplyObject(reply);
    return text;
  }

private:
  // hiredis does not wait for room in the server's queue of connections: it takes EAGAIN for an error. An answer shows that the
  // server has taken the connection out of the queue, which holds 128 at least.
  static redisContext* connect(const std::string& socket) {
    static thrum::counting_semaphore<> turns(64);
    turns.acquire();
    redisContext* raw = ::redisConnectUnix(socket.c_str());
    if (raw != nullptr && raw->err == 0)
      if (void* reply = ::redisCommand(raw, "PING")) ::freeReplyObject(reply);
    turns.release();
    return raw;
  }

  redisContext* raw_;
};

class redis : public testing::Test {
protected:
  static void SetUpTestSuite() {
    const std::string program = test::find_program("redis-server");
    if (program.empty()) return;
    test::allow_many_files(); // its connections are descriptors, too, and it inherits the limit
    folder_ = std::make_unique<test::temporary_folder>();
    server_ = std::make_unique<test::server_process>(
        std::vector<std::string>{program, "--port", "0", "--unixsocket", socket(), "--save", "", "--dir",
                                 folder_->path(), "--maxclients", "3000"},
        folder_->file("redis.log"), SIGTERM);
    while (!connection(socket()).is_good()) {
      if (server_->has_ended()) throw std::runtime_error("redis-server: " + server_->log());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  static void TearDownTestSuite() {
    server_.reset();
    folder_.reset();
  }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << "redis-server is not installed (Debian: redis-server)";
  }
  static std::string socket() { return folder_->file("redis.sock"); }

private:
  static inline std::unique_ptr<test::temporary_folder> folder_;
  static inline std::unique_ptr<test::server_process> server_;
};

} // namespace

TEST_F(redis, a_thousand_fibers_wait_for_an_element_each) {
  run_beside([](others& beside) {
    const std::size_t n = callers();
    crowd begun(n);
    thrum::mutex lock;
    std::set<std::string> got; // guarded by lock
    calls all(n, [&](std::size_t) {
      connection own(socket());
      ASSERT_TRUE(own.is_good());
      begun.begin();
      const std::string element = own.run({"BLPOP", "work", "0"});
      const std::lock_guard hold(lock);
      EXPECT_TRUE(got.insert(element).second) << element << " was handed out twice";
    });
    begun.wait_until_all_have_begun();
    beside.go_on();
    connection pusher(socket());
    for (std::size_t i = 0; i < n; ++i) pusher.run({"RPUSH", "work", std::to_string(i)});
    all.join();
    ASSERT_EQ(got.size(), n);
    for (std::size_t i = 0; i < n; ++i) EXPECT_TRUE(got.contains(std::to_string(i)));
  });
}

TEST_F(redis, answers_go_to_those_who_asked) {
  run_beside([](others& beside) {
    std::atomic<std::size_t> added{0};
    calls all(callers(), [&, since = beside.now()](std::size_t i) {
      connection own(socket());
      ASSERT_TRUE(own.is_good());
      const std::string key = "key " + std::to_string(i), value(100 + i, static_cast<char>('a' + i % 26));
      do {
        EXPECT_EQ(own.run({"SET", key, value}), "OK");
        EXPECT_EQ(own.run({"GET", key}), value);
        own.run({"INCR", "total"});
        ++added;
      } while (!beside.went_on(since));
    });
    all.join();
    EXPECT_EQ(connection(socket()).run({"GET", "total"}), std::to_string(added));
  });
}

#else

TEST(redis, is_not_here) { GTEST_SKIP() << "hiredis is not installed (Debian: libhiredis-dev and pkgconf)"; }

#endif
