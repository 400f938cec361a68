// SQLite: a thousand connections to one file. Its busy handler sleeps in the kernel until the lock is free.
#include "libraries/beside.h"
#include "libraries/server.h"

#if defined(THRUM_HAS_LIBRARY)
#include <sqlite3.h>
#endif

#include <cstdlib>
#include <string>

#if defined(THRUM_HAS_LIBRARY)

namespace {

using test::callers;
using test::calls;
using test::crowd;
using test::others;
using test::run_beside;

class connection {
public:
  explicit connection(const std::string& path) {
    EXPECT_EQ(::sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr),
              SQLITE_OK);
    ::sqlite3_busy_timeout(db_, 600'000);
    execute("PRAGMA synchronous = OFF"); // the disk is not under test
  }
  ~connection() { EXPECT_EQ(::sqlite3_close(db_), SQLITE_OK); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void execute(const std::string& sql) {
    char* message = nullptr;
    EXPECT_EQ(::sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
        << sql << ": " << (message != nullptr ? message : "");
    ::sqlite3_free(message);
  }
  // The one number that the query answers.
  long long ask(const std::string& sql) {
    sqlite3_stmt* query = nullptr;
    EXPECT_EQ(::sqlite3_prepare_v2(db_, sql.c_str(), -1, &query, nullptr), SQLITE_OK) << sql;
    EXPECT_EQ(::sqlite3_step(query), SQLITE_ROW) << sql;
    const long long answer = ::sqlite3_column_int64(query, 0);
    EXPECT_EQ(::sqlite3_finalize(query), SQLITE_OK);
    return answer;
  }

private:
  sqlite3* db_ = nullptr;
};

} // namespace

TEST(sqlite, writers_wait_for_the_lock_and_lose_nothing) {
  const test::temporary_folder folder;
  const std::string path = folder.file("database");
  run_beside([&](others& beside) {
    connection holder(path);
    holder.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, square INTEGER)");
    holder.execute("CREATE TABLE total (n INTEGER); INSERT INTO total VALUES (0)");
    holder.execute("BEGIN EXCLUSIVE");
    const std::size_t n = callers();
    crowd begun(n);
    calls all(n, [&](std::size_t i) {
      begun.begin();
      connection own(path);
      own.execute("BEGIN IMMEDIATE");
      const long long before = own.ask("SELECT n FROM total"); // a lost update would show
      own.execute("UPDATE total SET n = " + std::to_string(before + 1));
      own.execute("INSERT INTO entry VALUES (" + std::to_string(i) + ", " + std::to_string(i * i) + ")");
      own.execute("COMMIT");
      EXPECT_EQ(own.ask("SELECT square FROM entry WHERE number = " + std::to_string(i)),
                static_cast<long long>(i * i));
    });
    begun.wait_until_all_have_begun();
    beside.go_on();
    holder.execute("COMMIT");
    all.join();
    EXPECT_EQ(holder.ask("SELECT n FROM total"), static_cast<long long>(n));
    EXPECT_EQ(holder.ask("SELECT count(*) FROM entry"), static_cast<long long>(n));
    EXPECT_EQ(holder.ask("SELECT sum(square) FROM entry"),
              static_cast<long long>((n - 1) * n * (2 * n - 1) / 6));
  });
}

// Queries that compute: they take long and call nothing, and their fibers are taken from their processors as hogs.
TEST(sqlite, long_queries_of_one_connection_each) {
  run_beside([&](others& beside) {
    calls all(test::times(64), [&, since = beside.now()](std::size_t i) {
      connection own(":memory:");
      do
        EXPECT_EQ(own.ask("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000) "
                          "SELECT sum(x) + " +
                          std::to_string(i) + " FROM c"),
                  2'001'000 + static_cast<long long>(i));
      while (!beside.went_on(since));
    });
    all.join();
  });
}

#else

TEST(sqlite, is_not_here) { GTEST_SKIP() << "SQLite is not installed (Debian: libsqlite3-dev and pkgconf)"; }

#endif
