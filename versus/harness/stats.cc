#include "harness/stats.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace versus {
namespace {

std::string print(const char* how, double v) {
  char text[64];
  std::snprintf(text, sizeof text, how, v);
  return text;
}

} // namespace

double summary::spread() const { return median != 0 ? (high - low) / 2 / std::fabs(median) : 0; }

summary summarize(std::vector<double> samples) {
  summary s;
  if (samples.empty()) return s;
  std::sort(samples.begin(), samples.end());
  std::size_t n = samples.size();
  s.count = static_cast<int>(n);
  s.low = samples.front();
  s.high = samples.back();
  s.median = n % 2 == 1 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
  return s;
}

std::string figure(double v) {
  double size = std::fabs(v);
  if (size >= 999.5e6) return print("%.2fG", v / 1e9);
  if (size >= 999'999.5) return size >= 99.5e6 ? print("%.0fM", v / 1e6) : print("%.2fM", v / 1e6);
  if (size < 9.995) return print("%.2f", v);
  if (size < 99.95) return print("%.1f", v);
  std::string digits = print("%.0f", v);
  std::size_t first = v < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string ratio(double v, double base) {
  if (base <= 0) return "";
  double r = v / base;
  if (r >= 999.5) return print("%.0fkx", r / 1000);
  return print(r < 0.995 ? "%.2fx" : r < 9.95 ? "%.1fx" : "%.0fx", r);
}

std::string percent(double part, bool unicode) {
  return (unicode ? "\u00b1" : "+-") + print("%.0f%%", part * 100);
}

std::string duration(double seconds) {
  if (seconds < 59.95) return print("%.1f s", seconds);
  int whole = static_cast<int>(seconds + 0.5);
  char text[32];
  std::snprintf(text, sizeof text, "%d:%02d min", whole / 60, whole % 60);
  return text;
}

} // namespace versus
