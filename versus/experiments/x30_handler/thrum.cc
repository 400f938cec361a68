// X30 in thrum: the article's handler. HTTP is thrum::http, JSON is Boost.JSON's.
#include "kit/kit.h"

#include <thrum/guarded.h>
#include <thrum/http.h>
#include <thrum/thrum.h>

#include <boost/json/src.hpp>
#include <unordered_map>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
namespace http = thrum::http;

// In the process: documents by their ID, of which each is there once. With a delay, as a database behind a pool of ten connections.
class people {
public:
  explicit people(std::chrono::milliseconds delay) : delay_(delay) {}

  json::object insert_many(json::array&& persons) {
    if (persons.empty()) throw std::runtime_error("there is nobody to insert");
    if (delay_ > 0ms) {
      connections_.acquire();
      thrum::this_fiber::sleep_for(delay_);
      connections_.release();
    }
    json::object ids;
    ids.reserve(persons.size());
    auto all = all_.lock();
    for (std::size_t i = 0; i < persons.size(); ++i) {
      std::string id(persons[i].at("ID").as_string());
      ids.emplace(std::to_string(i), id);
      if (all->emplace(std::move(id), std::move(persons[i])).second) continue;
      for (std::size_t k = 0; k < i; ++k) all->erase(std::string(ids.at(std::to_string(k)).as_string()));
      throw std::runtime_error("a person of that ID is there");
    }
    json::object result;
    result.emplace("insertedCount", persons.size());
    result.emplace("insertedIds", std::move(ids));
    return result;
  }

private:
  const std::chrono::milliseconds delay_;
  thrum::counting_semaphore<> connections_{10};
  thrum::guarded<std::unordered_map<std::string, json::value>> all_;
};

http::response send(int status, const json::value& body) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = json::serialize(body)};
}
http::response say(int status, const char* message) {
  json::object body;
  body.emplace("message", message);
  return send(status, body);
}

bool is_person(const json::value& v) {
  const json::object* person = v.if_object();
  if (person == nullptr) return false;
  const json::value* name = person->if_contains("name");
  const json::value* age = person->if_contains("age");
  const json::value* id = person->if_contains("ID");
  return name != nullptr && name->is_string() && age != nullptr && age->is_number() && id != nullptr &&
         id->is_string();
}

http::response add_persons(const http::request& r, people& db) {
  if (r.method != "POST" || r.target != "/persons") return say(404, "There is only POST /persons.");
  boost::system::error_code bad;
  json::value body = json::parse(r.body, bad);
  if (bad) return say(400, "Request body must be JSON.");
  if (!body.is_array()) return say(400, "Request body must be an array of persons.");
  for (const json::value& person : body.get_array())
    if (!is_person(person))
      return say(400, "Each person must have name (string), age (number), and ID (string).");
  try {
    return send(201, db.insert_many(std::move(body.get_array())));
  } catch (const std::exception&) { // the load asks for this often: it is not printed
    return say(500, "Failed to insert people.");
  }
}

// The clients are another process, which prints the figures.
void question(const kit::bench& b, const char* variant, int port) {
  const char* load = std::getenv("VERSUS_LOAD");
  const std::string pid = std::to_string(getpid()), at = std::to_string(port);
  const char* args[] = {load,   pid.c_str(), at.c_str(), "thrum", variant, b.quick() ? "quick" : "full",
                        nullptr};
  pid_t child = -1;
  int status = -1;
  if (load == nullptr ||
      posix_spawn(&child, load, nullptr, nullptr, const_cast<char**>(args), environ) != 0 ||
      waitpid(child, &status, 0) != child || status != 0)
    std::exit(1);
}

void serve(const kit::bench& b, const char* variant, std::chrono::milliseconds delay) {
  if (!b.wants(variant)) return;
  people db(delay);
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  http::server server([&](const http::request& r) { return add_persons(r, db); });
  auto serving = thrum::spawn([&] { static_cast<void>(server.serve(listener)); });
  question(b, variant, listener.local_address().value().port()); // blocks its thread
  server.drain(1s);
  serving.join();
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X30", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        serve(b, "answers", 0ms);
        serve(b, "handler", 0ms);
        serve(b, "pool", 5ms);
        return 0;
      },
      {.processors = b.processors()});
}
