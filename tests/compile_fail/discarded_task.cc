// warning: a task does nothing until it is awaited, or given to await(), spawn() or go()
#include <thrum/task.h>

thrum::task<> work() { co_return; }

int main() { work(); }
