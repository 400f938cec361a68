// X25: the count, for all languages alike. `load BEFORE AFTER` prints how many signatures and how many lines differ.
#include "difference.h"

#include <cstdio>
#include <fstream>
#include <iterator>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::string text[2];
  for (int i = 0; i < 2; ++i) {
    std::ifstream in(argv[i + 1]);
    if (!in) return 1;
    text[i].assign(std::istreambuf_iterator<char>(in), {});
  }
  const int signatures =
      x25::changed_signatures(text[0], text[1], {"price", "line", "basket", "customer", "region", "report"});
  if (signatures < 0) return 1;
  std::printf("%d %d\n", signatures, x25::changed_lines(text[0], text[1]));
}
