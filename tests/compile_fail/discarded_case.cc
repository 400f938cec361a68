// warning: after
#include <thrum/select.h>

int main() {
  thrum::after(std::chrono::seconds(1)); // not a sleep
}
