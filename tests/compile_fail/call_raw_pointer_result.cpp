// expect: a raw pointer cannot travel between processes
#include "call.hpp"

int* nowhere(int) { return nullptr; }

int main() { call(nowhere, 1); }
