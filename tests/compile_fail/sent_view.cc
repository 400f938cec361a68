// error: thrum: a view (string_view, span, ...) cannot be sent
#include <thrum/codec.h>

int main() { return static_cast<int>(thrum::encode(std::vector<std::string_view>{"text"}).size()); }
