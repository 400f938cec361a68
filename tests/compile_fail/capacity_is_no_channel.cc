// error: conversion from
#include <thrum/chan.h>

void use(const thrum::chan<int>&);
int main() {
  const thrum::chan<int> c = 4; // a capacity is not a channel: say chan<int>(4)
}
