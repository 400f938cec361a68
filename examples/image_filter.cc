// An image in four processes: drawn, blurred and drawn small, in stripes. Each process gets its stripe and a row around it, and gives
// the stripe back; that all pixels are the same as by one process is checked.
#include <thrum/process_pool.h>
#include <thrum/thrum.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

constexpr int width = 320;
constexpr int height = 240;

struct stripe {
  int first_row = 0;
  int rows = 0;
  std::vector<std::uint8_t> pixels;
};

std::vector<stripe> stripes(int how_many) {
  std::vector<stripe> all;
  for (int i = 0; i < how_many; ++i) {
    const int from = height * i / how_many;
    all.push_back({from, height * (i + 1) / how_many - from, {}});
  }
  return all;
}

// The Mandelbrot set.
stripe draw(stripe s) {
  for (int y = s.first_row; y < s.first_row + s.rows; ++y)
    for (int x = 0; x < width; ++x) {
      const double cr = (x - 0.7 * width) / (0.4 * width);
      const double ci = (y - 0.5 * height) / (0.4 * height);
      double zr = 0;
      double zi = 0;
      int n = 0;
      for (; n < 255 && zr * zr + zi * zi < 4; ++n) {
        const double next = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = next;
      }
      s.pixels.push_back(static_cast<std::uint8_t>(n));
    }
  return s;
}

// Each pixel becomes the mean of the nine around it. The stripe has come with the row above it and the row below it, at the edges
// twice the same.
stripe blur(stripe s) {
  std::vector<std::uint8_t> result;
  for (int y = 1; y <= s.rows; ++y)
    for (int x = 0; x < width; ++x) {
      int sum = 0;
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
          sum += s.pixels[static_cast<std::size_t>((y + dy) * width + std::clamp(x + dx, 0, width - 1))];
      result.push_back(static_cast<std::uint8_t>(sum / 9));
    }
  s.pixels = std::move(result);
  return s;
}

using image = std::vector<std::uint8_t>;

image joined(const std::vector<stripe>& all) {
  image whole;
  for (const stripe& s : all) whole.insert(whole.end(), s.pixels.begin(), s.pixels.end());
  return whole;
}
std::vector<stripe> with_neighbours(const image& whole, std::vector<stripe> all) {
  for (stripe& s : all)
    for (int y = s.first_row - 1; y <= s.first_row + s.rows; ++y) {
      const auto row = whole.begin() + std::clamp(y, 0, height - 1) * width;
      s.pixels.insert(s.pixels.end(), row, row + width);
    }
  return all;
}

int main() {
  const auto filtered = thrum::run([] {
    thrum::process_pool pool({.processes = 4});
    const image drawn = joined(pool.map(thrum::fn<&draw>, stripes(8), 1));
    return joined(pool.map(thrum::fn<&blur>, with_neighbours(drawn, stripes(8)), 1));
  });

  const image alone = joined({draw(stripes(1)[0])});
  const bool same = filtered == joined({blur(with_neighbours(alone, stripes(1))[0])});
  std::printf("%zu pixels, %s\n", filtered.size(), same ? "the same as by one process" : "different");
  for (int y = 8; y < height; y += 16) {
    std::string line;
    for (int x = 4; x < width; x += 6)
      line += " .:-=+*%@#"[filtered[static_cast<std::size_t>(y * width + x)] * 10 / 256];
    while (line.ends_with(' ')) line.pop_back();
    std::printf("%s\n", line.c_str());
  }
}
