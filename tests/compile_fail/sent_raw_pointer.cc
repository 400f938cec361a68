// error: thrum: a raw pointer cannot be sent
#include <thrum/codec.h>

struct list {
  int value;
  list* next;
};
int main() { return static_cast<int>(thrum::encode(list{1, nullptr}).size()); }
