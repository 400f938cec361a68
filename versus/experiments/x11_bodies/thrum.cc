// X11 in thrum: a server that parses small and large bodies. HTTP is thrum::http, JSON is Boost.JSON's.
#include "kit/kit.h"

#include <thrum/http.h>
#include <thrum/thrum.h>

#include <boost/json/src.hpp>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
namespace http = thrum::http;

http::response count(const http::request& r) {
  const json::value persons = json::parse(r.body);
  std::int64_t ages = 0;
  for (const json::value& person : persons.as_array()) ages += person.at("age").as_int64();
  return {.headers = {{"Content-Type", "application/json"}},
          .body = "{\"persons\":" + std::to_string(persons.as_array().size()) +
                  ",\"ages\":" + std::to_string(ages) + '}'};
}

// The clients are another process, which prints the figures.
void question(const kit::bench& b, const std::string& variant, int port, int bodies) {
  const char* load = std::getenv("VERSUS_LOAD");
  const std::string at = std::to_string(port), large = std::to_string(bodies);
  const char* args[] = {
      load, at.c_str(), "thrum", variant.c_str(), large.c_str(), b.quick() ? "quick" : "full", nullptr};
  pid_t child = -1;
  int status = -1;
  if (load == nullptr ||
      posix_spawn(&child, load, nullptr, nullptr, const_cast<char**>(args), environ) != 0 ||
      waitpid(child, &status, 0) != child || status != 0)
    std::exit(1);
}

void serve(const kit::bench& b, const char* variant, int bodies) {
  if (!b.wants(variant)) return;
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  http::server server(count, {.max_body = 32 << 20});
  auto serving = thrum::spawn([&] { static_cast<void>(server.serve(listener)); });
  const int port = listener.local_address().value().port();
  thrum::blocking([&] { question(b, std::string(variant) + "@all", port, bodies); });
  server.drain(1s);
  serving.join();
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X11", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        serve(b, "alone", 0);
        serve(b, "one", 1);
        serve(b, "each", static_cast<int>(thrum::runtime::current().processors()));
        return 0;
      },
      {.processors = b.processors()});
}
