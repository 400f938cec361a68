// The article's program with aiohttp and asyncio.gather: users are fetched by HTTP, all at once, over connections that are kept.
//
//   async def get_users(ids):                                    # in Python
//       async with aiohttp.ClientSession() as session:
//           return await asyncio.gather(*[fetch_user(session, id) for id in ids])
#include <thrum/http.h>
#include <thrum/limit.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace http = thrum::http;

namespace {

std::string fetch_user(http::client& session, const std::string& site, int id) {
  return session.get(site + "/users/" + std::to_string(id), 10s).value().body; // throws what has gone wrong
}

std::vector<std::string> get_users(const std::string& site, const std::vector<int>& ids) {
  http::client session;
  return thrum::map_limit(ids.size(), ids, [&](int id) { return fetch_user(session, site, id); });
}

// Answers when three have asked: who asks for one after the other waits for ever.
http::response user(const http::request& r, thrum::barrier<>& three) {
  three.arrive_and_wait();
  return {.headers = {{"Content-Type", "application/json"}}, .body = R"({"id":)" + r.target.substr(7) + '}'};
}

} // namespace

int main() {
  return thrum::run([] {
    thrum::barrier<> three(3);
    http::server server([&](const http::request& r) { return user(r, three); });
    const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
    auto serving = thrum::spawn([&] { server.serve(listener).value(); });
    for (const std::string& text :
         get_users("http://" + listener.local_address().value().to_string(), {1, 2, 3}))
      std::printf("%s\n", text.c_str());
    server.drain();
    serving.join();
    return 0;
  });
}
