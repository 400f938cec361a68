// With OpenSSL's own client and server as programs, if they are installed.
#include "tls/test_kit.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <thrum/io/buffered.h>
#include <thrum/process.h>
#include <thrum/runtime.h>

namespace thrum::tls {
namespace {

using namespace std::chrono_literals;
using namespace test;

class tls_interop : public testing::Test {
protected:
  void SetUp() override {
    bool here = false;
    thrum::run([&] {
      const auto r = run_process({"openssl", "version"});
      here = r && r->status.ok();
    });
    if (!here) GTEST_SKIP() << "the program openssl is not installed (Debian: openssl)";
    place_ =
        (std::filesystem::temp_directory_path() / ("thrum_interop_" + std::to_string(::getpid()))).string();
    std::filesystem::create_directory(place_);
    std::ofstream(file("root.pem")) << world_.root.pem();
    const issued i = world_.root.issue();
    std::ofstream(file("chain.pem")) << i.certificate;
    std::ofstream(file("key.pem")) << i.key;
  }
  void TearDown() override {
    if (!place_.empty()) std::filesystem::remove_all(place_);
  }
  std::string file(const std::string& name) const { return place_ + '/' + name; }

  const world world_;

private:
  std::string place_;
};

TEST_F(tls_interop, openssl_s_client_talks_to_our_server) {
  thrum::run([&] {
    const auto listener = net::tcp_listener::listen(net::endpoint::loopback_v4(0)).value();
    const std::string at = listener.local_address().value().to_string();
    const context settings = world_.server({.application_protocols = {"echo"}});
    for (const char* version : {"-tls1_2", "-tls1_3"}) {
      auto served = spawn([&] {
        const stream s = accept(listener.accept().value(), settings, 30s).value();
        char text[6];
        s.read_exactly(text, 30s).value();
        s.write_all({text, 6}, 30s).value();
        s.shutdown_write(30s).value();
        return s.application_protocol();
      });
      auto client =
          process::start({.program = "openssl",
                          .arguments = {"s_client", "-connect", at, "-CAfile", file("root.pem"),
                                        "-verify_return_error", "-servername", "localhost",
                                        "-verify_hostname", "localhost", "-alpn", "echo", "-quiet", version},
                          .in = process::pipe,
                          .out = process::pipe,
                          .err = process::null})
              .value();
      client.in().write_all("hello\n").value();
      char text[6];
      client.out().read_exactly(text, 30s).value();
      EXPECT_EQ(std::string(text, 6), "hello\n");
      EXPECT_EQ(served.join(), "echo");
    }
  });
}

TEST_F(tls_interop, our_client_talks_to_openssl_s_server) {
  thrum::run([&] {
    auto server =
        process::start({.program = "openssl",
                        .arguments = {"s_server", "-accept", "127.0.0.1:0", "-cert", file("chain.pem"),
                                      "-key", file("key.pem"), "-rev", "-alpn", "text"},
                        .in = process::null,
                        .out = process::pipe,
                        .err = process::to_out})
            .value();
    io::buffered_reader said(server.out());
    int port = 0;
    while (port == 0) { // "ACCEPT 127.0.0.1:43210"
      const std::string line(said.read_line({.until = 30s}).value());
      if (line.starts_with("ACCEPT")) port = std::atoi(line.c_str() + line.rfind(':') + 1);
    }
    const auto settings = world_.client({.application_protocols = {"text"}});
    for (int i = 0; i < 3; ++i) {
      const stream s = connect("127.0.0.1", static_cast<std::uint16_t>(port), settings, 30s).value();
      EXPECT_EQ(s.application_protocol(), "text");
      EXPECT_EQ(s.resumed(), i != 0);
      s.write_all("hello\n", 30s).value();
      char text[6];
      s.read_exactly(text, 30s).value();
      EXPECT_EQ(std::string(text, 6), "olleh\n");
      s.close();
    }
  });
}

} // namespace
} // namespace thrum::tls
