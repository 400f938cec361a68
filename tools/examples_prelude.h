// What the examples at the heads of the public headers use without declaring it (tools/check_examples.py).
#pragma once

#include <cstddef>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct picture {};

void work(int);
int compute();
void tick();
int add(int a, int b);
picture draw();
void show(const picture&);
void report(const std::string&);
std::string slow_lookup();
std::string fetch_user(int id);
std::string fetch_orders(int id);
std::string download(int mirror);
void tidy_up();
void make_context_current();
