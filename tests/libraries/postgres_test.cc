// libpq's blocking calls, against a PostgreSQL that the test starts in a folder of its own. A server grants some 100 connections,
// each a process; so a thousand fibers share 64 of them, and a counting_semaphore lets no more in.
#include "libraries/beside.h"
#include "libraries/server.h"

#if defined(THRUM_HAS_LIBRARY)
#include <libpq-fe.h>
#endif

#include <thrum/io/borrowed.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
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

// The database server of this program.
class cluster {
public:
  // Why there is none, or an empty text.
  std::string start() {
    const std::vector<std::string> debian{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"};
    const std::string initdb = test::find_program("initdb", debian);
    const std::string postgres = test::find_program("postgres", debian);
    if (initdb.empty() || postgres.empty()) return "PostgreSQL is not installed (Debian: postgresql)";
    test::give_to_nobody_if_root(folder_.path());
    const std::string data = folder_.file("data");
    test::server_process init(
        {initdb, "-D", data, "-U", "thrum", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"},
        folder_.file("initdb.log"), SIGTERM, test::as::nobody_if_root);
    if (init.wait() != 0) throw std::runtime_error("initdb: " + init.log());
    server_ = std::make_unique<test::server_process>(
        std::vector<std::string>{postgres, "-D", data, "-k", folder_.path(), "-c", "listen_addresses=", "-c",
                                 "fsync=off", "-c", "max_connections=100"},
        folder_.file("postgres.log"), SIGINT, test::as::nobody_if_root); // SIGINT: ends all connections first
    while (::PQping(where().c_str()) != PQPING_OK) {
      if (server_->has_ended()) throw std::runtime_error("postgres: " + server_->log());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return {};
  }
  std::string where() const { return "host=" + folder_.path() + " user=thrum dbname=postgres"; }

private:
  test::temporary_folder folder_;
  std::unique_ptr<test::server_process> server_;
};

class result {
public:
  explicit result(PGresult* r) : result_(r) {}
  ~result() { ::PQclear(result_); }
  result(const result&) = delete;
  result& operator=(const result&) = delete;

  bool is_good() const {
    return ::PQresultStatus(result_) == PGRES_TUPLES_OK || ::PQresultStatus(result_) == PGRES_COMMAND_OK;
  }
  std::string text() const { return ::PQntuples(result_) > 0 ? ::PQgetvalue(result_, 0, 0) : ""; }
  std::string code() const {
    const char* state = ::PQresultErrorField(result_, PG_DIAG_SQLSTATE);
    return state != nullptr ? state : "";
  }
  std::string message() const { return ::PQresultErrorMessage(result_); }

private:
  PGresult* result_;
};

class connection {
public:
  explicit connection(const std::string& where) : raw_(::PQconnectdb(where.c_str())) {
    EXPECT_EQ(::PQstatus(raw_), CONNECTION_OK) << ::PQerrorMessage(raw_);
  }
  ~connection() { ::PQfinish(raw_); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  result run(const char* sql) { return result(::PQexec(raw_, sql)); }
  result run(const char* sql, const std::string& parameter) {
    const std::array<const char*, 1> values{parameter.c_str()};
    return result(::PQexecParams(raw_, sql, 1, nullptr, values.data(), nullptr, nullptr, 0));
  }
  // The answer's text. The fiber parks meanwhile.
  std::string wait_for(const char* sql) {
    const auto socket = thrum::io::borrowed::from(::PQsocket(raw_)).value();
    EXPECT_EQ(::PQsetnonblocking(raw_, 1), 0);
    EXPECT_EQ(::PQsendQuery(raw_, sql), 1);
    while (::PQflush(raw_) == 1) socket.wait_writable().value();
    while (::PQisBusy(raw_) == 1) {
      socket.wait_readable().value();
      EXPECT_EQ(::PQconsumeInput(raw_), 1);
    }
    const result r(::PQgetResult(raw_));
    EXPECT_TRUE(r.is_good()) << r.message();
    EXPECT_EQ(::PQgetResult(raw_), nullptr);
    EXPECT_EQ(::PQsetnonblocking(raw_, 0), 0);
    return r.text();
  }

private:
  PGconn* raw_;
};

constexpr std::size_t at_a_time = 64;

// Connections that fibers share; lent() waits for one.
class pool {
public:
  explicit pool(const std::string& where, std::size_t n) : turns_(static_cast<std::ptrdiff_t>(n)) {
    std::vector<thrum::fiber<void>> connecting;
    for (std::size_t i = 0; i < n; ++i)
      connecting.push_back(thrum::spawn([&] { put(std::make_unique<connection>(where)); }));
    for (auto& c : connecting) c.join();
  }

  template <class F> void with_one(F f) {
    turns_.acquire();
    std::unique_ptr<connection> one;
    {
      const std::lock_guard hold(lock_);
      one = std::move(free_.back());
      free_.pop_back();
    }
    f(*one);
    put(std::move(one));
    turns_.release();
  }

private:
  void put(std::unique_ptr<connection> one) {
    const std::lock_guard hold(lock_);
    free_.push_back(std::move(one));
  }

  thrum::counting_semaphore<> turns_;
  thrum::mutex lock_;
  std::vector<std::unique_ptr<connection>> free_; // guarded by lock_
};

class postgres : public testing::Test {
protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<cluster>();
    missing_ = server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!missing_.empty()) GTEST_SKIP() << missing_;
  }
  static std::string where() { return server_->where(); }

private:
  static inline std::unique_ptr<cluster> server_;
  static inline std::string missing_;
};

// 64 threads blocked in libpq, those of the runtime, and some to spare: far less than a thread a fiber.
constexpr unsigned max_threads = 100;

} // namespace

TEST_F(postgres, a_thousand_queries_on_64_connections) {
  run_beside(
      [](others& beside) {
        pool connections(where(), at_a_time);
        calls all(callers(), [&, since = beside.now()](std::size_t i) {
          do
            connections.with_one([&](connection& c) {
              const result r =
                  c.run("SELECT $1::int * 2 FROM (SELECT pg_sleep(0.005)) AS nap", std::to_string(i));
              EXPECT_TRUE(r.is_good()) << r.message();
              EXPECT_EQ(r.text(), std::to_string(2 * i));
            });
          while (!beside.went_on(since));
        });
        all.join();
      },
      max_threads);
}

TEST_F(postgres, queries_wait_for_a_lock_in_the_server) {
  run_beside(
      [](others& beside) {
        connection holder(where());
        EXPECT_TRUE(holder.run("SELECT pg_advisory_lock(7)").is_good());
        const std::size_t n = std::min(callers(), at_a_time);
        pool connections(where(), n);
        crowd first(n);
        std::atomic<std::size_t> begun{0};
        calls all(callers(), [&](std::size_t i) {
          connections.with_one([&](connection& c) {
            if (begun++ < n) first.begin();
            EXPECT_TRUE(c.run("SELECT pg_advisory_lock_shared(7)").is_good());
            EXPECT_EQ(c.run("SELECT $1::text || '!'", std::to_string(i)).text(), std::to_string(i) + "!");
            EXPECT_EQ(c.run("SELECT pg_advisory_unlock_shared(7)").text(), "t");
          });
        });
        first.wait_until_all_have_begun();
        beside.go_on();
        EXPECT_EQ(holder.run("SELECT pg_advisory_unlock(7)").text(), "t");
        all.join();
      },
      max_threads);
}

TEST_F(postgres, transactions_count_to_a_thousand) {
  run_beside(
      [](others&) {
        connection watcher(where());
        EXPECT_TRUE(watcher.run("CREATE TABLE total (n int); INSERT INTO total VALUES (0)").is_good());
        pool connections(where(), at_a_time);
        calls all(callers(), [&](std::size_t i) {
          connections.with_one([&](connection& c) {
            EXPECT_TRUE(c.run("BEGIN").is_good());
            const int before = std::atoi(c.run("SELECT n FROM total FOR UPDATE").text().c_str());
            EXPECT_TRUE(c.run("UPDATE total SET n = $1::int", std::to_string(before + 1)).is_good());
            // One in ten fails on purpose and takes its addition back.
            if (i % 10 == 0) {
              EXPECT_EQ(c.run("SELECT 1 / 0").code(), "22012");
              EXPECT_TRUE(c.run("ROLLBACK").is_good());
            } else {
              EXPECT_TRUE(c.run("COMMIT").is_good());
            }
          });
        });
        all.join();
        EXPECT_EQ(watcher.run("SELECT n FROM total").text(),
                  std::to_string(callers() - (callers() + 9) / 10));
      },
      max_threads);
}

// The non-blocking form of libpq, and waits of thrum: all queries wait in the server at a time, and there are four threads.
TEST_F(postgres, fibers_wait_for_answers_without_threads) {
  thrum::run(
      [] {
        constexpr std::size_t n = 32;
        connection holder(where());
        EXPECT_TRUE(holder.run("SELECT pg_advisory_lock(8)").is_good());
        pool connections(where(), n);
        std::vector<thrum::fiber<std::string>> queries;
        for (std::size_t i = 0; i < n; ++i)
          queries.push_back(thrum::spawn([&] {
            std::string answer;
            connections.with_one([&](connection& c) {
              answer = c.wait_for("SELECT 'got it' FROM (SELECT pg_advisory_lock_shared(8)) AS waits");
            });
            return answer;
          }));
        // Asked until all of them wait.
        while (
            holder.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").text() !=
            std::to_string(n))
          thrum::this_fiber::sleep_for(std::chrono::milliseconds(5));
        EXPECT_EQ(holder.run("SELECT pg_advisory_unlock(8)").text(), "t");
        for (auto& q : queries) EXPECT_EQ(q.join(), "got it");
      },
      {.processors = 2, .max_threads = 4});
}

#else

TEST(postgres, is_not_here) { GTEST_SKIP() << "libpq is not installed (Debian: libpq-dev and pkgconf)"; }

#endif
