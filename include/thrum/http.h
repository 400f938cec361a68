// HTTP/1.1, the component thrum::http: servers and clients in plain blocking style, over the parser of Boost.Beast.
//
//   thrum::http::response answer(const thrum::http::request& r) {
//     const auto user = thrum::http::get("http://127.0.0.1:8081" + r.target, 2s); // waits: this fiber does, and no other
//     if (!user) return {.status = 502, .body = user.error().message() + '\n'};
//     return {.status = user->status, .body = "<pre>" + user->body + "</pre>\n"};
//   }
//   int gateway() {
//     const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:8080").value();
//     return thrum::http::serve(listener, answer) ? 0 : 1;
//   }
//
// A program asks CMake for it, find_package(thrum REQUIRED COMPONENTS http), and links thrum::http. <thrum/thrum.h> does not include it.
// Boost (1.74 or newer, headers only) is needed to build thrum::http, and not to use it.
//
// http/server.h serves, http/client.h asks, http/message.h has what they say, http/error.h how clients fail; net/tcp.h comes with them.
#pragma once

#include <thrum/http/client.h>
#include <thrum/http/error.h>
#include <thrum/http/message.h>
#include <thrum/http/server.h>
#include <thrum/net/tcp.h>
