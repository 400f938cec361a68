// error: thrum: a std::function cannot be sent
#include <thrum/codec.h>

int main() { return static_cast<int>(thrum::encode(std::function<void()>()).size()); }
