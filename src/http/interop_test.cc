// With others, where they are installed: curl asks our server, our client asks Python's.
#include "http/test_kit.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <vector>

#include <thrum/io/buffered.h>
#include <thrum/process.h>

namespace thrum::http {
namespace {

using namespace test;

bool is_installed(const char* program) {
  bool here = false;
  thrum::run([&] {
    const auto r = run_process({program, "--version"});
    here = r && r->status.ok();
  });
  return here;
}

std::string curl(std::vector<std::string> arguments, const std::string& input = {}) {
  std::vector<std::string> all = {"curl", "--silent", "--show-error", "--max-time", "60", "--noproxy", "*"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto r = run_process(all, {.input = input});
  EXPECT_TRUE(r && r->status.ok()) << (r ? r->err : r.error().message());
  return r ? r->out : "";
}

TEST(http_interop, curl_asks_our_server) {
  if (!is_installed("curl")) GTEST_SKIP() << "the program curl is not installed (Debian: curl)";
  run([] {
    site s(describe, {.max_body = 8 << 20});
    EXPECT_EQ(curl({s.url("/a?b=c")}), "GET /a?b=c ");
    EXPECT_EQ(curl({"--http1.0", s.url("/old")}), "GET /old ");
    EXPECT_EQ(curl({"--data", "x=1&y=2", s.url("/form")}), "POST /form x=1&y=2");
    const std::string large = letters(3 << 20); // curl waits for "100 Continue" with these
    EXPECT_TRUE(curl({"--header", "Expect: 100-continue", "--data-binary", "@-", s.url("/l")}, large) ==
                "POST /l " + large);
    EXPECT_TRUE(curl({"--header", "Transfer-Encoding: chunked", "--upload-file", "-", s.url("/c")}, large) ==
                "PUT /c " + large);
    const std::string head = curl({"--head", s.url("/h")});
    EXPECT_TRUE(has(head, "HTTP/1.1 200 OK\r\n") && has(head, "Content-Length: 8\r\n")) << head;
    EXPECT_EQ(curl({s.url("/1"), s.url("/2"), "--write-out", "[%{num_connects}]"}),
              "GET /1 [1]GET /2 [0]"); // kept
    const std::string refused =
        curl({"--header", "A: " + std::string(20'000, 'a'), "--write-out", "%{http_code}", s.url("/")});
    EXPECT_TRUE(has(refused, "431") && has(refused, "send fewer or shorter fields")) << refused;
  });
}

TEST(http_interop, our_client_asks_pythons_server) {
  if (!is_installed("python3")) GTEST_SKIP() << "the program python3 is not installed (Debian: python3)";
  const std::string place =
      (std::filesystem::temp_directory_path() / ("thrum_http_" + std::to_string(::getpid()))).string();
  std::filesystem::create_directory(place);
  const std::string text = letters(300'000);
  std::ofstream(place + "/file.txt") << text;
  run([&] {
    const char* program = "import functools, http.server, sys\n"
                          "class handler(http.server.SimpleHTTPRequestHandler):\n"
                          "  protocol_version = 'HTTP/1.1'\n"
                          "  def log_request(self, *_): pass\n"
                          "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), "
                          "functools.partial(handler, directory=sys.argv[1]))\n"
                          "print(server.server_port, flush=True)\n"
                          "server.serve_forever()\n";
    auto python = process::start({.program = "python3",
                                  .arguments = {"-c", program, place},
                                  .in = process::null,
                                  .out = process::pipe,
                                  .err = process::null})
                      .value();
    io::buffered_reader said(python.out());
    const std::string port(said.read_line({.until = 60s}).value());
    const std::string url = "http://127.0.0.1:" + port;
    client c;
    const auto file = c.get(url + "/file.txt", 60s).value();
    EXPECT_EQ(file.status, 200);
    EXPECT_EQ(file.headers.get("content-type"), "text/plain");
    EXPECT_TRUE(file.body == text);
    EXPECT_EQ(c.get(url + "/nothing", 60s).value().status, 404);
    EXPECT_EQ(c.fetch(url + "/file.txt", {.method = "HEAD"}, 60s).value().headers.get("Content-Length"),
              "300000");
    EXPECT_EQ(c.post(url + "/file.txt", "x", "", 60s).value().status, 501);
    EXPECT_LE(c.connected(), 3u); // it ends connections behind errors
  });
  std::filesystem::remove_all(place);
}

} // namespace
} // namespace thrum::http
