// libcurl's blocking calls, against an HTTP server of thrum in the same runtime: a thousand threads sit in poll(), and the fibers
// that answer them run on the same two processors.
#include "libraries/beside.h"

#if defined(THRUM_HAS_LIBRARY)
#include <curl/curl.h>
#endif

#include <cstdlib>
#include <string>
#include <string_view>

#if defined(THRUM_HAS_LIBRARY)

namespace {

using test::callers;
using test::calls;
using test::crowd;
using test::others;
using test::run_beside;

// Answers "GET /x" with "x x", one connection after the other its own fiber. Until open() no answer is sent.
class http_server {
public:
  http_server() : listener_(thrum::net::tcp_listener::listen("127.0.0.1:0").value()) {
    accepting_ = thrum::spawn([this] {
      while (auto stream = listener_.accept()) thrum::go([this, s = std::move(*stream)] { serve(s); });
    });
  }
  ~http_server() {
    listener_.close();
    accepting_.join();
  }

  void open() { gate_.count_down(); }
  std::size_t asked() const { return asked_; }
  std::string url(std::size_t i) const {
    return "http://" + listener_.local_address().value().to_string() + "/" + std::to_string(i);
  }

private:
  void serve(const thrum::net::tcp_stream& stream) {
    std::string request;
    for (char buffer[1024];;) {
      const auto n = stream.read_some(buffer);
      if (!n || *n == 0) return;
      request.append(buffer, *n);
      const std::size_t end = request.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::string path = request.substr(5, request.find(' ', 5) - 5); // after "GET /"
      request.erase(0, end + 4);
      ++asked_;
      gate_.wait();
      const std::string body = path + " " + path;
      if (!stream.write_all("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body))
        return;
    }
  }

  thrum::net::tcp_listener listener_;
  thrum::latch gate_{1};
  std::atomic<std::size_t> asked_{0};
  thrum::fiber<void> accepting_;
};

std::size_t append(char* data, std::size_t size, std::size_t n, void* to) {
  static_cast<std::string*>(to)->append(data, size * n);
  return size * n;
}

class transfer {
public:
  transfer() : handle_(::curl_easy_init()) {
    ::curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(handle_, CURLOPT_PROXY, "");
    ::curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &append);
  }
  ~transfer() { ::curl_easy_cleanup(handle_); }
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  std::string get(const std::string& url) {
    std::string body;
    ::curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
    ::curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &body);
    const CURLcode code = ::curl_easy_perform(handle_);
    EXPECT_EQ(code, CURLE_OK) << ::curl_easy_strerror(code);
    long status = 0;
    ::curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    EXPECT_EQ(status, 200);
    return body;
  }

private:
  CURL* handle_;
};

std::string answer(std::size_t i) { return std::to_string(i) + " " + std::to_string(i); }

class curl : public testing::Test {
protected:
  static void SetUpTestSuite() { ASSERT_EQ(::curl_global_init(CURL_GLOBAL_ALL), CURLE_OK); }
  static void TearDownTestSuite() { ::curl_global_cleanup(); }
};

} // namespace

TEST_F(curl, a_thousand_transfers_wait_for_a_server_on_the_same_processors) {
  run_beside([](others& beside) {
    http_server server;
    const std::size_t n = callers();
    calls all(n, [&](std::size_t i) { EXPECT_EQ(transfer().get(server.url(i)), answer(i)); });
    while (server.asked() < n) thrum::this_fiber::sleep_for(std::chrono::milliseconds(1));
    beside.go_on();
    server.open();
    all.join();
  });
}

// A handle stays with its fiber, which goes from thread to thread between the calls.
TEST_F(curl, connections_are_used_again) {
  run_beside([](others& beside) {
    http_server server;
    server.open();
    calls all(test::times(200), [&, since = beside.now()](std::size_t i) {
      transfer own;
      for (std::size_t k = 0; k < 5 || !beside.went_on(since); ++k) {
        EXPECT_EQ(own.get(server.url(i + k)), answer(i + k));
        thrum::this_fiber::yield();
      }
    });
    all.join();
  });
}

TEST_F(curl, a_refused_connection_is_an_error_as_ever) {
  std::string nobody_there;
  run_beside([&](others&) {
    {
      const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
      nobody_there = "http://" + listener.local_address().value().to_string() + "/";
    }
    calls all(test::times(100), [&](std::size_t) {
      CURL* handle = ::curl_easy_init();
      ::curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
      ::curl_easy_setopt(handle, CURLOPT_PROXY, "");
      ::curl_easy_setopt(handle, CURLOPT_URL, nobody_there.c_str());
      EXPECT_EQ(::curl_easy_perform(handle), CURLE_COULDNT_CONNECT);
      ::curl_easy_cleanup(handle);
    });
    all.join();
  });
}

#else

TEST(curl, is_not_here) {
  GTEST_SKIP() << "libcurl is not installed (Debian: libcurl4-openssl-dev and pkgconf)";
}

#endif
