#include "core/throw_trace.hpp"

#include <dlfcn.h>
#include <execinfo.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <span>
#include <typeinfo>

#include "core/symbols.hpp"

namespace mpx::detail {
namespace {

constexpr int kFrames = 32;
constexpr std::size_t kThrows = 4;  // an exception in flight, and those thrown while it unwinds

struct Throw {
  void* object;
  const std::type_info* type;
  const void* thrower;  // address in the function with the throw expression
  int frames;
  std::array<void*, kFrames> stack;
};

// Constant-initialised, so that a thread that never throws never touches it.
struct Recorder {
  int depth;
  unsigned next;
  std::array<Throw, kThrows> throws;
};
constinit thread_local Recorder recorder{};

}  // namespace

/// For __cxa_throw below, which is outside the namespace.
void record_throw(void* object, const std::type_info* type, const void* thrower) noexcept {
  if (recorder.depth == 0) {
    // The object may lie where one of the recorded ones lay.
    for (Throw& entry : recorder.throws) {
      if (entry.object == object) entry.object = nullptr;
    }
    return;
  }
  Throw& entry = recorder.throws[recorder.next++ % kThrows];
  entry.object = object;
  entry.type = type;
  entry.thrower = thrower;
  entry.frames = backtrace(entry.stack.data(), kFrames);
}

RecordThrows::RecordThrows() noexcept { ++recorder.depth; }
RecordThrows::~RecordThrows() { --recorder.depth; }

std::string backtrace_of(const void* thrown) {
  for (unsigned back = 1; back <= kThrows; ++back) {
    const Throw& entry = recorder.throws[(recorder.next - back) % kThrows];
    if (entry.object != thrown || entry.frames <= 0) continue;
    // How many frames are our own depends on inlining and on sanitizers.
    const auto stack = std::span(entry.stack).first(static_cast<std::size_t>(entry.frames));
    const auto first = std::find(stack.begin(), stack.end(), entry.thrower);
    return symbolise(first == stack.end() ? stack : std::span(first, stack.end()));
  }
  return {};
}

std::string describe_last_throw() {
  const Throw& entry = recorder.throws[(recorder.next - 1) % kThrows];
  if (entry.object == nullptr) return {};
  std::string text = demangle(entry.type->name());
  // Of libstdc++'s personality: whether a handler for the one type takes an object of the other.
  void* base = entry.object;
  if (typeid(std::exception).__do_catch(entry.type, &base, 1))
    text += std::string(": ") + static_cast<const std::exception*>(base)->what();
  if (const auto stack = backtrace_of(entry.object); !stack.empty())
    text += ", thrown at\n" + stack;
  return text;
}

}  // namespace mpx::detail

// Every throw expression calls __cxa_throw. This definition stands before libstdc++.so's in the
// order of look-up and passes on to it. It is weak so that a program that links libstdc++
// statically gets that one alone, without a clash and without backtraces.
extern "C" __attribute__((noreturn, weak, noinline, visibility("default"))) void __cxa_throw(
    void* object, std::type_info* type, void (*destroy)(void*)) {
  using Function = void (*)(void*, std::type_info*, void (*)(void*));
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "__cxa_throw"));
  mpx::detail::record_throw(object, type, __builtin_return_address(0));
  if (next != nullptr) next(object, type, destroy);
  std::abort();
}
