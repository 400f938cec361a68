// Stands in for programs that need HTTP and JSON where thrum was built without (versus/CMakeLists.txt).
#include <cstdio>

int main() {
  std::fputs("needs thrum::http and Boost.JSON, the headers of Boost 1.75 or newer: apt install "
             "libboost1.81-dev (or libboost-dev)\n",
             stderr);
  return 1;
}
